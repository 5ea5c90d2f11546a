//! The listeners on the fan-out thread: each one's sending side, and their shared parts.

use super::access_control::AccessControl;
use super::broadcast::Broadcast;
use super::client::Client;
use super::link::{self, ControlOut, Link};
use super::outgoing::Outgoing;
use super::settings::Settings;
use crate::core::adaptation::Stream;
use crate::core::layout::Layout;
use crate::core::packetizer::Packet;
use crate::hub::SourceStatus;
use crate::hub::handover::Giver;
use crate::hub::now_playing::NowPlaying;
use crate::hub::numbers::Numbers;
use crate::hub::rendition::Rendition;
use crate::hub::tap::Tap;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use tokio::sync::{Notify, watch};

/// One listener.
pub(super) struct Listener {
    pub(super) client: Client,
    pub(super) number: u64,
    pub(super) outgoing: RefCell<Outgoing>,
    /// Signalled when the length of the listener's messages has changed and the listener must be told.
    pub(super) chunk_changed: Notify,
    /// Signalled when the stream's rate has changed since the listener was told: the listener must reconnect.
    pub(super) rate_changed: Notify,
}

/// The parts needed to create [`Listeners`].
pub(super) struct Parts {
    /// The source's layout, as far as known.
    pub(super) layout: Layout,
    /// The renditions to subscribe to, by number; at least one.
    pub(super) broadcasts: Vec<Broadcast>,
    pub(super) numbers: Arc<Numbers>,
    pub(super) now_playing: Arc<NowPlaying>,
    pub(super) access_control: AccessControl,
    pub(super) changes: Giver<Settings>,
    pub(super) taps: Vec<Tap>,
}

/// All current listeners.
pub(super) struct Listeners {
    pub(super) numbers: Arc<Numbers>,
    pub(super) now_playing: Arc<NowPlaying>,
    pub(super) access_control: AccessControl,
    /// The source's status, for this thread alone.
    pub(super) source: watch::Sender<SourceStatus>,
    /// Becomes true when the service must stop; a copy for this thread alone.
    pub(super) stop: watch::Sender<bool>,
    /// Sends changes to the thread that may wait for a disk.
    pub(super) changes: RefCell<Giver<Settings>>,
    /// Consumers of packets besides the listeners.
    taps: RefCell<Vec<Tap>>,
    /// Signalled when a listener's control messages found no room, so that it is served even if no packet comes.
    pub(super) pending: Notify,
    all: RefCell<Vec<Rc<Listener>>>,
    links: link::Shared,
    layout: Cell<Layout>,
    /// The broadcasts by rendition number.
    broadcasts: Vec<Broadcast>,
    floor_packets: Cell<u32>,
}

