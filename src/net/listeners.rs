//! Who listens, on the thread that sends: each listener with its sending side, and what they share.

use super::access_control::AccessControl;
use super::client::Client;
use super::feed::Feed;
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
    /// The frames of its messages have changed: it must be told.
    pub(super) chunk_changed: Notify,
    /// The stream has another rate than it was told: it must come anew.
    pub(super) rate_changed: Notify,
}

/// What they are put together of.
pub(super) struct Parts {
    /// How the source is laid out, as far as is known.
    pub(super) layout: Layout,
    /// What they can subscribe to, by number: one at least.
    pub(super) feeds: Vec<Feed>,
    pub(super) numbers: Arc<Numbers>,
    pub(super) now_playing: Arc<NowPlaying>,
    pub(super) access_control: AccessControl,
    pub(super) changes: Giver<Settings>,
    pub(super) taps: Vec<Tap>,
}

/// All of them.
pub(super) struct Listeners {
    pub(super) numbers: Arc<Numbers>,
    pub(super) now_playing: Arc<NowPlaying>,
    pub(super) access_control: AccessControl,
    /// What is heard, for this thread alone.
    pub(super) source: watch::Sender<SourceStatus>,
    /// Whether the service is to stop, for this thread alone.
    pub(super) stop: watch::Sender<bool>,
    /// To the thread that may wait for a disk.
    pub(super) changes: RefCell<Giver<Settings>>,
    /// Who wants packets besides listeners.
    taps: RefCell<Vec<Tap>>,
    /// A listener's words found no room: it is to be looked at even if no packet comes.
    pub(super) pending: Notify,
    all: RefCell<Vec<Rc<Listener>>>,
    links: link::Shared,
    layout: Cell<Layout>,
    /// By the renditions' numbers.
    feeds: Vec<Feed>,
    floor_packets: Cell<u32>,
}

impl Listeners {
    /// None yet.
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { layout, feeds, numbers, now_playing, access_control, changes, taps } = parts;
        let _ = numbers.taps.set(taps.iter().map(Tap::numbers).collect()); // nobody has set them before
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
            feeds,
            floor_packets: Cell::new(1),
        }
    }

    /// What the links share.
    pub(super) fn links(&self) -> &link::Shared {
        &self.links
    }

    /// Adds one; it leaves when what is given is dropped.
    pub(super) fn add(self: &Rc<Self>, link: Box<dyn Link>, client: Client, number: u64) -> Joined {
        let mut outgoing = Outgoing::new(link, number, self.feed(&client).stream());
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

    /// Whether nobody listens.
    pub(super) fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    /// Writes what is due to one listener.
    pub(super) fn serve(&self, listener: &Listener) {
        let mut outgoing = listener.outgoing.borrow_mut();
        outgoing.serve(&self.feed(&listener.client).packets(), &self.numbers, false);
        if outgoing.queue().is_pending() {
            self.pending.notify_one();
        }
    }

    /// Writes what is due to everybody; whether somebody is to be looked at again soon, and whether sound waits for its message.
    pub(super) fn serve_all(&self, hurry: bool) -> (bool, bool) {
        let (mut pending, mut gathering, mut stalled) = (false, false, 0);
        for listener in self.all.borrow().iter() {
            let packets = self.feed(&listener.client).packets();
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

    /// What a listener is sent.
    pub(super) fn feed(&self, client: &Client) -> &Feed {
        self.feeds.get(client.rendition).unwrap_or(&self.feeds[0])
    }

    /// A packet has been made.
    pub(super) fn push(&self, packet: Packet) {
        for tap in self.taps.borrow_mut().iter_mut() {
            tap.offer(&packet);
        }
        if let Some(feed) = self.feeds.get(usize::from(packet.stream)) {
            feed.push(packet);
        }
    }

    /// Packets there ever were, of all renditions.
    pub(super) fn packets_made(&self) -> u64 {
        self.feeds.iter().map(|feed| feed.packets().count()).sum()
    }

    /// How the source is laid out that is heard now.
    pub(super) fn layout(&self) -> Layout {
        self.layout.get()
    }

    /// The stream that most hear, as it is now.
    pub(super) fn stream(&self) -> Stream {
        self.feeds[0].stream()
    }

    /// Another source has been opened: its packets are of another size, or of another rate, for which a listener comes anew.
    pub(super) fn lay_out(&self, layout: &Layout, renditions: &[Rendition]) {
        if self.layout.replace(*layout) == *layout {
            return;
        }
        for (feed, rendition) in self.feeds.iter().zip(renditions) {
            let stream = rendition.stream();
            let Some(before) = feed.lay_out(stream) else { continue };
            let hears_it = |listener: &&Rc<Listener>| std::ptr::eq(self.feed(&listener.client), feed);
            for listener in self.all.borrow().iter().filter(hears_it) {
                listener.outgoing.borrow_mut().queue_mut().lay_out(stream);
                let changed =
                    if before.rate == stream.rate { &listener.chunk_changed } else { &listener.rate_changed };
                changed.notify_one();
            }
        }
        self.numbers.fan_out.lay_out(layout, self.stream().packet_frames);
    }

    /// Messages must hold so many packets at least, for the thread to keep up.
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

/// A listener among the others. It is taken out however its task ends.
pub(super) struct Joined {
    pub(super) listeners: Rc<Listeners>,
    pub(super) listener: Rc<Listener>,
}

impl Joined {
    /// Where its conversation's frames go out.
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
