//! A line from one count or clock to another: gives the time of a frame, and the relative speed of two
//! clocks. It is straight, or bends where the clock changes its rate.

use std::cmp::Ordering;

/// `y = y0 + slope (x - x0)`. The anchor keeps nanoseconds since boot exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    x0: u64,
    y0: u64,
    /// y per x, which need not be around 1.
    slope: f64,
    offset: f64,
}

impl Line {
    /// Least squares, for stamps that err in both directions. `None` with fewer than two different x.
    pub fn through(points: &[(u64, u64)]) -> Option<Self> {
        let (x0, y0) = *points.first()?;
        let near: Vec<(f64, f64)> = points.iter().map(|p| (from(p.0, x0), from(p.1, y0))).collect();
        let slope = crate::statistics::slope(&near)?;
        let mean = |read: fn(&(f64, f64)) -> f64| near.iter().map(read).sum::<f64>() / near.len() as f64;
        Some(Self { x0, y0, slope, offset: mean(|p| p.1) - slope * mean(|p| p.0) })
    }

    /// The closest line below all points, for stamps that can be late but never early. (It is the edge of the
    /// lower convex hull at the mean x: Moon, Skelly, Towsley 1999, "Estimation and removal of clock skew
    /// from network delay measurements".) `x` rises.
    /// `None` with fewer than two different x.
    pub fn below(points: &[(u64, u64)]) -> Option<Self> {
        let (x0, y0) = *points.first()?;
        let near: Vec<(f64, f64)> = points.iter().map(|p| (from(p.0, x0), from(p.1, y0))).collect();
        let mut hull: Vec<(f64, f64)> = Vec::new();
        for point in &near {
            if hull.last().is_some_and(|last| last.0 == point.0) {
                if hull.last().is_some_and(|last| last.1 <= point.1) {
                    continue;
                }
                hull.pop();
            }
            while hull.len() >= 2 && !turns_up(hull[hull.len() - 2], hull[hull.len() - 1], *point) {
                hull.pop();
            }
            hull.push(*point);
        }
        let mean_x = near.iter().map(|p| p.0).sum::<f64>() / near.len() as f64;
        let after = hull.partition_point(|p| p.0 < mean_x).max(1);
        let (a, b) = (*hull.get(after - 1)?, *hull.get(after)?);
        let slope = (b.1 - a.1) / (b.0 - a.0);
        Some(Self { x0, y0, slope, offset: a.1 - slope * a.0 })
    }

    /// y at x.
    pub fn at(&self, x: f64) -> f64 {
        self.y0 as f64 + (self.offset + self.slope * (x - self.x0 as f64))
    }

    /// x at y.
    pub fn reverse(&self, y: f64) -> f64 {
        self.x0 as f64 + (y - self.y0 as f64 - self.offset) / self.slope
    }

    /// y per x.
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// Root mean square distance of the points from the line, in y.
    pub fn rms(&self, points: &[(u64, u64)]) -> f64 {
        let off = |p: &(u64, u64)| from(p.1, self.y0) - self.offset - self.slope * from(p.0, self.x0);
        (points.iter().map(|p| off(p).powi(2)).sum::<f64>() / points.len().max(1) as f64).sqrt()
    }
}

/// A line below stamps that can be late but never early, for a clock whose rate changes: straight between the
/// earliest stamps of equal spans.
#[derive(Clone, Debug)]
pub struct BentLine {
    straight: Line,
    /// `(x, distance above the straight line)`, x rising.
    knots: Vec<(f64, f64)>,
}

impl BentLine {
    /// The line below `points`, with one knot per `span` of x. `None` with fewer than two knots.
    pub fn below(points: &[(u64, u64)], span: u64) -> Option<Self> {
        let straight = Line::below(points)?;
        let above = |p: &(u64, u64)| (p.0 as f64, p.1 as f64 - straight.at(p.0 as f64));
        let knots: Vec<(f64, f64)> = points
            .chunk_by(|a, b| a.0 / span == b.0 / span)
            .filter_map(|chunk| chunk.iter().map(above).min_by(|a, b| a.1.total_cmp(&b.1)))
            .collect();
        (knots.len() >= 2).then_some(Self { straight, knots })
    }

    /// y at x.
    pub fn at(&self, x: f64) -> f64 {
        self.straight.at(x) + self.bend(x)
    }

    /// x at y. A bend is so slight that its value at the straight line's x is a good estimate; the second
    /// step is then accurate.
    pub fn reverse(&self, y: f64) -> f64 {
        let near = self.straight.reverse(y - self.bend(self.straight.reverse(y)));
        self.straight.reverse(y - self.bend(near))
    }

