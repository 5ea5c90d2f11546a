//! What carries a listener's sound and words: the only folder that knows a transport. WebSocket, over TCP or TLS, is the first.
//!
//! A transport is three things. An [`Arrival`] is a connection on its way to the thread that sends. There it becomes a [`Link`],
//! which takes whole messages and says what it took, and a [`Conversation`], which exchanges texts; their frames go out between
//! messages of sound ([`ControlOut`]). Neither knows what is said or when anything is due: that is `core::send_queue` and `session`.

pub(super) mod connection;
pub(super) mod frames;
mod message;
mod messages;
pub(super) mod socket;
mod transport;
pub(super) mod upgrade;
mod web_socket;
mod words;
mod ws_head;

pub(super) use message::Message;
pub(super) use transport::{Arrival, ControlOut, Conversation, Ending, Incoming, Link, Shared};
pub(super) use web_socket::WebSocketArrival;
