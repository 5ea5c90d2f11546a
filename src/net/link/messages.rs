//! Whole WebSocket messages, put together once for all listeners that get the same. One buffer costs the kernel less than a pointer for
//! every record.

use super::message::Message;
use super::ws_head::WsHead;
use crate::core::wire;
use bytes::{BufMut, Bytes, BytesMut};
use std::cell::RefCell;
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
    /// Its first record: kept, so that no other can be at the same address.
    first: Bytes,
    packets: usize,
    whole: Bytes,
}

impl Messages {
    /// The whole message without a note.
    pub(super) fn of(&mut self, message: &Message<'_>) -> Bytes {
        let joined = &mut self.joined[message.packets.ilog2() as usize];
        let first = message.records().next().expect("a message has a packet");
        if joined.packets != message.packets || joined.first.as_ptr() != first.as_ptr() {
            let head = WsHead::binary(message.bytes);
            let mut whole = BytesMut::with_capacity(head.as_bytes().len() + message.bytes);
            whole.put_slice(head.as_bytes());
            message.records().for_each(|record| whole.put_slice(record));
            *joined = Joined { first: first.clone(), packets: message.packets, whole: whole.freeze() };
        }
        joined.whole.clone()
    }
}
