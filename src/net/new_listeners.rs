//! Passes new listeners from the `main` thread to the fan-out thread.
//!
//! New listeners pass through a ring without a lock (`hub::handover`). If it is full, the sender waits, which does no harm.

use super::client::Client;
use super::link::Arrival;
use crate::error::Result;
use crate::hub::handover::{Giver, Untaken, handover};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// Maximum number of connections in the ring.
const NEW_LISTENERS_MAX: usize = 64;
/// Time after which the sender checks again for room in the ring.
const OFFER_AGAIN: Duration = Duration::from_millis(5);

/// A listener to hand over.
pub(super) struct NewListener {
    pub(super) arrival: Box<dyn Arrival>,
    pub(super) client: Client,
    pub(super) number: u64,
    /// Dropped when the listener has left.
    pub(super) left: oneshot::Sender<()>,
}

/// The sending end. Only the `main` thread takes its lock.
#[derive(Clone)]
pub struct NewListenerSender(Arc<Mutex<Giver<NewListener>>>);

/// The receiving end.
pub struct NewListenerReceiver(pub(super) Untaken<NewListener>);

/// Creates both ends.
///
/// # Errors
/// If the kernel provides no eventfd.
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
