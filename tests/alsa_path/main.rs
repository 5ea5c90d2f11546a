//! The complete alsa-lib path, from a PCM name to a raw socket, with the real program and real plugins but no
//! sound card.
//!
//! There are two kinds of devices. `jack` is one that users may have: a dummy jackd behind `plug{jack}`, for
//! minutes. `card` is our own plugin (card.c, built here). It can offer a single format, refuse mmap, be
//! unplugged and overrun. Its frames carry their capture time, so the tests compare the losses that the
//! service reports with the real ones. Neither is a kernel driver: that takes a virtual machine
//! (docs/design/real-time.md says what to expect there).

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
