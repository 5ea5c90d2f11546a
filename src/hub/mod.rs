//! One stream to many listeners.
//!
//! In: the hand-off, the source's status from the supervisor. Out: packets, listeners' places, and what `/api/status` shows.
//! Nothing here knows sockets or ALSA. Packets stay on the fan-out thread (`net::fan_out`), which shares them with every
//! listener; what other threads may know of it are numbers.

pub mod fan_out;
pub mod handover;
pub mod pump;
pub mod reports;
pub mod tap;

pub use crate::rt::counters::{Controls, Counters};
pub use crate::rt::status::{SourceStatus, SourceView, State};
pub use crate::rt::thread::RtState;

use crate::core::adaptation::Stream;
use crate::core::layout::Layout;
use crate::core::liveness::{Ill, Liveness, Seen};
use crate::core::spread::Histogram;
use crate::units::MonoNs;
use fan_out::FanOutNumbers;
use reports::Reports;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tap::TapNumbers;
use tokio::sync::watch;

/// The hub's limits and the stream's sizes; of these [`Hub::set_listeners_max`] alone changes one.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Listeners at once.
    pub listeners_max: usize,
    /// What a listener's queue may hold.
    pub queue_ms: u32,
    /// Frames a packet is wished to hold; without, one period.
    pub chunk_frames: Option<u32>,
    /// What a source is asked for: so the stream is said to be before one has been opened, and never after.
    pub expected: Layout,
}

impl Sizes {
    /// The stream of a source laid out so.
    pub fn stream(&self, layout: &Layout) -> Stream {
        Stream::new(layout, self.chunk_frames, self.queue_ms)
    }
}

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

/// Everything counted since the start.
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

/// What everybody shares.
pub struct Hub {
    sizes: Sizes,
    listeners_max: AtomicUsize,
    listening: AtomicUsize,
    /// Channels of the source, for threads that must not wait for a lock; 0 when unknown.
    channels: AtomicU16,
    source: watch::Sender<SourceStatus>,
    /// Numbers of the capture thread.
    pub counters: Arc<Counters>,
    /// Wishes to the capture thread.
    pub controls: Arc<Controls>,
    /// Numbers of the hub.
    pub totals: Totals,
    /// Numbers of the fan-out thread.
    pub fan_out: FanOutNumbers,
    /// What listeners say of their playing.
    pub reports: Reports,
    /// What became of the taps' packets: set once, before the first packet.
    pub taps: OnceLock<Vec<Arc<TapNumbers>>>,
    /// Never touched by a thread that carries sound.
    liveness: Mutex<Liveness>,
}

