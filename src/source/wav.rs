//! A WAV file played as if it were the instrument.
//!
//! In: a path, once; the file is read, checked and made Int16 then, by the same rounding as live sound. Out: a
//! [`Generator`] that only copies. What does not belong here: pace (see paced) and resampling (nowhere in this program:
//! a file at another rate is refused, and the message says how to convert it).

use super::paced::Generator;
use crate::core::convert::{CHANNELS_MAX, CHANNELS_MIN, nearest_from_32_bits, nearest_from_float};
use crate::error::{Error, Result};
use crate::units::Hz;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The only rate there is.
const RATE: Hz = Hz(44_100);

/// Most memory a recording may take as Int16: over 12 minutes of stereo, and an eighth of the smallest Pi's.
pub const BYTES_MAX: u64 = 128 << 20;

/// What follows the last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// The source ends.
    Stop,
    /// The first frame.
    Repeat,
}

/// A recording in memory.
#[derive(Debug)]
pub struct WavGenerator {
    channels: u16,
    /// Interleaved, whole frames, at least one.
    samples: Vec<i16>,
    at_end: AtEnd,
}

impl WavGenerator {
    /// Loads the file at `path`: 16, 24 or 32-bit integers or 32-bit floats, 2 to 32 channels, 44 100 Hz.
    ///
    /// # Errors
    /// When the file cannot be read, is not such a WAV file, is empty, cut short or too long; with the remedy.
    pub fn open(path: &Path, at_end: AtEnd) -> Result<Self> {
        let doing = || Error::new(format!("opening the recording {}", path.display()));
        let reader = hound::WavReader::open(path).map_err(|cause| {
            let remedy = match cause {
                hound::Error::IoError(_) => "Check the path and that it may be read",
                _ => "It has to be an uncompressed WAV file; sox and ffmpeg make one of anything",
            };
            doing().because(cause).try_this(remedy)
        })?;
        let shown = path.display();
        if let Err((cause, remedy)) = checked(reader.spec(), reader.duration()) {
            return Err(doing().because(cause).try_this(remedy.replace("FILE", &shown.to_string())));
        }
        let channels = reader.spec().channels;
        let mut samples = decoded(reader).map_err(|cause| {
            doing().because(cause).try_this("It is cut short or damaged: copy or record it anew")
        })?;
        samples.truncate(samples.len() / usize::from(channels) * usize::from(channels));
        Ok(Self { channels, samples, at_end })
    }

    fn frames(&self) -> u64 {
        (self.samples.len() / usize::from(self.channels)) as u64
    }
}

impl Generator for WavGenerator {
    fn channels(&self) -> u16 {
        self.channels
    }

