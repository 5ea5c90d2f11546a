//! Counts values between fixed bounds, from any number of threads. Adding a value costs one atomic addition
//! and comparisons with at most a dozen bounds. It does not allocate, lock or order memory, so the capture
//! thread may use it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Maximum number of bounds of one histogram.
pub const BOUNDS_MAX: usize = 12;

/// Counts between bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// Values above the bound before and up to this one; the last entry counts values above all bounds.
    counts: [AtomicU64; BOUNDS_MAX + 1],
    sum: AtomicU64,
}

/// A histogram at one moment; each count includes all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cumulative {
    /// Each bound, and the number of values at or below the bound.
    pub up_to: Vec<(u64, u64)>,
    /// Number of values.
    pub count: u64,
    /// Sum of the values.
    pub sum: u64,
}

impl Histogram {
    /// Creates an empty histogram with ascending bounds.
    ///
    /// # Panics
    /// With more than [`BOUNDS_MAX`] bounds.
    pub const fn new(bounds: &'static [u64]) -> Self {
        assert!(bounds.len() <= BOUNDS_MAX, "a histogram has 12 bounds at most");
        Self { bounds, counts: [const { AtomicU64::new(0) }; BOUNDS_MAX + 1], sum: AtomicU64::new(0) }
    }

    /// Counts one value.
    pub fn add(&self, value: u64) {
        let place = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.counts[place].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Returns the counts so far.
    pub fn so_far(&self) -> Cumulative {
        let mut count = 0;
        let mut up_to_here = |place: usize| {
            count += self.counts[place].load(Relaxed);
            count
        };
        let up_to =
            self.bounds.iter().enumerate().map(|(place, bound)| (*bound, up_to_here(place))).collect();
        Cumulative { up_to, count: up_to_here(self.bounds.len()), sum: self.sum.load(Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_at_its_bound_and_all_above() {
        let histogram = Histogram::new(&[10, 100]);
        for value in [0, 10, 11, 100, 101, u64::from(u32::MAX)] {
            histogram.add(value);
        }
        let sum = 222 + u64::from(u32::MAX);
        assert_eq!(histogram.so_far(), Cumulative { up_to: vec![(10, 2), (100, 4)], count: 6, sum });
    }
}
