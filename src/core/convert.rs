//! From what a device delivers to what travels: one stereo pair of Int16 out of one channel or many of anything.
//!
//! In: interleaved frames of 1 to 128 channels in one [`SampleFormat`], as bytes. Out: interleaved left, right Int16.
//! [`Converter`] picks a pair; [`PairSwitch`] does too, and fades over [`FADE_NS`] when another pair is asked for.
//!
//! Every format follows one rule: the nearest Int16, ties to the even one, saturated; not a number is silence. So a
//! 16-bit sample in any container comes out bit for bit, and the same sound gives the same Int16 in every format. Why
//! no dither: `docs/decisions/0002-rounding.md`.
//!
//! Real-time code: no allocation, no panic, no clock. The loops hold no branch on data, so that they vectorise;
//! `benches/convert.rs` measures it. What does not belong here: knowing where frames come from, or packing packets.

mod pair_switch;

pub use pair_switch::{FADE_NS, PairSwitch};

use crate::units::ChannelCount;

/// Frames converted at once when a pair is picked out of many channels: 1 KiB of stack, always in the first cache.
const BLOCK_FRAMES: usize = 64;

/// How one sample is stored, by ALSA's definitions. All are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleFormat {
    /// 32-bit integers.
    S32Le,
    /// 24-bit integers in three bytes.
    S24Le3,
    /// 24-bit integers in the low three of four bytes; the fourth may hold anything.
    S24Le,
    /// 16-bit integers.
    S16Le,
    /// 32-bit floats, full scale from -1 to 1.
    F32Le,
}

impl SampleFormat {
    /// All of them, the most precise integers first.
    pub const ALL: [Self; 5] = [Self::S32Le, Self::S24Le3, Self::S24Le, Self::S16Le, Self::F32Le];

    /// Bytes of one sample.
    pub const fn bytes_per_sample(self) -> usize {
        match self {
            Self::S32Le | Self::S24Le | Self::F32Le => 4,
            Self::S24Le3 => 3,
            Self::S16Le => 2,
        }
    }

    /// ALSA's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S32Le => "S32_LE",
            Self::S24Le3 => "S24_3LE",
            Self::S24Le => "S24_LE",
            Self::S16Le => "S16_LE",
            Self::F32Le => "FLOAT_LE",
        }
    }

    /// Writes `sample` at the start of `bytes` so that converting gives it back; nothing when `bytes` are too few.
    pub fn store(self, sample: i16, bytes: &mut [u8]) {
        let wide = i32::from(sample);
        let stored = match self {
            Self::S32Le => (wide << 16).to_le_bytes(),
            Self::S24Le3 | Self::S24Le => (wide << 8).to_le_bytes(),
            Self::S16Le => wide.to_le_bytes(),
            Self::F32Le => (f32::from(sample) / 32_768.0).to_le_bytes(),
        };
        let size = self.bytes_per_sample();
        if let (Some(bytes), Some(stored)) = (bytes.get_mut(..size), stored.get(..size)) {
            bytes.copy_from_slice(stored);
        }
    }
}

/// Picks one stereo pair out of interleaved frames and makes it Int16. One channel alone goes to both sides.
///
/// ```
/// use synthwire::core::convert::{Converter, SampleFormat};
/// use synthwire::units::ChannelCount;
/// let four = ChannelCount::new(4).expect("a source may have four channels");
/// let converter = Converter::new(SampleFormat::S16Le, four);
/// let mut heard = [0_i16; 2];
/// assert_eq!(converter.convert(2, &[1, 0, 2, 0, 3, 0, 4, 0], &mut heard), 1);
/// assert_eq!(heard, [3, 4]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Converter {
    format: SampleFormat,
    channels: ChannelCount,
    run: fn(Pick, &[u8], &mut [i16]),
}

/// Which bytes of a frame are wanted. So narrow that the compiler knows that no sum of them overflows.
#[derive(Clone, Copy, Debug)]
struct Pick {
    frame_bytes: u16,
    offset_bytes: u16,
}

impl Converter {
    /// A converter for frames of `channels` samples stored as `format`. Chooses the code once.
    pub fn new(format: SampleFormat, channels: ChannelCount) -> Self {
        let run = match format {
            SampleFormat::S32Le => run_for::<S32Le>(channels),
            SampleFormat::S24Le3 => run_for::<S24Le3>(channels),
            SampleFormat::S24Le => run_for::<S24Le>(channels),
            SampleFormat::S16Le => run_for::<S16Le>(channels),
            SampleFormat::F32Le => run_for::<F32Le>(channels),
        };
        Self { format, channels, run }
    }

    /// How the samples are stored.
    pub fn format(&self) -> SampleFormat {
        self.format
    }

    /// Channels in a frame.
    pub fn channels(&self) -> ChannelCount {
        self.channels
    }

    /// Bytes in a frame.
    pub fn frame_bytes(&self) -> usize {
        // At least 1: the compiler does not know, and would check each division by it.
        (usize::from(self.channels.get()) * self.format.bytes_per_sample()).max(1)
    }

    /// Converts as many whole frames as both `source` and `out` hold and returns how many.
    ///
    /// `first_channel` counts from 0; the last pair is taken when there is none at `first_channel`.
    pub fn convert(&self, first_channel: u16, source: &[u8], out: &mut [i16]) -> usize {
        let frame_bytes = self.frame_bytes();
        let frames = (source.len() / frame_bytes).min(out.len() / 2);
        let first_channel = first_channel.min(self.channels.last_pair());
        let offset_bytes = usize::from(first_channel) * self.format.bytes_per_sample();
        let source = source.get(..frames * frame_bytes).unwrap_or_default();
        let out = out.get_mut(..frames * 2).unwrap_or_default();
        let pick = Pick { frame_bytes: frame_bytes as u16, offset_bytes: offset_bytes as u16 };
        (self.run)(pick, source, out);
        frames
    }
}

