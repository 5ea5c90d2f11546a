//! Checks keys on threads that do not play: two at a time, in a fair queue, and at a limited rate (`tries`).

use super::Denied;
use super::key::{HashedKey, Workspace};
use super::rules::Purpose;
use super::tries::{Tries, Try};
use crate::clock::mono_raw_now;
use crate::net::client_id::ClientId;
use crate::net::refusals::Refusal;
use crate::net::turns::{Bounds, Rank, Turnstile};
use std::result::Result;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Keys checked or hashed at once: two of a Pi's four processors, 4 MiB each. Sixty clients that arrive together, each with
/// its first wrong key, checked against two keys of 30 ms, are done in two seconds.
pub(super) const CHECKS: Bounds = Bounds { places: 2, per_address: 1, waiting: 256 };
/// Maximum wait of a check for its turn: the time a full queue takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);
/// Time after which a client may try again if its check got no turn, seconds.
pub(super) const AGAIN_S: u64 = 2;

/// Checks keys.
pub(super) struct Checker {
    tries: Arc<Mutex<Tries>>,
    turnstile: Turnstile,
    /// Memory for hashing, one workspace per concurrent check.
    workspaces: Arc<Mutex<Vec<Workspace>>>,
}

impl Checker {
    pub(super) fn new() -> Self {
        Self {
            tries: Arc::new(Mutex::new(Tries::new(mono_raw_now()))),
            turnstile: Turnstile::new(CHECKS),
            workspaces: Arc::default(),
        }
    }

    /// Returns the first of `keys` that `key` matches. This counts as one try, however many keys there are, and as none if
    /// one matches.
    pub(super) async fn find(
        &self,
        key: &str,
        keys: Vec<(Purpose, HashedKey)>,
        client_id: ClientId,
    ) -> Result<Option<Purpose>, Denied> {
        let trying = Trying::begin(&self.tries, client_id)?;
        let (key, workspaces) = (key.to_owned(), Arc::clone(&self.workspaces));
        let rank = trying.one.rank;
        let look = move || {
            let mut workspace = lock(&workspaces).pop().unwrap_or_default();
            let found = keys.into_iter().find(|(_, hashed)| hashed.is(&key, &mut workspace));
            let found = found.map(|(purpose, _)| purpose);
            lock(&workspaces).push(workspace);
            trying.end(found.is_some());
            found
        };
        self.work(client_id, rank, look).await
    }

    /// Runs slow work for the client with this `client_id` when its turn comes.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        client_id: ClientId,
        rank: Rank,
        what: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Denied> {
        let Some(place) = self.turnstile.enter(client_id, rank, PATIENCE).await else {
            return Err(Denied::crowded(AGAIN_S));
        };
        let work = move || {
            let _place = place; // held even if the request has been cancelled meanwhile
            what()
        };
        spawn_blocking(work)
            .await
            .map_err(|_| Denied::new(Refusal::KeyLocked, "The key could not be checked."))
    }
}

/// A try in progress. It is given back if its key was never checked.
struct Trying {
    tries: Arc<Mutex<Tries>>,
    one: Try,
    end: End,
}

/// The outcome of a try.
enum End {
    Unknown,
    Fitted,
    Missed,
}

impl Trying {
    fn begin(tries: &Arc<Mutex<Tries>>, client_id: ClientId) -> Result<Self, Denied> {
        let one = lock(tries).take(client_id, mono_raw_now()).map_err(Denied::too_often)?;
        Ok(Self { tries: Arc::clone(tries), one, end: End::Unknown })
    }

    fn end(mut self, fits: bool) {
        self.end = if fits { End::Fitted } else { End::Missed };
    }
}

impl Drop for Trying {
    fn drop(&mut self) {
        let mut tries = lock(&self.tries);
        match self.end {
            End::Unknown => tries.give_back(&self.one),
            End::Fitted => tries.fit(&self.one, mono_raw_now()),
            End::Missed => tries.miss(&self.one, mono_raw_now()),
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
