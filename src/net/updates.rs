//! Where an update is: what the system's updater says, and how much of a bundle has come.

use crate::plain::Plain;
use crate::update::{Updater, UpdaterStatus};
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The service's part in updates.
pub(super) struct Updates {
    pub(super) updater: Updater,
    coming: Mutex<Option<Coming>>,
}

/// How much of a bundle has come.
#[derive(Clone, Copy)]
struct Coming {
    bytes: u64,
    of: u64,
}

/// For the status.
#[derive(Serialize)]
pub(super) struct UpdateView {
    #[serde(flatten)]
    said: UpdaterStatus,
    /// Where it is, for a person.
    words: String,
    /// The version of the system that runs; '' where nobody says.
    running: Plain,
    /// Largest bundle that is taken now.
    bytes_max: u64,
    /// Why this board cannot be updated, for a person; null where it can.
    unfit: Option<Plain>,
}

impl Updates {
    pub(super) fn new(updater: Updater) -> Self {
        updater.clear();
        Self { updater, coming: Mutex::default() }
    }

    /// Where an update is; `None` where there is no updater.
    pub(super) fn shown(&self) -> Option<UpdateView> {
        let said = self.updater.said().unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        })?;
        let said = match *self.coming() {
            Some(Coming { bytes, of }) => UpdaterStatus::receiving((bytes * 100 / of.max(1)) as u8),
            None => said,
        };
        Some(UpdateView {
            words: said.words(),
            said,
            running: self.updater.running(),
            bytes_max: self.updater.limit().unwrap_or(0),
            unfit: self.updater.unfit().cloned(),
        })
    }

    fn coming(&self) -> MutexGuard<'_, Option<Coming>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, a bundle comes in.
pub(super) struct Counting<'a>(&'a Updates);

impl<'a> Counting<'a> {
    /// `None` while another comes in.
    pub(super) fn begin(updates: &'a Updates, of: u64) -> Option<Self> {
        let mut coming = updates.coming();
        if coming.is_some() {
            return None;
        }
        *coming = Some(Coming { bytes: 0, of });
        Some(Self(updates))
    }

    pub(super) fn add(&self, bytes: usize) {
        if let Some(coming) = &mut *self.0.coming() {
            coming.bytes += bytes as u64;
        }
    }
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        *self.0.coming() = None;
    }
}
