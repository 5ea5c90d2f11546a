//! Keeps the certificate fitting: looks at the machine every few seconds, and at once when a listener's clock was told or
//! the machine has got another name.

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

/// How long a new address may be without a certificate.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Between two looks, whoever asks for them: each may sign and write a certificate.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// What does not wait for the next look.
pub(super) struct News {
    /// Somebody said what a clock shows.
    pub(super) claims: Arc<Notify>,
    /// What this device is called.
    pub(super) names: watch::Receiver<Names>,
}

/// Looks at once and then until `stop`; what browsers would say against the certificate is said whenever it changes.
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
        // It waits for the disk.
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

/// An error is told once, however often it comes.
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
