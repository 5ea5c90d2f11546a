//! What the listeners of one rendition share: its packets, and how they are made.

use crate::core::adaptation::Stream;
use crate::core::backlog::Backlog;
use crate::core::packetizer::Packet;
use crate::hub::rendition::Rendition;
use std::cell::{Cell, Ref, RefCell};

/// Packets kept beyond the longest queue: those that are made before everybody is served.
const SPARE_PACKETS: usize = 64;

/// One rendition on its way to listeners.
pub(super) struct Feed {
    packets: RefCell<Backlog<Packet>>,
    stream: Cell<Stream>,
    /// What `hello` calls the way its samples are written.
    pub(super) format: &'static str,
    /// Interleaved channels.
    pub(super) channels: u8,
}

impl Feed {
    pub(super) fn new(rendition: &Rendition) -> Self {
        let (stream, payload) = (rendition.stream(), rendition.payload());
        Self {
            packets: RefCell::new(Backlog::new(stream.queue_packets_max() + SPARE_PACKETS)),
            stream: Cell::new(stream),
            format: payload.codec.name(),
            channels: payload.channels,
        }
    }

    /// The packets that some listener may still want.
    pub(super) fn packets(&self) -> Ref<'_, Backlog<Packet>> {
        self.packets.borrow()
    }

    pub(super) fn push(&self, packet: Packet) {
        self.packets.borrow_mut().push(packet);
    }

    /// The stream as it is now.
    pub(super) fn stream(&self) -> Stream {
        self.stream.get()
    }

    /// The stream is another from now on; which it was, if it was another.
    pub(super) fn lay_out(&self, stream: Stream) -> Option<Stream> {
        let before = self.stream.replace(stream);
        self.packets.borrow_mut().make_room(stream.queue_packets_max() + SPARE_PACKETS);
        (before != stream).then_some(before)
    }

    /// Messages of so many packets are of so many frames now.
    pub(super) fn chunk_frames(&self, packets: u32) -> u32 {
        packets * self.stream.get().packet_frames
    }
}
