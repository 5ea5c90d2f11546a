//! The messages a link sends.

use crate::core::backlog::{Backlog, Cursor};
use crate::core::packetizer::Packet;
use crate::core::wire;
use bytes::Bytes;

/// One message of sound, before any framing: a note if one is due, and the next packets.
pub(in crate::net) struct Message<'a> {
    pub(in crate::net) note: Option<[u8; wire::HEAD_BYTES]>,
    /// The backlog that holds the packets.
    pub(in crate::net) backlog: &'a Backlog<Packet>,
    pub(in crate::net) cursor: &'a Cursor,
    /// Number of packets, at least one, and the bytes of their records.
    pub(in crate::net) packets: usize,
    pub(in crate::net) bytes: usize,
}

impl<'a> Message<'a> {
    /// Returns the packets' records, which all listeners share.
    pub(super) fn records(&self) -> impl ExactSizeIterator<Item = &'a Bytes> + use<'a> {
        self.backlog.from(self.cursor).take(self.packets).map(|packet| &packet.record)
    }
}
