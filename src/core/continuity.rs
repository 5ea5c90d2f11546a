//! Finds frames the device never delivered, from its own clock: lost USB packets raise no error (docs/design/real-time.md).
//!
//! In: how many frames have come so far, and when. A stamp can be late (an interrupt on a busy machine) but hardly early.
//! So the *least* late stamps of a window show the device's clock to a fraction of a frame. The windows lie on a straight
//! line whose slope is the difference between the two clocks; lost frames lift all later windows by their number. A lift
//! counts once every window of two seconds shows it: a machine that froze lifts some windows, but they come down again.
//! Out: the frames of each loss.

use crate::units::{Hz, MonoNs, NS_PER_S};

/// Length of a window, which gives one point of the lower envelope.
const WINDOW_NS: u64 = NS_PER_S / 4;
/// A window's point is the last of its least late stamps. The others may be early, because a device sometimes fills packets
/// a frame ahead.
const EARLY: usize = 4;
/// The smallest lift that counts as a loss: the smallest USB packet at 44.1 kHz carries 5 or 6 frames (125 us).
const LIFT_FRAMES_MIN: f64 = 3.0;
/// A loss must also be this many times as large as the scatter of the points.
const LIFT_SCATTERS: f64 = 6.0;
/// Windows that determine the slope: six seconds. Fewer are too noisy; more react too slowly to a crystal that warms up.
const CALM: usize = 24;
/// Windows needed before we look for lifts.
const CALM_MIN: usize = 16;
/// Windows that determine the level on either side of a lift. Both sides use the same number, so that the usual lateness of
/// stamps cancels out.
const LEVEL: usize = 8;
/// A loss jumps above every one of this many points before it; a crystal that changes its frequency climbs slowly.
const JUMP: usize = 2;

/// One stamp, as a point of the diagram.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    at_s: f64,
    /// Frames that were due by then at the nominal rate and had not come.
    missing: f64,
}

impl Point {
    /// Returns the missing frames without the part that the clocks' difference explains.
    fn level(self, slope: f64) -> f64 {
        self.missing - slope * self.at_s
    }
}

/// Watches one device from its opening to its closing.
#[derive(Debug)]
pub struct LossFinder {
    rate: Hz,
    began: Option<MonoNs>,
    window_began: MonoNs,
    /// The earliest stamps of the window, relative to the nominal rate, the earliest first.
    earliest: [Point; EARLY],
    earliest_count: usize,
    /// Frames per second the device falls short of its nominal rate; `None` until it is known.
    slope: Option<f64>,
    /// The last points on the line, in a circular buffer.
    calm: [Point; CALM],
    calm_count: usize,
    /// Number of points in `calm` since the last loss. The slope uses only these; otherwise losses would look like drift.
    since_loss: usize,
    /// The points above the line since it last moved.
    lifted: [Point; LEVEL],
    lifted_count: usize,
}

impl LossFinder {
    /// Creates a finder that knows nothing yet.
    pub fn new(rate: Hz) -> Self {
        Self {
            rate,
            began: None,
            window_began: MonoNs(0),
            earliest: [Point::default(); EARLY],
            earliest_count: 0,
            slope: None,
            calm: [Point::default(); CALM],
            calm_count: 0,
            since_loss: 0,
            lifted: [Point::default(); LEVEL],
            lifted_count: 0,
        }
    }

    /// Forgets everything but the drift, because the frame count restarts after an overrun.
    pub fn restart(&mut self) {
        *self = Self { slope: self.slope, ..Self::new(self.rate) };
    }

    /// Returns the measured drift in parts per million of the nominal rate: positive when the device is slow against our
    /// clock. `None` during the first seconds.
    pub fn drift_ppm(&self) -> Option<f64> {
        self.slope.map(|slope| slope / f64::from(self.rate.0) * 1e6)
    }

    /// Takes in that `frames_delivered` frames since the (re)start had arrived at `at`. Returns the frames found to be
    /// lost, nearly always 0.
    pub fn observe(&mut self, at: MonoNs, frames_delivered: u64) -> u32 {
        let Some(began) = self.began else {
            self.began = Some(at);
            self.window_began = at;
            return 0;
        };
        let at_s = at.since(began) as f64 / NS_PER_S as f64;
        let point = Point { at_s, missing: at_s * f64::from(self.rate.0) - frames_delivered as f64 };
        self.gather(point);
        if at.since(self.window_began) < WINDOW_NS {
            return 0;
        }
        self.window_began = at;
        let count = std::mem::take(&mut self.earliest_count);
        self.judge(self.earliest[count - 1])
    }

