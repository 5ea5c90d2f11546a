//! New listeners on their way from the thread of the pages to the one that sends.
//!
//! They cross in a ring without a lock (`hub::handover`). Who finds no room waits on this side, where waiting harms nobody.

use super::client::Client;
use super::link::Arrival;
use crate::error::Result;
use crate::hub::handover::{Giver, Untaken, handover};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// Connections on their way.
const NEW_LISTENERS_MAX: usize = 64;
/// How soon to check again for room.
const OFFER_AGAIN: Duration = Duration::from_millis(5);

/// A listener on its way.
pub(super) struct NewListener {
    pub(super) arrival: Box<dyn Arrival>,
    pub(super) client: Client,
    pub(super) number: u64,
    /// Dropped when it has left.
    pub(super) left: oneshot::Sender<()>,
}

/// Where connections are handed over. The lock is this thread's alone.
#[derive(Clone)]
pub struct NewListenerSender(Arc<Mutex<Giver<NewListener>>>);

/// Where they are taken in.
pub struct NewListenerReceiver(pub(super) Untaken<NewListener>);

/// Both ends.
///
/// # Errors
/// When the kernel gives no eventfd.
pub fn new_listeners() -> Result<(NewListenerSender, NewListenerReceiver)> {
    let (outside, inside) = handover(NEW_LISTENERS_MAX)?;
    Ok((NewListenerSender(Arc::new(Mutex::new(outside))), NewListenerReceiver(inside)))
}

impl NewListenerSender {
    /// Hands a connection over, and waits until the listener has left.
    pub(super) async fn hand_over(&self, arrival: Box<dyn Arrival>, client: Client, number: u64) {
        let (left, has_left) = oneshot::channel();
        let mut new = NewListener { arrival, client, number, left };
        while let Err(back) = self.give(new) {
            new = back;
            sleep(OFFER_AGAIN).await;
        }
        let _ = has_left.await; // an error means that it has left
    }

    #[allow(clippy::result_large_err, reason = "who has no room comes back, once in a long while")]
    fn give(&self, new: NewListener) -> std::result::Result<(), NewListener> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).give(new)
    }
}
