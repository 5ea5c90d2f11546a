//! How far one turn of a queue has come.

use super::step::Sound;
use crate::units::MonoNs;

/// What the queue waits for an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Rest,
    Sound(Sound),
    Control,
}

/// What is known of the link's room in this turn. A write makes it unknown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Unknown,
    FewUnsent,
    Yes,
}

/// From one `begin` to its `Step::Wait`: at most one message of sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) hurry: bool,
    /// Whether a message of sound is due and not written yet; `None` before that was looked at.
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

/// A message the link has taken a part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    /// When its sound was ready; `None` for control messages.
    pub(super) ready: Option<MonoNs>,
}
