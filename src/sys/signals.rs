//! The signals that end the service, and the one that makes it reload its configuration.

use crate::error::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Returns a stream of SIGHUP signals from now on. Several at once may count as one.
///
/// # Errors
/// If the kernel does not allow waiting for it.
pub fn reload_requests() -> Result<Signal> {
    wait_for(SignalKind::hangup())
}

/// Waits for SIGTERM or SIGINT; returns the name of the signal.
///
/// # Errors
/// If the kernel does not allow waiting for them.
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
