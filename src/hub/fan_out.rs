//! What the fan-out thread counts of itself, read by everybody at any time.

use crate::core::layout::Layout;
use crate::core::log_buckets::{BUCKETS, bucket_of};
use crate::rt::thread::RtState;
use crate::units::Hz;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Written by the fan-out thread alone; each number stands alone.
#[derive(Debug)]
pub struct FanOutNumbers {
    /// How real-time the thread became.
    pub real_time: OnceLock<RtState>,
    /// How the stream is laid out: its rate, the frames of a period and of a packet.
    rate_hz: AtomicU32,
    /// See [`Self::lay_out`].
    pub period_frames: AtomicU32,
    /// See [`Self::lay_out`].
    pub packet_frames: AtomicU32,
    /// From the moment a message's sound was ready to the end of its write, by bucket of `core::log_buckets`.
    delays: [AtomicU64; BUCKETS],
    /// The longest of them, ns.
    pub delay_ns_max: AtomicU64,
    /// Turns of the thread, at least one a second: its heartbeat.
    pub turns: AtomicU64,
    /// Messages of sound that a socket took, or began to take.
    pub messages: AtomicU64,
    /// Listeners that nothing can be written to: their connections take nothing just now, or are closing.
    pub stalled: AtomicUsize,
    /// Times the thread woke for packets.
    pub ticks: AtomicU64,
    /// What it was busy in them, ns.
    pub busy_ns: AtomicU64,
    /// Times it waited on purpose because it had not waited by itself.
    pub forced_pauses: AtomicU64,
    /// Packets a message holds at least, so that the thread keeps up.
    pub floor_packets: AtomicU32,
    /// Writes the kernel took only a part of.
    pub partial_writes: AtomicU64,
    /// Times a listener had sound waiting and its kernel buffer no room.
    pub blocked: AtomicU64,
    /// Times a listener was brought back to the newest packet after its queue had been full.
    pub caught_up: AtomicU64,
    /// Times a listener's control messages had to wait because too many bytes of them waited already.
    pub control_full: AtomicU64,
    /// Times control messages went before sound because they had waited for long.
    pub control_first: AtomicU64,
    /// Reports not kept because somebody was just reading them.
    pub reports_skipped: AtomicU64,
}

impl FanOutNumbers {
    /// Of a stream that is laid out so until a source says otherwise.
    pub fn new(layout: &Layout, packet_frames: u32) -> Self {
        Self {
            real_time: OnceLock::new(),
            rate_hz: AtomicU32::new(layout.rate().0),
            period_frames: AtomicU32::new(layout.period_frames()),
            packet_frames: AtomicU32::new(packet_frames),
            delays: [const { AtomicU64::new(0) }; BUCKETS],
            delay_ns_max: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            stalled: AtomicUsize::new(0),
            ticks: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            forced_pauses: AtomicU64::new(0),
            floor_packets: AtomicU32::new(1),
            partial_writes: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            caught_up: AtomicU64::new(0),
            control_full: AtomicU64::new(0),
            control_first: AtomicU64::new(0),
            reports_skipped: AtomicU64::new(0),
        }
    }

    /// Another source has been opened.
    pub fn lay_out(&self, layout: &Layout, packet_frames: u32) {
        self.rate_hz.store(layout.rate().0, Relaxed);
        self.period_frames.store(layout.period_frames(), Relaxed);
        self.packet_frames.store(packet_frames, Relaxed);
    }

    /// Frames per second of the stream.
    pub fn rate(&self) -> Hz {
        Hz(self.rate_hz.load(Relaxed))
    }

    /// Counts one message by how long after its sound was ready it was written.
    pub fn written(&self, delay_ns: u64) {
        self.delays[bucket_of(delay_ns)].fetch_add(1, Relaxed);
        self.delay_ns_max.fetch_max(delay_ns, Relaxed);
    }

    /// Messages by bucket.
    pub fn delays(&self) -> [u64; BUCKETS] {
        std::array::from_fn(|bucket| self.delays[bucket].load(Relaxed))
    }
}