    fn gather(&mut self, point: Point) {
        let slope = self.slope.unwrap_or(0.0);
        let place = if self.earliest_count < EARLY {
            self.earliest_count += 1;
            self.earliest_count - 1
        } else if point.level(slope) < self.earliest[EARLY - 1].level(slope) {
            EARLY - 1
        } else {
            return;
        };
        self.earliest[place] = point;
        self.earliest[..=place].sort_unstable_by(|a, b| a.level(slope).total_cmp(&b.level(slope)));
    }

    fn judge(&mut self, point: Point) -> u32 {
        let Some(slope) = self.slope.filter(|_| self.calm_count >= LEVEL) else {
            self.learn(point);
            return 0;
        };
        let level = level_of(self.last_calm(LEVEL), slope);
        let scatter = self.last_calm(LEVEL).map(|calm| calm.level(slope) - level).sum::<f64>() / LEVEL as f64;
        let lift_min = LIFT_FRAMES_MIN.max(LIFT_SCATTERS * scatter);
        let is_above = |level: f64| point.level(slope) - level >= lift_min;
        let jumped =
            self.lifted_count > 0 || self.last_calm(JUMP).any(|before| is_above(before.level(slope)));
        if !(jumped && is_above(level)) {
            self.lifted_count = 0; // the points above the line have come down: the stamps were only late
            self.learn(point);
            return 0;
        }
        self.lifted[self.lifted_count] = point;
        self.lifted_count += 1;
        if self.lifted_count < LEVEL {
            return 0;
        }
        let lost = (level_of(self.lifted, slope) - level).round().max(0.0);
        self.lift_the_line(lost, slope, level + lost);
        lost as u32
    }

    /// Raises the line by `lost` frames, to `level`. Points still above it may be the next loss.
    fn lift_the_line(&mut self, lost: f64, slope: f64, level: f64) {
        for point in &mut self.calm {
            point.missing += lost;
        }
        self.since_loss = 0;
        let points = self.lifted;
        let above = |point: &Point| point.level(slope) - level;
        let next = points.iter().rposition(|point| above(point) < LIFT_FRAMES_MIN).map_or(0, |last| last + 1);
        for point in points[..next].iter().filter(|point| above(point).abs() < LIFT_FRAMES_MIN) {
            self.learn(*point);
        }
        self.lifted.copy_within(next.., 0);
        self.lifted_count = points.len() - next;
    }

    fn learn(&mut self, point: Point) {
        self.calm[self.calm_count % CALM] = point;
        self.calm_count += 1;
        self.since_loss += 1;
        let known = self.since_loss.min(CALM);
        if known >= CALM_MIN {
            self.slope = Some(self.median_slope(known));
        }
    }

    /// Returns the median slope between each point of the older half of the last `known` points and its counterpart in the
    /// newer half.
    fn median_slope(&self, known: usize) -> f64 {
        let half = known / 2;
        let mut slopes = [0.0; CALM / 2];
        let older = self.last_calm(known).zip(self.last_calm(half));
        for (slope, (old, new)) in slopes.iter_mut().zip(older) {
            *slope = (new.missing - old.missing) / (new.at_s - old.at_s);
        }
        let slopes = &mut slopes[..half];
        slopes.sort_unstable_by(f64::total_cmp);
        f64::midpoint(slopes[(half - 1) / 2], slopes[half / 2])
    }

    /// Returns the last `count` points on the line, the oldest first.
    fn last_calm(&self, count: usize) -> impl Iterator<Item = Point> + '_ {
        (self.calm_count - count..self.calm_count).map(|number| self.calm[number % CALM])
    }
}

