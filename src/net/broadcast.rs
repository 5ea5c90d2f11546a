//! The packets that the listeners of one rendition share, and their sizes.

use crate::core::adaptation::Stream;
use crate::core::backlog::Backlog;
use crate::core::packetizer::Packet;
use crate::hub::rendition::Rendition;
use std::cell::{Cell, Ref, RefCell};

/// Packets kept in addition to the longest queue: several may be made before all listeners are served.
const SPARE_PACKETS: usize = 64;

/// The packets of one rendition, for all its listeners.
pub(super) struct Broadcast {
    packets: RefCell<Backlog<Packet>>,
    stream: Cell<Stream>,
    /// The name of the broadcast's sample format, for `hello`.
    pub(super) format: &'static str,
    /// Interleaved channels.
    pub(super) channels: u8,
}

impl Broadcast {
    pub(super) fn new(rendition: &Rendition) -> Self {
        let (stream, payload) = (rendition.stream(), rendition.payload());
        Self {
            packets: RefCell::new(Backlog::new(stream.queue_packets_max() + SPARE_PACKETS)),
            stream: Cell::new(stream),
            format: payload.codec.name(),
            channels: payload.channels,
        }
    }

    /// Returns the packets that some listener may still need.
    pub(super) fn packets(&self) -> Ref<'_, Backlog<Packet>> {
        self.packets.borrow()
    }

    pub(super) fn push(&self, packet: Packet) {
        self.packets.borrow_mut().push(packet);
    }

    /// Returns the stream's current sizes.
    pub(super) fn stream(&self) -> Stream {
        self.stream.get()
    }

    /// Changes the stream's sizes; returns the old ones if they differ.
    pub(super) fn lay_out(&self, stream: Stream) -> Option<Stream> {
        let before = self.stream.replace(stream);
        self.packets.borrow_mut().make_room(stream.queue_packets_max() + SPARE_PACKETS);
        (before != stream).then_some(before)
    }

    /// Returns how many frames a message of this many packets holds.
    pub(super) fn chunk_frames(&self, packets: u32) -> u32 {
        packets * self.stream.get().packet_frames
    }
}
