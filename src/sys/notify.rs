//! Tells systemd how the service is. Does nothing when systemd did not start it.

use crate::plain::Plain;
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;
use systemd::daemon::{self, STATE_READY, STATE_RELOADING, STATE_STATUS, STATE_STOPPING, STATE_WATCHDOG};

/// The service answers on its address, or has read its configuration again.
pub fn ready() {
    tell(&[(STATE_READY, "1")]);
}

/// One line for `systemctl status`. [`Plain`] has no newline: what a file or a device is called cannot become a message of its own.
pub fn status(status: &Plain) {
    tell(&[(STATE_STATUS, status)]);
}

/// The configuration is being read again; [`ready`] ends it.
pub fn reloading() {
    // systemd takes only a reload that began after its own signal.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
    tell(&[(STATE_RELOADING, "1"), ("MONOTONIC_USEC", &now.as_micros().to_string())]);
}

/// The service is ending.
pub fn stopping() {
    tell(&[(STATE_STOPPING, "1")]);
}

/// The service lives: its watchdog may wait for as long again.
pub fn alive() {
    tell(&[(STATE_WATCHDOG, "1")]);
}

/// How long systemd waits for [`alive`] before it starts the service anew; `None` when it does not watch.
pub fn watchdog() -> Option<Duration> {
    daemon::watchdog_enabled().ok().filter(|limit_us| *limit_us > 0).map(Duration::from_micros)
}

fn tell(state: &[(&str, &str)]) {
    if let Err(error) = daemon::notify(state.iter()) {
        tracing::warn!("cannot notify systemd: {error}");
    }
}
