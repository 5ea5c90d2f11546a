//! The layout of a source's frames: rate, channels, format, period and buffer, as the device settled them, in one value.
//!
//! In: a device's [`DeviceAnswer`]. Out: a [`Layout`], or the reason why it cannot be played. Layouts are made only here,
//! so a function that gets one needs no check of its own. The layout travels from the opened source to the capture loop,
//! and through the hand-off to queues, records and `hello`. Never use the requested values of the configuration in its
//! place.

use super::convert::SampleFormat;
use super::wire::AUDIO_FRAMES_MAX;
use crate::units::{CHANNELS_MAX, ChannelCount, Hz};
use std::fmt;

/// The rates we play, in the order in which we ask a device for them: the instrument's own rate first.
pub const RATES: [Hz; 4] = [Hz(44_100), Hz(48_000), Hz(88_200), Hz(96_000)];
/// The buffer we ask a device for, and the one a generator simulates, at rates up to 48 kHz: 186 ms at 44.1 kHz. It is
/// large because on capture only the period adds delay.
pub const BUFFER_FRAMES: u32 = 8192;
/// The longest possible period: half the size of the hand-off (`rt::ring`).
pub const PERIOD_FRAMES_MAX: u32 = 8192;
/// Maximum number of frames moved at once, whatever period a device insists on: half the maximum size of a
/// packet.
pub const PIECE_FRAMES_MAX: u32 = AUDIO_FRAMES_MAX / 2;

/// Returns the buffer to ask a device for at this rate: as long in time as at the lower rates.
pub fn buffer_wish(rate: Hz) -> u32 {
    if rate.0 > 48_000 { 2 * BUFFER_FRAMES } else { BUFFER_FRAMES }
}

/// The values a device says it has settled on, not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceAnswer {
    /// Frames per second.
    pub rate_hz: u32,
    /// Interleaved channels in a frame.
    pub channels: u32,
    /// The format of one sample.
    pub format: SampleFormat,
    /// Frames between two wake-ups.
    pub period_frames: u64,
    /// Frames the device buffers for a late reader.
    pub buffer_frames: u64,
}

/// The layout of a source's frames, fixed from opening to closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    rate: Hz,
    channels: ChannelCount,
    format: SampleFormat,
    period_frames: u32,
    buffer_frames: u32,
}

impl Layout {
    /// Checks a device's answer and returns its layout.
    ///
    /// # Errors
    /// The value that cannot be played.
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

    /// Returns the layout we ask a device for: a stereo pair at the first of [`RATES`]. An impossible period becomes the
    /// nearest possible one.
    pub fn expected(period_frames: u32) -> Self {
        Self {
            rate: RATES[0],
            channels: ChannelCount::STEREO,
            format: SampleFormat::S16Le,
            period_frames: period_frames.clamp(1, BUFFER_FRAMES / 2),
            buffer_frames: BUFFER_FRAMES,
        }
    }

    /// Returns the frames per second.
    pub fn rate(&self) -> Hz {
        self.rate
    }

    /// Returns the interleaved channels in a frame.
    pub fn channels(&self) -> ChannelCount {
        self.channels
    }

    /// Returns how one sample is stored.
    pub fn format(&self) -> SampleFormat {
        self.format
    }

    /// Returns the frames between two wake-ups.
    pub fn period_frames(&self) -> u32 {
        self.period_frames
    }

    /// Returns the frames that the device buffers for a late reader.
    pub fn buffer_frames(&self) -> u32 {
        self.buffer_frames
    }

    /// Returns the bytes of one frame, at least 1.
    pub fn frame_bytes(&self) -> usize {
        usize::from(self.channels.get()) * self.format.bytes_per_sample()
    }

    /// Returns the frames handed over at once: a period, or an equal part of a long one.
    pub fn piece_frames(&self) -> u32 {
        self.period_frames / self.period_frames.div_ceil(PIECE_FRAMES_MAX)
    }

    /// Returns the frames of one packet: enough whole pieces to hold the requested frames, limited by the size of a record.
    pub fn packet_frames(&self, wish: Option<u32>) -> u32 {
        let piece = self.piece_frames();
        let most = AUDIO_FRAMES_MAX / piece;
        wish.unwrap_or(0).div_ceil(piece).clamp(1, most) * piece
    }
}

/// The value of a device's answer that cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unplayable {
    /// The frames per second.
    Rate(u32),
    /// The number of channels.
    Channels(u32),
    /// The frames between two wake-ups.
    Period(u64),
    /// The buffer is too short for the period.
    Buffer {
        /// Frames between two wake-ups.
        period_frames: u64,
        /// Frames of the buffer.
        buffer_frames: u64,
    },
}

impl Unplayable {
    /// Returns what the user can do about it.
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

/// Returns the playable rates as text for a message.
pub fn rates_in_words() -> String {
    let [first @ .., last] = RATES;
    let first: Vec<String> = first.iter().map(|rate| rate.0.to_string()).collect();
    format!("{} or {} Hz", first.join(", "), last.0)
}

#[cfg(test)]
mod tests;
