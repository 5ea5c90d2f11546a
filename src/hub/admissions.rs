//! Limits the number of listeners, and counts them.

use super::numbers::Numbers;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The limit, and the number of current listeners.
#[derive(Debug)]
pub struct Admissions {
    most: AtomicUsize,
    listening: AtomicUsize,
    numbers: Arc<Numbers>,
}

/// The limit of listeners is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Admissions {
    /// Creates a limit of `most` listeners, with none yet.
    pub fn new(most: usize, numbers: Arc<Numbers>) -> Self {
        Self { most: AtomicUsize::new(most), listening: AtomicUsize::new(0), numbers }
    }

    /// Returns the limit.
    pub fn most(&self) -> usize {
        self.most.load(Relaxed)
    }

    /// Changes the limit for newcomers. Present listeners stay.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Relaxed);
    }

    /// Returns the number of current listeners.
    pub fn listening(&self) -> usize {
        self.listening.load(Relaxed)
    }

    /// Admits a listener. Dropping the returned value counts it out again.
    ///
    /// # Errors
    /// [`Full`] if the limit is reached.
    pub fn admit(self: &Arc<Self>) -> Result<Admission, Full> {
        let most = self.most();
        let room = |now| (now < most).then_some(now + 1);
        if self.listening.fetch_update(Relaxed, Relaxed, room).is_err() {
            self.numbers.totals.refused.fetch_add(1, Relaxed);
            return Err(Full);
        }
        let number = self.numbers.totals.joined.fetch_add(1, Relaxed);
        Ok(Admission { admissions: Arc::clone(self), number })
    }
}

/// The admission of one listener.
#[derive(Debug)]
pub struct Admission {
    admissions: Arc<Admissions>,
    /// Number of listeners that joined earlier; unique.
    number: u64,
}

impl Admission {
    /// Returns the listener's number, which identifies it in counts and reports.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.admissions.listening.fetch_sub(1, Relaxed);
        self.admissions.numbers.reports.leave(self.number);
    }
}
