//! The traits of a transport.

use super::message::Message;
use super::messages::SharedMessages;
use crate::core::send_queue::{MessageLimits, Sent};
use crate::net::refusals::Refusal;
use bytes::BytesMut;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The sending half. None of its calls block: a call that can take nothing returns [`io::ErrorKind::WouldBlock`]. Any other
/// error ends the link.
pub(in crate::net) trait Link {
    /// Returns the limits of a message.
    fn limits(&self) -> MessageLimits;

    /// Returns the bytes this machine has not sent yet; `None` if the link takes nothing until they have been passed on.
    fn unsent_bytes(&mut self) -> io::Result<Option<usize>>;

    /// Returns the bytes the other end has not acknowledged, sent or not; 0 if unknown.
    fn unacknowledged_bytes(&self) -> usize;

    /// Takes a message of sound. If only a part is sent, the link keeps the rest for [`Self::finish`].
    fn send(&mut self, message: &Message<'_>) -> io::Result<Sent>;

    /// Takes all frames that its conversation has written to [`ControlOut`], and removes the accepted bytes
    /// from `frames`.
    fn send_control(&mut self, frames: &mut BytesMut) -> io::Result<Sent>;

    /// Continues a message of which only a part was sent.
    fn finish(&mut self) -> io::Result<Sent>;
}

/// Takes the frames that a conversation writes, which go out between messages of sound.
pub(in crate::net) trait ControlOut {
    /// Takes whole frames, all or none, because a part of a frame must not end up between other frames.
    fn write(&self, frames: &[u8], context: &mut Context<'_>) -> Poll<io::Result<usize>>;

    /// Sends as much as possible at once; the rest follows later without another call.
    fn flush(&self);

    /// Registers the reader to be woken when the link fails.
    ///
    /// # Errors
    /// If it has failed already.
    fn watch(&self, context: &mut Context<'_>) -> io::Result<()>;
}

/// A listener's message.
pub(in crate::net) enum Incoming {
    Text(String),
    /// A message that we need not answer, such as the transport's own ping.
    Nothing,
    /// A message that breaks the rules.
    Fault(Refusal, String),
    /// A goodbye, to be answered with [`Conversation::part`].
    Goodbye,
    /// The connection is gone.
    Gone,
}

/// The reason why we end a conversation; the page reacts differently to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Ending {
    /// The service stops.
    Stopping,
    /// Another stream begins; the page can connect again at once.
    OtherStream,
    /// The listener is refused.
    Refused(Refusal),
}

/// The half that exchanges texts.
pub(in crate::net) trait Conversation {
    /// Waits for the next message of the listener. May be cancelled.
    fn hear(&mut self) -> LocalBoxFuture<'_, Incoming>;

    /// Sends a text; waits for room.
    fn say(&mut self, text: String) -> LocalBoxFuture<'_, io::Result<()>>;

    /// Ends the conversation with a reason, also in words, and waits briefly for the answer.
    fn close(&mut self, ending: Ending, words: String) -> LocalBoxFuture<'_, ()>;

    /// Answers the listener's goodbye.
    fn part(&mut self) -> LocalBoxFuture<'_, ()>;
}

/// Starts the conversation.
pub(in crate::net) type Opening =
    Box<dyn FnOnce(Rc<dyn ControlOut>) -> LocalBoxFuture<'static, Box<dyn Conversation>>>;

/// A listener's connection before the fan-out thread takes it over.
pub(in crate::net) trait Arrival: Send {
    /// Moves the connection to the runtime this is called in. `dscp` marks its packets, 0 to 63.
    ///
    /// # Errors
    /// If there are no descriptors left.
    fn settle(self: Box<Self>, shared: &Shared, dscp: Option<u8>) -> io::Result<(Box<dyn Link>, Opening)>;

    /// Refuses the listener instead, with a reason, also in words.
    fn turn_away(self: Box<Self>, refusal: Refusal, words: String) -> BoxFuture<'static, ()>;
}

/// The parts that the links of one kind share on the fan-out thread.
#[derive(Default)]
pub(in crate::net) struct Shared {
    pub(super) web_socket: SharedMessages,
}