/// A way to store a sample: fetching it and rounding it are apart, so that rounding runs over whole vectors.
trait Stored {
    /// The sample as fetched: full scale is the full width of the type.
    type Fetched: Copy + Default;
    /// Bytes of one sample.
    const BYTES: usize;
    /// The sample in `bytes`; `bytes` are [`Self::BYTES`] long.
    fn fetch(bytes: &[u8]) -> Self::Fetched;
    /// The nearest Int16.
    fn round(sample: Self::Fetched) -> i16;
}

struct S32Le;
struct S24Le3;
struct S24Le;
struct S16Le;
struct F32Le;

impl Stored for S32Le {
    type Fetched = i32;
    const BYTES: usize = 4;
    fn fetch(bytes: &[u8]) -> i32 {
        bytes.first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes))
    }
    fn round(sample: i32) -> i16 {
        nearest_from_32_bits(sample)
    }
}

impl Stored for S24Le3 {
    type Fetched = i32;
    const BYTES: usize = 3;
    fn fetch(bytes: &[u8]) -> i32 {
        bytes.first_chunk().map_or(0, |&[low, middle, high]| i32::from_le_bytes([0, low, middle, high]))
    }
    fn round(sample: i32) -> i16 {
        nearest_from_32_bits(sample)
    }
}

impl Stored for S24Le {
    type Fetched = i32;
    const BYTES: usize = 4;
    fn fetch(bytes: &[u8]) -> i32 {
        S32Le::fetch(bytes) << 8
    }
    fn round(sample: i32) -> i16 {
        nearest_from_32_bits(sample)
    }
}

impl Stored for S16Le {
    type Fetched = i16;
    const BYTES: usize = 2;
    fn fetch(bytes: &[u8]) -> i16 {
        bytes.first_chunk().map_or(0, |bytes| i16::from_le_bytes(*bytes))
    }
    fn round(sample: i16) -> i16 {
        sample
    }
}

impl Stored for F32Le {
    type Fetched = f32;
    const BYTES: usize = 4;
    fn fetch(bytes: &[u8]) -> f32 {
        bytes.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
    }
    fn round(sample: f32) -> i16 {
        nearest_from_float(sample)
    }
}

/// The nearest Int16 of a sample whose full scale is 32 bits, ties to the even one.
pub fn nearest_from_32_bits(sample: i32) -> i16 {
    let below = sample >> 16;
    let rest = sample & 0xFFFF;
    // Up when the rest is above a half, or a half exactly and the number below is odd.
    let nearest = below + ((rest + 0x7FFF + (below & 1)) >> 16);
    nearest.min(32_767) as i16
}

/// The nearest Int16 of a float whose full scale is 1, ties to the even one; not a number is silence.
pub fn nearest_from_float(sample: f32) -> i16 {
    /// 1.5 x 2^23: adding it leaves no bits below one, so the addition itself rounds, to even, in every SIMD set.
    /// (`round_ties_even` is a library call on `x86_64` without SSE4.1, which ends vectorisation.)
    const ROUNDER: f32 = 12_582_912.0;
    let sample = if sample.is_nan() { 0.0 } else { sample };
    let scaled = (sample * 32_768.0).clamp(-32_768.0, 32_767.0);
    (scaled + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i16
}

/// The code for frames of so many channels.
fn run_for<S: Stored>(channels: ChannelCount) -> fn(Pick, &[u8], &mut [i16]) {
    match channels.get() {
        1 => both_sides::<S>,
        2 => whole_frames::<S>,
        _ => picked_pair::<S>,
    }
}

/// Frames of one sample, which is heard left and right.
fn both_sides<S: Stored>(_: Pick, source: &[u8], out: &mut [i16]) {
    for (bytes, out) in source.chunks_exact(S::BYTES).zip(out.chunks_exact_mut(2)) {
        out.fill(S::round(S::fetch(bytes)));
    }
}

/// Frames that are the pair and nothing else: one loop over all samples.
fn whole_frames<S: Stored>(_: Pick, source: &[u8], out: &mut [i16]) {
    for (bytes, out) in source.chunks_exact(S::BYTES).zip(out) {
        *out = S::round(S::fetch(bytes));
    }
}

/// A pair among more channels: gathers a block of pairs, which cannot vectorise, then rounds it, which can.
fn picked_pair<S: Stored>(pick: Pick, source: &[u8], out: &mut [i16]) {
    let frame_bytes = usize::from(pick.frame_bytes).max(1);
    let offset_bytes = usize::from(pick.offset_bytes);
    let mut block = [S::Fetched::default(); BLOCK_FRAMES * 2];
    for (source, out) in source.chunks(BLOCK_FRAMES * frame_bytes).zip(out.chunks_mut(BLOCK_FRAMES * 2)) {
        for (frame, pair) in source.chunks_exact(frame_bytes).zip(block.chunks_exact_mut(2)) {
            let bytes = frame.get(offset_bytes..offset_bytes + 2 * S::BYTES).unwrap_or_default();
            if let ([left, right], Some((first, second))) = (pair, bytes.split_at_checked(S::BYTES)) {
                *left = S::fetch(first);
                *right = S::fetch(second);
            }
        }
        for (out, &sample) in out.iter_mut().zip(&block) {
            *out = S::round(sample);
        }
    }
}

#[cfg(test)]
mod tests;
