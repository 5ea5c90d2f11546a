//! The services of the operating system: logs, signals, systemd, and facts about the machine.

pub mod announce;
pub mod board;
pub mod boot_loader;
pub mod fds;
pub mod initramfs;
mod kernel_clock;
pub mod logging;
pub mod machine;
pub mod notify;
pub mod power;
pub mod power_up;
pub mod rights;
pub mod signals;
