//! The fan-out thread: from the hand-off to every listener's socket, in one go for all of them.
//!
//! In: what the capture thread leaves, upgraded connections. Out: bytes on sockets, and numbers. Nothing else
//! runs here: pages, handshakes, status have the other thread. A packet wakes this thread once, however many listen; what a
//! listener says is read by a task of its own (`ws`), which shares the listener's [`Line`] with it. So nothing here is locked.

use super::connection::Connection;
use super::door::{Newcomers, News};
use super::guest::Guest;
use super::line::Line;
use super::packets::Packets;
use super::settings::Settings;
use super::{Service, socket, ws};
use crate::clock::mono_raw_now;
use crate::core::adaptation::{CostFloor, Stream};
use crate::core::layout::Layout;
use crate::error::{Error, Result};
use crate::hub::handover::{Giver, Untaken};
use crate::hub::pump::{HandoffReader, Pump, RING_MARKS};
use crate::hub::{Hub, SourceStatus};
use crate::units::{MonoNs, NS_PER_S};
use bytes::Bytes;
use nix::sys::resource::{UsageWho, getrusage};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How soon a listener is looked at again whose connection took nothing, when no packet comes: else with the next.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// When no packet has come for so long, what waits for its message to be full is sent as it is.
const HURRY_AFTER: Duration = Duration::from_millis(100);
/// What is taken from the hand-off before everybody is served.
const MARKS_AT_ONCE: usize = 16;
/// So many such turns before newcomers and listeners' words have theirs, however late this thread is: all that was there when it
/// woke, and whatever has come since will wake it again.
const TURNS_AT_ONCE: usize = RING_MARKS / MARKS_AT_ONCE;
/// Packets kept beyond the longest queue: those of one such turn.
const SPARE_PACKETS: usize = 64;
/// How often it is looked at how busy this thread is, ns.
const LOAD_EVERY_NS: u64 = NS_PER_S / 4;
/// How often it turns with nothing to do: who watches over it sees that it could.
const TURN_EVERY: Duration = Duration::from_secs(1);
/// How long it waits when it has not waited once between two such looks: it has more to do than it can. Others of its processor have
/// a turn then, and the kernel sees that it has not lost its way (`LimitRTTIME=` of the unit).
const BREATH: Duration = Duration::from_millis(1);
/// What is left of the second a stop may take, for listeners to be told.
const STOP_GRACE: Duration = Duration::from_millis(600);

/// A connection that has become a WebSocket.
pub(super) struct Newcomer {
    pub(super) connection: Connection,
    /// What it has said already.
    pub(super) said: Bytes,
    /// Who it is.
    pub(super) visitor: Visitor,
    /// Dropped when it has left.
    pub(super) left: oneshot::Sender<()>,
}

/// A listener as the door knows it.
pub(super) struct Visitor {
    pub(super) service: Arc<Service>,
    pub(super) guest: Guest,
    /// Its listener's number.
    pub(super) number: u64,
}

/// What the listeners share.
pub(super) struct Room {
    pub(super) hub: Arc<Hub>,
    /// What is heard, for this thread alone.
    pub(super) source: watch::Sender<SourceStatus>,
    /// Whether the service is to stop, for this thread alone.
    pub(super) stop: watch::Sender<bool>,
    /// To the thread that may wait for a disk.
    pub(super) wishes: RefCell<Giver<Settings>>,
    packets: RefCell<Packets>,
    seats: RefCell<Vec<Rc<Seat>>>,
    layout: Cell<Layout>,
    stream: Cell<Stream>,
    floor_packets: Cell<u32>,
    /// A listener's words found no room: it is to be looked at even if no packet comes.
    pending: Notify,
}

/// One listener's place in the room.
pub(super) struct Seat {
    pub(super) line: RefCell<Line>,
    pub(super) visitor: Visitor,
    /// The frames of its messages have changed: it must be told.
    pub(super) chunk_changed: Notify,
    /// The stream has another rate than it was told: it must come anew.
    pub(super) rate_changed: Notify,
}

impl Room {
    /// Writes what is due to one listener.
    pub(super) fn serve(&self, seat: &Seat) {
        let mut line = seat.line.borrow_mut();
        line.serve(&self.packets.borrow(), &self.hub, false);
        if line.has_pending() {
            self.pending.notify_one();
        }
    }

    /// A listener's messages are of so many frames now.
    pub(super) fn chunk_frames(&self, packets: u32) -> u32 {
        packets * self.stream.get().packet_frames
    }

    /// How the source is laid out that is heard now.
    pub(super) fn layout(&self) -> Layout {
        self.layout.get()
    }

