//! Informs systemd of the service's state. Does nothing if systemd did not start it.

use crate::plain::Plain;
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;
use systemd::daemon::{self, STATE_READY, STATE_RELOADING, STATE_STATUS, STATE_STOPPING, STATE_WATCHDOG};

/// The service answers on its address, or has reloaded its configuration.
pub fn ready() {
    tell(&[(STATE_READY, "1")]);
}

/// Sets the line of `systemctl status`. A [`Plain`] has no newline, so the name of a file or device cannot become a message
/// of its own.
pub fn status(status: &Plain) {
    tell(&[(STATE_STATUS, status)]);
}

/// The configuration is being reloaded; [`ready`] ends it.
pub fn reloading() {
    // systemd accepts only a reload that began after its own signal.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
    tell(&[(STATE_RELOADING, "1"), ("MONOTONIC_USEC", &now.as_micros().to_string())]);
}

/// The service is ending.
pub fn stopping() {
    tell(&[(STATE_STOPPING, "1")]);
}

/// The service is alive: restarts the watchdog's time-out.
pub fn alive() {
    tell(&[(STATE_WATCHDOG, "1")]);
}

/// Returns how long systemd waits for [`alive`] before it restarts the service; `None` if it does not watch.
pub fn watchdog() -> Option<Duration> {
    daemon::watchdog_enabled().ok().filter(|limit_us| *limit_us > 0).map(Duration::from_micros)
}

fn tell(state: &[(&str, &str)]) {
    if let Err(error) = daemon::notify(state.iter()) {
        tracing::warn!("cannot notify systemd: {error}");
    }
}
