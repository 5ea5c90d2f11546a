//! Whole WebSocket messages, assembled once for all listeners that get the same one. One buffer costs the kernel less than
//! a pointer to every record.

use super::message::Message;
use super::ws_head::WsHead;
use crate::core::backlog::Backlog;
use crate::core::packetizer::Packet;
use crate::core::wire;
use bytes::{BufMut, Bytes, BytesMut};
use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;

/// Number of message sizes to remember, one for each power of two: a message has at most 63 packets.
const SIZES: usize = wire::RECORDS_MAX.ilog2() as usize;

/// The latest message of each size, by the power of two of its packets.
#[derive(Default)]
pub(super) struct Messages {
    joined: [Joined; SIZES],
}

/// The messages shared by all links of the fan-out thread.
pub(super) type SharedMessages = Rc<RefCell<Messages>>;

/// An assembled message.
#[derive(Default)]
struct Joined {
    /// The packets in it: the backlog, the first one, and their number. A backlog keeps its address as long
    /// as it has
    /// listeners.
    of: Option<(*const Backlog<Packet>, u64, usize)>,
    whole: Bytes,
}

impl Messages {
    /// Returns the whole message without a note.
    pub(super) fn of(&mut self, message: &Message<'_>) -> &Bytes {
        let joined = &mut self.joined[message.packets.ilog2() as usize];
        let of = (ptr::from_ref(message.backlog), message.backlog.position(message.cursor), message.packets);
        if joined.of != Some(of) {
            let head = WsHead::binary(message.bytes);
            let mut whole = emptied(std::mem::take(&mut joined.whole));
            whole.reserve(head.as_bytes().len() + message.bytes);
            whole.put_slice(head.as_bytes());
            message.records().for_each(|record| whole.put_slice(record));
            *joined = Joined { of: Some(of), whole: whole.freeze() };
        }
        &joined.whole
    }
}

/// Reuses the previous message's memory, unless some connection still has to send the rest of it.
fn emptied(whole: Bytes) -> BytesMut {
    let mut room = whole.try_into_mut().unwrap_or_default();
    room.clear();
    room
}
