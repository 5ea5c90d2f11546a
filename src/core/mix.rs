//! Mixes all channels of a source to those that are sent, rounded to Int16 (`rounding`).
//!
//! In: whole interleaved frames of 1 to 128 channels as 32-bit integers (`convert` makes them). Out: interleaved Int16. A
//! [`Mix`] is one way of doing so; [`PairMix`] picks two neighbouring channels.
//!
//! Runs on the fan-out thread, for every rendition: no allocation, no panic, no clock. The loops do not branch on data, so
//! that they vectorise; `benches/convert.rs` measures it. Formats of devices, and packets, belong elsewhere.

mod pair;

pub use pair::{FADE_NS, PairMix};

use super::layout::Layout;
use std::fmt::Debug;

/// A way to mix all channels down to some.
pub trait Mix: Debug {
    /// Returns the number of channels in the mix, which does not depend on the source.
    fn channels(&self) -> u8;

    /// Starts over with the layout of a newly opened source; forgets all earlier sound.
    fn restart(&mut self, layout: &Layout, settings: MixSettings);

    /// Mixes as many whole frames as both `frames` and `out` hold and returns how many.
    fn mix(&mut self, settings: MixSettings, frames: &[i32], out: &mut [i16]) -> usize;
}

/// Settings that hold for all listeners and may change at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MixSettings {
    /// First channel of the pair, from 0. If the source has no such channel, its last pair is used.
    pub first_channel: u16,
}

#[cfg(test)]
mod tests;
