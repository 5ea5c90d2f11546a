//! Measures the delay of the sound: searches the recording of the output for pieces of the input.
//!
//! Once per [`HOP_FRAMES`], a piece of [`PIECE_FRAMES`] of the injected noise is searched in the played
//! channel by normalised cross-correlation: first near the last result, then, if nothing there matches,
//! everywhere up to the longest delay. A piece that was mostly not played matches nowhere, and gives no
//! reading.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use serde::Serialize;

use crate::statistics::slope;
use crate::{RATE_HZ, frames_to_ms};

/// Distance of two readings, frames (50 ms).
pub const HOP_FRAMES: usize = 2205;
/// Length of the piece, frames (46 ms): long enough that chance correlation stays below 0.1.
pub const PIECE_FRAMES: usize = 2048;
/// Minimum normalised correlation of a place that counts as the piece. An offset of half a frame leaves 0.64 of
/// white noise; a piece of which a third was not played leaves 0.82; chance gives 0.1.
const LIKENESS_MIN: f64 = 0.5;
/// Distance around the last delay in which the search begins, frames (46 ms each way).
const NEAR_FRAMES: usize = 2048;

/// A reading of the delay.
#[derive(Clone, Copy, Debug, Serialize, PartialEq)]
pub struct Reading {
    /// Frame of the recording at which the middle of the piece was played.
    pub played_frame: f64,
    /// Time from the injection of the piece to its playback, frames.
    pub delay_frames: f64,
    /// Normalised correlation of the piece at the place found, at most 1.
    pub likeness: f64,
}

impl Reading {
    /// The delay in milliseconds.
    pub fn delay_ms(&self) -> f64 {
        frames_to_ms(self.delay_frames)
    }
}

/// Readings for all pieces of `injected` (left channel) that are found in `played`, up to `longest_frames`
/// late.
pub fn track(injected: &[f32], played: &[f32], longest_frames: usize) -> Vec<Reading> {
    let mut near = Correlator::new(2 * NEAR_FRAMES);
    let mut everywhere = Correlator::new(longest_frames);
    let mut last: Option<usize> = None;
    let mut readings = Vec::new();
    for start in (0..injected.len().saturating_sub(PIECE_FRAMES)).step_by(HOP_FRAMES) {
        let piece = &injected[start..start + PIECE_FRAMES];
        let found = last
            .and_then(|delay| {
                let from = delay.saturating_sub(NEAR_FRAMES);
                near.find(piece, played.get(start + from..).unwrap_or_default()).map(|f| f.later_by(from))
            })
            .or_else(|| everywhere.find(piece, played.get(start..).unwrap_or_default()));
        if let Some(found) = found {
            last = Some(found.lag.round() as usize);
            readings.push(Reading {
                played_frame: (start + PIECE_FRAMES / 2) as f64 + found.lag,
                delay_frames: found.lag,
                likeness: found.likeness,
            });
        }
    }
    readings
}

/// Delay at a frame of the recording: the reading nearest in time, if one is within a second.
pub fn at_frame(readings: &[Reading], frame: f64) -> Option<Reading> {
    let after = readings.partition_point(|r| r.played_frame < frame);
    let candidates = [after.checked_sub(1), Some(after)];
    let nearest = candidates
        .into_iter()
        .flatten()
        .filter_map(|k| readings.get(k))
        .min_by(|a, b| (a.played_frame - frame).abs().total_cmp(&(b.played_frame - frame).abs()))?;
    ((nearest.played_frame - frame).abs() <= f64::from(RATE_HZ)).then_some(*nearest)
}

/// The change of the delay from the start of a run to its end.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Drift {
    /// Median of the first tenth (at most 30 s), milliseconds.
    pub start_ms: f64,
    /// Median of the last tenth (at most 30 s), milliseconds.
    pub end_ms: f64,
    /// Slope of the line through all readings, microseconds per second.
    pub slope_ppm: f64,
}

