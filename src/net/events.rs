//! What the thread that sends must know of the others: what is heard now, when it is over.
//!
//! It crosses in a ring without a lock (`hub::handover`). What finds no room waits on this side, where waiting harms nobody.

use super::stopping::stopped;
use crate::error::Result;
use crate::hub::SourceStatus;
use crate::hub::handover::{Giver, Untaken, handover};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Events on their way.
const EVENTS_MAX: usize = 16;
/// How soon to check again for room.
const OFFER_AGAIN: Duration = Duration::from_millis(5);

/// What the thread that sends is told.
pub enum Event {
    /// The source is so now.
    Source(SourceStatus),
    /// The service is to stop.
    Stop,
}

/// Where events go in, and where they come out.
///
/// # Errors
/// When the kernel gives no eventfd.
pub fn events() -> Result<(Giver<Event>, Untaken<Event>)> {
    handover(EVENTS_MAX)
}

/// Passes on events, until the service is to stop. Of a source that changes faster than it is heard of, the newest counts.
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
