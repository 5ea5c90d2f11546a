//! What a transport is.

use super::message::Message;
use super::messages::SharedMessages;
use crate::core::send_queue::{MessageLimits, Sent};
use crate::net::refusals::Refusal;
use bytes::BytesMut;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The sending half. Nothing in it waits: what cannot be taken at once is [`io::ErrorKind::WouldBlock`]; any other error is its end.
pub(in crate::net) trait Link {
    /// What a message may hold.
    fn limits(&self) -> MessageLimits;

    /// Bytes this machine has not sent yet; `None` when nothing is taken before what is there has been passed on.
    fn unsent_bytes(&mut self) -> io::Result<Option<usize>>;

    /// Bytes the other end has not acknowledged, sent or not; 0 where nobody knows.
    fn unacknowledged_bytes(&self) -> usize;

    /// Takes a message of sound. Of a part it keeps the rest, for [`Self::finish`].
    fn send(&mut self, message: &Message<'_>) -> io::Result<Sent>;

    /// Takes everything its conversation has written to [`ControlOut`]; what it took is taken out.
    fn send_control(&mut self, frames: &mut BytesMut) -> io::Result<Sent>;

    /// Goes on with the message of which it took a part.
    fn finish(&mut self) -> io::Result<Sent>;
}

/// Where a conversation's frames go out: between messages of sound.
pub(in crate::net) trait ControlOut {
    /// Takes whole frames, all or none: a piece of one must not stand between others.
    fn write(&self, frames: &[u8], context: &mut Context<'_>) -> Poll<io::Result<usize>>;

    /// Sends at once what can be sent; the rest goes out by itself.
    fn flush(&self);

    /// Whoever reads is woken when the link fails.
    ///
    /// # Errors
    /// It has failed already.
    fn watch(&self, context: &mut Context<'_>) -> io::Result<()>;
}

/// What a listener says.
pub(in crate::net) enum Incoming {
    Text(String),
    /// Something that needs no answer of ours, such as a ping of the transport's own.
    Nothing,
    /// Something nobody should send.
    Fault(Refusal, String),
    /// It says goodbye: [`Conversation::part`].
    Goodbye,
    /// It is gone.
    Gone,
}

/// Why we end a conversation: a page does something else after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Ending {
    /// The service stops.
    Stopping,
    /// Another stream begins; it can be listened to at once.
    OtherStream,
    /// The listener is turned away.
    Refused(Refusal),
}

/// The talking half.
pub(in crate::net) trait Conversation {
    /// The next thing the listener says. May be cancelled.
    fn hear(&mut self) -> LocalBoxFuture<'_, Incoming>;

    /// Says a text; waits for room.
    fn say(&mut self, text: String) -> LocalBoxFuture<'_, io::Result<()>>;

    /// Ends it: says why, in words too, and waits a moment for the answer.
    fn close(&mut self, ending: Ending, words: String) -> LocalBoxFuture<'_, ()>;

    /// Answers the listener's goodbye.
    fn part(&mut self) -> LocalBoxFuture<'_, ()>;
}

/// Begins the conversation.
pub(in crate::net) type Opening =
    Box<dyn FnOnce(Rc<dyn ControlOut>) -> LocalBoxFuture<'static, Box<dyn Conversation>>>;

/// A listener's connection before the thread that sends has it.
pub(in crate::net) trait Arrival: Send {
    /// Moves it to the runtime this is called in. `dscp` marks its packets, 0 to 63.
    ///
    /// # Errors
    /// When there are no descriptors left.
    fn settle(self: Box<Self>, shared: &Shared, dscp: Option<u8>) -> io::Result<(Box<dyn Link>, Opening)>;

    /// Ends it instead: says why, in words too.
    fn turn_away(self: Box<Self>, refusal: Refusal, words: String) -> BoxFuture<'static, ()>;
}

/// What the links of one kind share on the thread that sends.
#[derive(Default)]
pub(in crate::net) struct Shared {
    pub(super) web_socket: SharedMessages,
}
