//! Reads WAV files as found in practice: RIFF, RF64 and BW64, from beginning to end.
//!
//! In: bytes from any source. Out: a [`Recording`], rounded to Int16 like live sound; or [`Refused`], which says what is
//! wrong with the file. Total: any bytes give one or the other, and no more samples than [`BYTES_MAX`] are kept, whatever
//! the file claims. Strict about the sample format, tolerant about the end of the file: if the length is missing or wrong,
//! we play what is there, and say so.

mod bytes;
mod format;
mod refused;

use crate::core::rounding::{nearest_from_32_bits, nearest_from_float};
use crate::units::{ChannelCount, Hz};
use bytes::Bytes;
use format::{Format, Samples};
pub use refused::Refused;
use refused::refused;
use std::io::{Read, Seek};

/// Maximum memory a recording may take as Int16: over 12 minutes of stereo, and an eighth of the smallest Pi's memory.
pub const BYTES_MAX: u64 = 128 << 20;

/// Bytes of samples decoded at once: a multiple of every sample size.
const BLOCK_BYTES: usize = 24 * 1024;
/// Maximum bytes we read of the format chunk; the rest is skipped.
const FORMAT_BYTES_MAX: usize = 40;
/// Length of a sound chunk that was still being written, or was written to a pipe.
const LENGTH_UNKNOWN: u32 = u32::MAX;

/// A recording in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Interleaved channels.
    pub channels: ChannelCount,
    /// Frames per second.
    pub rate: Hz,
    /// Interleaved, whole frames, at least one.
    pub samples: Vec<i16>,
    /// A notice about the file for the user.
    pub remark: Option<&'static str>,
}

/// Reads a whole WAV file.
///
/// # Errors
/// The problem with the file, and what to do.
pub fn read(source: impl Read + Seek) -> Result<Recording, Refused> {
    let mut bytes = Bytes { source, held: None };
    let is_64_bit = is_64_bit(&mut bytes)?;
    let (mut format, mut long_bytes, mut sound_at) = (None, None, None);
    let mut after_odd = false;
    while let Some((id, length)) = bytes.chunk(after_odd)? {
        after_odd = length % 2 == 1;
        match &id {
            b"ds64" if is_64_bit => long_bytes = bytes.long_length(length)?,
            b"fmt " => format = Some(Format::parse(&bytes.some(length, FORMAT_BYTES_MAX)?)?),
            b"data" => {
                let sound = Sound::new(length, if is_64_bit { long_bytes } else { None });
                if let Some(format) = &format {
                    if let Some(recording) = sound.decoded(&mut bytes, format)? {
                        return Ok(recording);
                    }
                    after_odd = false; // there was no sound
                } else {
                    let at = bytes.position()?;
                    sound_at = sound_at.or((!sound.says_none).then_some((at, sound)));
                    bytes.skip(if sound.says_none { 0 } else { sound.bytes.unwrap_or(u64::MAX) })?;
                }
            }
            _ => bytes.skip(length.into())?,
        }
        // Some programs write the sound before its format.
        if let (Some((at, sound)), Some(format)) = (sound_at, &format) {
            bytes.go_to(at)?;
            return sound.decoded(&mut bytes, format)?.map_or_else(no_sound, Ok);
        }
    }
    match format {
        None => refused("it breaks off before it says what its samples are", "Copy or record it anew"),
        Some(_) => no_sound(),
    }
}

fn no_sound<T>() -> Result<T, Refused> {
    refused("it holds no sound", "Record it anew")
}

/// Returns whether 64-bit lengths may follow. Refuses anything but a WAV file, by the name of its format if known.
fn is_64_bit(bytes: &mut Bytes<impl Read>) -> Result<bool, Refused> {
    let head = bytes.up_to(12)?;
    let convert = "Convert it: ffmpeg -i 'FILE' converted.wav";
    let (id, kind) = (head.get(..4).unwrap_or(&head), head.get(8..12));
    match id {
        [] => refused("the file is empty", "Record it anew"),
        b"RIFF" | b"RF64" | b"BW64" => match kind {
            Some(b"WAVE") => Ok(id != b"RIFF"),
            Some(_) => refused("it is a RIFF file, but holds no wave sound", convert),
            None => refused("it breaks off in its first bytes", "Copy or record it anew"),
        },
        b"RIFX" => refused("its numbers are big-endian (RIFX)", convert),
        b"riff" => refused("it is a Wave64 file", convert),
        b"fLaC" => refused("it is a FLAC file", convert),
        b"OggS" => refused("it is an Ogg file", convert),
        b"FORM" => refused("it is an AIFF file", convert),
        b"caff" => refused("it is a CAF file", convert),
        [b'I', b'D', b'3', ..] => refused("it is an MP3 file", convert),
        [0xff, second, ..] if second & 0xe0 == 0xe0 => refused("it is an MP3 or AAC file", convert),
        _ if kind == Some(b"M4A ") || head.get(4..8) == Some(b"ftyp") => {
            refused("it is an MP4 file", convert)
        }
        _ => refused(
            "it is no WAV file",
            "It has to be an uncompressed WAV file; sox and ffmpeg make one of anything",
        ),
    }
}

/// The sound chunk of a file, as far as its length is known.
#[derive(Clone, Copy)]
struct Sound {
    /// Length in bytes; `None` means to the end of the file.
    bytes: Option<u64>,
    /// The length says 0, because it was never filled in: sound may follow, or the next chunk.
    says_none: bool,
}

impl Sound {
    fn new(length: u32, long_bytes: Option<u64>) -> Self {
        let bytes = match (length, long_bytes) {
            (LENGTH_UNKNOWN, long_bytes) => long_bytes.filter(|bytes| *bytes != u64::MAX),
            (length, _) => Some(length.into()),
        };
        Self { bytes: bytes.filter(|bytes| *bytes > 0), says_none: bytes == Some(0) }
    }

