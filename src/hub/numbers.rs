//! Everything counted since the start: written by the threads that do it, read by everybody at any time.

use super::fan_out::FanOutNumbers;
use super::reports::Reports;
use super::tap::TapNumbers;
use crate::core::histogram::Histogram;
use crate::rt::counters::Counters;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

/// Bounds of how many packets wait when one is sent.
const QUEUE_PACKETS: &[u64] = &[0, 1, 2, 4, 8, 16, 32, 64, 128];
/// Bounds of how long a packet has waited when it is sent, ns.
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

/// By who counts.
#[derive(Debug)]
pub struct Numbers {
    /// Of the capture thread.
    pub counters: Arc<Counters>,
    /// Of everything that is sent.
    pub totals: Totals,
    /// Of the thread that sends.
    pub fan_out: FanOutNumbers,
    /// What listeners say of their playing.
    pub reports: Reports,
    /// What became of the taps' packets: set once, before the first packet.
    pub taps: OnceLock<Vec<Arc<TapNumbers>>>,
}

/// What is sent.
#[derive(Debug)]
pub struct Totals {
    /// Listeners that ever joined.
    pub joined: AtomicU64,
    /// Listeners refused because there were too many.
    pub refused: AtomicU64,
    /// Messages written to listeners.
    pub messages: AtomicU64,
    /// Bytes in them.
    pub bytes: AtomicU64,
    /// Packets that wait for a listener when one is sent.
    pub queue_packets: Histogram,
    /// How long a packet has waited when it is sent, ns.
    pub queue_age: Histogram,
    /// Packets forgotten by full queues.
    pub queue_drop_packets: AtomicU64,
    /// Frames in them.
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
