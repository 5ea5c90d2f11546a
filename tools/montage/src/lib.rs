//! A USB instrument in user space: it looks to the kernel like a MONTAGE.
//!
//! In: the bytes of a USB/IP host (the kernel's `vhci-hcd`), commands of a test, the time. Out: the bytes for
//! the host, and when the next ones are due. The library uses no socket, file or clock; `main.rs` does that.
//!
//! In the order in which the bytes pass them: [`usbip`] requests and replies · [`device`] the device that
//! answers them · [`descriptors`] its description · [`isochronous`] the end of transfers · [`clock`] frame
//! times · [`signal`] the contents of frames · [`midi`] notes in packets · [`control`] the commands of a
//! test.

pub mod clock;
pub mod control;
pub mod descriptors;
pub mod device;
pub mod isochronous;
pub mod midi;
pub mod signal;
pub mod usbip;

/// Nanoseconds in a second.
pub const NS_PER_S: u64 = 1_000_000_000;
