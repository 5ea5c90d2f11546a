//! Decides whether the service is alive, which is more than running: sound must reach the sockets, and the
//! supervisor must look for a source. Pure.
//!
//! In: the threads' counters, and when they were read. Out: a verdict with its cause in words. The watchdog, `/healthz`
//! (and through it the trial of a new slot), the status and the metrics all use this verdict. Each part is judged by its
//! output while it has input: a missing source, or a listener whose network takes nothing, is no fault.

use crate::units::{MonoNs, NS_PER_S};

/// Sound must leave the service within this time, and the fan-out thread must complete a turn: a thousand times the
/// usual time.
pub const SOUND_WITHIN_S: u64 = 5;
/// The supervisor must complete a turn within this time. The kernel waits up to 5 s for one answer of a USB device.
pub const TURN_WITHIN_S: u64 = 10;
/// A counter that changed within this time counts as flowing.
const FLOWS_NS: u64 = 2 * NS_PER_S;
/// Maximum time between two looks that counts: in a longer pause the whole machine may have stood still.
const LOOK_NS_MAX: u64 = 2 * NS_PER_S;

/// The threads' counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Turns of the supervisor: each attempt to open a source, and each check of an open one that delivers.
    pub turns: u64,
    /// Periods that came from the source.
    pub periods: u64,
    /// Turns of the fan-out thread, which makes one a second even when idle.
    pub sender_turns: u64,
    /// Packets the fan-out thread has made.
    pub packets: u64,
    /// Messages of sound that a socket took completely or in part.
    pub messages: u64,
    /// Number of current listeners.
    pub listening: usize,
    /// Number of current listeners whose connections take nothing at the moment, or are closing.
    pub stalled: usize,
}

/// The reason why the service is not alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ill {
    /// The first attempt to open a source has not ended yet.
    Untried,
    /// The fan-out thread has made no turn yet.
    SenderMissing,
    /// The fan-out thread has stopped.
    SenderStopped,
    /// The supervisor hangs, in a call to a device or waiting for the capture thread.
    SourceKept,
    /// Frames come in, but no packets are made of them.
    NoPackets,
    /// Packets are made, but no listener gets any.
    NoMessages,
}

impl Ill {
    /// All faults, in the order in which they are reported.
    pub const ALL: [Self; 6] = [
        Self::SenderMissing,
        Self::Untried,
        Self::SenderStopped,
        Self::SourceKept,
        Self::NoPackets,
        Self::NoMessages,
    ];

    /// Returns the name used in the status and the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Untried => "untried",
            Self::SenderMissing => "sender_missing",
            Self::SenderStopped => "sender_stopped",
            Self::SourceKept => "source_kept",
            Self::NoPackets => "no_packets",
            Self::NoMessages => "no_messages",
        }
    }

    /// Returns whether this is only the normal state of a service that has just started.
    pub fn is_start(self) -> bool {
        matches!(self, Self::Untried | Self::SenderMissing)
    }

    /// Returns a plain sentence. Its seconds are [`TURN_WITHIN_S`] and [`SOUND_WITHIN_S`].
    pub fn words(self) -> &'static str {
        match self {
            Self::Untried => "The service is starting: its first look for a sound device is not over yet.",
            Self::SenderMissing => "The service is starting: the thread that sends sound does not run yet.",
            Self::SenderStopped => "The thread that sends sound has stood still for more than 5 s.",
            Self::SourceKept => "A sound device has kept the service waiting for more than 10 s.",
            Self::NoPackets => {
                "Frames come from the source, but for more than 5 s no packets were made of them."
            }
            Self::NoMessages => {
                "There is sound, but for more than 5 s none of it went to any listener who could take it."
            }
        }
    }
}

/// The state that the verdict keeps from one look to the next.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    seen: Seen,
    /// Time of the last look.
    looked: Option<MonoNs>,
    /// Time watched so far, ns: the clock for the fields below.
    watched_ns: u64,
    turned_ns: u64,
    sender_turned_ns: u64,
    frames_ns: Option<u64>,
    packets_ns: Option<u64>,
    /// Since when frames come but packets do not.
    unpacked_ns: Option<u64>,
    /// Since when packets are made and some listener could take them, but none gets any.
    unsent_ns: Option<u64>,
}

