//! Counts the bits that survived: compares the recording with the input, sample by sample, at the measured
//! delay.

use std::ops::Range;

use serde::Serialize;

use crate::delay::{HOP_FRAMES, Reading};

/// Steps of a 16-bit sample per full scale.
const STEPS: f64 = 32_768.0;

/// The result of the comparison. Frames are "not comparable" if they were played between whole frames
/// (resampled), or if there is no reading (gaps, splices); then nothing is known about their bits.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Exactness {
    /// Frames that could be compared.
    pub compared_frames: u64,
    /// Frames of these that are equal in both channels to the last bit.
    pub exact_frames: u64,
    /// Frames that could not be compared.
    pub not_comparable_frames: u64,
    /// Largest difference of a compared sample, in 16-bit steps.
    pub largest_error_steps: f64,
    /// Root mean square of all differences, in 16-bit steps.
    pub rms_error_steps: f64,
}

impl Exactness {
    /// Share of all frames that is proven exact, 0 to 1.
    pub fn exact_share(&self) -> f64 {
        self.exact_frames as f64 / (self.compared_frames + self.not_comparable_frames).max(1) as f64
    }
}

/// Compares the frames `span` of `played`, one hop around every reading. A hop that touches a `faulty` range
/// is left out, because the delay may have changed within it.
pub fn compare(
    injected: [&[f32]; 2],
    played: [&[f32]; 2],
    readings: &[Reading],
    span: Range<usize>,
    faulty: &[Range<usize>],
) -> Exactness {
    let mut found = Exactness::default();
    let mut squares = 0.0;
    for reading in readings {
        let middle = reading.played_frame.round() as usize;
        let delay = reading.delay_frames.round() as usize;
        let from = middle.saturating_sub(HOP_FRAMES / 2).max(span.start).max(delay);
        let to = (middle + HOP_FRAMES.div_ceil(2)).min(span.end);
        if (reading.delay_frames - delay as f64).abs() > 0.01 {
            continue;
        }
        if faulty.iter().any(|fault| fault.start < to && fault.end > from) {
            continue;
        }
        for frame in from..to {
            let error = |channel: usize| {
                (f64::from(played[channel][frame]) - f64::from(injected[channel][frame - delay])).abs()
                    * STEPS
            };
            let errors = [error(0), error(1)];
            found.compared_frames += 1;
            found.exact_frames += u64::from(errors == [0.0, 0.0]);
            found.largest_error_steps = found.largest_error_steps.max(errors[0]).max(errors[1]);
            squares += errors[0].powi(2) + errors[1].powi(2);
        }
    }
    found.not_comparable_frames = (span.len() as u64).saturating_sub(found.compared_frames);
    found.rms_error_steps = (squares / (2 * found.compared_frames).max(1) as f64).sqrt();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delay::track;
    use crate::synthetic::{delayed, left, resampled, right, signal};

    fn check(change: impl Fn(Vec<f32>) -> Vec<f32>) -> Exactness {
        let frames = signal(5.0);
        let (injected_left, injected_right) = (left(&frames), right(&frames));
        let (played_left, played_right) = (change(injected_left.clone()), change(injected_right.clone()));
        let readings = track(&injected_left, &played_left, 4000);
        compare(
            [&injected_left, &injected_right],
            [&played_left, &played_right],
            &readings,
            5000..215_000,
            &[],
        )
    }

    #[test]
    fn a_chain_that_changes_nothing_is_exact_in_every_frame() {
        let found = check(|samples| delayed(&samples, 1764));
        assert!(found.compared_frames > 200_000, "{found:?}");
        assert_eq!(found.exact_frames, found.compared_frames);
        assert_eq!((found.largest_error_steps, found.exact_share()), (0.0, 1.0));
    }

    #[test]
    fn one_step_in_one_sample_is_seen() {
        let found = check(|samples| {
            let mut played = delayed(&samples, 1764);
            played[100_000] += 1.0 / 32_768.0;
            played
        });
        assert_eq!(found.compared_frames - found.exact_frames, 1, "{found:?}");
        assert_eq!(found.largest_error_steps, 1.0);
    }

    #[test]
    fn what_is_a_fault_anyway_is_not_compared() {
        let frames = signal(5.0);
        let (injected_left, injected_right) = (left(&frames), right(&frames));
        let (played_left, mut played_right) = (delayed(&injected_left, 1764), delayed(&injected_right, 1764));
        played_right[90_000..90_050].fill(0.0);
        let readings = track(&injected_left, &played_left, 4000);
        let found = compare(
            [&injected_left, &injected_right],
            [&played_left, &played_right],
            &readings,
            5000..215_000,
            std::slice::from_ref(&(90_000..90_050)),
        );
        assert!(
            found.not_comparable_frames <= 2 * HOP_FRAMES as u64 && found.largest_error_steps == 0.0,
            "{found:?}"
        );
    }

    #[test]
    fn a_resampled_chain_is_never_called_exact() {
        let found = check(|samples| resampled(&samples, 1000.5, 1.0));
        assert_eq!(found.exact_frames, 0, "{found:?}");
        assert_eq!(found.exact_share(), 0.0);
    }
}
