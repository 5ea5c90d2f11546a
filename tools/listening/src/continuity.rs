//! Finds gaps, repetitions and distortions in the played sine.
//!
//! The right channel is cut into blocks of 10 ms. Each block is fitted with a sine of the known frequency,
//! whose amplitude and phase may change linearly within the block (so a clock up to 1000 ppm off counts as
//! clean). The difference is the residual. A block is bad if its residual is large, if its amplitude differs
//! from that of the run, or if its phase does not continue that of the block before. Neighbouring bad blocks
//! are one fault, which is then examined frame by frame.
//!
//! Limits: a phase jump of a whole number of periods (44.23 frames) exactly between two blocks is not visible
//! here; but it makes a step in the delay, which [`crate::delay::steps`] finds.

use std::f64::consts::{PI, TAU};

use serde::Serialize;

use crate::signal::SINE_HZ;
use crate::{RATE_HZ, frames_to_ms};

/// Length of a block, frames (10 ms: almost ten periods).
pub const BLOCK_FRAMES: usize = 441;
/// Minimum residual of a bad block, relative to the sine (-50 dB). Rounding to 16 bits leaves -83 dB
/// here, dither -77 dB, one slipped frame at least -43 dB.
const RESIDUAL_MAX: f64 = 0.003;
/// Minimum relative change of amplitude that makes a block bad.
const AMPLITUDE_CHANGE_MAX: f64 = 0.1;
/// Minimum phase difference between blocks that counts as a break, in radians beyond the sine's own advance. It is half a
/// slipped frame, and more than the difference that a clock 1000 ppm off makes (0.063).
const PHASE_STEP_MAX: f64 = 0.071;
/// Maximum number of good blocks between two bad ones that still form one fault.
const MERGED_BLOCKS: usize = 2;
/// A sample is a corner if it differs by this much, relative to the sine, from the value that its two
/// predecessors predict. This is four times as much as a 5 ms crossfade can cause; one slipped frame makes at
/// least 0.010.
const CORNER_MIN: f64 = 0.006;
/// Number of consecutive zero samples that count as silence: a sine of this frequency never has more than one.
const SILENT_RUN_FRAMES: usize = 8;
/// Largest sample that counts as zero (1.5 steps of 16 bits, because dither may move it).
const ZERO_MAX: f32 = 1.5 / 32_768.0;

/// The sound of a fault.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Silence where the sine should be.
    Gap,
    /// The sine continues at another place with a corner: a click.
    Jump,
    /// The sine continues at another place after a smooth transition: frames were skipped or repeated without
    /// a click.
    Splice,
    /// A fault that is neither silence nor a shift: a dip, a click, or another sound.
    Disturbance,
}

/// A fault in the played sine.
#[derive(Clone, Copy, Debug, Serialize, PartialEq)]
pub struct Fault {
    /// The fault's first frame in the examined slice.
    pub start_frame: usize,
    /// Number of frames from the first to the last wrong one.
    pub frames: usize,
    /// The sound of the fault.
    pub kind: Kind,
    /// Number of silent frames in the fault.
    pub silent_frames: usize,
    /// Lateness of the sine after the fault, frames, within half a period (-22 to 22); `None` if no good sound
    /// follows.
    pub slip_frames: Option<f64>,
    /// Largest difference between a sample and the value that its predecessors predict, relative to the sine.
    pub corner: f64,
}

impl Fault {
    /// Returns the fault's length, milliseconds.
    pub fn length_ms(&self) -> f64 {
        frames_to_ms(self.frames as f64)
    }

    /// The same fault in a recording whose slice begins at `frame`.
    #[must_use]
    pub fn later_by(self, frame: usize) -> Self {
        Self { start_frame: self.start_frame + frame, ..self }
    }
}

