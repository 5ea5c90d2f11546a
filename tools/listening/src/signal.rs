//! The known signal that the bench plays into the chain.
//!
//! Left: quiet noise with loud bursts at irregular intervals of 0.6 to 0.9 s. Noise never repeats, so a piece
//! of it matches only one place, however late it is. The bursts make the recording readable by eye, and each
//! one gives a strong reading.
//! Right: a steady sine. It shows anything missing, repeated or distorted, to the sample.
//! Every sample is a whole number of 16-bit steps, so a chain that changes nothing can be proven to change
//! nothing.

use std::f64::consts::TAU;

use crate::RATE_HZ;

/// Frequency of the right channel's sine, hertz. It is a prime: its period (44.23 frames) divides no buffer
/// size, so a lost or repeated buffer always shifts the phase.
pub const SINE_HZ: u32 = 997;
/// Peak of the sine, 16-bit steps (-12 dBFS): loud enough that one slipped frame is 30 dB above rounding.
pub const SINE_PEAK: f64 = 8192.0;
/// Peak of the noise between bursts (-40 dBFS): well above rounding, so that it correlates on its own.
pub const NOISE_PEAK: f64 = 328.0;
/// Peak of a burst (-9 dBFS).
pub const BURST_PEAK: f64 = 11_600.0;
/// Length of a burst, frames (20 ms).
pub const BURST_FRAMES: u64 = 882;
/// Shortest and longest time between two bursts, frames (0.6 s and 0.9 s).
pub const BURST_SPACING_FRAMES: std::ops::Range<u64> = 26_460..39_690;

/// The endless known signal, frame by frame: `[left, right]`, the same for the same seed.
pub struct KnownSignal {
    frame: u64,
    burst_start: u64,
    random: Random,
}

impl KnownSignal {
    /// A signal that starts with 0.6 to 0.9 s of quiet noise.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let burst_start = random.between(BURST_SPACING_FRAMES);
        Self { frame: 0, burst_start, random }
    }
}

impl Iterator for KnownSignal {
    type Item = [i16; 2];

    fn next(&mut self) -> Option<[i16; 2]> {
        if self.frame == self.burst_start + BURST_FRAMES {
            self.burst_start += self.random.between(BURST_SPACING_FRAMES);
        }
        let peak = if self.frame >= self.burst_start { BURST_PEAK } else { NOISE_PEAK };
        let left = (peak * self.random.symmetric()).round() as i16;
        // 997 whole periods fit one second: computing the phase from the frame within the second loses no
        // precision.
        let turn = (self.frame % u64::from(RATE_HZ)) as f64 * f64::from(SINE_HZ) / f64::from(RATE_HZ);
        let right = (SINE_PEAK * (TAU * turn).sin()).round() as i16;
        self.frame += 1;
        Some([left, right])
    }
}

/// xorshift64*: small, fast, and its period (2^64 - 1) is long enough never to repeat (Vigna 2016, "An
/// experimental exploration of Marsaglia's xorshift generators, scrambled").
pub struct Random(u64);

impl Random {
    /// A generator; any seed will do.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next_bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from -1 to 1.
    pub fn symmetric(&mut self) -> f64 {
        (self.next_bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A whole number in `range`.
    pub fn between(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + (self.next_bits() >> 11) % (range.end - range.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_come_at_irregular_intervals_between_0_6_and_0_9_s() {
        let left: Vec<i16> = KnownSignal::new(1).take(20 * 44_100).map(|frame| frame[0]).collect();
        let loud: Vec<usize> =
            (0..left.len()).filter(|&n| f64::from(left[n].unsigned_abs()) > NOISE_PEAK + 1.0).collect();
        let starts: Vec<usize> = loud
            .iter()
            .enumerate()
            .filter(|&(k, &n)| k == 0 || n - loud[k - 1] > 4000)
            .map(|(_, &n)| n)
            .collect();
        let spacings: Vec<usize> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(starts.len() > 20, "{starts:?}");
        assert!(spacings.iter().all(|&s| (26_400..39_800).contains(&s)), "{spacings:?}");
        assert!(spacings.windows(2).any(|pair| pair[0].abs_diff(pair[1]) > 1000), "{spacings:?}");
    }

    #[test]
    fn the_sine_passes_zero_upwards_997_times_a_second() {
        let right: Vec<i16> = KnownSignal::new(1).take(44_101).map(|frame| frame[1]).collect();
        assert_eq!(right.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count(), 997);
    }
}
