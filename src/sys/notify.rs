//! Tells systemd how the service is. Does nothing when systemd did not start it.

use systemd::daemon::{self, STATE_READY, STATE_STATUS, STATE_STOPPING};

/// The service answers on its address.
pub fn ready(status: &str) {
    tell(&[(STATE_READY, "1"), (STATE_STATUS, status)]);
}

/// One line for `systemctl status`.
pub fn status(status: &str) {
    tell(&[(STATE_STATUS, status)]);
}

/// The service is ending.
pub fn stopping() {
    tell(&[(STATE_STOPPING, "1")]);
}

fn tell(state: &[(&str, &str)]) {
    if let Err(error) = daemon::notify(state.iter()) {
        tracing::warn!("cannot notify systemd: {error}");
    }
}
