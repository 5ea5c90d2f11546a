//! What the queue and a link tell each other.

use crate::core::backlog::Lost;

/// What a message may hold on one kind of link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// Bytes the link puts before a message at most.
    pub head_bytes_max: usize,
    /// Most bytes of records in a message.
    pub payload_bytes_max: usize,
}

/// What to do with the link next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing more in this turn.
    Wait,
    /// Ask how many bytes it holds unsent: [`super::SendQueue::unsent`].
    AskUnsent,
    /// Ask how many bytes are unacknowledged: [`super::SendQueue::unacknowledged`].
    AskUnacknowledged,
    /// Write the rest of the message that was begun. This and the following: [`super::SendQueue::sent`] or [`super::SendQueue::refused`].
    Finish,
    /// Write one message of sound.
    Sound(Sound),
    /// Write all control messages that wait. `overtakes`: sound waits, too.
    Control {
        /// They have waited for [`super::CONTROL_AFTER`] messages of sound.
        overtakes: bool,
    },
}

/// One message of sound: a note where one is due, and the next packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// How many packets, one at least.
    pub packets: usize,
    /// Bytes of their records.
    pub bytes: usize,
    /// Whether a note goes before them: [`super::SendQueue::note`].
    pub is_noted: bool,
    /// What was forgotten for the newest packet's sake, after an overflow.
    pub skipped: Option<Lost>,
}

/// What a link took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Bytes it took.
    pub bytes: usize,
    /// Whether that is the whole message, or the rest of it.
    pub is_whole: bool,
}
