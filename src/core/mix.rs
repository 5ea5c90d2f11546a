//! From all channels of a source to those that are sent, rounded to Int16 (`rounding`).
//!
//! In: whole interleaved frames of 1 to 128 channels as integers of 32 bits (`convert` makes them). Out: interleaved Int16.
//! A [`Mix`] is one way of doing so; [`PairMix`] picks two neighbouring channels.
//!
//! Runs on the thread that sends, for every rendition: no allocation, no panic, no clock. The loops hold no branch on data, so that
//! they vectorise; `benches/convert.rs` measures it. What does not belong here: formats of devices, and packets.

mod pair;

pub use pair::{FADE_NS, PairMix};

use super::layout::Layout;
use std::fmt::Debug;

/// One way from all channels to some.
pub trait Mix: Debug {
    /// Channels it makes, whatever the source has.
    fn channels(&self) -> u8;

    /// Another source has been opened: frames are laid out so from now on. What was heard before leaves no trace.
    fn restart(&mut self, layout: &Layout, settings: MixSettings);

    /// Mixes as many whole frames as both `frames` and `out` hold and returns how many.
    fn mix(&mut self, settings: MixSettings, frames: &[i32], out: &mut [i16]) -> usize;
}

/// What is set for all listeners, and may change at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MixSettings {
    /// First channel of the pair, from 0. Where a source has none there, its last pair is meant.
    pub first_channel: u16,
}

#[cfg(test)]
mod tests;
