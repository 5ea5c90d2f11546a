//! Picks two neighbouring channels of many, and changes the pair without a click.
//!
//! In: frames, and now and then another pair to pick. Out: the pair, faded from old to new over [`FADE_NS`]. A single
//! channel goes to both sides. The fade is counted in frames, so it does not depend on how calls cut the stream.

use super::{Mix, MixSettings};
use crate::core::layout::Layout;
use crate::core::rounding::nearest_from_32_bits;
use crate::units::{ChannelCount, Hz};

/// Duration of a change of the pair. 10 ms gives no audible step and no noticeable wait.
pub const FADE_NS: u64 = 10_000_000;
/// Frames picked at once out of many channels: 1 KiB of stack, which stays in the first-level cache.
const BLOCK_FRAMES: usize = 64;

/// Picks a pair that can be changed while it runs, with a linear fade of [`FADE_NS`] from the old to the new.
///
/// The two gains add up to one in every frame: two pairs that carry the same sound fade without a change of level. A change
/// requested during a fade begins when that fade is done, and the latest request wins; so no frame ever steps.
///
/// ```
/// use synthwire::core::mix::PairMix;
/// use synthwire::units::{ChannelCount, Hz};
/// let four = ChannelCount::new(4).expect("a source may have four channels");
/// let mut heard = [0; 2];
/// assert_eq!(PairMix::new(four, 2, Hz(44_100)).pick(&[1 << 16, 2 << 16, 3 << 16, 4 << 16], &mut heard), 1);
/// assert_eq!(heard, [3, 4]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PairMix {
    channels: ChannelCount,
    fade_frames: i32,
    heard: u16,
    wanted: u16,
    fade: Option<Fade>,
}

/// A fade in progress.
#[derive(Clone, Copy, Debug)]
struct Fade {
    to: u16,
    done_frames: i32,
}

impl PairMix {
    /// Starts with the pair at `first_channel` (from 0) of frames with this many channels at `rate`.
    pub fn new(channels: ChannelCount, first_channel: u16, rate: Hz) -> Self {
        let heard = first_channel.min(channels.last_pair());
        let fade_frames = i32::try_from(rate.frames_in(FADE_NS)).unwrap_or(1).max(1);
        Self { channels, fade_frames, heard, wanted: heard, fade: None }
    }

    /// Requests the pair at `first_channel` (from 0), or the last pair if there is no such channel.
    pub fn set_target(&mut self, first_channel: u16) {
        self.wanted = first_channel.min(self.channels.last_pair());
    }

    /// Returns whether a change to the latest requested pair is still in progress.
    pub fn is_fading(&self) -> bool {
        self.fade.is_some() || self.wanted != self.heard
    }

    /// Picks from as many whole frames as both `frames` and `out` hold and returns how many.
    pub fn pick(&mut self, frames: &[i32], out: &mut [i16]) -> usize {
        let channels = self.channels.samples_per_frame();
        let count = (frames.len() / channels).min(out.len() / 2);
        let mut done = 0;
        while done < count && self.is_fading() {
            let frames = frames.get(done * channels..).unwrap_or_default();
            let out = out.get_mut(done * 2..count * 2).unwrap_or_default();
            done += self.pick_fading(frames, out);
        }
        let frames = frames.get(done * channels..count * channels).unwrap_or_default();
        pick(self.channels, self.heard, frames, out.get_mut(done * 2..count * 2).unwrap_or_default());
        count
    }

    /// Picks at most a block of frames, none beyond the end of the fade, and at least one if `out` has room for it.
    fn pick_fading(&mut self, frames: &[i32], out: &mut [i16]) -> usize {
        let Fade { to, done_frames } = self.fade.unwrap_or(Fade { to: self.wanted, done_frames: 0 });
        let left_frames = (self.fade_frames - done_frames) as usize;
        let samples = out.len().min(left_frames.min(BLOCK_FRAMES) * 2);
        let out = out.get_mut(..samples).unwrap_or_default();
        let mut new = [0_i16; BLOCK_FRAMES * 2];
        pick(self.channels, self.heard, frames, out);
        pick(self.channels, to, frames, new.get_mut(..samples).unwrap_or_default());

        let mut done_frames = done_frames;
        for (frame, new) in out.chunks_exact_mut(2).zip(new.chunks_exact(2)) {
            done_frames += 1;
            let gain = done_frames * GAIN_ONE / self.fade_frames.max(1);
            for (sample, new) in frame.iter_mut().zip(new) {
                *sample = mixed(*sample, *new, gain);
            }
        }
        self.fade = Some(Fade { to, done_frames });
        if done_frames >= self.fade_frames {
            self.heard = to;
            self.fade = None;
        }
        samples / 2
    }
}

impl Mix for PairMix {
    fn channels(&self) -> u8 {
        2
    }

    fn restart(&mut self, layout: &Layout, settings: MixSettings) {
        *self = Self::new(layout.channels(), settings.first_channel, layout.rate());
    }

    fn mix(&mut self, settings: MixSettings, frames: &[i32], out: &mut [i16]) -> usize {
        self.set_target(settings.first_channel);
        self.pick(frames, out)
    }
}

/// Picks the pair at `first_channel` of each frame.
fn pick(channels: ChannelCount, first_channel: u16, frames: &[i32], out: &mut [i16]) {
    match channels.samples_per_frame() {
        1 => {
            for (sample, out) in frames.iter().zip(out.chunks_exact_mut(2)) {
                out.fill(nearest_from_32_bits(*sample));
            }
        }
        // Frames that consist of the pair alone: one loop over all samples.
        2 => round(frames, out),
        many => pick_from_many(many, usize::from(first_channel), frames, out),
    }
}

fn round(samples: &[i32], out: &mut [i16]) {
    for (sample, out) in samples.iter().zip(out) {
        *out = nearest_from_32_bits(*sample);
    }
}

/// Gathers a block of pairs, which cannot vectorise, then rounds it, which can.
fn pick_from_many(channels: usize, first_channel: usize, frames: &[i32], out: &mut [i16]) {
    let mut block = [0; BLOCK_FRAMES * 2];
    for (frames, out) in frames.chunks(BLOCK_FRAMES * channels).zip(out.chunks_mut(BLOCK_FRAMES * 2)) {
        for (frame, pair) in frames.chunks_exact(channels).zip(block.chunks_exact_mut(2)) {
            pair.copy_from_slice(frame.get(first_channel..first_channel + 2).unwrap_or(&[0; 2]));
        }
        round(&block, out);
    }
}

/// A gain of one. With 15 bits, the product of a full swing and a gain just fits an i32: 65 535 x 32 768 + 16 384 < 2^31.
const GAIN_ONE: i32 = 1 << 15;

/// Moves `old` towards `new` by the share `gain`, rounded to the nearest.
fn mixed(old: i16, new: i16, gain: i32) -> i16 {
    let swing = i32::from(new) - i32::from(old);
    (i32::from(old) + ((swing * gain + (1 << 14)) >> 15)) as i16
}
