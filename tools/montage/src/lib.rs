//! A USB instrument in user space: what a MONTAGE shows the kernel, without a MONTAGE.
//!
//! In: the bytes of a USB/IP host (the kernel's `vhci-hcd`), commands of a test, the time. Out: the bytes that go back, and
//! when there will be more. No socket, file or clock is touched here; `main.rs` does that.
//!
//! In the order the bytes go: [`usbip`] requests and replies · [`device`] who answers them · [`descriptors`] what it says
//! of itself · [`isochronous`] when a transfer is over · [`clock`] which frame is when · [`signal`] what the frame holds ·
//! [`midi`] notes in packets · [`control`] what a test may ask for.

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
