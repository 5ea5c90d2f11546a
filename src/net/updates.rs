//! The state of an update: the report of the system's updater, and how much of a bundle has arrived.

use crate::plain::Plain;
use crate::update::{Updater, UpdaterStatus};
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The service's part in updates.
pub(super) struct Updates {
    pub(super) updater: Updater,
    coming: Mutex<Option<Coming>>,
}

/// The progress of a bundle that is arriving.
#[derive(Clone, Copy)]
struct Coming {
    bytes: u64,
    of: u64,
}

/// The state for `/api/status`.
#[derive(Serialize)]
pub(super) struct UpdateView {
    #[serde(flatten)]
    said: UpdaterStatus,
    /// The state in words for the user.
    words: String,
    /// The version of the running system; '' if unknown.
    running: Plain,
    /// Largest bundle accepted now.
    bytes_max: u64,
    /// The reason why this board cannot be updated, in words for the user; null if it can.
    unfit: Option<Plain>,
}

impl Updates {
    pub(super) fn new(updater: Updater) -> Self {
        updater.clear();
        Self { updater, coming: Mutex::default() }
    }

    /// Returns the state of an update; `None` without an updater.
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

/// Marks that a bundle is arriving, until it is dropped.
pub(super) struct Counting<'a>(&'a Updates);

impl<'a> Counting<'a> {
    /// Starts counting; `None` while another bundle is arriving.
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
