//! Carries a listener's sound and texts. This is the only folder that knows a transport; the first is WebSocket, over TCP
//! or TLS.
//!
//! A transport has three parts. An [`Arrival`] is a connection on its way to the fan-out thread. There it
//! becomes a [`Link`], which takes whole messages and reports how much it took, and a [`Conversation`], which
//! exchanges texts. The texts' frames go out between messages of sound ([`ControlOut`]). `core::send_queue`
//! decides when a message is due, and `session` decides what the texts say.

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
