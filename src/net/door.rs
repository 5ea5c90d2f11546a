//! The way from the thread of the pages to the one that sends: who comes to listen, what is heard now, when it is over.
//!
//! All of it crosses in rings without a lock (`hub::handover`). What has no room waits on this side, where waiting harms nobody.

use super::guest::Guest;
use super::link::Arrival;
use super::service::{Service, stopped};
use crate::error::Result;
use crate::hub::handover::{Giver, Untaken, handover};
use crate::hub::{Hub, SourceStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;

/// Connections on their way.
const NEWCOMERS_MAX: usize = 64;
/// News on their way.
const NEWS_MAX: usize = 16;
/// How soon it is looked again whether there is room.
const OFFER_AGAIN: Duration = Duration::from_millis(5);

/// A listener on its way.
pub(super) struct Newcomer {
    pub(super) arrival: Box<dyn Arrival>,
    pub(super) service: Arc<Service>,
    pub(super) guest: Guest,
    pub(super) number: u64,
    /// Dropped when it has left.
    pub(super) left: oneshot::Sender<()>,
}

/// Where connections are handed over. The lock is this thread's alone.
#[derive(Clone)]
pub struct Door(Arc<Mutex<Giver<Newcomer>>>);

/// The door from inside.
pub struct Newcomers(pub(super) Untaken<Newcomer>);

/// Both sides of it.
///
/// # Errors
/// When the kernel gives no eventfd.
pub fn door() -> Result<(Door, Newcomers)> {
    let (outside, inside) = handover(NEWCOMERS_MAX)?;
    Ok((Door(Arc::new(Mutex::new(outside))), Newcomers(inside)))
}

impl Door {
    /// Hands a connection over, and waits until the listener has left.
    pub(super) async fn hand_over(
        &self,
        arrival: Box<dyn Arrival>,
        service: Arc<Service>,
        guest: Guest,
        number: u64,
    ) {
        let (left, has_left) = oneshot::channel();
        let mut newcomer = Newcomer { arrival, service, guest, number, left };
        while let Err(back) = self.give(newcomer) {
            newcomer = back;
            sleep(OFFER_AGAIN).await;
        }
        let _ = has_left.await; // an error means that it has left
    }

    #[allow(clippy::result_large_err, reason = "who has no room comes back, once in a long while")]
    fn give(&self, newcomer: Newcomer) -> std::result::Result<(), Newcomer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).give(newcomer)
    }
}

/// What the thread that sends is told.
pub enum News {
    /// The source is so now.
    Source(SourceStatus),
    /// The service is to stop.
    Stop,
}

/// Where news go in, and where they come out.
///
/// # Errors
/// When the kernel gives no eventfd.
pub fn news() -> Result<(Giver<News>, Untaken<News>)> {
    handover(NEWS_MAX)
}

/// Passes on what is news, until the service is to stop. Of a source that changes faster than it is heard of, the newest counts.
pub async fn pass_on(hub: Arc<Hub>, mut stop: watch::Receiver<bool>, mut into: Giver<News>) {
    let mut source = hub.source();
    source.mark_changed();
    loop {
        let mut news = tokio::select! {
            biased;
            () = stopped(&mut stop) => News::Stop,
            changed = source.changed() => match changed {
                Ok(()) => News::Source(source.borrow_and_update().clone()),
                Err(_) => News::Stop,
            },
        };
        let is_last = matches!(news, News::Stop);
        while let Err(back) = into.give(news) {
            news = back;
            sleep(OFFER_AGAIN).await;
        }
        if is_last {
            return;
        }
    }
}
