//! What the operating system offers a service: logs, signals, systemd.

pub mod fds;
pub mod logging;
pub mod notify;
pub mod signals;