/// The faults in `sine` (the right channel, from its first sound on), in order.
pub fn faults(sine: &[f32]) -> Vec<Fault> {
    let fit = SineFit::new();
    let blocks: Vec<Block> = sine.chunks_exact(BLOCK_FRAMES).map(|samples| fit.fit(samples)).collect();
    let Some(amplitude) = crate::statistics::median(&blocks.iter().map(|b| b.amplitude).collect::<Vec<_>>())
    else {
        return Vec::new();
    };
    if amplitude <= f64::from(ZERO_MAX) {
        return vec![all_silent(sine.len())];
    }
    let bad: Vec<bool> = (0..blocks.len()).map(|k| is_bad(&blocks, k, amplitude)).collect();
    runs(&bad).into_iter().map(|run| inspect(sine, &blocks, run, amplitude)).collect()
}

struct Block {
    amplitude: f64,
    /// The phase at the middle frame, radians.
    phase: f64,
    residual_rms: f64,
}

/// Radians per frame.
fn omega() -> f64 {
    TAU * f64::from(SINE_HZ) / f64::from(RATE_HZ)
}

fn wrapped(phase: f64) -> f64 {
    (phase + PI).rem_euclid(TAU) - PI
}

fn is_bad(blocks: &[Block], k: usize, amplitude: f64) -> bool {
    let block = &blocks[k];
    let shape = block.residual_rms > RESIDUAL_MAX * amplitude / 2f64.sqrt()
        || (block.amplitude / amplitude - 1.0).abs() > AMPLITUDE_CHANGE_MAX;
    let joint = k > 0 && phase_step(&blocks[k - 1], block, 1).abs() > PHASE_STEP_MAX;
    shape || joint
}

/// The phase of `later` minus the phase that `earlier` predicts for this many blocks later.
fn phase_step(earlier: &Block, later: &Block, blocks: usize) -> f64 {
    wrapped(later.phase - earlier.phase - omega() * (BLOCK_FRAMES * blocks) as f64)
}

/// Runs of bad blocks as `(first, past the last)`; runs close together are joined.
fn runs(bad: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for k in (0..bad.len()).filter(|&k| bad[k]) {
        match runs.last_mut() {
            Some(last) if k <= last.1 + MERGED_BLOCKS => last.1 = k + 1,
            _ => runs.push((k, k + 1)),
        }
    }
    runs
}

fn inspect(sine: &[f32], blocks: &[Block], (first, end): (usize, usize), amplitude: f64) -> Fault {
    // A corner between two blocks is visible in the later one only through its phase, so the last frames
    // before it belong to the fault.
    let from = (first * BLOCK_FRAMES).saturating_sub(2);
    let samples = &sine[from..end * BLOCK_FRAMES];
    let corners = corners(samples, amplitude);
    let wrong: Vec<usize> = (0..corners.len()).filter(|&n| corners[n] > CORNER_MIN).collect();
    let corner = corners.iter().copied().fold(0.0, f64::max);
    let silent_frames = silent_frames(samples);
    let (start_frame, frames) = match (wrong.first(), wrong.last()) {
        (Some(a), Some(b)) => (from + a, (b - a).max(silent_frames)),
        _ => (first * BLOCK_FRAMES, (end - first) * BLOCK_FRAMES),
    };
    let slip_frames = (first > 0 && end < blocks.len())
        .then(|| -phase_step(&blocks[first - 1], &blocks[end], end - first + 1) / omega());
    let shifted = slip_frames.is_some_and(|slip| slip.abs() > 0.3);
    let kind = match (silent_frames > 0, shifted, corner > CORNER_MIN) {
        (true, _, _) => Kind::Gap,
        (false, true, true) => Kind::Jump,
        (false, true, false) => Kind::Splice,
        (false, false, _) => Kind::Disturbance,
    };
    Fault { start_frame, frames, kind, silent_frames, slip_frames, corner }
}

fn all_silent(frames: usize) -> Fault {
    Fault { start_frame: 0, frames, kind: Kind::Gap, silent_frames: frames, slip_frames: None, corner: 0.0 }
}

