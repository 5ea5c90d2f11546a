//! How one listener is served: how many packets share a message, and how long its queue may become.
//!
//! In: the listener's reports, and how busy the fan-out thread is. Out: a [`Serving`] with its reason. A long message costs
//! less work in the service and in the listener, and less Wi-Fi airtime, but its first packets wait for the last. We accept
//! that wait where the network's own delay is much longer, or where the service could not keep up otherwise. No clock here:
//! reports come once a second, and durations are counted in reports.

use super::layout::Layout;
use super::packetizer::Payload;
use super::wire::{AUDIO_FRAMES_MAX, RECORDS_MAX};
use crate::units::{Hz, NS_PER_S};
use serde::{Deserialize, Serialize};

/// Consecutive reports that must call for longer messages before they become longer.
const LONGER_AFTER: u32 = 3;
/// Consecutive reports that must call for shorter messages. A network that has been calm for a moment may not stay calm.
const SHORTER_AFTER: u32 = 10;
/// A packet may wait for the rest of its message for this share of the round trip.
const ROUND_TRIP_SHARE: f64 = 1.0 / 16.0;
/// Factor on the arrival tail while the listener misses sound: fewer messages relieve a crowded Wi-Fi channel.
const MISSED_FACTOR: f64 = 2.0;
/// Upper limit of the round trip and the tail that we believe.
const BELIEVED_MS_MAX: f64 = 1000.0;

/// The listener's choice between short delay and steady sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The shortest delay, at the price of gaps.
    Lowest,
    /// A balance of delay and gaps.
    #[default]
    Balanced,
    /// No gaps, at the price of delay.
    Safest,
}

impl Mode {
    /// Returns the mode of this name; an unknown name means balanced.
    pub fn named(word: &str) -> Self {
        match word {
            "lowest" => Self::Lowest,
            "safest" => Self::Safest,
            _ => Self::Balanced,
        }
    }

    /// Returns the share of the arrival tail for which a packet may wait for the rest of its message.
    fn tail_share(self) -> f64 {
        match self {
            Self::Lowest => 1.0 / 16.0,
            Self::Balanced => 1.0 / 8.0,
            Self::Safest => 1.0 / 4.0,
        }
    }

    /// Returns the longest useful queue for a listener that plays this far behind. Older packets come too late to be heard,
    /// but they still show the listener how late packets can be.
    fn queue_ms(self, target_ms: f64) -> f64 {
        match self {
            Self::Lowest => (4.0 * target_ms).max(60.0),
            Self::Balanced => (6.0 * target_ms).max(120.0),
            Self::Safest => f64::INFINITY,
        }
    }
}

/// A listener's latest report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ListenerFeedback {
    /// The listener's mode.
    pub mode: Mode,
    /// The playout delay for which the listener aims.
    pub target_ms: Option<f64>,
    /// The largest lateness of a packet in the last second, compared with the earliest packet of that second.
    pub arrival_tail_ms: Option<f64>,
    /// Round trip between the listener and the service.
    pub round_trip_ms: Option<f64>,
    /// True if the network made the listener miss sound since its last report.
    pub missed: bool,
}

/// The sizes of one rendition, which every listener's queue starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The rendition's number.
    pub number: u8,
    /// Frames per second.
    pub rate: Hz,
    /// Frames in a packet.
    pub packet_frames: u32,
    /// Maximum bytes of a packet's payload.
    pub payload_bytes: usize,
    /// The longest queue, as configured.
    pub queue_ms: u32,
}

impl Stream {
    /// Returns the sizes for a payload and a layout. Packets hold the requested number of frames, as far as the source's
    /// periods allow.
    pub fn new(payload: &Payload, layout: &Layout, chunk_frames: Option<u32>, queue_ms: u32) -> Self {
        let packet_frames = layout.packet_frames(chunk_frames);
        let samples = packet_frames as usize * usize::from(payload.channels);
        let payload_bytes = payload.codec.bytes_max(samples);
        Self { number: payload.stream, rate: layout.rate(), packet_frames, payload_bytes, queue_ms }
    }

    fn packet_ms(self) -> f64 {
        f64::from(self.packet_frames) * 1000.0 / f64::from(self.rate.0)
    }