    /// y per x, from the first knot to the last.
    pub fn slope(&self) -> f64 {
        let (first, last) = (self.knots[0], self.knots[self.knots.len() - 1]);
        (self.at(last.0) - self.at(first.0)) / (last.0 - first.0)
    }

    /// y per x between each pair of neighbouring knots.
    pub fn slopes(&self) -> Vec<f64> {
        let slope = |pair: &[(f64, f64)]| (self.at(pair[1].0) - self.at(pair[0].0)) / (pair[1].0 - pair[0].0);
        self.knots.windows(2).map(slope).collect()
    }

    fn bend(&self, x: f64) -> f64 {
        let after = self.knots.partition_point(|knot| knot.0 < x).clamp(1, self.knots.len() - 1);
        let (a, b) = (self.knots[after - 1], self.knots[after]);
        a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0)
    }
}

fn from(value: u64, origin: u64) -> f64 {
    if value.cmp(&origin) == Ordering::Less { -((origin - value) as f64) } else { (value - origin) as f64 }
}

fn turns_up(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> bool {
    (b.1 - a.1) * (c.0 - b.0) < (c.1 - b.1) * (b.0 - a.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Random;

    const BOOT_NS: u64 = 40 * 86_400 * 1_000_000_000;

    #[test]
    fn a_line_through_points_is_found_to_the_nanosecond_weeks_after_boot() {
        let points: Vec<(u64, u64)> =
            (0..1000u64).map(|n| (7_000_000 + n * 128, BOOT_NS + n * 2_902_000)).collect();
        let line = Line::through(&points).unwrap();
        assert!((line.at(7_000_000.0 + 64.0 * 128.0) - (BOOT_NS + 64 * 2_902_000) as f64).abs() < 2.0);
        assert!((line.reverse((BOOT_NS + 500 * 2_902_000) as f64) - 7_064_000.0).abs() < 0.01);
        assert!(line.rms(&points) < 1e-3);
        assert_eq!(Line::through(&points[..1]), None);
    }

    #[test]
    fn a_clock_that_changes_its_rate_is_followed() {
        let mut random = Random::new(5);
        // 60 s at 22 675 ns per frame, 60 s that are 60 ppm slower, 60 s as before.
        let mut now = BOOT_NS as f64;
        let mut truth = vec![];
        let points: Vec<(u64, u64)> = (1..=62_000u64)
            .map(|n| {
                now += 128.0 * 22_675.0 * if (20_700..41_400).contains(&n) { 1.000_06 } else { 1.0 };
                truth.push(now);
                (n * 128, (now + 20e3 + 1e6 * random.symmetric().abs()) as u64)
            })
            .collect();
        let line = BentLine::below(&points, 10 * 44_100).unwrap();
        for n in (500..61_500usize).step_by(977) {
            let off_ns = line.at((n + 1) as f64 * 128.0) - truth[n];
            // A bend between two knots is cut off: the error is at most 60 ppm of a quarter of their distance
            // (20 s).
            assert!((-300_000.0..200_000.0).contains(&off_ns), "block {n}: {off_ns} ns");
            assert!((line.reverse(line.at(n as f64 * 128.0)) - n as f64 * 128.0).abs() < 1e-2);
        }
        let slopes = line.slopes();
        let range = |a: f64, b: f64| (b / a - 1.0) * 1e6;
        let low = slopes.iter().copied().fold(f64::INFINITY, f64::min);
        let wander = range(low, slopes.iter().copied().fold(0.0, f64::max));
        assert!((50.0..75.0).contains(&wander), "{wander}");
        assert!(BentLine::below(&points[..100], 10 * 44_100).is_none());
    }

    #[test]
    fn late_stamps_do_not_move_the_line_below() {
        let mut random = Random::new(3);
        let true_slope = 22_675.736_961_451_247 * (1.0 + 40e-6);
        let points: Vec<(u64, u64)> = (1..6000u64)
            .map(|n| {
                let late_ns = 3e6 * (1.0 + random.symmetric()) + if n % 700 < 5 { 80e6 } else { 0.0 };
                (n * 220, BOOT_NS + (n as f64 * 220.0 * true_slope + 1e6 + late_ns) as u64)
            })
            .collect();
        let line = Line::below(&points).unwrap();
        let ppm = (line.slope() / true_slope - 1.0) * 1e6;
        assert!(ppm.abs() < 1.0, "{ppm} ppm off");
        assert!(points.iter().all(|p| p.1 as f64 >= line.at(p.0 as f64) - 2.0));
        let off_ns = line.at(660_000.0) - (BOOT_NS as f64 + 660_000.0 * true_slope + 1e6);
        assert!((0.0..60_000.0).contains(&off_ns), "{off_ns} ns");
        assert_eq!(Line::below(&points[..1]), None);
    }
}
