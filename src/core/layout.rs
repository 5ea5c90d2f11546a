//! How a source's frames are laid out, as the device settled it: rate, channels, format, period and buffer as one value.
//!
//! In: a device's [`DeviceAnswer`]. Out: a [`Layout`], or in words why it cannot be played. A `Layout` is made here and nowhere else, so
//! whoever holds one needs no check of his own; from the opened source it travels to the capture loop, through the hand-off to
//! queues, records and `hello`. What was only asked for (the configuration) is never used in its place.

use super::convert::SampleFormat;
use super::wire::AUDIO_FRAMES_MAX;
use crate::units::{CHANNELS_MAX, ChannelCount, Hz};
use std::fmt;

/// The rates that are played, in the order in which a device is asked for them: the instrument's own first.
pub const RATES: [Hz; 4] = [Hz(44_100), Hz(48_000), Hz(88_200), Hz(96_000)];
/// The ring a device is asked for, and the one a generator simulates, at rates up to 48 kHz: 186 ms at 44.1 kHz. Large, because on
/// capture only the period adds delay.
pub const BUFFER_FRAMES: u32 = 8192;
/// The longest period there is room for: half of what the hand-off holds (`rt::ring`).
pub const PERIOD_FRAMES_MAX: u32 = 8192;
/// Most frames moved at once, whatever period a device insists on: half of what a packet may hold.
pub const PIECE_FRAMES_MAX: u32 = AUDIO_FRAMES_MAX / 2;

/// The ring a device is asked for at this rate: as long in time as at the lower ones.
pub fn buffer_wish(rate: Hz) -> u32 {
    if rate.0 > 48_000 { 2 * BUFFER_FRAMES } else { BUFFER_FRAMES }
}

/// What a device says it has settled on: any numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceAnswer {
    /// Frames per second.
    pub rate_hz: u32,
    /// Interleaved channels in a frame.
    pub channels: u32,
    /// How one sample is stored.
    pub format: SampleFormat,
    /// Frames between two wake-ups.
    pub period_frames: u64,
    /// Frames it keeps for a late reader.
    pub buffer_frames: u64,
}

/// What a source delivers, fixed from opening to closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    rate: Hz,
    channels: ChannelCount,
    format: SampleFormat,
    period_frames: u32,
    buffer_frames: u32,
}

impl Layout {
    /// The layout a device has answered with.
    ///
    /// # Errors
    /// What of it cannot be played.
    pub fn new(answer: DeviceAnswer) -> Result<Self, Unplayable> {
        let DeviceAnswer { rate_hz, channels, format, period_frames, buffer_frames } = answer;
        let rate = RATES.into_iter().find(|rate| rate.0 == rate_hz).ok_or(Unplayable::Rate(rate_hz))?;
        let channels = ChannelCount::new(channels).ok_or(Unplayable::Channels(channels))?;
        let period =
            u32::try_from(period_frames).ok().filter(|frames| (1..=PERIOD_FRAMES_MAX).contains(frames));
        let period = period.ok_or(Unplayable::Period(period_frames))?;
        if buffer_frames / 2 < period_frames {
            return Err(Unplayable::Buffer { period_frames, buffer_frames });
        }
        let buffer_frames = u32::try_from(buffer_frames).unwrap_or(u32::MAX);
        Ok(Self { rate, channels, format, period_frames: period, buffer_frames })
    }

    /// What a device is asked for: a pair at the first of [`RATES`]. A period that no layout has becomes the nearest.
    pub fn expected(period_frames: u32) -> Self {
        Self {
            rate: RATES[0],
            channels: ChannelCount::STEREO,
            format: SampleFormat::S16Le,
            period_frames: period_frames.clamp(1, BUFFER_FRAMES / 2),
            buffer_frames: BUFFER_FRAMES,
        }
    }

    /// Frames per second.
    pub fn rate(&self) -> Hz {
        self.rate
    }

    /// Interleaved channels in a frame.
    pub fn channels(&self) -> ChannelCount {
        self.channels
    }

    /// How one sample is stored.
    pub fn format(&self) -> SampleFormat {
        self.format
    }

    /// Frames between two wake-ups.
    pub fn period_frames(&self) -> u32 {
        self.period_frames
    }

    /// Frames it keeps for a late reader.
    pub fn buffer_frames(&self) -> u32 {
        self.buffer_frames
    }

    /// Bytes of one frame: 1 at least.
    pub fn frame_bytes(&self) -> usize {
        usize::from(self.channels.get()) * self.format.bytes_per_sample()
    }

    /// Frames handed over at once: a period, or an even part of a long one.
    pub fn piece_frames(&self) -> u32 {
        self.period_frames / self.period_frames.div_ceil(PIECE_FRAMES_MAX)
    }

    /// Frames of one packet: whole pieces, so many that they hold the frames wished for, as far as a record goes.
    pub fn packet_frames(&self, wish: Option<u32>) -> u32 {
        let piece = self.piece_frames();
        let most = AUDIO_FRAMES_MAX / piece;
        wish.unwrap_or(0).div_ceil(piece).clamp(1, most) * piece
    }
}

/// What of a device's answer cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unplayable {
    /// So many frames per second.
    Rate(u32),
    /// So many channels.
    Channels(u32),
    /// So many frames between two wake-ups.
    Period(u64),
    /// A ring too short for its period.
    Buffer {
        /// Frames between two wake-ups.
        period_frames: u64,
        /// Frames of the ring.
        buffer_frames: u64,
    },
}

impl Unplayable {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Rate(_) => {
                "Set the device to one of these rates, or name it through 'plug:…' as the device, which converts"
            }
            Self::Channels(_) => "Set the device to fewer channels, or set 'channels' in the configuration",
            Self::Period(_) | Self::Buffer { .. } => {
                "Try another period_frames, or give the device a smaller period where it is defined (asound.conf)"
            }
        }
    }
}

impl fmt::Display for Unplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "it runs at {rate} Hz, and {} can be played", rates_in_words()),
            Self::Channels(channels) => {
                write!(f, "it has {channels} channels, and 1 to {CHANNELS_MAX} can be played")
            }
            Self::Period(frames) => {
                write!(f, "it wakes every {frames} frames, and 1 to {PERIOD_FRAMES_MAX} can be taken at once")
            }
            Self::Buffer { period_frames, buffer_frames } => {
                write!(f, "its buffer of {buffer_frames} frames does not hold two periods of {period_frames}")
            }
        }
    }
}

/// The rates that are played, for a message.
pub fn rates_in_words() -> String {
    let [first @ .., last] = RATES;
    let first: Vec<String> = first.iter().map(|rate| rate.0.to_string()).collect();
    format!("{} or {} Hz", first.join(", "), last.0)
}

#[cfg(test)]
mod tests;