impl Liveness {
    /// Returns the fault, if any. Call it at least every [`LOOK_NS_MAX`]; calling it more often does no harm.
    pub fn look(&mut self, seen: Seen, now: MonoNs) -> Option<Ill> {
        let before = std::mem::replace(&mut self.seen, seen);
        let elapsed_ns = self.looked.replace(now).map_or(0, |looked| now.since(looked));
        self.watched_ns += elapsed_ns.min(LOOK_NS_MAX);
        let now_ns = self.watched_ns;
        let flows = |moved_ns: Option<u64>| moved_ns.is_some_and(|at| now_ns - at <= FLOWS_NS);
        if seen.turns != before.turns {
            self.turned_ns = now_ns;
        }
        if seen.sender_turns != before.sender_turns {
            self.sender_turned_ns = now_ns;
        }
        if seen.periods != before.periods {
            self.frames_ns = Some(now_ns);
        }
        let made = seen.packets != before.packets;
        if made {
            self.packets_ns = Some(now_ns);
        }
        let sent = seen.messages != before.messages;
        self.unpacked_ns = since(self.unpacked_ns, flows(self.frames_ns) && !made, now_ns);
        let wanted = flows(self.packets_ns) && seen.listening > seen.stalled;
        self.unsent_ns = since(self.unsent_ns, wanted && !sent, now_ns);
        Ill::ALL.into_iter().find(|ill| self.is(*ill))
    }

    fn is(&self, ill: Ill) -> bool {
        let late = |since_ns: u64, within_s: u64| self.watched_ns - since_ns > within_s * NS_PER_S;
        match ill {
            Ill::Untried => self.seen.turns == 0,
            Ill::SenderMissing => self.seen.sender_turns == 0,
            Ill::SenderStopped => late(self.sender_turned_ns, SOUND_WITHIN_S),
            Ill::SourceKept => late(self.turned_ns, TURN_WITHIN_S),
            Ill::NoPackets => self.unpacked_ns.is_some_and(|since_ns| late(since_ns, SOUND_WITHIN_S)),
            Ill::NoMessages => self.unsent_ns.is_some_and(|since_ns| late(since_ns, SOUND_WITHIN_S)),
        }
    }
}

