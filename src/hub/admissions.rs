//! How many may listen, and who does.

use super::numbers::Numbers;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The limit, and how much of it is taken.
#[derive(Debug)]
pub struct Admissions {
    most: AtomicUsize,
    listening: AtomicUsize,
    numbers: Arc<Numbers>,
}

/// There are as many as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Admissions {
    /// Nobody listens, and so many may.
    pub fn new(most: usize, numbers: Arc<Numbers>) -> Self {
        Self { most: AtomicUsize::new(most), listening: AtomicUsize::new(0), numbers }
    }

    /// How many may listen.
    pub fn most(&self) -> usize {
        self.most.load(Relaxed)
    }

    /// Changes that, for who comes from now on. Nobody is sent away.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Relaxed);
    }

    /// How many listen.
    pub fn listening(&self) -> usize {
        self.listening.load(Relaxed)
    }

    /// Admits a listener; it leaves when what is given is dropped.
    ///
    /// # Errors
    /// [`Full`] when there are as many as may be.
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

/// One listener's.
#[derive(Debug)]
pub struct Admission {
    admissions: Arc<Admissions>,
    /// How many had joined before it: no two have the same.
    number: u64,
}

impl Admission {
    /// What the listener is called where listeners are counted.
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
