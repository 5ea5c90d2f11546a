//! The service's only clock: `CLOCK_MONOTONIC_RAW`, whose rate nothing adjusts (see docs/design/clocks.md).
//!
//! The clock is read through the vDSO, without a system call. Only source, rt, hub, net and sys may call it, never core.

use crate::units::{MonoNs, NS_PER_S};
use nix::time::{ClockId, clock_gettime};

/// Returns the time in nanoseconds since boot.
///
/// # Panics
/// On a kernel without this clock; all have it since 2.6.28.
pub fn mono_raw_now() -> MonoNs {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC_RAW).expect("every Linux since 2.6.28 has this clock");
    MonoNs(now.tv_sec() as u64 * NS_PER_S + now.tv_nsec() as u64)
}