/// Returns since when a condition holds: as before, from now on, or not at all.
fn since(before_ns: Option<u64>, is_so: bool, now_ns: u64) -> Option<u64> {
    is_so.then(|| before_ns.unwrap_or(now_ns))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // proptest's strategies are shared pointers
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A healthy service whose parts a test can break one by one.
    #[derive(Clone, Debug)]
    #[allow(clippy::struct_excessive_bools)]
    struct Model {
        now: MonoNs,
        seen: Seen,
        life: Liveness,
        plays: bool,
        device_keeps: bool,
        sender_frozen: bool,
        makes_nothing: bool,
        sends_nothing: bool,
    }

    impl Model {
        fn new() -> Self {
            let seen = Seen { turns: 1, sender_turns: 1, ..Seen::default() };
            Self {
                now: MonoNs(77 * NS_PER_S),
                seen,
                life: Liveness::default(),
                plays: true,
                device_keeps: false,
                sender_frozen: false,
                makes_nothing: false,
                sends_nothing: false,
            }
        }

        fn pass(&mut self, ms: u64) -> Option<Ill> {
            self.now.0 += ms * 1_000_000;
            let Seen { turns, periods, sender_turns, packets, messages, listening, stalled } = &mut self.seen;
            *turns += u64::from(!self.device_keeps);
            *periods += u64::from(self.plays) * ms / 3;
            if !self.sender_frozen {
                *sender_turns += 1;
                let made = u64::from(self.plays && !self.makes_nothing) * ms / 3;
                *packets += made;
                *messages += if self.sends_nothing { 0 } else { made * (*listening - *stalled) as u64 };
            }
            self.life.look(self.seen, self.now)
        }

        /// Returns the verdict after this many seconds with a look every half second.
        fn after(mut self, seconds: u64) -> Option<Ill> {
            (0..2 * seconds).map(|_| self.pass(500)).last().flatten()
        }
    }

    type Break = fn(&mut Model);

    #[test]
    fn each_part_that_stops_is_named_when_its_time_is_over_and_not_before() {
        let cases: [(&str, Break, u64, Option<Ill>); 12] = [
            ("all is well", |_| (), 1, None),
            ("no source, the supervisor tries", |m| m.plays = false, 1, None),
            ("the device keeps its thread", |m| m.device_keeps = true, TURN_WITHIN_S, Some(Ill::SourceKept)),
            (
                "it keeps it while nothing plays",
                |m| (m.plays, m.device_keeps) = (false, true),
                TURN_WITHIN_S,
                Some(Ill::SourceKept),
            ),
            (
                "the sender is frozen while frames come",
                |m| m.sender_frozen = true,
                SOUND_WITHIN_S,
                Some(Ill::SenderStopped),
            ),
            (
                "it is frozen while nothing plays",
                |m| (m.plays, m.sender_frozen) = (false, true),
                SOUND_WITHIN_S,
                Some(Ill::SenderStopped),
            ),
            ("it turns and makes nothing", |m| m.makes_nothing = true, SOUND_WITHIN_S, Some(Ill::NoPackets)),
            (
                "it makes packets and sends none",
                |m| (m.sends_nothing, m.seen.listening) = (true, 3),
                SOUND_WITHIN_S,
                Some(Ill::NoMessages),
            ),
            (
                "it sends none, and one of three could take some",
                |m| (m.sends_nothing, m.seen.listening, m.seen.stalled) = (true, 3, 2),
                SOUND_WITHIN_S,
                Some(Ill::NoMessages),
            ),
            ("nobody listens", |m| m.sends_nothing = true, 1, None),
            ("whoever listens takes nothing", |m| (m.seen.listening, m.seen.stalled) = (2, 2), 1, None),
            ("one of two takes something", |m| (m.seen.listening, m.seen.stalled) = (2, 1), 1, None),
        ];
        for (case, break_it, within_s, ill) in cases {
            let mut model = Model::new();
            for _ in 0..60 {
                assert_eq!(model.pass(500), None, "{case}: before");
            }
            break_it(&mut model);
            assert_eq!(model.clone().after(within_s), None, "{case}: too early");
            for seconds in [within_s + 2, within_s + 60] {
                assert_eq!(model.clone().after(seconds), ill, "{case}: after {seconds} s");
            }
        }
    }

    #[test]
    fn until_each_has_turned_once_the_service_is_starting() {
        let mut life = Liveness::default();
        let tried = Seen { turns: 1, ..Seen::default() };
        assert_eq!(life.look(Seen::default(), MonoNs(1)), Some(Ill::SenderMissing));
        assert_eq!(life.look(Seen { sender_turns: 1, ..Seen::default() }, MonoNs(2)), Some(Ill::Untried));
        assert_eq!(life.look(Seen { sender_turns: 1, ..tried }, MonoNs(3)), None);
    }

    #[test]
    fn it_is_over_with_the_first_thing_that_moves() {
        let mut model = Model { sender_frozen: true, device_keeps: true, ..Model::new() };
        for _ in 0..60 {
            model.pass(500);
        }
        assert_eq!(model.pass(500), Some(Ill::SenderStopped), "the first cause first");
        model.sender_frozen = false;
        assert_eq!(model.pass(500), Some(Ill::SourceKept));
        model.device_keeps = false;
        assert_eq!(model.pass(500), None);
    }

    #[test]
    fn a_machine_that_stood_still_is_no_evidence() {
        let mut model = Model::new();
        model.pass(500);
        // The machine wakes up and is looked at before any thread has run, twice.
        model.now.0 += 3600 * NS_PER_S;
        assert_eq!(model.life.look(model.seen, model.now), None);
        assert_eq!(model.life.look(model.seen, model.now), None);
    }

    #[test]
    fn a_source_that_begins_after_hours_has_its_time() {
        let mut model = Model { plays: false, ..Model::new() };
        for _ in 0..20_000 {
            assert_eq!(model.pass(500), None);
        }
        model.plays = true;
        model.makes_nothing = true;
        assert_eq!(model.clone().after(SOUND_WITHIN_S), None);
        assert_eq!(model.after(SOUND_WITHIN_S + 2), Some(Ill::NoPackets));
    }

    /// Events in the life of a healthy service: its synth comes and goes, listeners come, stall and leave.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        Source(bool),
        Listeners { listening: usize, stalled: usize },
        Pass(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            any::<bool>().prop_map(Event::Source),
            (0_usize..5, 0_usize..5)
                .prop_map(|(more, stalled)| Event::Listeners { listening: stalled + more, stalled }),
            (1_u64..2_000).prop_map(Event::Pass),
            (1_u64..2_000).prop_map(Event::Pass),
        ]
    }

    proptest! {
        #[test]
        fn whatever_synth_and_listeners_do_a_service_that_is_well_is_alive(events in proptest::collection::vec(event(), 1..300)) {
            let mut model = Model::new();
            for event in events {
                match event {
                    Event::Source(plays) => model.plays = plays,
                    Event::Listeners { listening, stalled } => (model.seen.listening, model.seen.stalled) = (listening, stalled),
                    Event::Pass(ms) => prop_assert_eq!(model.pass(ms.max(3)), None),
                }
            }
        }

        #[test]
        fn whenever_the_sender_freezes_it_is_found_however_often_it_is_looked_at(
            events in proptest::collection::vec(event(), 1..100), looks in proptest::collection::vec(1_u64..1_500, 12..200)
        ) {
            let mut model = Model::new();
            for event in events {
                match event {
                    Event::Source(plays) => model.plays = plays,
                    Event::Listeners { .. } => {}
                    Event::Pass(ms) => {
                        model.pass(ms);
                    }
                }
            }
            model.pass(3);
            model.sender_frozen = true;
            let mut frozen_ms = 0;
            for ms in looks {
                frozen_ms += ms;
                let ill = model.pass(ms);
                prop_assert_eq!(ill == Some(Ill::SenderStopped), frozen_ms > SOUND_WITHIN_S * 1000, "{} ms", frozen_ms);
            }
        }
    }
}
