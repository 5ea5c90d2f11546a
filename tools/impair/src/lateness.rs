//! The lateness of a packet, compared with the minimum delay.
//!
//! Lateness is of two kinds, as in reality. One kind affects a single packet: for example, the radio repeated
//! it (Pareto). The other kind affects the path: its delay wanders. A wandering path is a function of time, so
//! its speed of change does not depend on the number of packets.

use listening::signal::Random;

use crate::{NS_PER_MS, ns};

/// The delay on top of the minimum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lateness {
    /// No additional delay.
    None,
    /// Per packet: Pareto of the second kind (Lomax), P(later than x) = (1 + x / scale)^-shape, with a
    /// maximum.
    Pareto {
        /// Scale, milliseconds.
        scale_ms: f64,
        /// Shape, above 1: the smaller it is, the heavier the tail.
        shape: f64,
        /// The maximum, milliseconds.
        most_ms: f64,
    },
    /// Per path: straight lines between knots, each drawn evenly from 0 to `most_ms`.
    Wander {
        /// The maximum, milliseconds.
        most_ms: f64,
        /// Time between two knots, milliseconds.
        knot_ms: f64,
    },
}

impl Lateness {
    /// Returns the mean, milliseconds. (For Pareto the mean ignores the maximum, which reduces it by less than
    /// a hundredth here.)
    pub fn mean_ms(&self) -> f64 {
        match *self {
            Self::None => 0.0,
            Self::Pareto { scale_ms, shape, .. } => scale_ms / (shape - 1.0),
            Self::Wander { most_ms, .. } => most_ms / 2.0,
        }
    }
}

/// Draws the lateness of one packet after the other.
pub struct Draw {
    lateness: Lateness,
    random: Random,
    /// For the wandering kind: the knots around the last packet, `(ns, ms)`.
    knots: [(u64, f64); 2],
}

impl Draw {
    /// Starts to draw `lateness` with `random`.
    pub fn new(lateness: Lateness, mut random: Random) -> Self {
        let knots = match lateness {
            Lateness::Wander { most_ms, .. } => [(0, most_ms * share(&mut random)); 2],
            _ => [(0, 0.0); 2],
        };
        Self { lateness, random, knots }
    }

    /// The lateness of a packet sent at `now_ns`, in nanoseconds. Times may not go back.
    pub fn next_ns(&mut self, now_ns: u64) -> u64 {
        match self.lateness {
            Lateness::None => 0,
            Lateness::Pareto { scale_ms, shape, most_ms } => {
                let chance = 1.0 - share(&mut self.random); // above 0, at most 1
                ns((scale_ms * (chance.powf(-1.0 / shape) - 1.0)).min(most_ms))
            }
            Lateness::Wander { most_ms, knot_ms } => {
                let step_ns = ns(knot_ms).max(1);
                // After a long pause only the last two knots matter.
                let skipped = now_ns.saturating_sub(self.knots[1].0) / step_ns;
                self.knots[1].0 += skipped.saturating_sub(1) * step_ns;
                while self.knots[1].0 <= now_ns {
                    self.knots =
                        [self.knots[1], (self.knots[1].0 + step_ns, most_ms * share(&mut self.random))];
                }
                let [(begun_ns, from_ms), (_, to_ms)] = self.knots;
                let along = (now_ns.saturating_sub(begun_ns)) as f64 / step_ns as f64;
                ((from_ms + (to_ms - from_ms) * along) * NS_PER_MS).round() as u64
            }
        }
    }
}

/// A random share: at least 0, below 1.
pub(crate) fn share(random: &mut Random) -> f64 {
    f64::midpoint(random.symmetric(), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_pareto_tail_is_as_heavy_as_its_formula() {
        let lateness = Lateness::Pareto { scale_ms: 1.0, shape: 2.5, most_ms: 200.0 };
        let mut draw = Draw::new(lateness, Random::new(4));
        let draws: Vec<f64> = (0..400_000u64).map(|n| draw.next_ns(n) as f64 / 1e6).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        assert!((mean - lateness.mean_ms()).abs() < 0.02, "{mean}");
        for (ms, probability) in [(1.0, 0.1768), (5.0, 0.01134), (30.0, 1.869e-4)] {
            let seen = draws.iter().filter(|d| **d > ms).count() as f64 / draws.len() as f64;
            assert!((seen / probability - 1.0).abs() < 0.3, "beyond {ms} ms: {seen}, expected {probability}");
        }
        assert!(draws.iter().all(|d| (0.0..=200.0).contains(d)));
    }

    #[test]
    fn a_path_wanders_between_its_ends_without_steps() {
        let lateness = Lateness::Wander { most_ms: 40.0, knot_ms: 200.0 };
        let mut draw = Draw::new(lateness, Random::new(9));
        let draws: Vec<f64> = (0..200_000u64).map(|n| draw.next_ns(n * 3 * MS) as f64 / 1e6).collect();
        assert!(draws.iter().all(|d| (0.0..=40.0).contains(d)));
        // 3 ms are 0.015 of the time between two knots, so the value changes by 0.6 ms at most.
        assert!(draws.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.61));
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        assert!((mean - 20.0).abs() < 1.0, "{mean}");
        let (low, high) =
            (draws.iter().copied().fold(40.0, f64::min), draws.iter().copied().fold(0.0, f64::max));
        assert!(low < 2.0 && high > 38.0, "{low} to {high}");
    }

    #[test]
    fn a_pause_of_a_day_is_passed_at_once() {
        let mut draw = Draw::new(Lateness::Wander { most_ms: 40.0, knot_ms: 1.0 }, Random::new(2));
        draw.next_ns(5 * MS);
        assert!(draw.next_ns(86_400_000 * MS) <= 40 * MS);
    }
}
