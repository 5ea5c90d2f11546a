//! The contents of a frame: counters that a test can read, or music to listen to. A pure function of frame
//! and channel.
//!
//! **Counter**: channel `c` counts frames modulo its own prime, `MODULI[c]`, from its own start. So every
//! channel alone shows whether frames are in order, no two channels are alike, and any two neighbouring
//! channels together give the frame number for 27 hours (by the Chinese remainder theorem).

use std::f64::consts::TAU;

/// Maximum number of channels with their own counter.
pub const CHANNELS_MAX: usize = 8;

/// The eight largest primes below 2^16.
const MODULI: [u64; CHANNELS_MAX] = [65_521, 65_519, 65_497, 65_479, 65_449, 65_447, 65_437, 65_423];

/// The value of each channel in frame 0: the distance between two neighbours is different for every pair.
const STARTS: [u64; CHANNELS_MAX] = [0, 3_700, 8_800, 15_300, 23_200, 32_500, 43_200, 55_300];

/// Length of a note in frames: a quarter of a second.
const NOTE_FRAMES: u64 = 11_025;

/// Peak of the music: -12 dBFS.
const MUSIC_PEAK: f64 = 8_192.0;

/// A pentatonic scale from A3, hertz.
const SCALE_HZ: [f64; 5] = [220.0, 247.5, 275.0, 330.0, 366.7];

/// The signal of the instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A separate counter on every channel.
    Counter,
    /// A tune that starts with another note on each channel.
    Music,
    /// Silence.
    Silence,
}

impl Signal {
    /// The sample of channel `channel` (from 0) in frame `frame`.
    pub fn sample(self, frame: u64, channel: usize) -> i16 {
        match self {
            Self::Counter => {
                let channel = channel % CHANNELS_MAX;
                let count = (frame + STARTS[channel]) % MODULI[channel];
                (i64::from(i16::MIN) + count as i64) as i16
            }
            Self::Music => music(frame, channel),
            Self::Silence => 0,
        }
    }
}

fn music(frame: u64, channel: usize) -> i16 {
    let note = (frame / NOTE_FRAMES) as usize + channel;
    let within = (frame % NOTE_FRAMES) as f64;
    let hertz = SCALE_HZ[note * 3 % SCALE_HZ.len()];
    let fade = 1.0 - within / NOTE_FRAMES as f64;
    (MUSIC_PEAK * fade * fade * (TAU * hertz * within / 44_100.0).sin()) as i16
}

/// The frame (modulo the product of both moduli) that has these counters on channels `first_channel` (from 0)
/// and the next; `None` if a sample is not a counter of its channel.
///
/// # Panics
/// If this pair does not exist.
pub fn frame_of(first_channel: usize, left: i16, right: i16) -> Option<u64> {
    let passed = |channel: usize, sample: i16| {
        let (count, modulus) = ((i64::from(sample) - i64::from(i16::MIN)) as u64, MODULI[channel]);
        (count < modulus).then(|| (count + modulus - STARTS[channel]) % modulus)
    };
    let (left, right) = (passed(first_channel, left)?, passed(first_channel + 1, right)?);
    let (left_modulus, right_modulus) = (MODULI[first_channel], MODULI[first_channel + 1]);
    // The frame is left + left_modulus * rounds, and equals right modulo right_modulus.
    let behind = (right + right_modulus - left % right_modulus) % right_modulus;
    let rounds = behind * inverse(left_modulus % right_modulus, right_modulus) % right_modulus;
    Some(left + left_modulus * rounds)
}

/// The inverse of `x` modulo the prime `modulus`: `x` to the power of `modulus - 2` (Fermat).
fn inverse(x: u64, modulus: u64) -> u64 {
    let (mut base, mut power, mut product) = (x % modulus, modulus - 2, 1);
    while power > 0 {
        if power & 1 == 1 {
            product = product * base % modulus;
        }
        base = base * base % modulus;
        power >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_pair_tells_the_frame() {
        for first_channel in 0..CHANNELS_MAX - 1 {
            for frame in [0, 1, 65_422, 65_423, 65_521, 1_000_000, 3_000_000_000, 4_200_000_000] {
                let sample = |channel| Signal::Counter.sample(frame, channel);
                let told = frame_of(first_channel, sample(first_channel), sample(first_channel + 1));
                assert_eq!(told, Some(frame), "channels {first_channel} and the next");
            }
        }
    }

    #[test]
    fn another_pair_tells_another_frame() {
        let sample = |channel| Signal::Counter.sample(5_000_000, channel);
        for (left, right) in [(2, 3), (1, 0), (0, 0), (1, 2)] {
            assert_ne!(
                frame_of(0, sample(left), sample(right)),
                Some(5_000_000),
                "channels {left} and {right}"
            );
        }
        assert_eq!(frame_of(0, i16::MAX, 0), None, "no channel counts so far");
    }

    #[test]
    fn every_channel_counts_one_by_one() {
        for (channel, modulus) in MODULI.into_iter().enumerate() {
            let mut before = Signal::Counter.sample(0, channel);
            for frame in 1..2 * modulus {
                let now = Signal::Counter.sample(frame, channel);
                assert!(now == before.wrapping_add(1) || now == i16::MIN, "channel {channel}, frame {frame}");
                before = now;
            }
        }
    }

    #[test]
    fn music_is_heard_and_does_not_clip() {
        let loudest = (0..44_100).map(|frame| Signal::Music.sample(frame, 3).abs()).max();
        assert!((4_000..9_000).contains(&loudest.unwrap()));
    }
}