    /// Returns the most packets a message may hold: a power of two that leaves room for a note and for further waiting
    /// packets. Two messages fit the longest queue.
    fn chunk_packets_max(self) -> u32 {
        let queued = self.packets_in(f64::from(self.queue_ms)) as u32 / 2;
        let most = (AUDIO_FRAMES_MAX / self.packet_frames).min(queued).clamp(1, RECORDS_MAX as u32 / 2);
        1 << most.ilog2()
    }

    /// Returns the most packets any queue may hold.
    pub fn queue_packets_max(self) -> usize {
        self.packets_in(f64::from(self.queue_ms))
    }

    /// Converts milliseconds to packets, at least two: one is being sent while the next arrives.
    pub fn packets_in(self, ms: f64) -> usize {
        let frames = self.rate.frames_in((ms.clamp(0.0, 10_000.0) / 1000.0 * NS_PER_S as f64) as u64);
        (frames as usize / self.packet_frames as usize).max(2)
    }
}

/// The reason why a message holds this many packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// One packet per message: the least delay.
    LeastDelay,
    /// The network's jitter or round trip hides the wait.
    Network,
    /// The service would be too busy with shorter messages.
    ServiceBusy,
}

/// The message length and queue length for one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Packets in a message: a power of two.
    pub chunk_packets: u32,
    /// Packets that the listener's queue may hold.
    pub queue_packets: usize,
    /// Stop sending once sound has been unacknowledged for this long.
    pub unacknowledged_ms: u32,
    /// The reason for the message length.
    pub why: Why,
}

/// Decides how one listener is served, report by report.
#[derive(Clone, Copy, Debug)]
pub struct Adaptation {
    stream: Stream,
    /// Packets in a message, as the network suggests.
    chunk_packets: u32,
    /// Packets in a message that the service needs to keep up.
    floor_packets: u32,
    facts: ListenerFeedback,
    /// Consecutive reports asking for a change, and the smallest change asked for.
    agreeing: u32,
    wanted: u32,
}

impl Adaptation {
    /// Returns the state for a listener that has not reported yet.
    pub fn new(stream: Stream) -> Self {
        let facts = ListenerFeedback::default();
        Self { stream, chunk_packets: 1, floor_packets: 1, facts, agreeing: 0, wanted: 1 }
    }

    /// Adopts the sizes of a newly opened source. The listener's last report still holds; the number of packets is computed
    /// anew.
    pub fn lay_out(&mut self, stream: Stream) {
        *self = Self { facts: self.facts, ..Self::new(stream) };
    }

    /// Takes in a report of the listener.
    pub fn report(&mut self, facts: ListenerFeedback) {
        self.facts = facts;
        let wanted = self.wanted_packets();
        if wanted == self.chunk_packets {
            self.agreeing = 0;
            return;
        }
        let longer = wanted > self.chunk_packets;
        if self.agreeing > 0 && longer == (self.wanted > self.chunk_packets) {
            self.wanted = if longer { self.wanted.min(wanted) } else { self.wanted.max(wanted) };
            self.agreeing += 1;
        } else {
            (self.wanted, self.agreeing) = (wanted, 1);
        }
        if self.agreeing >= if longer { LONGER_AFTER } else { SHORTER_AFTER } {
            (self.chunk_packets, self.agreeing) = (self.wanted, 0);
        }
    }

    /// Sets the least number of packets in a message, a power of two, with which the service keeps up.
    pub fn floor(&mut self, packets: u32) {
        self.floor_packets = packets.min(self.stream.chunk_packets_max());
    }

    /// Returns how to serve the listener now.
    pub fn serving(&self) -> Serving {
        let chunk_packets = self.chunk_packets.max(self.floor_packets);
        let why = match (chunk_packets, self.floor_packets > self.chunk_packets) {
            (1, _) => Why::LeastDelay,
            (_, true) => Why::ServiceBusy,
            (_, false) => Why::Network,
        };
        let longest_ms = f64::from(self.stream.queue_ms);
        let queue_ms =
            self.facts.target_ms.map_or(longest_ms, |ms| self.facts.mode.queue_ms(ms).min(longest_ms));
        Serving {
            chunk_packets,
            queue_packets: self.stream.packets_in(queue_ms).max(2 * chunk_packets as usize),
            unacknowledged_ms: (queue_ms + believed_ms(self.facts.round_trip_ms).unwrap_or(200.0)) as u32,
            why,
        }
    }

