//! The quantities in which the audio path counts, and the only conversions between them.
//!
//! In: plain integers at the edges. Out: [`Hz`], [`ChannelCount`], [`FrameIndex`], [`MonoNs`]. An index names a frame, a
//! count says how many, and bytes are neither; convert between them only here. No clock is read here.

use serde::Serialize;

/// Nanoseconds in a second.
pub const NS_PER_S: u64 = 1_000_000_000;

/// A sample rate in frames per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Hz(pub u32);

impl Hz {
    /// Returns how long `frames` last, in nanoseconds, rounded down. Never overflows below 13 years of audio.
    pub fn duration_ns(self, frames: u64) -> u64 {
        let whole_s = frames / u64::from(self.0);
        let rest = frames % u64::from(self.0);
        whole_s * NS_PER_S + rest * NS_PER_S / u64::from(self.0)
    }

    /// Returns how many frames pass in `ns` nanoseconds, rounded to the nearest.
    pub fn frames_in(self, ns: u64) -> u64 {
        let whole_s = ns / NS_PER_S;
        let rest = ns % NS_PER_S;
        whole_s * u64::from(self.0) + (rest * u64::from(self.0) + NS_PER_S / 2) / NS_PER_S
    }
}

/// Maximum number of channels a source may have: the widest mixers and network sound cards.
pub const CHANNELS_MAX: u16 = 128;

/// The highest channel, from 1, that a pair can begin with.
pub const FIRST_CHANNEL_MAX: u16 = CHANNELS_MAX - 1;

/// The number of channels in a frame: always 1 to [`CHANNELS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ChannelCount(u16);

impl ChannelCount {
    /// Left and right.
    pub const STEREO: Self = Self(2);

    /// Creates a count; `None` if no source can have this many channels.
    pub fn new(channels: u32) -> Option<Self> {
        let channels = u16::try_from(channels).ok()?;
        (1..=CHANNELS_MAX).contains(&channels).then_some(Self(channels))
    }

    /// Returns the number.
    pub fn get(self) -> u16 {
        self.0
    }

    /// Returns the samples of one frame: as many as it has channels, never 0.
    pub fn samples_per_frame(self) -> usize {
        usize::from(self.0).max(1) // tells the compiler, which would otherwise check each division by it
    }

    /// Returns the first channel of the last pair, from 0. A single channel goes to both sides, so its pair begins at 0,
    /// too.
    pub fn last_pair(self) -> u16 {
        self.0.saturating_sub(2)
    }
}

/// The position of a frame on a stream's timeline. It only grows, and frames that were lost have one, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct FrameIndex(pub u64);

impl FrameIndex {
    /// Returns the index `frames` later.
    #[must_use]
    pub fn plus(self, frames: u64) -> Self {
        Self(self.0 + frames)
    }
}

/// A moment on `CLOCK_MONOTONIC_RAW`, in nanoseconds since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MonoNs(pub u64);

impl MonoNs {
    /// Returns the nanoseconds from `earlier` to this moment; 0 if `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the moment `ns` before this one, but not before boot.
    #[must_use]
    pub fn minus(self, ns: u64) -> Self {
        Self(self.0.saturating_sub(ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_frames_lasts_a_second() {
        assert_eq!(Hz(44_100).duration_ns(44_100), NS_PER_S);
        assert_eq!(Hz(44_100).duration_ns(128), 2_902_494);
        assert_eq!(Hz(44_100).frames_in(2_902_494), 128);
    }

    #[test]
    fn counts_survive_years() {
        let decade = 10 * 365 * 86_400 * 44_100_u64;
        assert_eq!(Hz(44_100).frames_in(Hz(44_100).duration_ns(decade)), decade);
    }
}
