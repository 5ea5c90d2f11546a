//! Converts frame counts of the recording to the `CLOCK_MONOTONIC` time at which each frame was played.
//!
//! The recorder stamps every block that it receives. A block can come late but never early, so the earliest
//! stamps are on the true line. The rig's clock is paced by the same clock, but not exactly. PulseAudio's
//! null sink counts the time of each piece that it renders in whole microseconds, rounded down, and so runs
//! fast (pieces of 128 frames: 2902 for 2902.49, which is 170 ppm; more when several players' pieces cut each
//! other up). It cannot run slow. But a clock that was delayed may skip time (a dummy jackd does, a null sink
//! does not), and from there on the line is later. So the slope is that of the line below all stamps, at most
//! one, and a frame's time is the earliest that any block from that frame on allows. The remaining error is
//! the recorder's own shortest latency (one block, 3 ms): a time is never earlier than the truth, and at most
//! that much later.

use crate::RATE_HZ;
use crate::line::Line;

/// The clock is at most this much fast, parts per million; a larger value means that there are too few
/// stamps.
const FAST_PPM_MAX: f64 = 1000.0;

/// The arrival of a block: `frames` had been received in total at `received_ns`.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Frames received so far, this block included.
    pub frames: u64,
    /// Time of their arrival, nanoseconds of `CLOCK_MONOTONIC`.
    pub received_ns: u64,
}

/// Maps frames of the recording to times and back.
#[derive(Clone, Debug)]
pub struct FrameClock {
    /// `(frame, ns)`: up to this frame, the recording's frame 0 was this late. Both values rise.
    starts: Vec<(u64, i64)>,
    ns_per_frame: f64,
}

impl FrameClock {
    /// The earliest line below all stamps; `None` without stamps.
    pub fn fit(stamps: &[Stamp]) -> Option<Self> {
        let ns_per_frame = ns_per_frame(stamps);
        let mut starts: Vec<(u64, i64)> = Vec::new();
        for stamp in stamps.iter().rev() {
            let start_ns = stamp.received_ns as i64 - (stamp.frames as f64 * ns_per_frame).round() as i64;
            if starts.last().is_none_or(|(_, earliest_ns)| start_ns < *earliest_ns) {
                starts.push((stamp.frames, start_ns));
            }
        }
        starts.reverse();
        (!starts.is_empty()).then_some(Self { starts, ns_per_frame })
    }

    /// Returns the time at which frame `frame` was played, nanoseconds.
    pub fn time_ns(&self, frame: f64) -> u64 {
        let at = self.starts.partition_point(|(up_to, _)| (*up_to as f64) < frame).min(self.starts.len() - 1);
        (self.starts[at].1 + self.duration_ns(frame)).max(0) as u64
    }

    /// Returns the time that the clock skipped between two frames, milliseconds.
    pub fn left_out_ms(&self, from_frame: f64, to_frame: f64) -> f64 {
        let offset_ns = |frame: f64| self.time_ns(frame) as i64 - self.duration_ns(frame);
        (offset_ns(to_frame) - offset_ns(from_frame)) as f64 / 1e6
    }

    /// The frame that was played at `time_ns`; negative before the recording began.
    pub fn frame_at(&self, time_ns: u64) -> f64 {
        let past =
            |(up_to, start_ns): &(u64, i64)| start_ns + self.duration_ns(*up_to as f64) < time_ns as i64;
        let at = self.starts.partition_point(past).min(self.starts.len() - 1);
        let frame = (time_ns as i64 - self.starts[at].1) as f64 / self.ns_per_frame;
        // No frame was played in skipped time, so take the last frame before it.
        at.checked_sub(1).map_or(frame, |before| frame.max(self.starts[before].0 as f64))
    }

    /// Returns by how much the rig's clock exceeded its nominal rate, parts per million.
    pub fn fast_ppm(&self) -> f64 {
        (1e9 / f64::from(RATE_HZ) / self.ns_per_frame - 1.0) * 1e6
    }

    fn duration_ns(&self, frames: f64) -> i64 {
        (frames * self.ns_per_frame).round() as i64
    }
}

fn ns_per_frame(stamps: &[Stamp]) -> f64 {
    let nominal = 1e9 / f64::from(RATE_HZ);
    let points: Vec<(u64, u64)> = stamps.iter().map(|stamp| (stamp.frames, stamp.received_ns)).collect();
    Line::below(&points)
        .map_or(nominal, |line| line.slope().clamp(nominal * (1.0 - FAST_PPM_MAX * 1e-6), nominal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_blocks_do_not_move_the_line() {
        let true_start = 5_000_000_000u64;
        let stamps: Vec<Stamp> = (1..=200u64)
            .map(|k| Stamp {
                frames: k * 441,
                received_ns: true_start
                    + k * 10_000_000
                    + if k % 3 == 0 { 1_000_000 } else { 9_000_000 + k * 50_000 },
            })
            .collect();
        let clock = FrameClock::fit(&stamps).unwrap();
        assert_eq!(clock.time_ns(44_100.0), true_start + 1_000_000_000 + 1_000_000);
        assert!((clock.frame_at(clock.time_ns(1234.0)) - 1234.0).abs() < 0.01);
        assert!(FrameClock::fit(&[]).is_none());
    }

    #[test]
    fn a_clock_that_is_fast_is_followed_from_start_to_end() {
        // Ten minutes of a null sink that counts 4965 us for every 219 frames, which really last 4965.99 us.
        let stamps: Vec<Stamp> = (1..=120_000u64)
            .map(|k| Stamp {
                frames: k * 219,
                received_ns: 7_000_000_000 + k * 4_965_000 + (k % 5) * 400_000,
            })
            .collect();
        let clock = FrameClock::fit(&stamps).unwrap();
        assert!((clock.fast_ppm() - 198.5).abs() < 0.5, "{}", clock.fast_ppm());
        for k in [5u64, 60_000, 119_995] {
            let off_ns = clock.time_ns((k * 219) as f64) as i64 - (7_000_000_000 + k * 4_965_000) as i64;
            assert!(off_ns.abs() < 10_000, "block {k}: {off_ns} ns");
        }
        assert!(clock.left_out_ms(1000.0, 26_000_000.0).abs() < 0.01);
    }

    #[test]
    fn a_clock_that_leaves_time_out_is_followed() {
        let second = 1_000_000_000u64;
        let stamps: Vec<Stamp> = (1..=100u64)
            .map(|k| Stamp {
                frames: k * 441,
                received_ns: second + k * 10_000_000 + if k > 50 { 700_000_000 } else { 0 },
            })
            .collect();
        let clock = FrameClock::fit(&stamps).unwrap();
        assert_eq!(clock.left_out_ms(441.0, 100.0 * 441.0), 700.0);
        assert_eq!(clock.left_out_ms(60.0 * 441.0, 100.0 * 441.0), 0.0);
        assert_eq!(clock.time_ns(20.0 * 441.0), second + 200_000_000);
        assert_eq!(clock.time_ns(80.0 * 441.0), second + 1_500_000_000);
        assert!((clock.frame_at(second + 1_500_000_000) - 80.0 * 441.0).abs() < 0.01);
        assert!((clock.frame_at(second + 900_000_000) - 50.0 * 441.0).abs() < 0.01);
    }
}
