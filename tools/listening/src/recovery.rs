//! Measures how long the delay needs to return to its former value after an outage.

use crate::delay::Reading;
use crate::frames_to_ms;
use crate::statistics::median;

/// Distance from the former value within which the delay has returned, milliseconds.
pub const NEAR_MS: f64 = 1.0;
/// Time over which the delay before an outage is measured, frames (1 s), but not from before the previous
/// outage.
const BEFORE_FRAMES: f64 = 44_100.0;
/// Time for which the delay must stay there, frames (1 s), unless the next outage comes sooner.
const STAY_FRAMES: f64 = 44_100.0;
/// Minimum time after an outage that is judged, frames (half a second).
const LOOK_FRAMES: f64 = 22_050.0;

/// An outage in frames of the recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutageFrames {
    /// First frame at which nothing arrived.
    pub start: f64,
    /// First frame at which everything arrived again.
    pub end: f64,
}

/// The outcome of an outage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Return {
    /// Milliseconds from the end of the outage until the delay was within [`NEAR_MS`] again.
    After(f64),
    /// The delay did not return before the next outage or the end of the run.
    Never,
}

/// The outcomes of all outages that can be judged: there are readings before, and there is time until
/// `end_frame` after it.
pub fn returns(readings: &[Reading], outages: &[OutageFrames], end_frame: f64) -> Vec<Return> {
    let between = |from: f64, to: f64| {
        let first = readings.partition_point(|r| r.played_frame < from);
        let last = readings.partition_point(|r| r.played_frame < to);
        &readings[first..last.max(first)]
    };
    let mut found = Vec::new();
    for (k, outage) in outages.iter().enumerate() {
        let until = outages.get(k + 1).map_or(end_frame, |next| next.start.min(end_frame));
        let since = k.checked_sub(1).map_or(0.0, |before| outages[before].end);
        let before = between(since.max(outage.start - BEFORE_FRAMES), outage.start);
        let delays: Vec<f64> = before.iter().map(Reading::delay_ms).collect();
        let (Some(was_ms), true) = (median(&delays), until - outage.end >= LOOK_FRAMES) else { continue };
        found.push(return_to(was_ms, between(outage.end, until), *outage));
    }
    found
}

fn return_to(was_ms: f64, after: &[Reading], outage: OutageFrames) -> Return {
    let near = |reading: &Reading| (reading.delay_ms() - was_ms).abs() <= NEAR_MS;
    let stays = |k: usize| {
        let reach = after[k].played_frame + STAY_FRAMES;
        after[k..].iter().take_while(|r| r.played_frame < reach).all(near)
    };
    (0..after.len())
        .find(|&k| stays(k))
        .map_or(Return::Never, |k| Return::After(frames_to_ms(after[k].played_frame - outage.end).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty readings per second over `seconds`, with this delay.
    fn readings(seconds: f64, delay_ms: impl Fn(f64) -> Option<f64>) -> Vec<Reading> {
        (0..(seconds * 20.0) as u32)
            .map(|n| f64::from(n) / 20.0)
            .filter_map(|second| {
                let delay_frames = delay_ms(second)? * 44.1;
                Some(Reading { played_frame: second * 44_100.0, delay_frames, likeness: 1.0 })
            })
            .collect()
    }

    fn outage(start_s: f64, end_s: f64) -> OutageFrames {
        OutageFrames { start: start_s * 44_100.0, end: end_s * 44_100.0 }
    }

    #[test]
    fn a_delay_that_slides_back_has_returned_when_it_is_near_and_stays() {
        let slides =
            readings(20.0, |s| Some(if s < 5.0 { 40.0 } else { 40.0 + (60.0 - 10.0 * (s - 5.3)).max(0.0) }));
        let found = returns(&slides, &[outage(5.0, 5.3)], 20.0 * 44_100.0);
        let [Return::After(ms)] = found[..] else { panic!("{found:?}") };
        assert!((ms - 5900.0).abs() < 60.0, "{ms}");
    }

    #[test]
    fn a_timeline_that_never_stopped_is_back_at_once() {
        let still = readings(10.0, |s| (!(5.05..5.32).contains(&s)).then_some(40.0));
        let found = returns(&still, &[outage(5.0, 5.3)], 10.0 * 44_100.0);
        let [Return::After(ms)] = found[..] else { panic!("{found:?}") };
        assert!(ms <= 51.0, "{ms}");
    }

    #[test]
    fn a_delay_that_stays_up_or_only_passes_by_never_returns() {
        let up = readings(10.0, |s| Some(if s < 5.0 { 40.0 } else { 60.0 }));
        assert_eq!(returns(&up, &[outage(5.0, 5.3)], 441_000.0), vec![Return::Never]);
        let swings = readings(10.0, |s| Some(40.0 + if s < 5.0 { 0.0 } else { 9.0 * (4.0 * s).sin() }));
        assert_eq!(returns(&swings, &[outage(5.0, 5.3)], 441_000.0), vec![Return::Never]);
    }

    #[test]
    fn each_outage_is_measured_against_what_was_before_it_and_up_to_the_next() {
        let steps = readings(12.0, |s| {
            Some(if s < 2.0 {
                40.0
            } else if s < 5.5 {
                50.0
            } else {
                50.2
            })
        });
        let outages = [outage(2.0, 2.3), outage(5.0, 5.3), outage(8.0, 8.3), outage(11.9, 12.2)];
        let found = returns(&steps, &outages, 12.0 * 44_100.0);
        assert_eq!(found.len(), 3, "nothing can be said of the last: {found:?}");
        assert_eq!(found[0], Return::Never);
        assert!(found[1..].iter().all(|r| matches!(r, Return::After(ms) if *ms < 51.0)), "{found:?}");
    }
}
