//! The service's own known sound, `--source exact:probe`, computed only from the description in the service's
//! `src/source/tone.rs`: the samples of every frame number. So a place in a recording gives the number of the
//! frame that is heard there, even though the service made the sound itself and the player resampled it.

use std::f64::consts::FRAC_PI_2;

use crate::RATE_HZ;
use crate::signal::SINE_HZ;

const NOISE_SHARE: i16 = 8;
const SINE_PEAK: f64 = 8192.0;
const SINE_TERMS: [f64; 5] = [
    FRAC_PI_2,
    -0.645_964_097_506_246_2,
    0.079_692_626_246_167,
    -0.004_681_754_135_318_7,
    0.000_160_441_184_787_36,
];

/// Left sample of frame `frame_index`: noise.
pub fn left(frame_index: u64) -> i16 {
    let mut x = frame_index as u32;
    x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
    x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
    x ^= x >> 16;
    (x >> 16) as i16 / NOISE_SHARE
}

/// Right sample of frame `frame_index`: a sine.
pub fn right(frame_index: u64) -> i16 {
    let turn = frame_index as u32 % RATE_HZ * SINE_HZ % RATE_HZ;
    let in_half = turn % (RATE_HZ / 2);
    let quarter = f64::from(in_half.min(RATE_HZ / 2 - in_half)) / f64::from(RATE_HZ / 4);
    let square = quarter * quarter;
    let polynomial = SINE_TERMS.iter().rev().fold(0.0, |sum, term| sum * square + term);
    let value = (SINE_PEAK * quarter * polynomial).round() as i16;
    if turn < RATE_HZ / 2 { value } else { -value }
}

/// Left samples of `frames` frames from `first_index` on, full scale 1.
pub fn noise(first_index: u64, frames: usize) -> Vec<f32> {
    (first_index..).take(frames).map(|index| f32::from(left(index)) / 32_768.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::continuity;

    /// The service's own test has the same numbers.
    #[test]
    fn the_samples_are_the_services() {
        assert_eq!([0, 1, 2, 44_100, 1 << 32].map(left), [0, 3345, -1501, -568, 0]);
        assert_eq!([0, 1, 2, 44_100, 1 << 32].map(right), [0, 1160, 2296, 0, 0]);
    }

    #[test]
    fn its_sine_is_clean_to_the_judge_of_continuity() {
        let sine: Vec<f32> = (7..220_507).map(|n| f32::from(right(n)) / 32_768.0).collect();
        assert_eq!(continuity::faults(&sine), vec![]);
    }
}
