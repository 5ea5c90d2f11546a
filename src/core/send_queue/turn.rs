//! The progress of one turn of a queue.

use super::step::Sound;
use crate::units::MonoNs;

/// The write whose result the queue waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Rest,
    Sound(Sound),
    Control,
}

/// The link's room, as far as this turn knows it. A write makes it unknown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Unknown,
    FewUnsent,
    Yes,
}

/// A turn: from one `begin` to its `Step::Wait`, with at most one message of sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) hurry: bool,
    /// True if a message of sound is due and not written yet; `None` before the check.
    pub(super) sound: Option<bool>,
    pub(super) room: Room,
    pub(super) writing: Writing,
    pub(super) is_over: bool,
}

impl Turn {
    pub(super) fn new(hurry: bool) -> Self {
        Self { hurry, sound: None, room: Room::Unknown, writing: Writing::Rest, is_over: false }
    }
}

/// A message the link took in part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    /// The time at which the message's sound was ready; `None` for control messages.
    pub(super) ready: Option<MonoNs>,
}
