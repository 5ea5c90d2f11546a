//! The real program from end to end: from the source to a raw socket, as other processes see it.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

mod alive;
mod bad_input;
mod doctor;
mod door;
mod fan_out;
mod https;
mod inside;
mod limits;
mod memory;
mod notify;
mod pipeline;
mod semantics;
mod service;
mod shutdown;
mod slow_client;
mod soak;
mod systemd;
mod thread;
mod update;