/// Drift over `readings`; `None` if there are fewer than 20.
pub fn drift(readings: &[Reading]) -> Option<Drift> {
    let part = (readings.len() / 10).min(30 * RATE_HZ as usize / HOP_FRAMES);
    if part < 2 {
        return None;
    }
    let median_ms = |part: &[Reading]| {
        crate::statistics::median(&part.iter().map(Reading::delay_ms).collect::<Vec<_>>()).expect("not empty")
    };
    let points: Vec<(f64, f64)> = readings.iter().map(|r| (r.played_frame, r.delay_frames)).collect();
    Some(Drift {
        start_ms: median_ms(&readings[..part]),
        end_ms: median_ms(&readings[readings.len() - part..]),
        slope_ppm: slope(&points)? * 1e6,
    })
}

/// Returns how many times the delay changed by more than `step_ms` from one reading to the next.
pub fn steps(readings: &[Reading], step_ms: f64) -> usize {
    readings.windows(2).filter(|pair| (pair[1].delay_ms() - pair[0].delay_ms()).abs() > step_ms).count()
}

struct Found {
    lag: f64,
    likeness: f64,
}

impl Found {
    fn later_by(self, frames: usize) -> Self {
        Self { lag: self.lag + frames as f64, ..self }
    }
}

/// Cross-correlation of one piece with everything up to a longest lag, by FFT.
struct Correlator {
    lags: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    piece_time: Vec<f32>,
    piece_spectrum: Vec<Complex<f32>>,
    played_time: Vec<f32>,
    played_spectrum: Vec<Complex<f32>>,
}

impl Correlator {
    fn new(lags: usize) -> Self {
        let size = (lags + PIECE_FRAMES).next_power_of_two();
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        Self {
            lags,
            piece_time: forward.make_input_vec(),
            piece_spectrum: forward.make_output_vec(),
            played_time: forward.make_input_vec(),
            played_spectrum: forward.make_output_vec(),
            forward,
            inverse,
        }
    }

    /// The place of `piece` in `played` (lag 0 is its first frame), if there is one.
    fn find(&mut self, piece: &[f32], played: &[f32]) -> Option<Found> {
        let span = played.len().min(self.lags + PIECE_FRAMES);
        let lags = (span + 1).checked_sub(PIECE_FRAMES).filter(|&n| n > 0)?;
        let played = &played[..span];
        self.correlate(piece, played);
        let piece_energy: f64 = piece.iter().map(|x| f64::from(*x).powi(2)).sum();
        let scale = self.played_time.len() as f64;
        let mut energy: f64 = played[..PIECE_FRAMES].iter().map(|x| f64::from(*x).powi(2)).sum();
        let mut likeness = Vec::with_capacity(lags);
        for lag in 0..lags {
            let norm = (piece_energy * energy.max(1e-9)).sqrt();
            likeness.push(if norm > 1e-9 { f64::from(self.played_time[lag]) / scale / norm } else { 0.0 });
            if lag + 1 < lags {
                energy += f64::from(played[lag + PIECE_FRAMES]).powi(2) - f64::from(played[lag]).powi(2);
            }
        }
        let best = (0..lags).max_by(|&a, &b| likeness[a].total_cmp(&likeness[b]))?;
        (likeness[best] >= LIKENESS_MIN)
            .then(|| Found { lag: best as f64 + peak_offset(&likeness, best), likeness: likeness[best] })
    }

    /// Writes the unnormalised correlation to `played_time`.
    fn correlate(&mut self, piece: &[f32], played: &[f32]) {
        self.piece_time.fill(0.0);
        self.piece_time[..piece.len()].copy_from_slice(piece);
        self.played_time.fill(0.0);
        self.played_time[..played.len()].copy_from_slice(played);
        let sizes = "buffers were made by the same plan";
        self.forward.process(&mut self.piece_time, &mut self.piece_spectrum).expect(sizes);
        self.forward.process(&mut self.played_time, &mut self.played_spectrum).expect(sizes);
        for (played, piece) in self.played_spectrum.iter_mut().zip(&self.piece_spectrum) {
            *played *= piece.conj();
        }
        // The inverse requires exactly real values here; rounding makes them only nearly real.
        self.played_spectrum[0].im = 0.0;
        let nyquist = self.played_spectrum.len() - 1;
        self.played_spectrum[nyquist].im = 0.0;
        self.inverse.process(&mut self.played_spectrum, &mut self.played_time).expect(sizes);
    }
}

