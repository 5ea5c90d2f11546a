//! The shared packets, and the messages of several of them that listeners have in common.
//!
//! Listeners whose messages are due at the same packet get the same bytes: they are put together once, for the first of them. One
//! buffer costs the kernel less than a pointer for every record.

use crate::core::backlog::{Backlog, Cursor};
use crate::core::packetizer::Packet;
use crate::core::ws_head::WsHead;
use bytes::{BufMut, Bytes, BytesMut};
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Every packet that some listener may still want.
pub(super) struct Packets {
    backlog: Backlog<Packet>,
    joined: RefCell<Joined>,
}

/// The last message that was put together.
#[derive(Default)]
struct Joined {
    /// Its first packet, as the backlog counts, and how many.
    place: (u64, usize),
    message: Bytes,
}

impl Packets {
    pub(super) fn new(capacity: usize) -> Self {
        Self { backlog: Backlog::new(capacity), joined: RefCell::default() }
    }

    /// A whole message of the next `packets` (one at least) at a listener's place, whose records have so many bytes together.
    pub(super) fn message(&self, cursor: &Cursor, packets: usize, payload_bytes: usize) -> Bytes {
        let mut waiting = self.backlog.from(cursor).take(packets);
        if packets == 1 {
            return waiting.next().map_or_else(Bytes::new, |packet| packet.message.clone());
        }
        let place = (self.backlog.position(cursor), packets);
        let mut joined = self.joined.borrow_mut();
        if joined.place != place {
            let head = WsHead::binary(payload_bytes);
            let mut message = BytesMut::with_capacity(head.as_bytes().len() + payload_bytes);
            message.put_slice(head.as_bytes());
            waiting.for_each(|packet| message.put_slice(packet.record()));
            *joined = Joined { place, message: message.freeze() };
        }
        joined.message.clone()
    }
}

impl Deref for Packets {
    type Target = Backlog<Packet>;

    fn deref(&self) -> &Backlog<Packet> {
        &self.backlog
    }
}

impl DerefMut for Packets {
    fn deref_mut(&mut self) -> &mut Backlog<Packet> {
        &mut self.backlog
    }
}
