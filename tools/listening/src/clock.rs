//! Which frame of the recording was played when: frame count to `CLOCK_MONOTONIC`.
//!
//! The recorder stamps every block it receives. A block can come late, never early, so the earliest stamps lie on the true
//! line. The rig's null sink is paced by that same clock, so the line's slope is exactly one and only its offset is
//! unknown: the smallest of (stamp - duration so far). What remains is the recorder's own shortest latency (about 5 ms),
//! so a frame's time is never earlier than the truth and at most that much later.

use crate::RATE_HZ;

/// A block of the recording arrived: `frames` had been received in total at `received_ns`.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Frames received so far, this block included.
    pub frames: u64,
    /// When, nanoseconds of `CLOCK_MONOTONIC`.
    pub received_ns: u64,
}

/// Maps frames of the recording to times and back.
#[derive(Clone, Copy, Debug)]
pub struct FrameClock {
    start_ns: i64,
}

impl FrameClock {
    /// The earliest line below all stamps; `None` without stamps.
    pub fn fit(stamps: &[Stamp]) -> Option<Self> {
        let start_ns = stamps.iter().map(|s| s.received_ns as i64 - duration_ns(s.frames as f64)).min()?;
        Some(Self { start_ns })
    }

    /// When frame `frame` was played, nanoseconds.
    pub fn time_ns(self, frame: f64) -> u64 {
        (self.start_ns + duration_ns(frame)).max(0) as u64
    }

    /// Which frame was played at `time_ns`; negative before the recording began.
    pub fn frame_at(self, time_ns: u64) -> f64 {
        (time_ns as i64 - self.start_ns) as f64 * f64::from(RATE_HZ) / 1e9
    }
}

fn duration_ns(frames: f64) -> i64 {
    (frames * 1e9 / f64::from(RATE_HZ)).round() as i64
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
}