    /// Another source has been opened: its packets are of another size, or of another rate, for which a listener comes anew.
    fn lay_out(&self, layout: &Layout) {
        if self.layout.replace(*layout) == *layout {
            return;
        }
        let stream = self.hub.sizes().stream(layout);
        let before = self.stream.replace(stream);
        self.hub.fan_out.lay_out(layout, stream);
        if before == stream {
            return;
        }
        self.packets.borrow_mut().make_room(stream.queue_packets_max() + SPARE_PACKETS);
        for seat in self.seats.borrow().iter() {
            seat.line.borrow_mut().lay_out(stream);
            let changed = if before.rate == stream.rate { &seat.chunk_changed } else { &seat.rate_changed };
            changed.notify_one();
        }
    }

    /// Writes what is due to everybody; whether somebody is to be looked at again soon, and whether sound waits for its message.
    fn serve_all(&self, hurry: bool) -> (bool, bool) {
        let packets = self.packets.borrow();
        let (mut pending, mut gathering, mut stalled) = (false, false, 0);
        for seat in self.seats.borrow().iter() {
            let mut line = seat.line.borrow_mut();
            line.serve(&packets, &self.hub, hurry);
            pending |= line.has_pending();
            gathering |= line.is_gathering(&packets);
            stalled += usize::from(line.is_stalled());
        }
        self.hub.fan_out.stalled.store(stalled, Relaxed);
        (pending, gathering)
    }

    fn set_floor(&self, packets: u32) {
        if self.floor_packets.replace(packets) == packets {
            return;
        }
        self.hub.fan_out.floor_packets.store(packets, Relaxed);
        for seat in self.seats.borrow().iter() {
            if seat.line.borrow_mut().floor(packets) {
                seat.chunk_changed.notify_one();
            }
        }
    }

    fn welcome(self: &Rc<Self>, newcomer: Newcomer, dscp: Option<u8>) {
        let Newcomer { mut connection, said, visitor, left } = newcomer;
        if connection.move_here().is_err() {
            return; // no descriptors left: the page tries again
        }
        // Without them it is heard all the same, and nothing is logged here.
        let _ = socket::prepare(connection.tcp(), dscp);
        let mut line = Line::new(connection, visitor.number, self.stream.get());
        line.floor(self.floor_packets.get());
        let seat = Rc::new(Seat {
            line: RefCell::new(line),
            visitor,
            chunk_changed: Notify::new(),
            rate_changed: Notify::new(),
        });
        self.seats.borrow_mut().push(Rc::clone(&seat));
        let leaving = Leaving { room: Rc::clone(self), seat, _left: left };
        tokio::task::spawn_local(async move { ws::converse(&leaving.room, &leaving.seat, said).await });
    }
}

/// Takes the listener out of the room however its task ends.
struct Leaving {
    room: Rc<Room>,
    seat: Rc<Seat>,
    _left: oneshot::Sender<()>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.room.seats.borrow_mut().retain(|seat| !Rc::ptr_eq(seat, &self.seat));
    }
}

/// How the thread is set up.
pub struct Setup {
    /// What everybody shares.
    pub hub: Arc<Hub>,
    /// Marks the packets of the network, 0 to 63.
    pub dscp: Option<u8>,
    /// Told when the thread plays to whoever comes.
    pub began: oneshot::Sender<()>,
    /// Where listeners' wishes go ([`super::settings::wishes`]).
    pub wishes: Giver<Settings>,
    /// What it must know of the others' doings ([`super::door::pass_on`]); the last of it ends the thread.
    pub news: Untaken<News>,
}

/// Plays to everybody who comes through the door, on the calling thread, until it is to stop.
///
/// # Errors
/// When the kernel gives no epoll, or tokio ends.
pub fn run(handoff: HandoffReader, newcomers: Newcomers, setup: Setup) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(|error| Error::new("cannot start the fan-out runtime").because(error))?;
    runtime.block_on(play(handoff, newcomers, setup))
}