    fn render(&mut self, first_frame: u64, out: &mut [i16]) {
        let channels = usize::from(self.channels);
        let mut position = match self.at_end {
            AtEnd::Stop => first_frame.min(self.frames()),
            AtEnd::Repeat => first_frame % self.frames(),
        } as usize;
        let mut rest = out;
        while !rest.is_empty() {
            let recorded = self.samples.get(position * channels..).unwrap_or_default();
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

/// Refuses what cannot be played: what is wrong, and what to do with FILE.
fn checked(spec: hound::WavSpec, frames: u32) -> std::result::Result<(), (String, String)> {
    let hound::WavSpec { channels, sample_rate, bits_per_sample, sample_format } = spec;
    let refused = |what: String, remedy: String| Err((what, remedy));
    if sample_rate != RATE.0 {
        let what = format!("it has {sample_rate} frames a second, and only {} are played", RATE.0);
        return refused(what, format!("Convert it: sox 'FILE' -r {} converted.wav", RATE.0));
    }
    if !(CHANNELS_MIN..=CHANNELS_MAX).contains(&channels) {
        let what = format!("it has {channels} channels, and {CHANNELS_MIN} to {CHANNELS_MAX} can be played");
        return refused(what, "Make it stereo: sox 'FILE' -c 2 converted.wav".into());
    }
    let known = match sample_format {
        hound::SampleFormat::Int => matches!(bits_per_sample, 16 | 24 | 32),
        hound::SampleFormat::Float => bits_per_sample == 32,
    };
    if !known {
        let what = format!("its samples are {bits_per_sample}-bit {sample_format:?}s");
        return refused(what, "Make them 16-bit integers: sox 'FILE' -b 16 -e signed converted.wav".into());
    }
    if frames == 0 {
        return refused("it holds no sound".into(), "Record it anew".into());
    }
    let bytes = u64::from(frames) * u64::from(channels) * 2;
    if bytes > BYTES_MAX {
        let seconds_max = BYTES_MAX / u64::from(channels) / 2 / u64::from(RATE.0);
        let what =
            format!("it would take {} MiB of memory, and {} are allowed", bytes >> 20, BYTES_MAX >> 20);
        return refused(what, format!("Cut it: sox 'FILE' shorter.wav trim 0 {seconds_max}"));
    }
    Ok(())
}

/// All samples as Int16, in a format [`checked`] lets pass.
fn decoded(reader: hound::WavReader<BufReader<File>>) -> hound::Result<Vec<i16>> {
    let spec = reader.spec();
    match (spec.sample_format, spec.bits_per_sample) {
        (hound::SampleFormat::Float, _) => {
            reader.into_samples::<f32>().map(|sample| sample.map(nearest_from_float)).collect()
        }
        (hound::SampleFormat::Int, 16) => reader.into_samples::<i16>().collect(),
        (hound::SampleFormat::Int, bits) => {
            let to_32_bits = 32 - u32::from(bits);
            let round = |sample: i32| nearest_from_32_bits(sample << to_32_bits);
            reader.into_samples::<i32>().map(|sample| sample.map(round)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A file that is gone when the test is.
    struct Recording(PathBuf);

    impl Recording {
        fn new(
            name: &str,
            spec: hound::WavSpec,
            write: impl Fn(&mut hound::WavWriter<std::io::BufWriter<File>>),
        ) -> Self {
            let path = std::env::temp_dir().join(format!("synthwire-{}-{name}.wav", std::process::id()));
            let mut writer = hound::WavWriter::create(&path, spec).unwrap();
            write(&mut writer);
            writer.finalize().unwrap();
            Self(path)
        }
        fn refusal(&self) -> String {
            WavGenerator::open(&self.0, AtEnd::Stop).unwrap_err().to_string()
        }
    }

    impl Drop for Recording {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    const STEREO: hound::WavSpec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };

    fn counting(name: &str, spec: hound::WavSpec, frames: i16) -> Recording {
        Recording::new(name, spec, |writer| {
            for sample in 0..frames * i16::try_from(spec.channels).unwrap() {
                match (spec.sample_format, spec.bits_per_sample) {
                    (hound::SampleFormat::Float, _) => {
                        writer.write_sample(f32::from(sample) / 32_768.0).unwrap();
                    }
                    (_, bits) => writer.write_sample(i32::from(sample) << (bits - 16)).unwrap(),
                }
            }
        })
    }

    #[test]
    fn every_format_is_read_and_played_to_its_end() {
        let cases = [(16, false), (24, false), (32, false), (32, true)];
        for (bits_per_sample, float) in cases {
            let sample_format = if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
            let spec = hound::WavSpec { channels: 5, bits_per_sample, sample_format, ..STEREO };
            let file = counting(&format!("format-{bits_per_sample}-{float}"), spec, 10);
            let mut generator = WavGenerator::open(&file.0, AtEnd::Stop).unwrap();
            assert_eq!((generator.channels(), generator.length_frames()), (5, Some(10)));
            let mut out = [99; 20];
            generator.render(8, &mut out);
            assert_eq!(out, [40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            generator.render(u64::MAX, &mut out);
            assert_eq!(out, [0; 20]);
        }
    }

    #[test]
    fn a_repeated_recording_goes_round_without_end() {
        let file = counting("repeat", STEREO, 3);
        let mut generator = WavGenerator::open(&file.0, AtEnd::Repeat).unwrap();
        assert_eq!(generator.length_frames(), None);
        let mut out = [99; 14];
        generator.render(3_000_000_002, &mut out);
        assert_eq!(out, [4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_a_remedy() {
        let cases = [
            (
                "rate",
                hound::WavSpec { sample_rate: 48_000, ..STEREO },
                4,
                "48000 frames a second",
                "-r 44100",
            ),
            ("mono", hound::WavSpec { channels: 1, ..STEREO }, 4, "1 channels", "-c 2"),
            ("wide", hound::WavSpec { channels: 33, ..STEREO }, 4, "33 channels", "-c 2"),
            ("empty", STEREO, 0, "no sound", "anew"),
        ];
        for (name, spec, frames, what, remedy) in cases {
            let refusal = counting(name, spec, frames).refusal();
            assert!(refusal.contains(what) && refusal.contains(remedy), "{refusal}");
        }
        let eight_bits = hound::WavSpec { bits_per_sample: 8, ..STEREO };
        let refusal = Recording::new("eight", eight_bits, |writer| {
            writer.write_sample(1_i8).unwrap();
            writer.write_sample(2_i8).unwrap();
        })
        .refusal();
        assert!(refusal.contains("8-bit") && refusal.contains("-b 16"), "{refusal}");
        assert!(checked(STEREO, u32::MAX).unwrap_err().1.contains("trim 0 760"));
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let missing = WavGenerator::open(Path::new("/nonexistent.wav"), AtEnd::Stop).unwrap_err().to_string();
        assert!(missing.contains("/nonexistent.wav") && missing.contains("Check the path"), "{missing}");

        let file = counting("cut", STEREO, 1_000);
        File::options().write(true).open(&file.0).unwrap().set_len(400).unwrap();
        assert!(file.refusal().contains("cut short"), "{}", file.refusal());
        std::fs::write(&file.0, "RIFFnothing at all").unwrap();
        assert!(file.refusal().contains("uncompressed WAV"), "{}", file.refusal());
    }
}
