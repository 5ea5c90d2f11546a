//! The fan-out thread: from the hand-off to every listener's socket, for all listeners at once.
//!
//! In: the frames that the capture thread leaves, and upgraded connections. Out: bytes on sockets, and
//! counters. Nothing else runs here; pages, handshakes and status belong to the `main` thread. A packet
//! wakes this thread once, for any number of listeners. A task per listener (`session`) reads its messages on
//! this same thread and shares its queue, so no locks are needed.

use super::access_control::AccessControl;
use super::broadcast::Broadcast;
use super::events::Event;
use super::listeners::{Listeners, Parts};
use super::new_listeners::{NewListener, NewListenerReceiver};
use super::session;
use super::settings::Settings;
use crate::clock::mono_raw_now;
use crate::core::adaptation::{CostFloor, Stream};
use crate::error::{Error, Result};
use crate::hub::Sizes;
use crate::hub::handover::{Giver, Untaken};
use crate::hub::now_playing::NowPlaying;
use crate::hub::numbers::Numbers;
use crate::hub::pump::{HandoffReader, Pump, RING_MARKS};
use crate::hub::tap::Tap;
use crate::units::{MonoNs, NS_PER_S};
use nix::sys::resource::{UsageWho, getrusage};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// Time after which the thread looks again at a listener whose connection took nothing, if no packet comes before.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Time without a packet after which a message that is not full is sent as it is.
const HURRY_AFTER: Duration = Duration::from_millis(100);
/// Maximum number of marks taken from the hand-off before the listeners are served.
const MARKS_AT_ONCE: usize = 16;
/// Maximum number of turns in a row before new listeners and incoming messages are handled, however late this thread is.
/// So many turns cover everything present when it woke up; anything newer wakes it again.
const TURNS_AT_ONCE: usize = RING_MARKS / MARKS_AT_ONCE;
/// Interval at which this thread measures its load, ns.
const LOAD_EVERY_NS: u64 = NS_PER_S / 4;
/// Interval at which the loop turns even when idle, to show the watchdog that it can.
const TURN_EVERY: Duration = Duration::from_secs(1);
/// The pause it takes when it has not slept once between two checks, because it has more work than time. The pause gives
/// other threads on its CPU a turn, and shows the kernel that this thread has not run away (`LimitRTTIME=` of the unit).
const FORCED_PAUSE: Duration = Duration::from_millis(1);
/// The part of the one second for stopping that is reserved for telling the listeners.
const STOP_GRACE: Duration = Duration::from_millis(600);

/// Takes a listener over, and starts the task that converses with it.
fn welcome(listeners: &Rc<Listeners>, new: NewListener, dscp: Option<u8>) {
    let NewListener { arrival, client, number, left } = new;
    let Ok((link, opening)) = arrival.settle(listeners.links(), dscp) else {
        return; // no descriptors left: the page will try again
    };
    let joined = listeners.add(link, client, number);
    tokio::task::spawn_local(async move {
        let conversation = opening(joined.control_out()).await;
        session::converse(&joined.listeners, &joined.listener, conversation).await;
        drop(joined);
        drop(left); // last, so that the listener is already removed when its waiter wakes up
    });
}

/// The parts that the thread needs to start.
pub struct Setup {
    /// The stream's sizes.
    pub sizes: Sizes,
    /// All counters.
    pub numbers: Arc<Numbers>,
    /// The source and its pair.
    pub now_playing: Arc<NowPlaying>,
    /// The keys, which decide who may continue to listen.
    pub access_control: AccessControl,
    /// DSCP value for the packets on the network, 0 to 63.
    pub dscp: Option<u8>,
    /// Signalled when the thread is ready for listeners.
    pub began: oneshot::Sender<()>,
    /// Takes the changes that listeners request ([`super::settings::changes`]).
    pub changes: Giver<Settings>,
    /// Consumers of packets besides the listeners.
    pub taps: Vec<Tap>,
    /// Events from other threads ([`super::events::pass_on`]); the stop event ends the thread.
    pub events: Untaken<Event>,
}

/// Serves all listeners that arrive, on the calling thread, until it must stop.
///
/// # Errors
/// If the kernel provides no epoll, or tokio fails.
pub fn run(handoff: HandoffReader, arrivals: NewListenerReceiver, setup: Setup) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(|error| Error::new("cannot start the fan-out runtime").because(error))?;
    runtime.block_on(play(handoff, arrivals, setup))
}

