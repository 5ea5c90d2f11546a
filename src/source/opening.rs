//! Opens the chosen source. May allocate, block and fail; never on the capture thread.

use super::Source;
use super::alsa::{AlsaSource, DeviceRequest};
use super::demo::Demo;
use super::discover::{self, Card};
use super::paced::{Generator, PaceOptions, PacedSource};
use super::tone::{Pattern, ToneGenerator};
use super::wav::{AtEnd, WavGenerator};
use crate::core::layout::buffer_wish;
use crate::error::{Error, Result};
use crate::plain::Plain;
use crate::units::ChannelCount;
use serde::{Deserialize, Serialize};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An ALSA device.
    Synth,
    /// The built-in instrument.
    Demo,
    /// A test pattern or a recording.
    Test,
    /// No source yet.
    None,
}

/// The choice of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The named ALSA PCM and no other.
    Device(String),
    /// A synth of the family; until one has played, the demo if it is enabled.
    Auto {
        /// True if the demo plays meanwhile.
        demo: bool,
    },
    /// The demo alone.
    Demo,
    /// A pattern whose frames a test can check by their index.
    Exact(Pattern),
    /// A recording, played once.
    Wav(PathBuf),
}

/// A source ready to start, with its names.
pub struct Opened {
    /// The source.
    pub source: Box<dyn Source>,
    /// The kind of source.
    pub kind: Kind,
    /// The source's name for people.
    pub name: Plain,
    /// The PCM or generator.
    pub device: Plain,
    /// The way of reading it.
    pub path: &'static str,
    /// Notices for the user while it plays, as plain sentences; "" if all is well.
    pub notice: Plain,
}

/// Opens sources for the supervisor. It may take time, and is called again and again.
pub trait Opener: Send {
    /// Opens a source; `None` if there is nothing to open yet. Calls `refused` after each synth that cannot be opened,
    /// before trying the next, because each may take seconds.
    ///
    /// # Errors
    /// Why none of the devices present can be opened.
    fn open(&mut self, synth_played: bool, refused: &mut dyn FnMut()) -> Result<Option<Opened>>;

    /// Opens a synth that can take over from the demo now: the first that opens, or `None` if there is none. Calls
    /// `refused` as [`Self::open`] does.
    ///
    /// # Errors
    /// Why none of the synths present can be opened.
    fn synth(&mut self, _refused: &mut dyn FnMut()) -> Result<Option<Opened>> {
        Ok(None)
    }

    /// Reports that this device was opened and ended without a single period: from now on others are tried before it.
    fn brought_nothing(&mut self, _device: &str) {}
}

/// The source to open, and how.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The choice of the source.
    pub choice: Choice,
    /// The values to ask a device for.
    pub wish: DeviceRequest,
    /// Error of a generator's simulated crystal, in parts per million.
    pub skew_ppm: i32,
    /// The folder in which cards are listed; [`discover::SYSFS_SOUND`] except in tests.
    pub sysfs: PathBuf,
}

impl Selection {
    /// Returns an opener for this selection.
    pub fn opener(self) -> Box<dyn Opener> {
        let Self { choice, wish, skew_ppm, sysfs } = self;
        let pace = PaceOptions { skew_ppm, period_frames: wish.period_frames, ..PaceOptions::default() };
        match choice {
            Choice::Device(pcm) => Box::new(Always(move || device(&pcm, None, wish))),
            Choice::Auto { demo } => Box::new(Auto { demo, wish, pace, sysfs, last: String::new() }),
            Choice::Demo => Box::new(Always(move || demo(pace))),
            Choice::Exact(pattern) => {
                let wished = wish.channels.and_then(|channels| ChannelCount::new(channels.into()));
                let channels = wished.unwrap_or(ChannelCount::STEREO);
                Box::new(Always(move || {
                    let generator = ToneGenerator::new(pattern, channels);
                    paced(
                        generator,
                        pace,
                        &Called { kind: Kind::Test, name: "Exact test source", device: "exact" },
                    )
                }))
            }
            Choice::Wav(file) => Box::new(Always(move || recording(&file, pace))),
        }
    }
}