/// For each sample, its relative distance from `2 cos(w) x[n-1] - x[n-2]`, which holds for every sine of that
/// frequency.
fn corners(samples: &[f32], amplitude: f64) -> Vec<f64> {
    let twice_cosine = 2.0 * omega().cos();
    let departure =
        |w: &[f32]| (f64::from(w[2]) - twice_cosine * f64::from(w[1]) + f64::from(w[0])).abs() / amplitude;
    [0.0, 0.0].into_iter().chain(samples.windows(3).map(departure)).collect()
}

fn silent_frames(samples: &[f32]) -> usize {
    samples.split(|x| x.abs() > ZERO_MAX).map(<[f32]>::len).filter(|&run| run >= SILENT_RUN_FRAMES).sum()
}

/// Least squares for `(p + q t) cos + (r + s t) sin`, t from -1 to 1 over a block. The columns are the same for every block,
/// so the inverse of their Gram matrix is made once.
struct SineFit {
    columns: [Vec<f64>; 4],
    gram_inverse: [[f64; 4]; 4],
}

impl SineFit {
    fn new() -> Self {
        let half = (BLOCK_FRAMES / 2) as f64;
        let angle = |n: usize| omega() * (n as f64 - half);
        let time = |n: usize| (n as f64 - half) / half;
        let column = |value: &dyn Fn(usize) -> f64| (0..BLOCK_FRAMES).map(value).collect::<Vec<f64>>();
        let columns = [
            column(&|n| angle(n).cos()),
            column(&|n| angle(n).sin()),
            column(&|n| time(n) * angle(n).cos()),
            column(&|n| time(n) * angle(n).sin()),
        ];
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let gram: [[f64; 4]; 4] =
            std::array::from_fn(|row| std::array::from_fn(|col| dot(&columns[row], &columns[col])));
        Self { gram_inverse: inverse(gram), columns }
    }

    fn fit(&self, samples: &[f32]) -> Block {
        let shares: [f64; 4] = std::array::from_fn(|row| {
            self.columns[row].iter().zip(samples).map(|(c, x)| c * f64::from(*x)).sum()
        });
        let fitted: [f64; 4] =
            std::array::from_fn(|row| (0..4).map(|col| self.gram_inverse[row][col] * shares[col]).sum());
        let energy: f64 = samples.iter().map(|x| f64::from(*x).powi(2)).sum();
        let explained: f64 = fitted.iter().zip(&shares).map(|(f, s)| f * s).sum();
        Block {
            amplitude: fitted[0].hypot(fitted[1]),
            phase: -fitted[1].atan2(fitted[0]),
            residual_rms: ((energy - explained).max(0.0) / samples.len() as f64).sqrt(),
        }
    }
}

