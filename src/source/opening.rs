//! Opens the source that was chosen. May allocate, block and fail; never on the capture thread.

use super::Source;
use super::alsa::{AlsaSource, Wish};
use super::demo::Demo;
use super::discover::{self, Card};
use super::paced::{Generator, PaceOptions, PacedSource};
use super::tone::{Pattern, ToneGenerator};
use super::wav::{AtEnd, WavGenerator};
use crate::core::layout::buffer_wish;
use crate::error::{Error, Result};
use crate::plain::Plain;
use crate::units::ChannelCount;
use serde::Serialize;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What the sound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An ALSA device.
    Synth,
    /// The built-in instrument.
    Demo,
    /// An exact or recorded source.
    Test,
    /// Nothing yet.
    None,
}

/// Which source to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This ALSA PCM and no other.
    Device(String),
    /// A synth of the family; until one has played, the demo where it is wanted.
    Auto {
        /// Play the demo meanwhile.
        demo: bool,
    },
    /// The demo alone.
    Demo,
    /// Frames a test can check by their index.
    Exact(Pattern),
    /// A recording, once.
    Wav(PathBuf),
}

/// A source ready to start, and what to call it.
pub struct Opened {
    /// The source.
    pub source: Box<dyn Source>,
    /// What it is.
    pub kind: Kind,
    /// What a person calls it.
    pub name: Plain,
    /// The PCM or generator.
    pub device: Plain,
    /// How it is read.
    pub path: &'static str,
    /// What a person should know of it while it plays: plain sentences; "" when all is well.
    pub notice: Plain,
}

/// Opens what was chosen.
#[derive(Clone, Debug)]
pub struct Opener {
    /// Which source.
    pub choice: Choice,
    /// What to ask a device for.
    pub wish: Wish,
    /// How far off a generator's crystal is, in parts per million.
    pub skew_ppm: i32,
    /// Where cards are listed; [`discover::SYSFS_SOUND`] but in tests.
    pub sysfs: PathBuf,
}

impl Opener {
    /// Opens the source of the choice; `None` when there is nothing to open yet. `refused` is called after each synth that cannot
    /// be opened, before the next is tried: each may take seconds.
    ///
    /// # Errors
    /// Why what is there cannot be opened.
    pub fn open(&self, synth_played: bool, refused: &mut dyn FnMut()) -> Result<Option<Opened>> {
        match &self.choice {
            Choice::Device(pcm) => self.device(pcm, None).map(Some),
            Choice::Auto { demo } => match self.synth(refused)? {
                None if *demo && !synth_played => self.demo().map(Some),
                synth => Ok(synth),
            },
            Choice::Demo => self.demo().map(Some),
            Choice::Exact(pattern) => {
                let wished = self.wish.channels.and_then(|channels| ChannelCount::new(channels.into()));
                let generator = ToneGenerator::new(*pattern, wished.unwrap_or(ChannelCount::STEREO));
                self.paced(generator, Kind::Test, "Exact test source", "exact").map(Some)
            }
            Choice::Wav(file) => {
                let name = Plain::name(file.file_name().unwrap_or(file.as_os_str()).as_bytes());
                let recording = WavGenerator::open(file, AtEnd::Stop)?;
                let notice = Plain::of(recording.remark().unwrap_or_default());
                let opened = self.paced(recording, Kind::Test, &name, "wav")?;
                Ok(Some(Opened { notice, ..opened }))
            }
        }
    }

    /// A synth that can take over from the demo now: the first that opens; `None` without one. `refused` is called as by
    /// [`Self::open`].
    ///
    /// # Errors
    /// Why none of the synths that are there can be opened.
    pub fn synth(&self, refused: &mut dyn FnMut()) -> Result<Option<Opened>> {
        match &self.choice {
            Choice::Auto { .. } => first_that_opens(&discover::synths(&self.sysfs), |card| {
                self.device(&card.pcm(), Some(card.name())).inspect_err(|_| refused())
            }),
            _ => Ok(None),
        }
    }

    fn device(&self, pcm: &str, name: Option<&str>) -> Result<Opened> {
        let source = AlsaSource::open(pcm, self.wish)?;
        Ok(Opened {
            path: source.path().name(),
            kind: Kind::Synth,
            name: Plain::name(name.unwrap_or(pcm)),
            device: Plain::name(pcm),
            notice: Plain::default(),
            source: Box::new(source),
        })
    }

    fn demo(&self) -> Result<Opened> {
        self.paced(Demo::new(), Kind::Demo, "Demo instrument", "demo")
    }

