//! Finds frames the device never delivered, from its own clock: lost USB packets raise no error (docs/real-time.md).
//!
//! In: how many frames have come so far, and when. A stamp can be late (by a USB transfer, a busy machine) but never early,
//! so the *least* lateness of a second tells the device's clock to a fraction of a frame. Seconds line up on a straight
//! line (its slope is the clocks' difference); frames lost lift every later second by the same step. A step counts once the
//! next second confirms it: a frozen machine lifts one second only.

use crate::units::{Hz, MonoNs, NS_PER_S};

/// How long one point of the lower envelope is gathered.
const WINDOW_NS: u64 = NS_PER_S;
/// A smaller step is not called a loss: one USB packet at 44.1 kHz carries 5 or 6 frames (125 us).
const STEP_FRAMES_MIN: f64 = 4.0;
/// Drift is the median of so many seconds.
const DRIFTS: usize = 9;
/// Seconds before steps are believed.
const DRIFTS_MIN: usize = 3;

/// Watches one device from opening to closing.
#[derive(Debug)]
pub struct LossFinder {
    rate: Hz,
    began: Option<MonoNs>,
    window_began: MonoNs,
    window_least: f64,
    previous: Option<f64>,
    suspected: f64,
    drifts: [f64; DRIFTS],
    drift_count: usize,
}

impl LossFinder {
    /// Knows nothing yet.
    pub fn new(rate: Hz) -> Self {
        Self {
            rate,
            began: None,
            window_began: MonoNs(0),
            window_least: f64::INFINITY,
            previous: None,
            suspected: 0.0,
            drifts: [0.0; DRIFTS],
            drift_count: 0,
        }
    }

    /// Forgets everything but the drift: after an overrun the count starts anew.
    pub fn restart(&mut self) {
        self.began = None;
        self.previous = None;
        self.suspected = 0.0;
        self.window_least = f64::INFINITY;
    }

    /// The drift seen, in parts per million of the nominal rate: positive when the device is slow against our clock.
    /// `None` until a few seconds have passed.
    pub fn drift_ppm(&self) -> Option<f64> {
        (self.drift_count >= DRIFTS_MIN).then(|| self.median_drift() / f64::from(self.rate.0) * 1e6)
    }

    /// `frames_delivered` since the (re)start were there at `at`. Returns frames found to be lost, 0 nearly always.
    pub fn observe(&mut self, at: MonoNs, frames_delivered: u64) -> u32 {
        let Some(began) = self.began else {
            // The first stamp fixes the origin; frames_delivered may already be positive.
            self.began = Some(MonoNs(at.0.saturating_sub(self.rate.duration_ns(frames_delivered))));
            self.window_began = at;
            return 0;
        };
        let expected = at.since(began) as f64 * f64::from(self.rate.0) / NS_PER_S as f64;
        // Within the second the drift known so far is taken out, or the least would always be the second's first.
        let window_s = at.since(self.window_began) as f64 / NS_PER_S as f64;
        let drift_since = if self.drift_count < DRIFTS_MIN { 0.0 } else { self.median_drift() * window_s };
        self.window_least = self.window_least.min(expected - frames_delivered as f64 - drift_since);
        if at.since(self.window_began) < WINDOW_NS {
            return 0;
        }
        let length = at.since(self.window_began) as f64 / WINDOW_NS as f64;
        let least = std::mem::replace(&mut self.window_least, f64::INFINITY);
        self.window_began = at;
        self.judge(least, length)
    }

    /// `length`: of the second just over, in windows; a wait may have made it longer.
    fn judge(&mut self, least: f64, length: f64) -> u32 {
        let Some(previous) = self.previous.replace(least) else { return 0 };
        let rise = (least - previous) / length;
        if self.drift_count < DRIFTS_MIN {
            self.learn(rise);
            if self.drift_count == DRIFTS_MIN {
                self.previous = None; // it was gathered with its drift still in it
            }
            return 0;
        }
        let step = least - previous - self.median_drift() * length;
        if self.suspected > 0.0 {
            let lasting = self.suspected + step.min(0.0);
            // The second that confirms one loss may bring the next.
            self.suspected = if step >= STEP_FRAMES_MIN { step } else { 0.0 };
            if lasting >= STEP_FRAMES_MIN {
                return lasting.round() as u32;
            }
        } else if step >= STEP_FRAMES_MIN {
            self.suspected = step;
        } else {
            self.learn(rise);
        }
        0
    }

    fn learn(&mut self, rise: f64) {
        self.drifts[self.drift_count % DRIFTS] = rise;
        self.drift_count += 1;
    }

    fn median_drift(&self) -> f64 {
        let mut known = self.drifts;
        let known = &mut known[..self.drift_count.min(DRIFTS)];
        known.sort_unstable_by(f64::total_cmp);
        known[known.len() / 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device `drift_ppm` slow, stamped up to `jitter_ns` late, that loses `lost(second)` frames in all by then; a freeze
    /// of `freeze_ns` makes every stamp of a second late. Returns frames found.
    fn found(drift_ppm: f64, jitter_ns: u64, lost: impl Fn(f64) -> u64, freeze_ns: u64) -> u64 {
        let mut finder = LossFinder::new(Hz(44_100));
        let mut random = 12_345_u64;
        let mut sum = 0;
        let rate = 44_100.0 * (1.0 - drift_ppm * 1e-6);
        for period in 1..20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let delivered = period * 128;
            let seconds = delivered as f64 / rate;
            let frozen = if (30.0..31.5).contains(&seconds) { freeze_ns } else { 0 };
            let at = (seconds * 1e9) as u64 + (random >> 33) % jitter_ns.max(1) + frozen + 1_000_000;
            sum += u64::from(finder.observe(MonoNs(at), delivered.saturating_sub(lost(seconds))));
        }
        sum
    }

    #[test]
    fn a_steady_device_loses_nothing_whatever_its_drift_and_jitter() {
        for drift_ppm in [-300.0, 0.0, 40.0, 300.0] {
            for jitter_ns in [0, 1_000_000, 3_000_000] {
                assert_eq!(
                    found(drift_ppm, jitter_ns, |_| 0, 0),
                    0,
                    "drift {drift_ppm} ppm, jitter {jitter_ns} ns"
                );
            }
        }
    }

    #[test]
    fn a_lost_packet_is_counted_to_the_frame() {
        for lost in [6, 44, 441] {
            let counted = found(80.0, 1_000_000, |second| if second > 20.0 { lost } else { 0 }, 0);
            assert!(counted.abs_diff(lost) <= 1, "{counted} of {lost}");
        }
    }

    #[test]
    fn a_frozen_second_is_no_loss() {
        assert_eq!(found(0.0, 100_000, |_| 0, 5_000_000), 0);
    }

    #[test]
    fn losses_that_follow_each_other_are_all_counted() {
        let every_second = |second: f64| (second - 20.0).clamp(0.0, 20.0) as u64 * 44;
        let counted = found(80.0, 100_000, every_second, 0);
        assert!(counted.abs_diff(20 * 44) <= 3, "{counted} of 880");
    }
}
