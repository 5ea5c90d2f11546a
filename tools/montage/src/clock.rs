//! The instrument's crystal: how many frames it has made by a given time of the host's clock.

use crate::NS_PER_S;

/// Nominal frames per second.
pub const RATE_HZ: u32 = 44_100;

/// A crystal that may run fast or slow. It runs from the creation of the device on, connected or not.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    since_ns: u64,
    since_frame: u64,
    ppm: i32,
}

impl Clock {
    /// Starts with frame 0 now.
    pub fn new(now_ns: u64) -> Self {
        Self { since_ns: now_ns, since_frame: 0, ppm: 0 }
    }

    /// Continues at another speed from now on; positive is fast. No frame is skipped or made twice.
    pub fn set_ppm(&mut self, ppm: i32, now_ns: u64) {
        *self = Self { since_frame: self.frame_at(now_ns), since_ns: now_ns, ppm };
    }

    /// Number of frames made before `at_ns`.
    pub fn frame_at(&self, at_ns: u64) -> u64 {
        let millionths = (1_000_000 + i64::from(self.ppm)) as u128;
        let passed_ns = u128::from(at_ns.saturating_sub(self.since_ns));
        let made = passed_ns * u128::from(RATE_HZ) * millionths / (u128::from(NS_PER_S) * 1_000_000);
        self.since_frame + made as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_crystal_makes_more_frames() {
        let mut clock = Clock::new(5);
        assert_eq!(clock.frame_at(5 + 10 * NS_PER_S), 441_000);
        clock.set_ppm(300, 5 + 10 * NS_PER_S);
        assert_eq!(clock.frame_at(5 + 20 * NS_PER_S), 441_000 + 441_000 + 132);
        clock.set_ppm(-300, 5 + 20 * NS_PER_S);
        assert_eq!(clock.frame_at(5 + 30 * NS_PER_S), 882_132 + 441_000 - 133);
    }

    #[test]
    fn a_new_pace_neither_skips_nor_repeats() {
        let mut clock = Clock::new(0);
        let before = clock.frame_at(777_777_777);
        clock.set_ppm(-300, 777_777_777);
        assert_eq!(clock.frame_at(777_777_777), before);
    }
}
