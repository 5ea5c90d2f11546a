//! Order statistics and a straight line. Values are sorted by a total order; percentiles use the nearest
//! rank.

use serde::Serialize;

/// Summary of a set of readings.
#[derive(Clone, Copy, Debug, Serialize, PartialEq)]
pub struct Summary {
    /// Number of readings.
    pub count: usize,
    /// Smallest.
    pub min: f64,
    /// Median: half of the readings are at or below it.
    pub median: f64,
    /// 95th percentile: 95 % of the readings are at or below it.
    pub p95: f64,
    /// 99th percentile: 99 % of the readings are at or below it.
    pub p99: f64,
    /// Largest.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
}

/// Summary of `values`; `None` if there are none. NaN would be our own bug.
pub fn summarise(values: &[f64]) -> Option<Summary> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank =
        |share: f64| sorted[((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
    if sorted.is_empty() {
        return None;
    }
    assert!(sorted.iter().all(|v| v.is_finite()), "a reading is not a number");
    Some(Summary {
        count: sorted.len(),
        min: sorted[0],
        median: rank(0.5),
        p95: rank(0.95),
        p99: rank(0.99),
        max: sorted[sorted.len() - 1],
        mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
    })
}

/// Median, or `None` if there are no values.
pub fn median(values: &[f64]) -> Option<f64> {
    summarise(values).map(|summary| summary.median)
}

/// Slope of the least-squares line through `(x, y)`; `None` with fewer than two points, or if all x are
/// equal.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / count;
    let mean_y = points.iter().map(|p| p.1).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    let shared: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    (points.len() >= 2 && spread > 0.0).then(|| shared / spread)
}

/// Counts values in equal bins over `[low, high)`; a value outside counts in the nearest bin.
pub fn histogram(values: &[f64], low: f64, high: f64, bins: usize) -> Vec<usize> {
    let mut counts = vec![0; bins];
    for value in values {
        let at = ((value - low) / (high - low) * bins as f64).floor();
        counts[(at.max(0.0) as usize).min(bins - 1)] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_readings_that_exist_and_rank_by_number() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let summary = summarise(&values).unwrap();
        assert_eq!(
            (summary.min, summary.median, summary.p95, summary.p99, summary.max),
            (1.0, 50.0, 95.0, 99.0, 100.0)
        );
        assert_eq!(summarise(&[9.0, 100.0, 20.0]).unwrap().median, 20.0);
        assert_eq!(summarise(&[]), None);
    }

    #[test]
    fn a_line_has_its_slope() {
        let points: Vec<(f64, f64)> = (0..50).map(|n| (n as f64, 3.0 - 0.25 * n as f64)).collect();
        assert!((slope(&points).unwrap() + 0.25).abs() < 1e-12);
        assert_eq!(slope(&points[..1]), None);
    }

    #[test]
    fn outliers_land_in_the_end_bins() {
        assert_eq!(histogram(&[-5.0, 0.5, 1.5, 1.6, 99.0], 0.0, 2.0, 2), vec![2, 3]);
    }
}
