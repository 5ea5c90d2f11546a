//! All counters since the start: written by the threads that do the work, read by any thread.

use super::fan_out::FanOutNumbers;
use super::reports::Reports;
use super::tap::TapNumbers;
use crate::core::histogram::Histogram;
use crate::rt::counters::Counters;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

/// Bounds of the number of packets that wait when one is sent.
const QUEUE_PACKETS: &[u64] = &[0, 1, 2, 4, 8, 16, 32, 64, 128];
/// Bounds of the time a packet has waited when it is sent, ns.
const QUEUE_AGE_NS: &[u64] = &[
    100_000,
    300_000,
    1_000_000,
    3_000_000,
    10_000_000,
    30_000_000,
    100_000_000,
    300_000_000,
    1_000_000_000,
];

/// The counters, by the thread or part that writes them.
#[derive(Debug)]
pub struct Numbers {
    /// The capture thread's counters.
    pub counters: Arc<Counters>,
    /// The counters of everything that is sent.
    pub totals: Totals,
    /// The fan-out thread's counters.
    pub fan_out: FanOutNumbers,
    /// Reports of listeners about their playback.
    pub reports: Reports,
    /// The taps' counters: set once, before the first packet.
    pub taps: OnceLock<Vec<Arc<TapNumbers>>>,
}

/// Counters of messages and packets to listeners.
#[derive(Debug)]
pub struct Totals {
    /// Listeners that have ever joined.
    pub joined: AtomicU64,
    /// Listeners refused because there were too many.
    pub refused: AtomicU64,
    /// Messages written to listeners.
    pub messages: AtomicU64,
    /// Bytes in these messages.
    pub bytes: AtomicU64,
    /// Packets that wait for a listener when one is sent to it.
    pub queue_packets: Histogram,
    /// Time that each packet waited in its queue before the link took it, ns.
    pub queue_age: Histogram,
    /// Packets dropped by full queues.
    pub queue_drop_packets: AtomicU64,
    /// Frames in these packets.
    pub queue_drop_frames: AtomicU64,
    /// Packets made.
    pub packets: AtomicU64,
}

impl Default for Totals {
    fn default() -> Self {
        let zero = AtomicU64::default;
        Self {
            joined: zero(),
            refused: zero(),
            messages: zero(),
            bytes: zero(),
            queue_packets: Histogram::new(QUEUE_PACKETS),
            queue_age: Histogram::new(QUEUE_AGE_NS),
            queue_drop_packets: zero(),
            queue_drop_frames: zero(),
            packets: zero(),
        }
    }
}
