//! The end of the service, as those see it who wait for it.

use tokio::sync::watch;

/// Waits until the service is to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // an error means that whoever could say so is gone
}
