//! Whole WebSocket messages, put together once for all listeners that get the same. One buffer costs the kernel less than a pointer for
//! every record.

use super::message::Message;
use super::ws_head::WsHead;
use crate::core::backlog::Backlog;
use crate::core::packetizer::Packet;
use crate::core::wire;
use bytes::{BufMut, Bytes, BytesMut};
use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;

/// A message has at most 63 packets: one of each power of two is remembered.
const SIZES: usize = wire::RECORDS_MAX.ilog2() as usize;

/// The last messages that were put together, by the power of two of their packets.
#[derive(Default)]
pub(super) struct Messages {
    joined: [Joined; SIZES],
}

/// They belong to the thread that sends.
pub(super) type SharedMessages = Rc<RefCell<Messages>>;

/// One of them.
#[derive(Default)]
struct Joined {
    /// Which packets: of which backlog, from which on, and how many. Backlogs stay where they are while anybody listens.
    of: Option<(*const Backlog<Packet>, u64, usize)>,
    whole: Bytes,
}

impl Messages {
    /// The whole message without a note.
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

/// The room of the message before, unless some connection has yet to take the rest of it.
fn emptied(whole: Bytes) -> BytesMut {
    let mut room = whole.try_into_mut().unwrap_or_default();
    room.clear();
    room
}
