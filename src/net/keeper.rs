//! Keeps the certificate fitting: looks at the machine every few seconds, and at once when a listener's clock was told.

use super::stopped;
use crate::tls::{Facts, Identity};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// How long a new address may be without a certificate.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Between two looks, whoever asks for them: each may sign and write a certificate.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// Looks until `stop`.
pub(super) async fn keep(
    identity: Arc<Identity>,
    facts: fn() -> Facts,
    news: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) {
    let mut last_error = String::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = timeout(LOOK_EVERY, news.notified()) => {}
        }
        let identity = Arc::clone(&identity);
        // It waits for the disk.
        match spawn_blocking(move || identity.look(&facts())).await {
            Ok(Ok(None)) => last_error.clear(),
            Ok(Ok(Some(reason))) => tracing::info!("the certificate was renewed: {reason}"),
            Ok(Err(error)) => {
                let error = error.to_string();
                if error != last_error {
                    tracing::warn!("the certificate stays as it is: {error}");
                    last_error = error;
                }
            }
            Err(error) => tracing::error!("looking at the certificate panicked: {error}"),
        }
        sleep(LOOK_PAUSE).await;
    }
}