/// There are `listeners_max` already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Hub {
    /// A hub nobody listens to.
    pub fn new(sizes: Sizes, counters: Arc<Counters>, controls: Arc<Controls>) -> Arc<Self> {
        let first_channel = controls.first_channel.load(Relaxed) + 1;
        Arc::new(Self {
            sizes,
            listeners_max: AtomicUsize::new(sizes.listeners_max),
            listening: AtomicUsize::new(0),
            channels: AtomicU16::new(0),
            source: watch::Sender::new(SourceStatus::unknown(first_channel)),
            counters,
            controls,
            totals: Totals::default(),
            fan_out: FanOutNumbers::new(&sizes.expected, sizes.stream(&sizes.expected)),
            reports: Reports::default(),
            taps: OnceLock::new(),
            liveness: Mutex::default(),
        })
    }

    /// The sizes, and the limit at this moment.
    pub fn sizes(&self) -> Sizes {
        Sizes { listeners_max: self.listeners_max.load(Relaxed), ..self.sizes }
    }

    /// Changes how many may listen, for who comes from now on. Nobody is sent away.
    pub fn set_listeners_max(&self, listeners_max: usize) {
        self.listeners_max.store(listeners_max, Relaxed);
    }

    /// Adds a listener; it leaves when the handle is dropped.
    ///
    /// # Errors
    /// [`Full`] when there are as many as may be.
    pub fn join(self: &Arc<Self>) -> Result<Listener, Full> {
        let most = self.listeners_max.load(Relaxed);
        let room = |now| (now < most).then_some(now + 1);
        if self.listening.fetch_update(Relaxed, Relaxed, room).is_err() {
            self.totals.refused.fetch_add(1, Relaxed);
            return Err(Full);
        }
        let number = self.totals.joined.fetch_add(1, Relaxed);
        Ok(Listener { hub: Arc::clone(self), number })
    }

    /// How many listen.
    pub fn listening(&self) -> usize {
        self.listening.load(Relaxed)
    }

    /// What keeps the service from being alive, if anything does: the one answer for the watchdog, `/healthz`, the status and the metrics.
    pub fn ill(&self, now: MonoNs) -> Option<Ill> {
        let seen = Seen {
            turns: self.counters.turns.load(Relaxed),
            periods: self.counters.periods.load(Relaxed),
            sender_turns: self.fan_out.turns.load(Relaxed),
            packets: self.totals.packets.load(Relaxed),
            messages: self.fan_out.messages.load(Relaxed),
            listening: self.listening(),
            stalled: self.fan_out.stalled.load(Relaxed),
        };
        self.liveness.lock().unwrap_or_else(PoisonError::into_inner).look(seen, now)
    }

    /// The source's status, now and whenever it changes.
    pub fn source(&self) -> watch::Receiver<SourceStatus> {
        self.source.subscribe()
    }

    /// Tells everybody of a change of the source.
    pub fn announce(&self, status: SourceStatus) {
        self.channels.store(status.source.channels, Relaxed);
        self.source.send_modify(|now| {
            *now = status;
            // The pair may have been changed since the status was put together.
            self.name_pair(&mut now.source);
        });
    }

    /// Lets everybody hear the pair that begins with `first_channel`, counted from 1, or the last one of a source that has
    /// fewer channels: what the configuration asks for.
    pub fn wish_pair(&self, first_channel: u16) {
        self.controls.first_channel.store(first_channel - 1, Relaxed);
        self.source.send_modify(|now| self.name_pair(&mut now.source));
    }

    fn name_pair(&self, source: &mut SourceView) {
        let wanted = self.controls.first_channel.load(Relaxed);
        source.name_pair(wanted);
    }

    /// Whether the source has the pair whose first channel is `first_channel`, counted from 1. Waits for nobody.
    ///
    /// # Errors
    /// Why there is no such pair, in plain words.
    pub fn check_pair(&self, first_channel: u16) -> Result<(), String> {
        let channels = self.channels.load(Relaxed);
        // One channel alone is heard on both sides: that is the one choice there is.
        let is_only = channels == 1 && first_channel == 1;
        if !is_only && (first_channel == 0 || first_channel >= channels) {
            return Err(format!(
                "There is no pair of channels {first_channel} and {}: the source has {channels}.",
                u32::from(first_channel) + 1
            ));
        }
        Ok(())
    }

    /// Lets everybody hear the pair whose first channel is `first_channel`, counted from 1.
    ///
    /// # Errors
    /// As [`Self::check_pair`].
    pub fn set_pair(&self, first_channel: u16) -> Result<(), String> {
        self.check_pair(first_channel)?;
        if self.controls.first_channel.swap(first_channel - 1, Relaxed) == first_channel - 1 {
            return Ok(());
        }
        self.source.send_modify(|status| status.source.first_channel = first_channel);
        tracing::debug!("listeners now hear channels {first_channel} and {}", first_channel + 1);
        Ok(())
    }
}

/// One listener's place among the many.
pub struct Listener {
    hub: Arc<Hub>,
    /// How many had joined before it: no two have the same.
    number: u64,
}

impl Listener {
    /// What it is called where listeners are counted.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.listening.fetch_sub(1, Relaxed);
        self.hub.reports.leave(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::NS_PER_S;

    /// What is said after half a minute in which everything is counted up but what is left out; somebody listens.
    fn ill_without(left_out: &str, stalled: usize) -> Option<Ill> {
        let sizes =
            Sizes { listeners_max: 1, queue_ms: 250, chunk_frames: None, expected: Layout::expected(128) };
        let hub = Hub::new(sizes, Arc::default(), Arc::default());
        let _listener = hub.join().unwrap();
        hub.fan_out.stalled.store(stalled, Relaxed);
        let counters = [
            ("turns", &hub.counters.turns),
            ("periods", &hub.counters.periods),
            ("sender turns", &hub.fan_out.turns),
            ("packets", &hub.totals.packets),
            ("messages", &hub.fan_out.messages),
        ];
        for (_, counter) in &counters {
            counter.fetch_add(1, Relaxed);
        }
        let mut found = None;
        for s in 0..30 {
            for (_, counter) in counters.iter().filter(|(name, _)| *name != left_out) {
                counter.fetch_add(1, Relaxed);
            }
            found = hub.ill(MonoNs(s * NS_PER_S));
        }
        found
    }

    #[test]
    fn what_stops_being_counted_is_what_is_named() {
        for (left_out, stalled, ill) in [
            ("nothing", 0, None),
            ("turns", 0, Some(Ill::SourceKept)),
            ("sender turns", 0, Some(Ill::SenderStopped)),
            ("packets", 0, Some(Ill::NoPackets)),
            ("messages", 0, Some(Ill::NoMessages)),
            ("messages", 1, None),
            ("periods", 0, None),
        ] {
            assert_eq!(ill_without(left_out, stalled), ill, "{left_out}");
        }
    }
}
