//! Synthwire: a synthesizer's sound, live in any browser on the network.
//!
//! The data's way is the order of the modules: [`source`] (ALSA, demo, test sources) → [`rt`] (the capture thread and its
//! hand-off) → [`core`] (packets; pure) → [`hub`] (one to many) → [`net`] (HTTP and WebSocket) → the browser (`web/`).
//! Beside it: [`units`], [`clock`], [`plain`] (words from outside), [`encoding`] (text as editors save it), [`host_name`], [`suggestion`] (which word was meant),
//! [`config`], [`error`], [`state`] (what outlives the service), [`card`] (set up
//! without a screen), [`update`] (the way to the system's updater), [`identity`] (what it is called), [`tls`] (who it is to a browser), [`sys`] (systemd,
//! signals, logs, the machine) and [`cli`].
//! `docs/ARCHITECTURE.md` is the map, with the law of who may import whom; `tests/architecture.rs` enforces it.

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
pub mod net;
pub mod plain;
pub mod rt;
pub mod source;
pub mod state;
pub mod suggestion;
pub mod sys;
pub mod tls;
pub mod units;
pub mod update;