/// An opener that gives a new instance of the same source each time.
struct Always<F>(F);

impl<F: FnMut() -> Result<Opened> + Send> Opener for Always<F> {
    fn open(&mut self, _: bool, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        (self.0)().map(Some)
    }
}

/// An opener for a synth of the family; until one has played, the demo if it is enabled.
struct Auto {
    demo: bool,
    wish: DeviceRequest,
    pace: PaceOptions,
    sysfs: PathBuf,
    /// The PCM to try after all others, because it opened but delivered nothing.
    last: String,
}

impl Opener for Auto {
    fn open(&mut self, synth_played: bool, refused: &mut dyn FnMut()) -> Result<Option<Opened>> {
        match self.synth(refused)? {
            None if self.demo && !synth_played => demo(self.pace).map(Some),
            synth => Ok(synth),
        }
    }

    fn synth(&mut self, refused: &mut dyn FnMut()) -> Result<Option<Opened>> {
        let cards = in_order(discover::synths(&self.sysfs), &self.last);
        first_that_opens(&cards, |card| {
            device(&card.pcm(), Some(card.name()), self.wish).inspect_err(|_| refused())
        })
    }

    fn brought_nothing(&mut self, device: &str) {
        device.clone_into(&mut self.last);
    }
}

/// Returns the cards in the same order, but moves `last` to the end.
fn in_order(mut cards: Vec<Card>, last: &str) -> Vec<Card> {
    cards.sort_by_key(|card| card.pcm() == last);
    cards
}

fn device(pcm: &str, name: Option<&str>, wish: DeviceRequest) -> Result<Opened> {
    let source = AlsaSource::open(pcm, wish)?;
    Ok(Opened {
        path: source.path().name(),
        kind: Kind::Synth,
        name: Plain::name(name.unwrap_or(pcm)),
        device: Plain::name(pcm),
        notice: Plain::default(),
        source: Box::new(source),
    })
}

fn demo(pace: PaceOptions) -> Result<Opened> {
    paced(Demo::new(), pace, &Called { kind: Kind::Demo, name: "Demo instrument", device: "demo" })
}

fn recording(file: &Path, pace: PaceOptions) -> Result<Opened> {
    let name = Plain::name(file.file_name().unwrap_or(file.as_os_str()).as_bytes());
    let recording = WavGenerator::open(file, AtEnd::Stop)?;
    let notice = Plain::of(recording.remark().unwrap_or_default());
    let opened = paced(recording, pace, &Called { kind: Kind::Test, name: &name, device: "wav" })?;
    Ok(Opened { notice, ..opened })
}

/// The names of a generator.
struct Called<'a> {
    kind: Kind,
    name: &'a str,
    device: &'a str,
}

fn paced(generator: impl Generator + 'static, pace: PaceOptions, called: &Called<'_>) -> Result<Opened> {
    let &Called { kind, name, device } = called;
    let options = PaceOptions { rate: generator.rate(), ring_frames: buffer_wish(generator.rate()), ..pace };
    let source = PacedSource::new(generator, options).map_err(|unplayable| {
        Error::new(format!("cannot play {name}"))
            .because(unplayable.to_string())
            .try_this(unplayable.remedy())
    })?;
    Ok(Opened {
        source: Box::new(source),
        kind,
        name: Plain::name(name),
        device: Plain::name(device),
        path: "generator",
        notice: Plain::default(),
    })
}

