//! The signals: those that end the service, and the one that has it read its configuration again.

use crate::error::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGHUP, from now on. Several at once may be one.
///
/// # Errors
/// When the kernel lets nobody wait for it.
pub fn reload_requests() -> Result<Signal> {
    wait_for(SignalKind::hangup())
}

/// Waits for SIGTERM or SIGINT; which one.
///
/// # Errors
/// When the kernel lets nobody wait for them.
pub async fn asked_to_stop() -> Result<&'static str> {
    let mut terminate = wait_for(SignalKind::terminate())?;
    let mut interrupt = wait_for(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

fn wait_for(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|error| Error::new("cannot wait for signals").because(error))
}
