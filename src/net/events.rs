//! Events for the fan-out thread: a change of the source, and the stop.
//!
//! Events pass through a ring without a lock (`hub::handover`). If the ring is full, the sender waits, which does no harm.

use super::stopping::stopped;
use crate::error::Result;
use crate::hub::SourceStatus;
use crate::hub::handover::{Giver, Untaken, handover};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Maximum number of events in the ring.
const EVENTS_MAX: usize = 16;
/// Time after which the sender checks again for room in the ring.
const OFFER_AGAIN: Duration = Duration::from_millis(5);

/// An event for the fan-out thread.
pub enum Event {
    /// The source's new status.
    Source(SourceStatus),
    /// The service must stop.
    Stop,
}

/// Creates both ends of the ring of events.
///
/// # Errors
/// If the kernel provides no eventfd.
pub fn events() -> Result<(Giver<Event>, Untaken<Event>)> {
    handover(EVENTS_MAX)
}

/// Passes on events until the service must stop. If the source changes faster than the events are taken, only its newest
/// status is sent.
pub async fn pass_on(
    mut source: watch::Receiver<SourceStatus>,
    mut stop: watch::Receiver<bool>,
    mut into: Giver<Event>,
) {
    source.mark_changed();
    loop {
        let mut event = tokio::select! {
            biased;
            () = stopped(&mut stop) => Event::Stop,
            changed = source.changed() => match changed {
                Ok(()) => Event::Source(source.borrow_and_update().clone()),
                Err(_) => Event::Stop,
            },
        };
        let is_last = matches!(event, Event::Stop);
        while let Err(back) = into.give(event) {
            event = back;
            sleep(OFFER_AGAIN).await;
        }
        if is_last {
            return;
        }
    }
}
