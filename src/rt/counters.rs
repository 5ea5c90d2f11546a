//! The capture thread's counters, which other threads may read at any time.

use crate::core::cause::Cause;
use crate::core::histogram::Histogram;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU16, AtomicU64, Ordering::Relaxed};

/// Bounds of the histogram of the thread's wake-up latency, ns.
const WAKE_LATE_NS: &[u64] = &[
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
];

/// Counters written by the capture thread and the supervisor, read by any thread. Each stands alone, so relaxed order is
/// enough.
#[derive(Debug)]
pub struct Counters {
    /// Periods taken from the source since the service started: the heartbeat.
    pub periods: AtomicU64,
    /// Frames taken from the source.
    pub frames: AtomicU64,
    /// Number of times frames were lost, by cause.
    events: [AtomicU64; Cause::ALL.len()],
    /// Frames lost, by cause.
    lost_frames: [AtomicU64; Cause::ALL.len()],
    /// Frames between capture and hand-over before the last period was read: the device's own delay.
    pub delay_frames: AtomicU64,
    /// Longest time from a device's stamp to the thread's answer, ns.
    pub wake_late_ns_max: AtomicU64,
    /// Histogram of these times, ns.
    pub wake_late: Histogram,
    /// The kernel's ID of the capture thread; 0 before the first one.
    pub capture_thread: AtomicI32,
    /// Waits that ended without frames.
    pub timeouts: AtomicU64,
    /// Turns of the supervisor. While a capture thread runs, a turn counts only if that thread has made a step since the
    /// last turn.
    pub turns: AtomicU64,
    /// The device's drift against our clock, in thousandths of a ppm; `i64::MIN` if unknown.
    drift_ppb: AtomicI64,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Counters {
    /// Creates counters at zero, with unknown drift.
    pub fn new() -> Self {
        let zero = AtomicU64::default;
        Self {
            periods: zero(),
            frames: zero(),
            events: Default::default(),
            lost_frames: Default::default(),
            delay_frames: zero(),
            wake_late_ns_max: zero(),
            wake_late: Histogram::new(WAKE_LATE_NS),
            capture_thread: AtomicI32::new(0),
            timeouts: zero(),
            turns: zero(),
            drift_ppb: AtomicI64::new(i64::MIN),
        }
    }

    /// Counts one loss. Its frames are added with [`Self::lost_frames`], now or later.
    pub fn lost(&self, cause: Cause) {
        self.events[usize::from(cause.code() - 1)].fetch_add(1, Relaxed);
    }

    /// Counts the frames of a loss.
    pub fn lost_frames(&self, cause: Cause, frames: u32) {
        self.lost_frames[usize::from(cause.code() - 1)].fetch_add(u64::from(frames), Relaxed);
    }

    /// Returns how often frames were lost for this cause, and how many frames.
    pub fn losses(&self, cause: Cause) -> (u64, u64) {
        let slot = usize::from(cause.code() - 1);
        (self.events[slot].load(Relaxed), self.lost_frames[slot].load(Relaxed))
    }

    /// Counts a turn of the supervisor.
    pub fn turn(&self) {
        self.turns.fetch_add(1, Relaxed);
    }

    /// Returns the steps of the capture thread: the number changes with every wait that ends, with frames or without.
    pub fn steps(&self) -> u64 {
        self.periods.load(Relaxed).wrapping_add(self.timeouts.load(Relaxed))
    }

    /// Sets the drift in ppm.
    pub fn set_drift_ppm(&self, drift_ppm: Option<f64>) {
        self.drift_ppb.store(drift_ppm.map_or(i64::MIN, |ppm| (ppm * 1000.0) as i64), Relaxed);
    }

    /// Returns the drift in ppm, if known.
    pub fn drift_ppm(&self) -> Option<f64> {
        let ppb = self.drift_ppb.load(Relaxed);
        (ppb != i64::MIN).then_some(ppb as f64 / 1000.0)
    }
}

/// Requests that other threads make of the capture thread and the fan-out thread.
#[derive(Debug, Default)]
pub struct Controls {
    /// First channel of the pair to send, counted from 0; read by the fan-out thread.
    pub first_channel: AtomicU16,
    /// Asks the capture thread to end with the current source.
    stop: AtomicBool,
}

impl Controls {
    /// Asks the capture thread to end at its next step.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Lets the next source run.
    pub fn allow(&self) {
        self.stop.store(false, Relaxed);
    }

    /// Returns whether the capture thread was asked to end.
    pub fn stopping(&self) -> bool {
        self.stop.load(Relaxed)
    }
}
