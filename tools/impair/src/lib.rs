//! A bad network as arithmetic: which packet arrives when, and which never.
//!
//! In: packets with the time they were sent, the time now, a seed. Out: packets with the time they are due. No clock, socket
//! or device is touched here; the bench's bridge (`bench`, `network/`) does that. So every network of the bench can be
//! tested in simulated time, and the same seed makes the same network.
//!
//! In the order a packet goes: [`profile`] which network · [`link`] one direction of it · [`outage`] when it stands still ·
//! [`lateness`] how much later than its least a packet is.

pub mod lateness;
pub mod link;
pub mod outage;
pub mod profile;

/// Nanoseconds in a millisecond.
pub(crate) const NS_PER_MS: f64 = 1e6;

/// Nanoseconds of so many milliseconds; negative ones are none.
pub(crate) fn ns(ms: f64) -> u64 {
    (ms.max(0.0) * NS_PER_MS).round() as u64
}
