//! The questions and answers between the queue and a link.

use crate::core::backlog::Lost;

/// The limits of a message on one kind of link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// Maximum bytes the link puts before a message.
    pub head_bytes_max: usize,
    /// Maximum bytes of records in a message.
    pub payload_bytes_max: usize,
}

/// The next action on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Stop: this turn has nothing more to do.
    Wait,
    /// Ask how many bytes the link holds unsent, and pass the answer to [`super::SendQueue::unsent`].
    AskUnsent,
    /// Ask how many bytes are unacknowledged, and pass the answer to [`super::SendQueue::unacknowledged`].
    AskUnacknowledged,
    /// Write the rest of the message that was begun. After this and the following steps, call [`super::SendQueue::sent`] or
    /// [`super::SendQueue::refused`].
    Finish,
    /// Write one message of sound.
    Sound(Sound),
    /// Write all waiting control messages.
    Control {
        /// True if they go before waiting sound, having waited for [`super::CONTROL_AFTER`] messages of sound.
        overtakes: bool,
    },
}

/// One message of sound: a note if one is due, and the next packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Number of packets, at least one.
    pub packets: usize,
    /// Bytes of their records.
    pub bytes: usize,
    /// True if a note goes before the packets: [`super::SendQueue::note`].
    pub is_noted: bool,
    /// Packets dropped in favour of the newest one, after an overflow.
    pub skipped: Option<Lost>,
}

/// The part of a message that a link took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Bytes that the link took.
    pub bytes: usize,
    /// True if these bytes complete the message.
    pub is_whole: bool,
}
