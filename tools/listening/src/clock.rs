//! Which frame of the recording was played when: frame count to `CLOCK_MONOTONIC`.
//!
//! The recorder stamps every block it receives. A block can come late, never early, so the earliest stamps lie on the true
//! line. Its slope is exactly one, for the rig's clock is paced by that same clock; but a clock that was held up may leave
//! time out (a dummy jackd does, a null sink does not), and from there the line lies later. So a frame's time is the
//! earliest that any block from it on allows. What remains is the recorder's own shortest latency (about 5 ms): a time is
//! never earlier than the truth and at most that much later.

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
#[derive(Clone, Debug)]
pub struct FrameClock {
    /// `(frame, ns)`: up to this frame, the recording's frame 0 was so late. Both rise.
    starts: Vec<(u64, i64)>,
}

impl FrameClock {
    /// The earliest line below all stamps; `None` without stamps.
    pub fn fit(stamps: &[Stamp]) -> Option<Self> {
        let mut starts: Vec<(u64, i64)> = Vec::new();
        for stamp in stamps.iter().rev() {
            let start_ns = stamp.received_ns as i64 - duration_ns(stamp.frames as f64);
            if starts.last().is_none_or(|(_, earliest_ns)| start_ns < *earliest_ns) {
                starts.push((stamp.frames, start_ns));
            }
        }
        starts.reverse();
        (!starts.is_empty()).then_some(Self { starts })
    }

    /// When frame `frame` was played, nanoseconds.
    pub fn time_ns(&self, frame: f64) -> u64 {
        let at = self.starts.partition_point(|(up_to, _)| (*up_to as f64) < frame).min(self.starts.len() - 1);
        (self.starts[at].1 + duration_ns(frame)).max(0) as u64
    }

    /// How much time the clock left out between two frames, milliseconds.
    pub fn left_out_ms(&self, from_frame: f64, to_frame: f64) -> f64 {
        let offset_ns = |frame: f64| self.time_ns(frame) as i64 - duration_ns(frame);
        (offset_ns(to_frame) - offset_ns(from_frame)) as f64 / 1e6
    }

    /// Which frame was played at `time_ns`; negative before the recording began.
    pub fn frame_at(&self, time_ns: u64) -> f64 {
        let past = |(up_to, start_ns): &(u64, i64)| start_ns + duration_ns(*up_to as f64) < time_ns as i64;
        let at = self.starts.partition_point(past).min(self.starts.len() - 1);
        let frame = (time_ns as i64 - self.starts[at].1) as f64 * f64::from(RATE_HZ) / 1e9;
        // In time that was left out, nothing was played: the last frame before it stands.
        at.checked_sub(1).map_or(frame, |before| frame.max(self.starts[before].0 as f64))
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
