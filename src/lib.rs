//! Synthwire: a synthesizer's sound, live in any browser on the network.
//!
//! The modules follow the path of the data: [`source`] (ALSA, demo, test sources) → [`rt`] (the capture thread and its
//! hand-off) → [`core`] (packets; pure) → [`hub`] (one to many) → [`net`] (HTTP and WebSocket) → the browser (`web/`).
//! Besides these: [`units`], [`clock`], [`plain`] (texts from outside), [`encoding`] (text as editors save it),
//! [`host_name`], [`named_file`] (files that the user named), [`suggestion`] (likely intended words), [`config`], [`error`], [`state`] (what outlives the service),
//! [`card`] (set-up without a screen), [`update`] (the link to the system's updater), [`identity`] (the device's names),
//! [`tls`] (certificates), [`sys`] (systemd, signals, logs, the machine) and [`cli`]. `docs/ARCHITECTURE.md` is the map,
//! with the rules of which module may import which; `tests/architecture.rs` enforces them.

pub mod card;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod encoding;
pub mod error;
pub mod host_name;
pub mod hub;
pub mod identity;
pub mod named_file;
pub mod net;
pub mod plain;
pub mod rt;
pub mod source;
pub mod state;
pub mod suggestion;
pub mod sys;
#[cfg(test)]
mod test_folder;
pub mod tls;
pub mod units;
pub mod update;
