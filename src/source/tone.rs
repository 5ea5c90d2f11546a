//! Test sound whose every sample follows from its index alone.
//!
//! In: a [`Pattern`], a frame index, a channel. Out: an Int16. [`exact_sample`] is a pure function in integers, so a test
//! in any language can check each frame it hears, without state and without tolerance.
//!
//! To compute the same in JavaScript: `frame` is the frame index modulo 2^32 as an unsigned 32-bit number, `channel` counts
//! from 0, all products are modulo 2^32 (`Math.imul`), divisions round towards zero (`Math.trunc`).
//!
//! ```text
//! hash(frame, channel):            (lowbias32 by Chris Wellons: full avalanche in two multiplications)
//!   x = frame + channel * 0x9E3779B9
//!   x = (x ^ x >>> 16) * 0x7FEB352D;  x = (x ^ x >>> 15) * 0x846CA68B;  hash = x ^ x >>> 16
//! Counter:  even channels: low 16 bits of frame, odd channels: high 16 bits, exclusive-or (channel >> 1) * 0x1111
//! Noise:    hash >>> 16
//! Music:    sine + click + (hash >>> 24) - 128        channel c has half waves of H = [50,42,37,33,29,26,23,21][c & 7] frames
//!   sine:   k = frame % (2 H);  s = k % H;  q = s * (H - s);  value = 16 * q * 6000 / (5 * H * H - 4 * q), minus if k >= H
//!   click:  t = frame % 44100;  below 8: 24000 >> t, minus if t is odd;  else 0
//! Probe:    even channels: (hash >>> 16, read as Int16) / 8;  odd channels, all alike: a sine of 997 Hz, in doubles:
//!   turn = (frame mod 44100) * 997 mod 44100;  h = turn % 22050;  q = min(h, 22050 - h) / 11025;  z = q * q
//!   value = 8192 * q * (A + z * (B + z * (C + z * (D + z * E))));  A to E: SINE_TERMS;  minus if turn >= 22050
//! (the low 16 bits of the result, read as Int16; Probe's sine is rounded to the nearest, halves away from zero)
//! ```
//!
//! Timing and buffers belong elsewhere (`paced`).

use super::paced::Generator;
use crate::units::ChannelCount;
use std::f64::consts::FRAC_PI_2;

/// Number of channels that the ear can distinguish: each has its own pitch.
pub const DISTINCT_CHANNELS: u16 = 8;

/// Frames from one click to the next: one second.
pub const CLICK_EVERY_FRAMES: u32 = 44_100;

/// Length of a click in frames. It alternates and halves, so its first frame is its peak and it has hardly any DC offset.
const CLICK_FRAMES: u32 = 8;

/// The click's first sample. With sine and noise it stays below full scale: 24 000 + 6 000 + 127.
const CLICK_PEAK: i32 = 24_000;

/// The sine's peak: -14.7 dBFS.
const SINE_PEAK: i32 = 6_000;

/// Divisor of the probe's noise: an eighth of full scale (-18 dBFS), which is safe for speakers.
const PROBE_NOISE_SHARE: i16 = 8;

/// The probe's sine, hertz: a prime, so that lost or doubled buffers always shift its phase.
const PROBE_SINE_HZ: u32 = 997;

/// Peak of the probe's sine (-12 dBFS).
const PROBE_SINE_PEAK: f64 = 8_192.0;

/// sin(q pi/2) for q from 0 to 1 as q times a polynomial in q squared: Taylor's terms, with an error of at most 4e-6, which
/// is a thirtieth of a 16-bit step at this peak.
const SINE_TERMS: [f64; 5] = [
    FRAC_PI_2,
    -0.645_964_097_506_246_2,
    0.079_692_626_246_167,
    -0.004_681_754_135_318_7,
    0.000_160_441_184_787_36,
];

/// Half a wave in frames, by channel: 441, 525, 596, 668, 760, 848, 959 and 1050 Hz, all with short exact periods.
const HALF_WAVE_FRAMES: [u16; DISTINCT_CHANNELS as usize] = [50, 42, 37, 33, 29, 26, 23, 21];

/// The known sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A sine per channel, a click each second, and eight bits of noise: pleasant enough, and no two frames alike.
    Music,
    /// Sixteen bits of noise, which reveals any wrong, missing or doubled frame. Loud.
    Noise,
    /// Each frame carries its own index (modulo 2^32), which identifies the frame. Hardly audible, not for speakers.
    Counter,
    /// Quiet noise beside a steady sine of 997 Hz. It identifies frames and shows faults even after resampling: correlation
    /// finds the noise, and a phase shift of the sine is visible. The listening bench uses it with a clock skew.
    Probe,
}