/// Returns the level of the line: the second-lowest point, so that a single stamp cannot decide.
fn level_of(points: impl IntoIterator<Item = Point>, slope: f64) -> f64 {
    let (mut least, mut second) = (f64::INFINITY, f64::INFINITY);
    for level in points.into_iter().map(|point| point.level(slope)) {
        second = second.min(level.max(least));
        least = least.min(level);
    }
    second
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    const RATE: f64 = 44_100.0;
    /// Packets in one transfer, which lasts 1 ms.
    const PACKETS: u64 = 8;
    const PERIOD_FRAMES: u64 = 128;

    /// A crystal that is `drift_ppm` slow, plus or minus `wander_ppm` in turn, changing every `wander_s`.
    #[derive(Clone, Copy, Debug)]
    struct Crystal {
        drift_ppm: f64,
        wander_ppm: f64,
        wander_s: f64,
    }

    impl Crystal {
        fn steady(drift_ppm: f64) -> Self {
            Self { drift_ppm, wander_ppm: 0.0, wander_s: 1.0 }
        }

        fn frames_at(self, seconds: f64) -> u64 {
            let wander_s =
                self.wander_ppm * self.wander_s / TAU * (1.0 - (TAU * seconds / self.wander_s).cos());
            (RATE * (seconds - (self.drift_ppm * seconds + wander_s) * 1e-6)) as u64
        }
    }

    /// A generator of repeatable pseudo-random numbers from 0 to 1.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
        }
    }

    /// Returns the lateness of the next stamp, in seconds.
    type Lateness = fn(&mut Random) -> f64;

    /// Lateness of interrupts on a machine with other work: some 40 us, one in a hundred up to half a millisecond.
    fn interrupt(random: &mut Random) -> f64 {
        let rare = if random.next() < 0.01 { 500e-6 * random.next() } else { 0.0 };
        10e-6 - 30e-6 * (1.0 - random.next()).ln() + rare
    }

    /// The same lateness, for a device that fills one packet in fifty up to a frame and a half ahead.
    fn hasty(random: &mut Random) -> f64 {
        let early_s = if random.next() < 0.02 { 34e-6 * random.next() } else { 0.0 };
        interrupt(random) - early_s
    }

    /// Watches a device for `seconds`; `loses` says how many packets it loses in each millisecond's transfer. Returns the
    /// frames lost, and the frames found with the millisecond of each find.
    fn watched(
        crystal: Crystal,
        seconds: u64,
        late_s: Lateness,
        loses: impl Fn(u64) -> u64,
    ) -> (u64, Vec<(u64, u64)>) {
        let (mut finder, mut random) = (LossFinder::new(Hz(44_100)), Random(5));
        let (mut lost, mut taken, mut found) = (0, 0, Vec::new());
        for ms in 1..seconds * 1000 {
            let over_s = ms as f64 / 1e3;
            let missed_s = loses(ms) as f64 / (PACKETS * 1000) as f64;
            lost += crystal.frames_at(over_s) - crystal.frames_at(over_s - missed_s);
            let delivered = crystal.frames_at(over_s) - lost;
            if delivered - taken < PERIOD_FRAMES {
                continue;
            }
            taken = delivered - delivered % PERIOD_FRAMES;
            let at_ns = (over_s + late_s(&mut random)) * 1e9;
            let frames = u64::from(finder.observe(MonoNs(1_000_000 + at_ns as u64), delivered));
            if frames > 0 {
                found.push((ms, frames));
            }
        }
        (lost, found)
    }

    fn sum(found: &[(u64, u64)]) -> u64 {
        found.iter().map(|(_, frames)| frames).sum()
    }

    #[test]
    fn a_steady_device_loses_nothing_whatever_its_drift_and_jitter() {
        let jitters: [Lateness; 5] = [|_| 0.0, interrupt, hasty, |r| 1e-3 * r.next(), |r| 3e-3 * r.next()];
        for drift_ppm in [-300.0, 0.0, 40.0, 300.0] {
            for (number, late_s) in jitters.into_iter().enumerate() {
                let (_, found) = watched(Crystal::steady(drift_ppm), 60, late_s, |_| 0);
                assert_eq!(found, [], "drift {drift_ppm} ppm, jitter {number}");
            }
        }
    }

    #[test]
    fn every_lost_frame_is_counted_two_seconds_later() {
        let crystals = [-300.0, 0.0, 40.0, 300.0].map(Crystal::steady);
        let warming = [600.0, 300.0].map(|wander_s| Crystal { drift_ppm: 40.0, wander_ppm: 25.0, wander_s });
        for crystal in crystals.into_iter().chain(warming) {
            for (packets, late_s) in
                [(1, interrupt as Lateness), (1, hasty), (2, hasty), (3, interrupt), (8, hasty)]
            {
                let (first_ms, every_ms) = (10_003, 5_039);
                let (lost, found) = watched(crystal, 80, late_s, |ms| {
                    if ms >= first_ms && (ms - first_ms) % every_ms == 0 { packets } else { 0 }
                });
                assert_eq!(
                    (found.len(), sum(&found)),
                    (14, lost),
                    "{packets} packets, {crystal:?}: {found:?}"
                );
                for (number, (ms, _)) in found.iter().enumerate() {
                    let after_ms = ms - first_ms - number as u64 * every_ms;
                    assert!((1_750..2_500).contains(&after_ms), "found after {after_ms} ms");
                }
            }
        }
    }

    #[test]
    fn a_long_loss_is_one() {
        let (lost, found) =
            watched(
                Crystal::steady(40.0),
                20,
                interrupt,
                |ms| if (10_000..10_100).contains(&ms) { 8 } else { 0 },
            );
        assert!(lost > 4_400, "{lost}");
        assert_eq!((found.len(), sum(&found)), (1, lost));
    }

    /// Loses a packet every `every_ms` for half a minute; returns the frames lost and the frames found.
    fn series(every_ms: u64) -> (u64, u64) {
        let (lost, found) = watched(Crystal::steady(80.0), 60, interrupt, |ms| {
            u64::from((20_000..50_000).contains(&ms) && ms % every_ms == 0)
        });
        (lost, sum(&found))
    }

    #[test]
    fn losses_that_follow_each_other_are_all_counted() {
        for every_ms in [700, 1_000, 1_500, 3_000] {
            let (lost, found) = series(every_ms);
            assert_eq!(found, lost, "every {every_ms} ms");
        }
    }

    #[test]
    fn a_flood_of_losses_is_counted_to_a_few_in_a_hundred_and_ends() {
        for every_ms in [50, 100, 300, 500] {
            let (lost, found) = series(every_ms);
            assert!(found.abs_diff(lost) * 100 <= 3 * lost, "every {every_ms} ms: {found} of {lost}");
        }
    }

    #[test]
    fn a_loss_in_the_first_seconds_makes_no_others() {
        for lost_ms in (100..6_000).step_by(230) {
            for packets in [1, 8] {
                let (lost, found) =
                    watched(
                        Crystal::steady(40.0),
                        30,
                        interrupt,
                        |ms| if ms == lost_ms { packets } else { 0 },
                    );
                assert!([0, lost].contains(&sum(&found)), "{lost} at {lost_ms} ms: {found:?}");
            }
        }
    }

    #[test]
    fn a_crystal_that_changes_its_pace_loses_nothing() {
        for jump_ppm in [-300, -100, -30, 30, 60, 100, 130] {
            let mut finder = LossFinder::new(Hz(44_100));
            for period in 1..20_000_u64 {
                let frames = period * PERIOD_FRAMES;
                let due_ns = Hz(44_100).duration_ns(frames);
                let later_ns = due_ns.saturating_sub(20 * NS_PER_S).cast_signed() * jump_ppm / 1_000_000;
                let found = finder.observe(MonoNs(due_ns.checked_add_signed(later_ns).unwrap()), frames);
                assert_eq!(found, 0, "{jump_ppm} ppm, period {period}");
            }
            let known_ppm = finder.drift_ppm().unwrap();
            assert!((known_ppm - jump_ppm as f64).abs() < 1.0, "{known_ppm} of {jump_ppm} ppm");
        }
    }

    #[test]
    fn a_machine_frozen_for_a_while_is_no_loss() {
        let mut finder = LossFinder::new(Hz(44_100));
        for period in 1..20_000_u64 {
            let over_ns = Hz(44_100).duration_ns(period * PERIOD_FRAMES);
            let frozen_ns = if (30_000_000_000..31_500_000_000).contains(&over_ns) { 5_000_000 } else { 0 };
            assert_eq!(finder.observe(MonoNs(over_ns + frozen_ns), period * PERIOD_FRAMES), 0);
        }
    }

    #[test]
    fn one_early_stamp_decides_nothing() {
        let mut finder = LossFinder::new(Hz(44_100));
        for period in 1..20_000_u64 {
            let early_ns = if period == 10_000 { 2_900_000 } else { 0 };
            let at_ns = Hz(44_100).duration_ns(period * PERIOD_FRAMES) + 10_000_000 - early_ns;
            assert_eq!(finder.observe(MonoNs(at_ns), period * PERIOD_FRAMES), 0);
        }
    }

    #[test]
    fn the_drift_outlasts_an_overrun() {
        let mut finder = LossFinder::new(Hz(44_100));
        let seconds = |from_s: u64, finder: &mut LossFinder| {
            for period in 1..1_800_u64 {
                let at_ns = Hz(44_100).duration_ns(period * PERIOD_FRAMES) * 10_001 / 10_000;
                finder.observe(MonoNs(from_s * NS_PER_S + at_ns), period * PERIOD_FRAMES);
            }
        };
        assert_eq!(finder.drift_ppm(), None);
        seconds(1, &mut finder);
        finder.restart();
        let drift_ppm = finder.drift_ppm().unwrap();
        assert!((drift_ppm - 100.0).abs() < 0.1, "{drift_ppm}");
        seconds(20, &mut finder);
        assert!((finder.drift_ppm().unwrap() - 100.0).abs() < 0.1);
    }
}