/// The position of the peak between frames, -0.5 to 0.5. The autocorrelation of band-limited white noise is a
/// sinc, so the values at the peak and at its larger neighbour give the offset directly (neighbour / peak =
/// offset / (1 - offset)).
fn peak_offset(likeness: &[f64], best: usize) -> f64 {
    let before = best.checked_sub(1).map_or(0.0, |k| likeness[k]).max(0.0);
    let after = likeness.get(best + 1).copied().unwrap_or(0.0).max(0.0);
    let (neighbour, sign) = if after >= before { (after, 1.0) } else { (before, -1.0) };
    // Chance correlation of neighbouring frames is some hundredths; below that, the sound lies exactly on the
    // frame.
    if likeness[best] > 0.995 || neighbour < 0.05 {
        return 0.0;
    }
    sign * neighbour / (neighbour + likeness[best])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{delayed, left, resampled, signal};

    #[test]
    fn a_whole_delay_is_read_to_the_frame_wherever_it_lies() {
        let injected = left(&signal(6.0));
        for frames in [0usize, 1, 882, 1764, 40_001] {
            let played = delayed(&injected, frames);
            let readings = track(&injected, &played, 60_000);
            assert!(readings.len() > 80, "{} readings at {frames}", readings.len());
            let worst = readings.iter().map(|r| (r.delay_frames - frames as f64).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-6, "{worst} frames off at {frames}");
        }
    }

    #[test]
    fn half_a_frame_is_read_to_a_tenth() {
        let injected = left(&signal(4.0));
        let played = resampled(&injected, 500.5, 1.0);
        let readings = track(&injected, &played, 4000);
        let worst = readings.iter().map(|r| (r.delay_frames - 500.5).abs()).fold(0.0, f64::max);
        assert!(readings.len() > 60 && worst < 0.1, "{} readings, {worst} frames off", readings.len());
    }

    #[test]
    fn a_delay_that_jumps_far_is_found_again_and_counted_as_a_step() {
        let injected = left(&signal(8.0));
        let mut played = delayed(&injected, 1000);
        let late = delayed(&injected, 30_000);
        played[200_000..].copy_from_slice(&late[200_000..]);
        let readings = track(&injected, &played, 44_100);
        assert_eq!(readings.first().unwrap().delay_frames, 1000.0);
        assert_eq!(readings.last().unwrap().delay_frames, 30_000.0);
        assert_eq!(steps(&readings, 0.5), 1);
    }

    #[test]
    fn silence_and_other_sound_give_no_reading() {
        let injected = left(&signal(3.0));
        assert_eq!(track(&injected, &vec![0.0; injected.len()], 10_000), vec![]);
        let mut other = injected.clone();
        other.reverse();
        assert_eq!(track(&injected, &other, 10_000), vec![]);
    }

    #[test]
    fn drift_of_100_ppm_is_read_as_such() {
        let injected = left(&signal(30.0));
        let played = resampled(&injected, 2000.0, 1.0 + 100e-6);
        let readings = track(&injected, &played, 8000);
        let drift = drift(&readings).unwrap();
        assert!((drift.slope_ppm - 100.0).abs() < 2.0, "{drift:?}");
        assert!((drift.end_ms - drift.start_ms - 2.7).abs() < 0.1, "{drift:?}");
    }

    #[test]
    fn the_nearest_reading_answers_for_a_frame_but_not_from_afar() {
        let reading =
            |played_frame| Reading { played_frame, delay_frames: played_frame / 100.0, likeness: 1.0 };
        let readings = [reading(1000.0), reading(3000.0)];
        assert_eq!(at_frame(&readings, 2100.0), Some(readings[1]));
        assert_eq!(at_frame(&readings, 0.0), Some(readings[0]));
        assert_eq!(at_frame(&readings, 90_000.0), None);
    }
}
