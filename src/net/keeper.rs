//! Keeps the certificate valid: checks the machine every few seconds, and at once when a listener reports its clock or
//! the machine's name changes.

use super::secure::Look;
use super::stopping::stopped;
use crate::error::Result;
use crate::identity::Names;
use crate::tls::Identity;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// Interval between looks at the addresses: the longest time a new address is without a certificate.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Shortest time between two checks, however often they are requested: each may sign and write a certificate.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// Events that trigger a check at once.
pub(super) struct News {
    /// A listener has reported its clock.
    pub(super) claims: Arc<Notify>,
    /// The names of this device.
    pub(super) names: watch::Receiver<Names>,
}

/// Checks at once and then until `stop`; logs browsers' objections to the certificate whenever they change.
pub(super) async fn keep(
    identity: Arc<Identity>,
    facts: Look,
    mut news: News,
    mut stop: watch::Receiver<bool>,
) {
    let (mut last_error, mut last_objections) = (String::new(), Vec::new());
    loop {
        let (identity, facts) = (Arc::clone(&identity), Arc::clone(&facts));
        news.names.mark_unchanged();
        // The look waits for the disk, so it runs on a blocking thread.
        let looked = spawn_blocking(move || {
            let facts = facts();
            (identity.look(&facts), identity.objections())
        });
        match looked.await {
            Ok((renewed, objections)) => {
                tell(renewed, &mut last_error);
                if objections != last_objections {
                    for objection in &objections {
                        tracing::warn!("browsers will object: {objection}");
                    }
                    last_objections = objections;
                }
            }
            Err(error) => tracing::error!("looking at the certificate panicked: {error}"),
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = sleep(LOOK_PAUSE) => {}
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = timeout(LOOK_EVERY, news.claims.notified()) => {}
            Ok(()) = news.names.changed() => {}
        }
    }
}

/// Logs an error once, however often it repeats.
fn tell(renewed: Result<Option<&'static str>>, last_error: &mut String) {
    match renewed {
        Ok(None) => last_error.clear(),
        Ok(Some(reason)) => tracing::info!("the certificate was renewed: {reason}"),
        Err(error) => {
            let error = error.to_string();
            if error != *last_error {
                tracing::warn!("the certificate stays as it is: {error}");
                *last_error = error;
            }
        }
    }
}
