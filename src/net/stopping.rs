//! Lets tasks wait for the end of the service.

use tokio::sync::watch;

/// Waits until the service must stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // an error means that the sender is gone
}