/// Returns the sample of `channel` (from 0) in frame number `frame_index`.
pub fn exact_sample(pattern: Pattern, frame_index: u64, channel: u16) -> i16 {
    let frame = frame_index as u32;
    match pattern {
        Pattern::Music => music(frame, channel),
        Pattern::Noise => (hash(frame, channel) >> 16) as i16,
        Pattern::Counter => {
            let half = if channel.is_multiple_of(2) { frame } else { frame >> 16 };
            (half ^ (u32::from(channel >> 1) * 0x1111)) as i16
        }
        Pattern::Probe if channel.is_multiple_of(2) => {
            (hash(frame, channel) >> 16) as i16 / PROBE_NOISE_SHARE
        }
        Pattern::Probe => probe_sine(frame),
    }
}

/// Returns the frame index (modulo 2^32) that channels 0 and 1 of [`Pattern::Counter`] carry.
pub fn counted_frame(left: i16, right: i16) -> u32 {
    u32::from(right as u16) << 16 | u32::from(left as u16)
}

fn music(frame: u32, channel: u16) -> i16 {
    let noise = i32::from((hash(frame, channel) >> 24) as u8) - 128;
    (sine(frame, channel) + click(frame) + noise) as i16
}

/// Bhaskara's sine of the seventh century: a quotient of integers within 0.2 % of the true sine.
fn sine(frame: u32, channel: u16) -> i32 {
    let half_wave = HALF_WAVE_FRAMES[usize::from(channel % DISTINCT_CHANNELS)];
    let in_wave = (frame % u32::from(2 * half_wave)) as u16;
    let in_half = i32::from(in_wave % half_wave);
    let half = i32::from(half_wave);
    let product = in_half * (half - in_half);
    let value = 16 * product * SINE_PEAK / (5 * half * half - 4 * product);
    if in_wave < half_wave { value } else { -value }
}

fn click(frame: u32) -> i32 {
    let since = frame % CLICK_EVERY_FRAMES;
    if since >= CLICK_FRAMES {
        return 0;
    }
    let value = CLICK_PEAK >> since;
    if since.is_multiple_of(2) { value } else { -value }
}

/// Uses only additions and multiplications of doubles: the same to the last bit in every language.
fn probe_sine(frame: u32) -> i16 {
    let rate = CLICK_EVERY_FRAMES;
    let turn = frame % rate * PROBE_SINE_HZ % rate;
    let in_half = turn % (rate / 2);
    let quarter = f64::from(in_half.min(rate / 2 - in_half)) / f64::from(rate / 4);
    let square = quarter * quarter;
    let polynomial = SINE_TERMS.iter().rev().fold(0.0, |sum, term| sum * square + term);
    let value = (PROBE_SINE_PEAK * quarter * polynomial).round() as i16;
    if turn < rate / 2 { value } else { -value }
}

fn hash(frame: u32, channel: u16) -> u32 {
    let mut x = frame.wrapping_add(u32::from(channel).wrapping_mul(0x9E37_79B9));
    x = (x ^ x >> 16).wrapping_mul(0x7FEB_352D);
    x = (x ^ x >> 15).wrapping_mul(0x846C_A68B);
    x ^ x >> 16
}

/// A generator that renders a [`Pattern`].
#[derive(Clone, Copy, Debug)]
pub struct ToneGenerator {
    pattern: Pattern,
    channels: ChannelCount,
}

impl ToneGenerator {
    /// Renders `pattern` in `channels` channels. Those beyond [`DISTINCT_CHANNELS`] differ from the others only by their
    /// noise.
    pub fn new(pattern: Pattern, channels: ChannelCount) -> Self {
        Self { pattern, channels }
    }
}

impl Generator for ToneGenerator {
    fn channels(&self) -> ChannelCount {
        self.channels
    }