    /// Decodes the sound; `None` if there is none, and other chunks may follow.
    fn decoded(
        self,
        bytes: &mut Bytes<impl Read + Seek>,
        format: &Format,
    ) -> Result<Option<Recording>, Refused> {
        if self.says_none && bytes.comes_known_chunk()? {
            return Ok(None);
        }
        let mut decoder = Decoder { format, samples: Vec::new(), is_low: false };
        if format.samples == Samples::Integers24In32 {
            let (at, mut place) = (bytes.position()?, Place24::default());
            let playable = Self { bytes: Some(self.bytes.unwrap_or(u64::MAX).min(2 * BYTES_MAX)), ..self };
            playable.each_block(bytes, format, &mut |block| Ok(place.look(block)))?;
            bytes.go_to(at)?;
            decoder.is_low = place.is_low();
        }
        let left = self.each_block(bytes, format, &mut |block| decoder.add(block).map(|()| true))?;
        decoder.samples.shrink_to_fit();
        if decoder.samples.is_empty() {
            return if self.says_none { Ok(None) } else { no_sound() };
        }
        let remark = match self.bytes {
            Some(_) if left > 0 => Some("The recording is cut short: what is there is played."),
            None if self.says_none => {
                Some("The recording was never finished, its length is missing: what is there is played.")
            }
            _ => None,
        };
        Ok(Some(Recording { channels: format.channels, rate: format.rate, samples: decoder.samples, remark }))
    }

    /// Reads blocks of whole frames to the end, or until `take` returns false. Returns the bytes missing at the end.
    fn each_block(
        self,
        bytes: &mut Bytes<impl Read>,
        format: &Format,
        take: &mut impl FnMut(&[u8]) -> Result<bool, Refused>,
    ) -> Result<u64, Refused> {
        let frame_bytes = format.frame_bytes();
        let (mut left, mut block) =
            (self.bytes.unwrap_or(u64::MAX), vec![0; BLOCK_BYTES / frame_bytes * frame_bytes]);
        while left > 0 {
            let wanted = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = bytes.fill(&mut block[..wanted])?;
            let goes_on = take(&block[..got - got % frame_bytes])?;
            left -= got as u64;
            if got < wanted || !goes_on {
                break;
            }
        }
        Ok(left)
    }
}

/// Converts samples to Int16.
struct Decoder<'a> {
    format: &'a Format,
    samples: Vec<i16>,
    /// True if 24-bit samples stand in the lower three of four bytes.
    is_low: bool,
}

impl Decoder<'_> {
    /// Decodes `bytes`, which are whole frames.
    fn add(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let Format { channels, rate, samples, container } = *self.format;
        if (self.samples.len() + bytes.len() / container) as u64 * 2 > BYTES_MAX {
            let seconds_max = BYTES_MAX / u64::from(channels.get()) / 2 / u64::from(rate.0);
            return refused(
                format!("it would take more than the {} MiB of memory that are allowed", BYTES_MAX >> 20),
                format!("Cut it: sox 'FILE' shorter.wav trim 0 {seconds_max}"),
            );
        }
        let whole = bytes.chunks_exact(container);
        match samples {
            Samples::Unsigned => {
                self.samples.extend(whole.map(|bytes| (i16::from(bytes[0]) - 128) << 8));
            }
            Samples::Floats if container == 8 => self.samples.extend(whole.map(|bytes| {
                nearest_from_float(bytes.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes)) as f32)
            })),
            Samples::Floats => self.samples.extend(whole.map(|bytes| {
                nearest_from_float(bytes.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes)))
            })),
            Samples::Integers => self.samples.extend(whole.map(|bytes| nearest_from_32_bits(upper(bytes)))),
            Samples::Integers24In32 => {
                let shift = if self.is_low { 8 } else { 0 };
                self.samples.extend(whole.map(|bytes| nearest_from_32_bits(upper(bytes) << shift)));
            }
        }
        Ok(())
    }
}

/// Returns the bytes, two to four, at the upper end of 32 bits.
fn upper(bytes: &[u8]) -> i32 {
    let mut wide = [0; 4];
    for (wide, byte) in wide.iter_mut().rev().zip(bytes.iter().rev()) {
        *wide = *byte;
    }
    i32::from_le_bytes(wide)
}

/// Finds out where the 24 bits of a file are in their four bytes: ALSA's tools write the lower three, others the upper three.
#[derive(Default)]
struct Place24 {
    /// True once a top byte holds more than a sign, and so is part of the sound.
    top_sounds: bool,
    /// Bits that any sample has below the top byte.
    bits: i32,
}

impl Place24 {
    /// Looks at whole samples. Returns whether the next ones could still change the answer.
    fn look(&mut self, bytes: &[u8]) -> bool {
        for sample in bytes.chunks_exact(4).map(upper) {
            self.top_sounds |= sample << 8 >> 8 != sample && sample >> 24 != 0;
            self.bits |= sample & 0x00ff_ffff;
        }
        !self.top_sounds
    }

    /// If the top byte never holds more than a sign, the sound is either in the lower three bytes, or in the upper three and
    /// never louder than -48 dBFS. If the lowest byte is used, the sound is in the lower three. If only the two middle bytes
    /// are used, it is there too: 16-bit sound, as `arecord -f S24_LE` writes it from a 16-bit card. Otherwise it is quiet
    /// 16-bit sound in the upper three.
    fn is_low(&self) -> bool {
        !self.top_sounds && self.bits & 0xffff != 0
    }
}

#[cfg(test)]
mod tests;
