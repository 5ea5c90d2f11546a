//! The one clock of the service: `CLOCK_MONOTONIC_RAW`, which nothing slews (see docs/design/clocks.md).
//!
//! Read through the vDSO: no system call. Who may call it: source, rt, hub, net, sys. Never core.

use crate::units::{MonoNs, NS_PER_S};
use nix::time::{ClockId, clock_gettime};

/// Now, in nanoseconds since boot.
///
/// # Panics
/// On a kernel without this clock: none since 2.6.28.
pub fn mono_raw_now() -> MonoNs {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC_RAW).expect("every Linux since 2.6.28 has this clock");
    MonoNs(now.tv_sec() as u64 * NS_PER_S + now.tv_nsec() as u64)
}