    fn paced(
        &self,
        generator: impl Generator + 'static,
        kind: Kind,
        name: &str,
        device: &str,
    ) -> Result<Opened> {
        let options = PaceOptions {
            rate: generator.rate(),
            ring_frames: buffer_wish(generator.rate()),
            skew_ppm: self.skew_ppm,
            period_frames: self.wish.period_frames,
            ..PaceOptions::default()
        };
        let source = PacedSource::new(generator, options).map_err(|unplayable| {
            Error::new(format!("cannot play {name}"))
                .because(unplayable.to_string())
                .try_this(unplayable.remedy())
        })?;
        let source = Box::new(source);
        Ok(Opened {
            source,
            kind,
            name: Plain::name(name),
            device: Plain::name(device),
            path: "generator",
            notice: Plain::default(),
        })
    }
}

/// Tries every synth in order. What plays says which were passed over, and why; where none opens, the error says it of each.
fn first_that_opens(
    synths: &[Card],
    mut open: impl FnMut(&Card) -> Result<Opened>,
) -> Result<Option<Opened>> {
    let mut refused: Vec<Error> = Vec::new();
    for card in synths {
        match open(card) {
            Ok(opened) => {
                let passed_over = refused.iter().map(|error| format!("Passed over: {error}."));
                let notice: Vec<String> = passed_over.collect();
                return Ok(Some(Opened { notice: Plain::of(notice.join(" ")), ..opened }));
            }
            Err(error) => refused.push(error),
        }
    }
    if refused.len() <= 1 {
        return refused.pop().map_or(Ok(None), Err);
    }
    let all_absent = refused.iter().all(Error::says_absent);
    let each: Vec<String> = refused.iter().map(ToString::to_string).collect();
    let error = Error::new(format!("none of the {} synths can be used", each.len())).because(each.join("; "));
    Err(if all_absent { error.absent() } else { error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::discover::SYSFS_SOUND;
    use std::ffi::OsStr;

    fn synths(number: u32) -> Vec<Card> {
        let card = |number| Card { number, id: Plain::name(format!("S{number}")), captures: true, usb: None };
        (0..number).map(card).collect()
    }

    /// Opens the cards that are not busy.
    fn opened(synths: &[Card], busy: &[u32]) -> Result<Option<Opened>> {
        let opener = Opener {
            choice: Choice::Demo,
            wish: Wish { period_frames: 128, channels: None },
            skew_ppm: 0,
            sysfs: PathBuf::new(),
        };
        first_that_opens(synths, |card| {
            if busy.contains(&card.number) {
                return Err(Error::new(format!("cannot open {}", card.pcm())).because("it is busy"));
            }
            Ok(Opened { device: Plain::name(card.pcm()), ..opener.demo()? })
        })
    }

    #[test]
    fn the_first_synth_that_opens_plays_and_says_why_others_do_not() {
        let both = opened(&synths(2), &[]).unwrap().unwrap();
        assert_eq!((&*both.device, &*both.notice), ("hw:CARD=S0,DEV=0", ""));
        let third = opened(&synths(4), &[0, 1]).unwrap().unwrap();
        assert_eq!(&*third.device, "hw:CARD=S2,DEV=0");
        assert!(third.notice.contains("Passed over: cannot open hw:CARD=S0,DEV=0: it is busy."));
        assert!(third.notice.contains("Passed over: cannot open hw:CARD=S1,DEV=0: it is busy."));
        let Err(one) = opened(&synths(1), &[0]) else { panic!("it is busy") };
        assert_eq!(one.to_string(), "cannot open hw:CARD=S0,DEV=0: it is busy");
        let Err(none) = opened(&synths(2), &[0, 1]) else { panic!("both are busy") };
        let words = none.to_string();
        assert!(words.contains("none of the 2") && words.contains("S0") && words.contains("S1"), "{words}");
        assert!(opened(&[], &[]).unwrap().is_none());
    }

    #[test]
    fn whatever_a_recording_is_called_can_be_shown() {
        let folder = std::env::temp_dir().join(format!("synthwire-names-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 44_100,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        for (said, expected) in crate::plain::NASTY {
            if said.is_empty() || said.iter().any(|byte| [0, b'/'].contains(byte)) {
                continue; // no file can be called so
            }
            let file = folder.join(OsStr::from_bytes(said));
            let mut writer = hound::WavWriter::create(&file, spec).unwrap();
            writer.write_sample(1_i16).unwrap();
            writer.write_sample(2_i16).unwrap();
            writer.finalize().unwrap();
            let opener = |file| Opener {
                choice: Choice::Wav(file),
                wish: Wish { period_frames: 128, channels: None },
                skew_ppm: 0,
                sysfs: SYSFS_SOUND.into(),
            };
            assert_eq!(opener(file.clone()).open(false, &mut || ()).unwrap().unwrap().name, expected);
            std::fs::remove_file(&file).unwrap();
            let refused = opener(file).open(false, &mut || ()).err().unwrap().to_string();
            assert!(refused.contains(expected), "{refused:?}");
            assert_eq!(Plain::of(&refused), *refused, "{said:?}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