async fn play(handoff: HandoffReader, newcomers: Newcomers, setup: Setup) -> Result<()> {
    let Setup { hub, dscp, began, wishes, news } = setup;
    let (mut newcomers, mut news) = (newcomers.0.here()?, news.here()?);
    let sizes = hub.sizes();
    let stream = sizes.stream(&sizes.expected);
    let kept_packets = stream.queue_packets_max() + SPARE_PACKETS;
    let room = Rc::new(Room {
        source: watch::Sender::new(hub.source().borrow().clone()),
        stop: watch::Sender::new(false),
        hub,
        wishes: RefCell::new(wishes),
        packets: RefCell::new(Packets::new(kept_packets)),
        seats: RefCell::default(),
        layout: Cell::new(sizes.expected),
        stream: Cell::new(stream),
        floor_packets: Cell::new(1),
        pending: Notify::new(),
    });
    let mut ticker = Ticker {
        pump: Pump::new(handoff, sizes)?,
        load: Load::new(),
        breath: Breath::default(),
        next_look: None,
    };
    let mut stopping: Option<Instant> = None;
    let mut heartbeat = interval(TURN_EVERY);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let _ = began.send(());
    loop {
        room.hub.fan_out.turns.fetch_add(1, Relaxed);
        let look = ticker.next_look;
        tokio::select! {
            biased;
            woken = ticker.pump.woken() => {
                woken?;
                ticker.tick(&room);
            }
            () = sleep_until(look.map_or_else(Instant::now, |(when, _)| when)), if look.is_some() => {
                ticker.look(&room, look.is_some_and(|(_, hurry)| hurry));
            }
            () = room.pending.notified(), if look.is_none() => ticker.look_again(),
            // Before newcomers: they are greeted with it.
            news = news.take() => match news? {
                News::Source(source) => _ = room.source.send_replace(source),
                News::Stop => {
                    room.stop.send_replace(true);
                    stopping = Some(Instant::now() + STOP_GRACE);
                }
            },
            newcomer = newcomers.take(), if stopping.is_none() => room.welcome(newcomer?, dscp),
            _ = heartbeat.tick() => {}
        }
        if let Some(until) = stopping {
            if room.seats.borrow().is_empty() || Instant::now() >= until {
                return Ok(());
            }
            ticker.look_again();
        }
    }
}

/// What happens with every packet.
struct Ticker {
    pump: Pump,
    load: Load,
    breath: Breath,
    /// When to come by without a packet, and whether what waits is then to be sent as it is.
    next_look: Option<(Instant, bool)>,
}

impl Ticker {
    /// Takes what the capture thread has left, and serves everybody.
    fn tick(&mut self, room: &Room) {
        for _ in 0..TURNS_AT_ONCE {
            let began = mono_raw_now();
            let before = room.packets.borrow().count();
            let taken = (0..MARKS_AT_ONCE)
                .take_while(|_| self.pump.take(&mut |packet| room.packets.borrow_mut().push(packet)))
                .count();
            room.lay_out(self.pump.layout());
            let made = room.packets.borrow().count() - before;
            room.hub.totals.packets.fetch_add(made, Relaxed);
            if made > 0 {
                self.look(room, false);
            }
            self.account(room, began);
            if taken < MARKS_AT_ONCE {
                break;
            }
        }
        room.hub.fan_out.ticks.fetch_add(1, Relaxed);
    }

    /// Counts what this turn took; now and then it is looked at whether that is too much.
    fn account(&mut self, room: &Room, began: MonoNs) {
        let now = mono_raw_now();
        room.hub.fan_out.busy_ns.fetch_add(now.since(began), Relaxed);
        if let Some(packets) = self.load.busy(now, now.since(began), room.stream.get()) {
            room.set_floor(packets);
            room.hub.fan_out.breaths.fetch_add(u64::from(self.breath.taken_if_due()), Relaxed);
        }
    }

    fn look_again(&mut self) {
        self.next_look = Some((Instant::now() + LOOK_AGAIN, false));
    }

    fn look(&mut self, room: &Room, hurry: bool) {
        let (pending, gathering) = room.serve_all(hurry);
        self.next_look = match (pending, gathering) {
            (true, _) => Some((Instant::now() + LOOK_AGAIN, false)),
            (false, true) => Some((Instant::now() + HURRY_AFTER, true)),
            (false, false) => None,
        };
    }
}

/// Sees to it that the thread waits now and then, however much there is to do.
#[derive(Default)]
struct Breath {
    /// How often the thread had waited when it was last looked at.
    waits: i64,
}

impl Breath {
    /// Waits for a moment, unless the thread has waited by itself since this was last asked; whether it did.
    fn taken_if_due(&mut self) -> bool {
        let due = waits() == self.waits;
        if due {
            std::thread::sleep(BREATH);
        }
        self.waits = waits();
        due
    }
}

/// How often the calling thread has waited for anything.
fn waits() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.voluntary_context_switches())
}

/// How busy the thread is, looked at every now and then.
struct Load {
    floor: CostFloor,
    began: MonoNs,
    busy_ns: u64,
}

impl Load {
    fn new() -> Self {
        Self { floor: CostFloor::default(), began: mono_raw_now(), busy_ns: 0 }
    }

    /// It was busy for so long; how many packets a message must hold, if it was time to look.
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
    fn a_thread_that_never_waits_takes_a_breath_and_another_needs_none() {
        let mut breath = Breath::default();
        // Between two looks it may wait for a page of memory.
        assert!((0..100).any(|_| breath.taken_if_due()));
        std::thread::sleep(BREATH);
        assert!(!breath.taken_if_due());
    }
}