/// Gauss-Jordan without pivoting: the Gram matrix is symmetric and positive definite.
fn inverse(mut matrix: [[f64; 4]; 4]) -> [[f64; 4]; 4] {
    let mut result: [[f64; 4]; 4] =
        std::array::from_fn(|r| std::array::from_fn(|c| f64::from(u8::from(r == c))));
    for pivot in 0..4 {
        let scale = 1.0 / matrix[pivot][pivot];
        for col in 0..4 {
            matrix[pivot][col] *= scale;
            result[pivot][col] *= scale;
        }
        for row in (0..4).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot];
            for col in 0..4 {
                matrix[row][col] -= factor * matrix[pivot][col];
                result[row][col] -= factor * result[pivot][col];
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Random;
    use crate::synthetic::{resampled, right, signal};

    fn sine(seconds: f64) -> Vec<f32> {
        right(&signal(seconds))
    }

    #[test]
    fn an_untouched_sine_has_no_fault_with_or_without_dither() {
        assert_eq!(faults(&sine(10.0)), vec![]);
        let mut random = Random::new(3);
        let dithered: Vec<f32> = sine(10.0)
            .iter()
            .map(|x| {
                let dither = (random.symmetric() + random.symmetric()) * 0.5;
                ((f64::from(*x) * 32_768.0 + dither).round() / 32_768.0) as f32
            })
            .collect();
        assert_eq!(faults(&dithered), vec![]);
        let quiet: Vec<f32> = sine(5.0).iter().map(|x| x * 0.37).collect();
        assert_eq!(faults(&quiet), vec![]);
    }

    #[test]
    fn a_clock_500_ppm_off_is_no_fault() {
        for ppm in [-500.0, 300.0, 500.0] {
            let played = resampled(&sine(6.0), 100.0, 1.0 + ppm * 1e-6);
            assert_eq!(faults(&played[200..played.len() - 400]), vec![], "{ppm} ppm");
        }
    }

    #[test]
    fn a_slip_of_one_frame_is_a_jump_wherever_it_falls() {
        for at in (60_000..60_500).step_by(7).chain([59_976, 59_977, 59_975]) {
            for skipped in [true, false] {
                let mut played = sine(3.0);
                if skipped {
                    played.remove(at);
                } else {
                    played.insert(at, played[at - 1]);
                }
                let found = faults(&played);
                assert_eq!(found.len(), 1, "at {at}: {found:?}");
                assert_eq!(found[0].kind, Kind::Jump, "at {at}: {found:?}");
                assert!(found[0].start_frame.abs_diff(at) <= 2, "at {at}: {found:?}");
                let slip = if skipped { -1.0 } else { 1.0 };
                assert!((found[0].slip_frames.unwrap() - slip).abs() < 0.05, "at {at}: {found:?}");
            }
        }
    }

    #[test]
    fn a_gap_is_found_with_its_place_and_length() {
        for (at, length) in [(50_000, 128), (50_123, 441), (49_392, 4410), (50_001, 20)] {
            let mut played = sine(3.0);
            played[at..at + length].fill(0.0);
            let found = faults(&played);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].kind, Kind::Gap);
            assert!(found[0].start_frame.abs_diff(at) <= 3, "{at}: {found:?}");
            assert!(found[0].silent_frames.abs_diff(length) <= 2, "{length}: {found:?}");
            assert!(found[0].slip_frames.unwrap().abs() < 0.05, "{found:?}");
        }
    }

    #[test]
    fn a_faded_gap_is_still_a_gap() {
        let mut played = sine(3.0);
        for n in 0..441 {
            let gain = n as f32 / 441.0;
            played[61_000 + n] *= gain;
            played[59_000 + n] *= 1.0 - gain;
        }
        played[59_441..61_000].fill(0.0);
        let found = faults(&played);
        assert_eq!(found.iter().map(|f| f.kind).collect::<Vec<_>>(), vec![Kind::Gap], "{found:?}");
        assert!(found[0].silent_frames.abs_diff(1559) < 40, "{found:?}");
    }

    #[test]
    fn a_crossfade_to_a_later_place_is_a_splice_not_a_click() {
        let original = sine(3.0);
        let mut played = original.clone();
        for n in 0..441 {
            let gain = n as f32 / 441.0;
            played[60_000 + n] = original[60_000 + n] * (1.0 - gain) + original[60_010 + n] * gain;
        }
        let end = original.len() - 10;
        played[60_441..end].copy_from_slice(&original[60_451..]);
        let found = faults(&played[..end]);
        assert_eq!(found.iter().map(|f| f.kind).collect::<Vec<_>>(), vec![Kind::Splice], "{found:?}");
        assert!((found[0].slip_frames.unwrap() + 10.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn two_faults_a_second_apart_are_two_and_silence_alone_is_one() {
        let mut played = sine(4.0);
        played[40_000..40_100].fill(0.0);
        played[90_000] += 0.05;
        assert_eq!(
            faults(&played).iter().map(|f| f.kind).collect::<Vec<_>>(),
            vec![Kind::Gap, Kind::Disturbance]
        );
        assert_eq!(faults(&vec![0.0; 44_100]).len(), 1);
        assert_eq!(faults(&[]), vec![]);
    }
}