    fn render(&mut self, first_frame: u64, out: &mut [i16]) {
        for (frame_index, frame) in
            (first_frame..).zip(out.chunks_exact_mut(usize::from(self.channels.get())))
        {
            for (channel, sample) in (0..).zip(frame) {
                *sample = exact_sample(self.pattern, frame_index, channel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_what_they_have_always_been() {
        let first =
            |pattern, channel| [0_u64, 1, 2, 44_100, 1 << 32].map(|n| exact_sample(pattern, n, channel));
        assert_eq!(first(Pattern::Counter, 0), [0, 1, 2, -21_436, 0]);
        assert_eq!(first(Pattern::Counter, 3), [0x1111; 5]);
        assert_eq!(first(Pattern::Noise, 0), [0, 26_761, -12_013, -4_545, 0]);
        assert_eq!(first(Pattern::Noise, 1), [508, -24_752, 1_951, -18_995, 508]);
        assert_eq!(first(Pattern::Music, 0), [23_872, -11_642, 6_841, 24_110, 23_872]);
        assert_eq!(first(Pattern::Music, 1), [23_873, -11_515, 6_782, 24_053, 23_873]);
        assert_eq!(first(Pattern::Probe, 0), [0, 3_345, -1_501, -568, 0]);
        assert_eq!(first(Pattern::Probe, 1), [0, 1_160, 2_296, 0, 0]);
    }

    /// The number comes from a script written only from this module's description.
    #[test]
    fn the_description_is_enough_to_compute_the_same_in_javascript() {
        let mut checksum = 0_u32;
        for frame in 0..50_000 {
            for channel in 0..DISTINCT_CHANNELS {
                let noise = i32::from(exact_sample(Pattern::Noise, frame, channel));
                let both = i32::from(exact_sample(Pattern::Music, frame, channel)) + noise;
                checksum = checksum.wrapping_mul(31).wrapping_add_signed(both);
            }
        }
        assert_eq!(checksum, 152_395_066);
    }

    #[test]
    fn a_counter_frame_names_itself() {
        for index in [0_u64, 1, 65_535, 65_536, 123_456_789, u64::from(u32::MAX)] {
            let [left, right] = [0, 1].map(|channel| exact_sample(Pattern::Counter, index, channel));
            assert_eq!(u64::from(counted_frame(left, right)), index);
        }
    }

    #[test]
    fn the_probes_sine_is_the_sine_for_ever() {
        for frame in (0..88_200_u64).chain([u64::from(u32::MAX) - 7, 44_100 * 97_000]) {
            let turn = (frame as u32 % 44_100) as f64 * 997.0 / 44_100.0;
            let ideal = 8192.0 * (turn * std::f64::consts::TAU).sin();
            let sample = f64::from(exact_sample(Pattern::Probe, frame, 1));
            assert!((sample - ideal).abs() < 0.55, "frame {frame}: {sample}, ideally {ideal}");
        }
    }

    #[test]
    fn every_channel_of_every_pattern_differs_from_the_others() {
        for pattern in [Pattern::Music, Pattern::Noise, Pattern::Counter] {
            for one in 0..DISTINCT_CHANNELS {
                for other in 0..one {
                    let same = (0..1_000)
                        .filter(|&n| exact_sample(pattern, n, one) == exact_sample(pattern, n, other))
                        .count();
                    assert!(
                        same < 30,
                        "{pattern:?}: channels {one} and {other} share {same} of 1000 samples"
                    );
                }
            }
        }
    }

    #[test]
    fn music_never_saturates_and_has_no_offset() {
        for channel in 0..DISTINCT_CHANNELS {
            let sound = (0..441_000_u32).map(|n| i32::from(music(n, channel)));
            let (low, high) = (sound.clone().min().unwrap(), sound.clone().max().unwrap());
            assert!(low > -31_000 && (20_000..31_000).contains(&high), "channel {channel}: {low} to {high}");
            assert!(sound.sum::<i32>().abs() / 441_000 < 10, "channel {channel} has an offset");
        }
    }

    #[test]
    fn clicks_stand_at_whole_seconds() {
        for second in 0..100 {
            assert!(music(second * CLICK_EVERY_FRAMES, 0) > 17_000);
            assert!(music(second * CLICK_EVERY_FRAMES + CLICK_FRAMES, 0) < 7_000);
        }
    }

    #[test]
    fn sixteen_frames_of_music_are_found_in_one_place_only() {
        let sound: Vec<i16> = (0..200_000).map(|n| music(n, 0)).collect();
        let needle = &sound[77_777..77_793];
        assert_eq!(sound.windows(16).filter(|window| window == &needle).count(), 1);
    }

    #[test]
    fn rendering_starts_anywhere() {
        let mut whole = [0; 80];
        let mut generator = ToneGenerator::new(Pattern::Music, ChannelCount::new(8).unwrap());
        generator.render(1_000, &mut whole);
        let mut tail = [0; 40];
        generator.render(1_005, &mut tail);
        assert_eq!(whole[40..], tail);
    }
}
