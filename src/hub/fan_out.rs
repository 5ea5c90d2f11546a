//! The fan-out thread's counters, which any thread may read at any time.

use crate::core::layout::Layout;
use crate::core::log_buckets::{BUCKETS, bucket_of};
use crate::rt::thread::RtState;
use crate::units::Hz;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counters written only by the fan-out thread. Each stands alone.
#[derive(Debug)]
pub struct FanOutNumbers {
    /// The real-time properties the thread got.
    pub real_time: OnceLock<RtState>,
    /// The stream's frames per second.
    rate_hz: AtomicU32,
    /// The stream's frames per period.
    pub period_frames: AtomicU32,
    /// The stream's frames per packet.
    pub packet_frames: AtomicU32,
    /// Delays from the moment a message's sound was ready to the end of its write, counted in the buckets of
    /// `core::log_buckets`.
    delays: [AtomicU64; BUCKETS],
    /// The longest of these delays, ns.
    pub delay_ns_max: AtomicU64,
    /// Turns of the thread, at least one a second: its heartbeat.
    pub turns: AtomicU64,
    /// Messages of sound that a socket took completely or in part.
    pub messages: AtomicU64,
    /// Listeners that cannot be written to: their connections take nothing at the moment, or are closing.
    pub stalled: AtomicUsize,
    /// Times the thread woke up for packets.
    pub ticks: AtomicU64,
    /// Time that the thread worked after these wake-ups, ns.
    pub busy_ns: AtomicU64,
    /// Short sleeps that the thread was forced to take because its last sleep was too long ago.
    pub forced_pauses: AtomicU64,
    /// The least number of packets in a message with which the thread keeps up.
    pub floor_packets: AtomicU32,
    /// Writes of which the kernel took only a part.
    pub partial_writes: AtomicU64,
    /// Times sound waited for a listener while its kernel buffer had no room.
    pub blocked: AtomicU64,
    /// Times a listener was moved to the newest packet after its queue had been full.
    pub caught_up: AtomicU64,
    /// Times a control message had to wait because too many bytes of them were already waiting.
    pub control_full: AtomicU64,
    /// Times control messages went before sound because they had waited too long.
    pub control_first: AtomicU64,
    /// Reports discarded because another thread was reading them at that moment.
    pub reports_skipped: AtomicU64,
}

impl FanOutNumbers {
    /// Creates counters at zero for a stream of this layout, until a source brings another one.
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

    /// Records the layout of a newly opened source.
    pub fn lay_out(&self, layout: &Layout, packet_frames: u32) {
        self.rate_hz.store(layout.rate().0, Relaxed);
        self.period_frames.store(layout.period_frames(), Relaxed);
        self.packet_frames.store(packet_frames, Relaxed);
    }

    /// Returns the stream's frames per second.
    pub fn rate(&self) -> Hz {
        Hz(self.rate_hz.load(Relaxed))
    }

    /// Counts one message, written this long after its sound was ready.
    pub fn written(&self, delay_ns: u64) {
        self.delays[bucket_of(delay_ns)].fetch_add(1, Relaxed);
        self.delay_ns_max.fetch_max(delay_ns, Relaxed);
    }

    /// Returns the number of messages per bucket.
    pub fn delays(&self) -> [u64; BUCKETS] {
        std::array::from_fn(|bucket| self.delays[bucket].load(Relaxed))
    }
}