    fn wanted_packets(&self) -> u32 {
        let packet_ms = self.stream.packet_ms();
        // A packet that waits for its message adds to the tail. Without this subtraction the wait would lengthen itself.
        let own_ms = f64::from(self.serving().chunk_packets - 1) * packet_ms;
        let tail_ms = (believed_ms(self.facts.arrival_tail_ms).unwrap_or(0.0) - own_ms).max(0.0);
        let factor = if self.facts.missed { MISSED_FACTOR } else { 1.0 };
        let wait_ms = tail_ms * factor * self.facts.mode.tail_share()
            + believed_ms(self.facts.round_trip_ms).unwrap_or(0.0) * ROUND_TRIP_SHARE;
        let packets = 1 + (wait_ms / packet_ms) as u32;
        (1 << packets.ilog2()).min(self.stream.chunk_packets_max())
    }
}

/// Limits a reported time to a plausible value. A listener may report anything; null and nonsense count as
/// unknown.
fn believed_ms(ms: Option<f64>) -> Option<f64> {
    ms.filter(|ms| ms.is_finite() && *ms >= 0.0).map(|ms| ms.min(BELIEVED_MS_MAX))
}

/// The number of packets per message that lets the fan-out thread keep up. The number doubles when the thread is too busy.
/// It halves when the thread could send twice as many messages.
#[derive(Clone, Copy, Debug)]
pub struct CostFloor {
    packets: u32,
    /// Consecutive looks at which the thread was idle.
    idle: u32,
}

/// Above this share of its time the thread is too busy.
const BUSY_SHARE: f64 = 0.6;
/// Below this share it could send twice as many messages. A third of `BUSY_SHARE`, so that the number does not oscillate.
const IDLE_SHARE: f64 = 0.2;
/// Idle looks before the number halves.
const IDLE_LOOKS: u32 = 8;

impl Default for CostFloor {
    /// Starts with one packet per message.
    fn default() -> Self {
        Self { packets: 1, idle: 0 }
    }
}

