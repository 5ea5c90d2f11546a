//! A bad network as arithmetic: when each packet arrives, and which packets never do.
//!
//! In: packets with their send times, the current time, a seed. Out: packets with the times when they are
//! due. The library uses no clock, socket or device; the bench's bridge (`bench`, `network/`) does that. So
//! every network of the bench can be tested in simulated time, and the same seed gives the same network.
//!
//! In the order in which a packet passes them: [`profile`] the network · [`link`] one direction of it ·
//! [`outage`] its outages · [`lateness`] the delay above the minimum.

pub mod lateness;
pub mod link;
pub mod outage;
pub mod profile;

/// Nanoseconds in a millisecond.
pub(crate) const NS_PER_MS: f64 = 1e6;

/// Converts milliseconds to nanoseconds; a negative value gives 0.
pub(crate) fn ns(ms: f64) -> u64 {
    (ms.max(0.0) * NS_PER_MS).round() as u64
}
