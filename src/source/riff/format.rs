//! The format chunk of a WAV file, which says what its samples are.

use super::refused::{Refused, refused};
use crate::core::layout::{RATES, rates_in_words};
use crate::units::{CHANNELS_MAX, ChannelCount, Hz};

/// The ends of sub-formats that contain an ordinary two-byte format tag: Microsoft's, and the one for ambisonics.
pub(super) const TAGGED: [[u8; 14]; 2] = [
    [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71],
    [0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0],
];
const TAG_INTEGER: u16 = 1;
const TAG_FLOAT: u16 = 3;
pub(super) const TAG_EXTENSIBLE: u16 = 0xfffe;

/// A playable sample format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) channels: ChannelCount,
    pub(super) rate: Hz,
    pub(super) samples: Samples,
    /// Bytes of one sample.
    pub(super) container: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Samples {
    /// 8 bits, 128 is silence.
    Unsigned,
    /// Integers that fill their container; fewer bits are at the upper end, as the format requires.
    Integers,
    /// 24 bits in four bytes: at the upper end as the format requires, or at the lower end, as ALSA's tools write them.
    Integers24In32,
    Floats,
}

impl Format {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        let short = |at: usize| bytes.get(at..at + 2).map(|two| u16::from_le_bytes([two[0], two[1]]));
        let (Some(tag), Some(channels), Some(low), Some(high), Some(frame_bytes)) =
            (short(0), short(2), short(4), short(6), short(12))
        else {
            return refused("it breaks off before it says what its samples are", "Copy or record it anew");
        };
        let rate_hz = u32::from(high) << 16 | u32::from(low);
        let Some(channels) = ChannelCount::new(channels.into()) else {
            return refused(
                format!("it has {channels} channels, and 1 to {CHANNELS_MAX} can be played"),
                "Make it stereo: sox 'FILE' -c 2 converted.wav",
            );
        };
        let Some(rate) = RATES.into_iter().find(|rate| rate.0 == rate_hz) else {
            return refused(
                format!("it has {rate_hz} frames a second, and {} are played", rates_in_words()),
                format!("Convert it: sox 'FILE' -r {} converted.wav", RATES[0].0),
            );
        };
        let per_sample = usize::from(frame_bytes) / usize::from(channels.get());
        let bits = short(14).map_or(per_sample * 8, usize::from);
        let is_even = per_sample * usize::from(channels.get()) == usize::from(frame_bytes);
        let container = if is_even && per_sample * 8 >= bits { per_sample } else { bits.div_ceil(8) };
        let valid = short(18).map(usize::from).filter(|valid| tag == TAG_EXTENSIBLE && *valid > 0);
        let samples = match (encoding(tag, bytes)?, container) {
            (TAG_FLOAT, 4 | 8) => Samples::Floats,
            (TAG_INTEGER, 1) => Samples::Unsigned,
            (TAG_INTEGER, 4) if valid.unwrap_or(bits) == 24 => Samples::Integers24In32,
            (TAG_INTEGER, 2..=4) => Samples::Integers,
            (tag, _) => return refused(format!("its samples are {}", named(tag, bits)), AS_INTEGERS),
        };
        Ok(Self { channels, rate, samples, container })
    }

    pub(super) fn frame_bytes(&self) -> usize {
        usize::from(self.channels.get()) * self.container
    }
}

const AS_INTEGERS: &str = "Make them 16-bit integers: sox 'FILE' -b 16 -e signed converted.wav";

/// Returns the format tag, or the one within the extensible format.
fn encoding(tag: u16, bytes: &[u8]) -> Result<u16, Refused> {
    if tag != TAG_EXTENSIBLE {
        return Ok(tag);
    }
    match bytes.get(24..40) {
        None => Ok(TAG_INTEGER), // its writer omitted the very field this format is for
        Some([low, high, end @ ..]) if TAGGED.iter().any(|tagged| tagged == end) => {
            Ok(u16::from_le_bytes([*low, *high]))
        }
        Some(_) => refused("its samples have an unknown encoding", AS_INTEGERS),
    }
}

fn named(tag: u16, bits: usize) -> String {
    match tag {
        TAG_INTEGER => format!("{bits}-bit integers"),
        TAG_FLOAT => format!("{bits}-bit floats"),
        2 | 0x11 => "ADPCM".into(),
        6 => "A-law".into(),
        7 => "mu-law".into(),
        0x31 => "GSM".into(),
        0x50 | 0x55 => "MP3".into(),
        other => format!("compressed (format {other})"),
    }
}