impl CostFloor {
    /// Takes in the share of time the thread was busy; returns the packets that a message of this stream must hold from now
    /// on.
    pub fn observe(&mut self, busy_share: f64, stream: Stream) -> u32 {
        self.idle = if busy_share < IDLE_SHARE { self.idle + 1 } else { 0 };
        if busy_share > BUSY_SHARE {
            self.packets = (self.packets * 2).min(stream.chunk_packets_max());
        } else if self.idle >= IDLE_LOOKS {
            self.packets = (self.packets / 2).max(1);
            self.idle = 0;
        }
        self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: Stream =
        Stream { number: 0, rate: Hz(44_100), packet_frames: 128, payload_bytes: 512, queue_ms: 250 };

    fn told(adaptation: &mut Adaptation, reports: u32, facts: ListenerFeedback) -> Serving {
        for _ in 0..reports {
            adaptation.report(facts);
        }
        adaptation.serving()
    }

    fn network(mode: Mode, tail_ms: f64, round_trip_ms: f64) -> ListenerFeedback {
        ListenerFeedback {
            mode,
            target_ms: Some(tail_ms),
            arrival_tail_ms: Some(tail_ms),
            round_trip_ms: Some(round_trip_ms),
            missed: false,
        }
    }

    #[test]
    fn a_cable_is_served_a_packet_at_a_time_and_a_worse_network_in_larger_pieces() {
        for (mode, tail_ms, round_trip_ms, packets) in [
            (Mode::Balanced, 3.0, 1.0, 1),
            (Mode::Lowest, 30.0, 5.0, 1),
            (Mode::Balanced, 30.0, 5.0, 2),
            (Mode::Balanced, 100.0, 10.0, 4),
            (Mode::Safest, 100.0, 10.0, 8),
            (Mode::Balanced, 3.0, 150.0, 4),
            (Mode::Safest, 1e9, 1e9, 16),
        ] {
            let mut adaptation = Adaptation::new(STREAM);
            // The model's own wait for a message is part of the tail that the listener sees.
            let serving = told(&mut adaptation, LONGER_AFTER, network(mode, tail_ms, round_trip_ms));
            assert_eq!(serving.chunk_packets, packets, "{mode:?} {tail_ms} {round_trip_ms}");
            let own_ms = f64::from(packets - 1) * STREAM.packet_ms();
            let again = told(&mut adaptation, 30, network(mode, tail_ms + own_ms, round_trip_ms));
            assert_eq!(again.chunk_packets, packets, "and it stays");
        }
    }

    #[test]
    fn a_change_must_last_and_a_shorter_message_longer() {
        let (calm, rough) = (network(Mode::Balanced, 3.0, 1.0), network(Mode::Balanced, 40.0, 1.0));
        let mut adaptation = Adaptation::new(STREAM);
        assert_eq!(told(&mut adaptation, LONGER_AFTER - 1, rough).chunk_packets, 1);
        assert_eq!(told(&mut adaptation, 1, calm).chunk_packets, 1);
        assert_eq!(told(&mut adaptation, LONGER_AFTER - 1, rough).chunk_packets, 1, "counted anew");
        assert_eq!(told(&mut adaptation, 1, rough).chunk_packets, 2);
        assert_eq!(told(&mut adaptation, SHORTER_AFTER - 1, calm).chunk_packets, 2);
        assert_eq!(told(&mut adaptation, 1, calm).chunk_packets, 1);
    }

    #[test]
    fn a_busy_service_lengthens_everybodys_messages_and_says_so() {
        let mut adaptation = Adaptation::new(STREAM);
        let mut floor = CostFloor::default();
        assert_eq!(adaptation.serving().why, Why::LeastDelay);
        assert_eq!([0.7, 0.7, 0.35, 0.35].map(|share| floor.observe(share, STREAM)), [2, 4, 4, 4]);
        adaptation.floor(4);
        assert_eq!((adaptation.serving().chunk_packets, adaptation.serving().why), (4, Why::ServiceBusy));
        let idle = |floor: &mut CostFloor| {
            (0..IDLE_LOOKS).map(|_| floor.observe(0.19, STREAM)).collect::<Vec<u32>>()
        };
        assert_eq!(idle(&mut floor), [4, 4, 4, 4, 4, 4, 4, 2]);
        assert_eq!(floor.observe(0.38, STREAM), 2);
        assert_eq!(idle(&mut floor).last(), Some(&1));
        adaptation.floor(1);
        assert_eq!(adaptation.serving().why, Why::LeastDelay);
    }

    #[test]
    fn a_queue_is_as_long_as_what_waits_in_it_is_worth() {
        let serving = |mode, target_ms| {
            let mut adaptation = Adaptation::new(STREAM);
            adaptation.report(ListenerFeedback { mode, target_ms, ..ListenerFeedback::default() });
            adaptation.serving().queue_packets
        };
        assert_eq!(Adaptation::new(STREAM).serving().queue_packets, STREAM.packets_in(250.0));
        assert_eq!(serving(Mode::Lowest, Some(5.0)), STREAM.packets_in(60.0));
        assert_eq!(serving(Mode::Balanced, Some(30.0)), STREAM.packets_in(180.0));
        assert_eq!(
            serving(Mode::Balanced, Some(500.0)),
            STREAM.packets_in(250.0),
            "never beyond what is configured"
        );
        assert_eq!(serving(Mode::Safest, Some(5.0)), STREAM.packets_in(250.0));
    }

    proptest! {
        #[test]
        fn whatever_is_reported_the_serving_is_within_its_bounds(
            packet_frames in 32_u32..2048, queue_ms in 10_u32..2000,
            tail in proptest::option::of(any::<f64>()), trip in proptest::option::of(any::<f64>()),
            target in proptest::option::of(any::<f64>()), missed: bool, doubled in 0_u32..8, reports in 0_u32..20,
        ) {
            let stream = Stream { packet_frames, queue_ms, ..STREAM };
            let mut adaptation = Adaptation::new(stream);
            adaptation.floor(1 << doubled);
            let facts = ListenerFeedback { mode: Mode::Safest, target_ms: target, arrival_tail_ms: tail, round_trip_ms: trip, missed };
            let serving = told(&mut adaptation, reports, facts);
            prop_assert!(serving.chunk_packets >= 1 && serving.chunk_packets * packet_frames <= AUDIO_FRAMES_MAX.max(packet_frames));
            prop_assert!(serving.chunk_packets.is_power_of_two());
            prop_assert!(serving.queue_packets >= 2 * serving.chunk_packets as usize);
            prop_assert!(serving.queue_packets <= stream.packets_in(f64::from(queue_ms)).max(2 * serving.chunk_packets as usize));
        }
    }
}
