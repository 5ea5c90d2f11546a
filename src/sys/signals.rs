//! The signals that end the service.

use crate::error::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM or SIGINT; which one.
///
/// # Errors
/// When the kernel lets nobody wait for them.
pub async fn asked_to_stop() -> Result<&'static str> {
    let wait_for = |kind| signal(kind).map_err(|error| Error::new("cannot wait for signals").because(error));
    let mut terminate = wait_for(SignalKind::terminate())?;
    let mut interrupt = wait_for(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