impl Listeners {
    /// Creates an empty list.
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { layout, broadcasts, numbers, now_playing, access_control, changes, taps } = parts;
        let _ = numbers.taps.set(taps.iter().map(Tap::numbers).collect()); // not set before
        Self {
            source: watch::Sender::new(now_playing.status().borrow().clone()),
            stop: watch::Sender::new(false),
            numbers,
            now_playing,
            access_control,
            changes: RefCell::new(changes),
            taps: RefCell::new(taps),
            pending: Notify::new(),
            all: RefCell::default(),
            links: link::Shared::default(),
            layout: Cell::new(layout),
            broadcasts,
            floor_packets: Cell::new(1),
        }
    }

    /// Returns the parts that the links share.
    pub(super) fn links(&self) -> &link::Shared {
        &self.links
    }

    /// Adds a listener; dropping the returned value removes it.
    pub(super) fn add(self: &Rc<Self>, link: Box<dyn Link>, client: Client, number: u64) -> Joined {
        let mut outgoing = Outgoing::new(link, number, self.broadcast(&client).stream());
        outgoing.queue_mut().floor(self.floor_packets.get());
        let listener = Rc::new(Listener {
            client,
            number,
            outgoing: RefCell::new(outgoing),
            chunk_changed: Notify::new(),
            rate_changed: Notify::new(),
        });
        self.all.borrow_mut().push(Rc::clone(&listener));
        Joined { listeners: Rc::clone(self), listener }
    }

    /// Returns whether there are no listeners.
    pub(super) fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    /// Writes the messages that are due to one listener.
    pub(super) fn serve(&self, listener: &Listener) {
        let mut outgoing = listener.outgoing.borrow_mut();
        outgoing.serve(&self.broadcast(&listener.client).packets(), &self.numbers, false);
        if outgoing.queue().is_pending() {
            self.pending.notify_one();
        }
    }

    /// Writes the messages that are due to all listeners. Returns whether one of them needs another look
    /// soon, and whether sound waits for its message to be full.
    pub(super) fn serve_all(&self, hurry: bool) -> (bool, bool) {
        let (mut pending, mut gathering, mut stalled) = (false, false, 0);
        for listener in self.all.borrow().iter() {
            let packets = self.broadcast(&listener.client).packets();
            let mut outgoing = listener.outgoing.borrow_mut();
            outgoing.serve(&packets, &self.numbers, hurry);
            let queue = outgoing.queue();
            pending |= queue.is_pending();
            gathering |= queue.is_gathering(&packets);
            stalled += usize::from(queue.is_stalled());
        }
        self.numbers.fan_out.stalled.store(stalled, Relaxed);
        (pending, gathering)
    }

    /// Returns the broadcast that a client is sent.
    pub(super) fn broadcast(&self, client: &Client) -> &Broadcast {
        self.broadcasts.get(client.rendition).unwrap_or(&self.broadcasts[0])
    }

    /// Adds a packet to its rendition's broadcast and gives the packet to the taps.
    pub(super) fn push(&self, packet: Packet) {
        for tap in self.taps.borrow_mut().iter_mut() {
            tap.offer(&packet);
        }
        if let Some(broadcast) = self.broadcasts.get(usize::from(packet.stream)) {
            broadcast.push(packet);
        }
    }

    /// Returns the number of packets ever made, over all renditions.
    pub(super) fn packets_made(&self) -> u64 {
        self.broadcasts.iter().map(|broadcast| broadcast.packets().count()).sum()
    }

    /// Returns the current source's layout.
    pub(super) fn layout(&self) -> Layout {
        self.layout.get()
    }

    /// Returns the current sizes of the main stream, number 0.
    pub(super) fn stream(&self) -> Stream {
        self.broadcasts[0].stream()
    }

    /// Adopts the layout of a newly opened source. Its packets may have another size; if its rate differs, listeners must
    /// reconnect.
    pub(super) fn lay_out(&self, layout: &Layout, renditions: &[Rendition]) {
        if self.layout.replace(*layout) == *layout {
            return;
        }
        for (broadcast, rendition) in self.broadcasts.iter().zip(renditions) {
            let stream = rendition.stream();
            let Some(before) = broadcast.lay_out(stream) else { continue };
            let hears_it =
                |listener: &&Rc<Listener>| std::ptr::eq(self.broadcast(&listener.client), broadcast);
            for listener in self.all.borrow().iter().filter(hears_it) {
                listener.outgoing.borrow_mut().queue_mut().lay_out(stream);
                let changed =
                    if before.rate == stream.rate { &listener.chunk_changed } else { &listener.rate_changed };
                changed.notify_one();
            }
        }
        self.numbers.fan_out.lay_out(layout, self.stream().packet_frames);
    }

    /// Sets the least number of packets in a message with which the thread keeps up.
    pub(super) fn set_floor(&self, packets: u32) {
        if self.floor_packets.replace(packets) == packets {
            return;
        }
        self.numbers.fan_out.floor_packets.store(packets, Relaxed);
        for listener in self.all.borrow().iter() {
            if listener.outgoing.borrow_mut().queue_mut().floor(packets) {
                listener.chunk_changed.notify_one();
            }
        }
    }
}

/// A listener on the list. It is removed however its task ends.
pub(super) struct Joined {
    pub(super) listeners: Rc<Listeners>,
    pub(super) listener: Rc<Listener>,
}

impl Joined {
    /// Returns where the listener's conversation writes its frames.
    pub(super) fn control_out(&self) -> Rc<dyn ControlOut> {
        Rc::new(Control { listeners: Rc::clone(&self.listeners), listener: Rc::clone(&self.listener) })
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.listeners.all.borrow_mut().retain(|listener| !Rc::ptr_eq(listener, &self.listener));
    }
}

struct Control {
    listeners: Rc<Listeners>,
    listener: Rc<Listener>,
}

impl ControlOut for Control {
    fn write(&self, frames: &[u8], context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut outgoing = self.listener.outgoing.borrow_mut();
        if outgoing.queue().has_failed() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if outgoing.control(frames, context.waker(), &self.listeners.numbers) {
            Poll::Ready(Ok(frames.len()))
        } else {
            Poll::Pending
        }
    }

    fn flush(&self) {
        self.listeners.serve(&self.listener);
    }

    fn watch(&self, context: &mut Context<'_>) -> io::Result<()> {
        let mut outgoing = self.listener.outgoing.borrow_mut();
        if outgoing.queue().has_failed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        outgoing.wake_reader(context.waker());
        Ok(())
    }
}
