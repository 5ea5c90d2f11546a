//! Opens the source that was chosen. May allocate, block and fail; never on the capture thread.

use super::Source;
use super::alsa::{AlsaSource, Wish};
use super::demo::Demo;
use super::discover;
use super::paced::{Generator, PaceOptions, PacedSource};
use super::tone::{self, Pattern, ToneGenerator};
use super::wav::{AtEnd, WavGenerator};
use crate::error::Result;
use crate::plain::Plain;
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
    /// Opens the source of the choice; `None` when there is nothing to open yet.
    ///
    /// # Errors
    /// Why what is there cannot be opened.
    pub fn open(&self, synth_played: bool) -> Result<Option<Opened>> {
        match &self.choice {
            Choice::Device(pcm) => self.device(pcm, None).map(Some),
            Choice::Auto { demo } => match self.synth()? {
                None if *demo && !synth_played => Ok(Some(self.demo())),
                synth => Ok(synth),
            },
            Choice::Demo => Ok(Some(self.demo())),
            Choice::Exact(pattern) => {
                let channels = self.wish.channels.unwrap_or(2).min(tone::CHANNELS_MAX);
                let generator = ToneGenerator::new(*pattern, channels);
                Ok(Some(self.paced(generator, Kind::Test, "Exact test source", "exact")))
            }
            Choice::Wav(file) => {
                let name = Plain::name(file.file_name().unwrap_or(file.as_os_str()).as_bytes());
                Ok(Some(self.paced(WavGenerator::open(file, AtEnd::Stop)?, Kind::Test, &name, "wav")))
            }
        }
    }

    /// A synth that can take over from the demo now; `None` without one.
    ///
    /// # Errors
    /// Why a synth that is there cannot be opened.
    pub fn synth(&self) -> Result<Option<Opened>> {
        match (&self.choice, discover::synth(&self.sysfs)) {
            (Choice::Auto { .. }, Some(card)) => self.device(&card.pcm(), Some(card.name())).map(Some),
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
            source: Box::new(source),
        })
    }

    fn demo(&self) -> Opened {
        self.paced(Demo::new(), Kind::Demo, "Demo instrument", "demo")
    }

    fn paced(&self, generator: impl Generator + 'static, kind: Kind, name: &str, device: &str) -> Opened {
        let options = PaceOptions {
            skew_ppm: self.skew_ppm,
            period_frames: self.wish.period_frames,
            ..PaceOptions::default()
        };
        let source = Box::new(PacedSource::new(generator, options));
        Opened { source, kind, name: Plain::name(name), device: Plain::name(device), path: "generator" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::discover::SYSFS_SOUND;
    use std::ffi::OsStr;

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
            assert_eq!(opener(file.clone()).open(false).unwrap().unwrap().name, expected);
            std::fs::remove_file(&file).unwrap();
            let refused = opener(file).open(false).err().unwrap().to_string();
            assert!(refused.contains(expected), "{refused:?}");
            assert_eq!(Plain::of(&refused), *refused, "{said:?}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
