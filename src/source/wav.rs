//! A WAV file played as if it were the instrument.
//!
//! In: a path; the file is read, checked and converted to Int16 once (`riff`). Out: a [`Generator`] that only copies.
//! Timing belongs elsewhere (`paced`). This program never resamples: a file at another rate is refused, and the message
//! says how to convert it.

use super::paced::Generator;
use super::riff::{self, Recording, Refused};
use crate::error::{Error, Result};
use crate::named_file;
use crate::units::{ChannelCount, Hz};
use std::io::{BufReader, ErrorKind};
use std::path::Path;

/// The behaviour at the end of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// The source ends.
    Stop,
    /// The recording plays again from the start.
    Repeat,
}

/// A recording in memory.
#[derive(Debug)]
pub struct WavGenerator {
    recording: Recording,
    at_end: AtEnd,
}

impl WavGenerator {
    /// Loads the file at `path`: integers of 8 to 32 bits or floats, 1 to 128 channels, at a playable rate.
    ///
    /// # Errors
    /// If the file cannot be read, is not such a WAV file, has no sound or too much; with the remedy.
    pub fn open(path: &Path, at_end: AtEnd) -> Result<Self> {
        let opened = named_file::open(path).map_err(Refused::Io);
        let read = opened.and_then(|file| riff::read(BufReader::new(file)));
        let recording = read.map_err(|refused| {
            let shown = path.display().to_string();
            let error = Error::new(format!("opening the recording {shown}"));
            match refused {
                Refused::Io(cause) => {
                    let remedy = remedy(cause.kind());
                    error.because(cause).try_this(remedy)
                }
                Refused::Content(what, remedy) => {
                    error.because(what).try_this(remedy.replace("FILE", &shown))
                }
            }
        })?;
        Ok(Self { recording, at_end })
    }

    /// Returns a notice about the file for the user.
    pub fn remark(&self) -> Option<&'static str> {
        self.recording.remark
    }

    fn channels_in_frame(&self) -> usize {
        usize::from(self.recording.channels.get())
    }

    fn frames(&self) -> u64 {
        (self.recording.samples.len() / self.channels_in_frame()) as u64
    }
}

/// Returns what the user can do about a file that cannot be read.
fn remedy(error: ErrorKind) -> &'static str {
    match error {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput => {
            "Check the path: it has to name a file"
        }
        ErrorKind::PermissionDenied => "Let this user read it: chmod a+r, and a+x for the folders above it",
        _ => "Its disk or network could not deliver it: copy it to another place",
    }
}

impl Generator for WavGenerator {
    fn channels(&self) -> ChannelCount {
        self.recording.channels
    }

    fn rate(&self) -> Hz {
        self.recording.rate
    }

    fn render(&mut self, first_frame: u64, out: &mut [i16]) {
        let channels = self.channels_in_frame();
        let mut position = match self.at_end {
            AtEnd::Stop => first_frame.min(self.frames()),
            AtEnd::Repeat => first_frame % self.frames(),
        } as usize;
        let mut rest = out;
        while !rest.is_empty() {
            let recorded = self.recording.samples.get(position * channels..).unwrap_or_default();
            let count = recorded.len().min(rest.len());
            if count == 0 && self.at_end == AtEnd::Stop {
                rest.fill(0);
                return;
            }
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(&recorded[..count]);
            rest = later;
            position = if self.at_end == AtEnd::Repeat { 0 } else { position + count / channels };
        }
    }

    fn length_frames(&self) -> Option<u64> {
        match self.at_end {
            AtEnd::Stop => Some(self.frames()),
            AtEnd::Repeat => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_folder::TestFolder;

    /// Returns a generator of two counting channels.
    fn counting(frames: i16, at_end: AtEnd) -> WavGenerator {
        let samples = (0..2 * frames).collect();
        let (channels, rate) = (ChannelCount::STEREO, Hz(44_100));
        WavGenerator { recording: Recording { channels, rate, samples, remark: None }, at_end }
    }

    #[test]
    fn a_recording_is_played_to_its_end() {
        let mut generator = counting(10, AtEnd::Stop);
        assert_eq!(generator.length_frames(), Some(10));
        let mut out = [99; 8];
        generator.render(8, &mut out);
        assert_eq!(out, [16, 17, 18, 19, 0, 0, 0, 0]);
        generator.render(u64::MAX, &mut out);
        assert_eq!(out, [0; 8]);
    }

    #[test]
    fn a_repeated_recording_goes_round_without_end() {
        let mut generator = counting(3, AtEnd::Repeat);
        assert_eq!(generator.length_frames(), None);
        let mut out = [99; 14];
        generator.render(3_000_000_002, &mut out);
        assert_eq!(out, [4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn only_what_is_wrong_with_the_path_is_said_of_the_path() {
        let said = |path: &Path| WavGenerator::open(path, AtEnd::Stop).unwrap_err().to_string();
        let missing = said(Path::new("/nonexistent.wav"));
        assert!(missing.contains("/nonexistent.wav") && missing.contains("Check the path"), "{missing}");
        let place = TestFolder::new("wav");
        let folder = said(&place);
        assert!(folder.contains("Check the path"), "{folder}");
        let pipe = place.join("pipe.wav");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let piped = said(&pipe);
        assert!(piped.contains("it is no file") && piped.contains("Check the path"), "{piped}");
        let file = place.join("no-wav.wav");
        for (bytes, what) in
            [(&b""[..], "the file is empty"), (b"RIFFnothing", "breaks off"), (b"ID3 tags", "an MP3 file")]
        {
            std::fs::write(&file, bytes).unwrap();
            let said = said(&file);
            assert!(said.contains(what) && !said.contains("path"), "{said}");
        }
    }
}
