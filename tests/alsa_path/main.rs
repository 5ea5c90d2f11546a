//! The real alsa-lib path, from a PCM by name to a raw socket: the program itself, real plugins, no sound card.
//!
//! Two kinds of devices. `jack` is a real one of the kind a person may have: a dummy jackd behind `plug{jack}`, for minutes.
//! `card` is our own plugin (card.c, built here), which can offer one format only, refuse mmap, be pulled and overrun, and
//! whose frames carry the time of their capture: so what the service says is lost is checked against what really is.
//! Neither is a kernel card: that takes a virtual machine (docs/design/real-time.md says what is expected there).

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

mod card;
mod folder;
mod jack;
mod jack_server;
mod ledger;
#[path = "../chain/notify.rs"]
#[allow(dead_code, reason = "the chain's tests use the rest")]
mod notify;
#[path = "../chain/service.rs"]
#[allow(dead_code, reason = "the chain's tests use the rest")]
mod service;
