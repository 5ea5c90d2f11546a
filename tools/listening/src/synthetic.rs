//! Synthetic recordings for the tests, with known faults.

use std::f64::consts::PI;

use crate::signal::KnownSignal;

/// The known signal, `seconds` long, as a recorder would record it.
pub(crate) fn signal(seconds: f64) -> Vec<[f32; 2]> {
    let scale = 1.0 / 32_768.0;
    KnownSignal::new(7)
        .take((seconds * 44_100.0) as usize)
        .map(|[left, right]| [f32::from(left) * scale, f32::from(right) * scale])
        .collect()
}

pub(crate) fn left(frames: &[[f32; 2]]) -> Vec<f32> {
    frames.iter().map(|frame| frame[0]).collect()
}

pub(crate) fn right(frames: &[[f32; 2]]) -> Vec<f32> {
    frames.iter().map(|frame| frame[1]).collect()
}

/// The signal delayed by `frames`, with silence before and the same length.
pub(crate) fn delayed(samples: &[f32], frames: usize) -> Vec<f32> {
    let mut late = vec![0.0; samples.len()];
    late[frames..].copy_from_slice(&samples[..samples.len() - frames]);
    late
}

/// The signal slowed down by the factor `stretch` and delayed by `delay_frames`, with a 32-tap Hann-windowed
/// sinc.
pub(crate) fn resampled(samples: &[f32], delay_frames: f64, stretch: f64) -> Vec<f32> {
    (0..samples.len())
        .map(|n| {
            let at = (n as f64 - delay_frames) / stretch;
            let base = at.floor();
            (-15..=16)
                .map(|tap| {
                    let distance = at - (base + f64::from(tap));
                    let window = 0.5 + 0.5 * (PI * distance / 16.5).cos();
                    let sinc =
                        if distance.abs() < 1e-12 { 1.0 } else { (PI * distance).sin() / (PI * distance) };
                    let index = base as i64 + i64::from(tap);
                    let sample =
                        usize::try_from(index).ok().and_then(|k| samples.get(k)).copied().unwrap_or(0.0);
                    f64::from(sample) * sinc * window
                })
                .sum::<f64>() as f32
        })
        .collect()
}