/// Tries every synth in order. The notice of the one that opens says which were skipped, and why. If none opens, the error
/// gives the reason for each.
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
    use crate::test_folder::TestFolder;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn synths(number: u32) -> Vec<Card> {
        let card = |number| Card { number, id: Plain::name(format!("S{number}")), captures: true, usb: None };
        (0..number).map(card).collect()
    }

    /// Opens the first card that is not busy.
    fn opened(synths: &[Card], busy: &[u32]) -> Result<Option<Opened>> {
        first_that_opens(synths, |card| {
            if busy.contains(&card.number) {
                return Err(Error::new(format!("cannot open {}", card.pcm())).because("it is busy"));
            }
            Ok(Opened { device: Plain::name(card.pcm()), ..demo(PaceOptions::default())? })
        })
    }

    #[test]
    fn a_synth_that_opened_and_brought_nothing_is_tried_after_the_others() {
        let numbers =
            |last: &str| in_order(synths(3), last).iter().map(|card| card.number).collect::<Vec<_>>();
        assert_eq!(numbers(""), [0, 1, 2]);
        assert_eq!(numbers("hw:CARD=S0,DEV=0"), [1, 2, 0]);
        assert_eq!(numbers("hw:CARD=S2,DEV=0"), [0, 1, 2]);
    }

    #[test]
    fn which_synth_brought_nothing_is_remembered_from_one_opening_to_the_next() {
        let sysfs = std::env::temp_dir().join(format!("synthwire-set-back-{}", std::process::id()));
        for number in 0..2 {
            let (card, usb) = (sysfs.join(format!("card{number}")), sysfs.join(format!("usb{number}")));
            fs::create_dir_all(&card).unwrap();
            fs::create_dir_all(usb.join("interface")).unwrap();
            fs::create_dir(sysfs.join(format!("pcmC{number}D0c"))).unwrap();
            fs::write(card.join("id"), format!("Nowhere{number}\n")).unwrap();
            symlink(usb.join("interface"), card.join("device")).unwrap();
            fs::write(usb.join("idVendor"), "0499\n").unwrap();
            fs::write(usb.join("product"), "MONTAGE\n").unwrap();
        }
        let wish = DeviceRequest { period_frames: 128, channels: None };
        let choice = Choice::Auto { demo: false };
        let mut opener = Selection { choice, wish, skew_ppm: 0, sysfs: sysfs.clone() }.opener();
        // If none of these cards is there, the refusals say in which order they were tried.
        let mut first_tried = |brought_nothing: Option<&str>| {
            if let Some(device) = brought_nothing {
                opener.brought_nothing(device);
            }
            [opener.synth(&mut || ()).err(), opener.open(false, &mut || ()).err()].map(|refused| {
                let said = refused.unwrap().to_string();
                said.find("Nowhere1").unwrap() < said.find("Nowhere0").unwrap()
            })
        };
        assert_eq!(first_tried(None), [false; 2]);
        assert_eq!(first_tried(Some("hw:CARD=Nowhere0,DEV=0")), [true; 2]);
        assert_eq!(first_tried(None), [true; 2]);
        assert_eq!(first_tried(Some("hw:CARD=Nowhere1,DEV=0")), [false; 2]);
        fs::remove_dir_all(sysfs).unwrap();
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
        let folder = TestFolder::new("names");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 44_100,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        for (said, expected) in crate::plain::NASTY {
            if said.is_empty() || said.iter().any(|byte| [0, b'/'].contains(byte)) {
                continue; // no file can have this name
            }
            let file = folder.join(OsStr::from_bytes(said));
            let mut writer = hound::WavWriter::create(&file, spec).unwrap();
            writer.write_sample(1_i16).unwrap();
            writer.write_sample(2_i16).unwrap();
            writer.finalize().unwrap();
            let selection = Selection {
                choice: Choice::Wav(file.clone()),
                wish: DeviceRequest { period_frames: 128, channels: None },
                skew_ppm: 0,
                sysfs: SYSFS_SOUND.into(),
            };
            let mut opener = selection.opener();
            assert_eq!(opener.open(false, &mut || ()).unwrap().unwrap().name, expected);
            std::fs::remove_file(&file).unwrap();
            let refused = opener.open(false, &mut || ()).err().unwrap().to_string();
            assert!(refused.contains(expected), "{refused:?}");
            assert_eq!(Plain::of(&refused), *refused, "{said:?}");
        }
    }
}