async fn play(handoff: HandoffReader, arrivals: NewListenerReceiver, setup: Setup) -> Result<()> {
    let Setup { sizes, numbers, now_playing, access_control, dscp, began, changes, taps, events } = setup;
    let (mut arrivals, mut events) = (arrivals.0.here()?, events.here()?);
    let mut ticker = Ticker {
        pump: Pump::new(handoff, &sizes, Arc::clone(&now_playing.controls))?,
        load: Load::new(),
        pause: ForcedPause::default(),
        next_look: None,
    };
    let broadcasts = ticker.pump.renditions().iter().map(Broadcast::new).collect();
    let layout = *ticker.pump.layout();
    let listeners = Rc::new(Listeners::new(Parts {
        layout,
        broadcasts,
        numbers,
        now_playing,
        access_control,
        changes,
        taps,
    }));
    let mut stopping: Option<Instant> = None;
    let mut heartbeat = interval(TURN_EVERY);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let _ = began.send(());
    loop {
        listeners.numbers.fan_out.turns.fetch_add(1, Relaxed);
        let look = ticker.next_look;
        tokio::select! {
            biased;
            woken = ticker.pump.woken() => {
                woken?;
                ticker.tick(&listeners);
            }
            () = sleep_until(look.map_or_else(Instant::now, |(when, _)| when)), if look.is_some() => {
                ticker.look(&listeners, look.is_some_and(|(_, hurry)| hurry));
            }
            () = listeners.pending.notified(), if look.is_none() => ticker.look_again(),
            // Events come before new listeners, who are greeted with the newest status.
            event = events.take() => match event? {
                Event::Source(source) => _ = listeners.source.send_replace(source),
                Event::Stop => {
                    listeners.stop.send_replace(true);
                    stopping = Some(Instant::now() + STOP_GRACE);
                }
            },
            new = arrivals.take(), if stopping.is_none() => welcome(&listeners, new?, dscp),
            _ = heartbeat.tick() => {}
        }
        if let Some(until) = stopping {
            if listeners.is_empty() || Instant::now() >= until {
                return Ok(());
            }
            ticker.look_again();
        }
    }
}

/// The parts that handle every packet.
struct Ticker {
    pump: Pump,
    load: Load,
    pause: ForcedPause,
    /// The time for the next look if no packet comes, and whether to send messages that are not full then.
    next_look: Option<(Instant, bool)>,
}

impl Ticker {
    /// Takes all marks that the capture thread has left, and serves all listeners.
    fn tick(&mut self, listeners: &Listeners) {
        for _ in 0..TURNS_AT_ONCE {
            let began = mono_raw_now();
            let before = listeners.packets_made();
            let taken = (0..MARKS_AT_ONCE)
                .take_while(|_| self.pump.take(&mut |packet| listeners.push(packet)))
                .count();
            listeners.lay_out(self.pump.layout(), self.pump.renditions());
            let made = listeners.packets_made() - before;
            listeners.numbers.totals.packets.fetch_add(made, Relaxed);
            if made > 0 {
                self.look(listeners, false);
            }
            self.account(listeners, began);
            if taken < MARKS_AT_ONCE {
                break;
            }
        }
        listeners.numbers.fan_out.ticks.fetch_add(1, Relaxed);
    }

    /// Measures the time this turn took; from time to time checks whether that is too much.
    fn account(&mut self, listeners: &Listeners, began: MonoNs) {
        let now = mono_raw_now();
        listeners.numbers.fan_out.busy_ns.fetch_add(now.since(began), Relaxed);
        if let Some(packets) = self.load.busy(now, now.since(began), listeners.stream()) {
            listeners.set_floor(packets);
            listeners.numbers.fan_out.forced_pauses.fetch_add(u64::from(self.pause.taken_if_due()), Relaxed);
        }
    }

    fn look_again(&mut self) {
        self.next_look = Some((Instant::now() + LOOK_AGAIN, false));
    }

    fn look(&mut self, listeners: &Listeners, hurry: bool) {
        let (pending, gathering) = listeners.serve_all(hurry);
        self.next_look = match (pending, gathering) {
            (true, _) => Some((Instant::now() + LOOK_AGAIN, false)),
            (false, true) => Some((Instant::now() + HURRY_AFTER, true)),
            (false, false) => None,
        };
    }
}

/// Forces a short sleep under overload, so that `LimitRTTIME=` does not end the process.
#[derive(Default)]
struct ForcedPause {
    /// Number of sleeps of the thread up to the last check.
    waits: i64,
}

impl ForcedPause {
    /// Sleeps briefly, unless the thread has slept since the last call; returns whether it did.
    fn taken_if_due(&mut self) -> bool {
        let due = waits() == self.waits;
        if due {
            std::thread::sleep(FORCED_PAUSE);
        }
        self.waits = waits();
        due
    }
}

/// Returns how often the calling thread has slept, waiting for anything.
fn waits() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.voluntary_context_switches())
}

/// The load of the thread, evaluated from time to time.
struct Load {
    floor: CostFloor,
    began: MonoNs,
    busy_ns: u64,
}

impl Load {
    fn new() -> Self {
        Self { floor: CostFloor::default(), began: mono_raw_now(), busy_ns: 0 }
    }

    /// Adds this busy time; returns how many packets a message must hold, if an evaluation was due.
    fn busy(&mut self, now: MonoNs, busy_ns: u64, stream: Stream) -> Option<u32> {
        self.busy_ns += busy_ns;
        let elapsed_ns = now.since(self.began);
        if elapsed_ns < LOAD_EVERY_NS {
            return None;
        }
        let share = self.busy_ns as f64 / elapsed_ns as f64;
        (self.began, self.busy_ns) = (now, 0);
        Some(self.floor.observe(share, stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_never_waits_is_made_to_pause_and_another_needs_none() {
        let mut pause = ForcedPause::default();
        // Between two checks the thread may sleep for a page fault.
        assert!((0..100).any(|_| pause.taken_if_due()));
        std::thread::sleep(FORCED_PAUSE);
        assert!(!pause.taken_if_due());
    }
}
