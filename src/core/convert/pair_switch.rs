//! Changing the heard pair without a click.
//!
//! In: frames, and now and then a wish for another pair. Out: the pair, faded from old to new over [`FADE_NS`].
//! The fade is counted in frames, so it does not depend on how calls cut the stream. No clock is read here.

use super::{BLOCK_FRAMES, Converter};
use crate::units::Hz;

/// How long a change of the heard pair takes. 10 ms has no audible step and is no audible wait.
pub const FADE_NS: u64 = 10_000_000;

/// A converter whose pair can be changed while it runs, with a linear fade of [`FADE_NS`] from the old to the new.
///
/// The two gains add up to one in every frame: two pairs that carry the same sound fade without a change of level.
/// A change asked for during a fade begins when that fade is done, and the latest wish wins; so no frame ever steps.
#[derive(Clone, Copy, Debug)]
pub struct PairSwitch {
    converter: Converter,
    fade_frames: i32,
    heard: u16,
    wanted: u16,
    fade: Option<Fade>,
}

/// A fade under way.
#[derive(Clone, Copy, Debug)]
struct Fade {
    to: u16,
    done_frames: i32,
}

impl PairSwitch {
    /// Hears the pair at `first_channel` (from 0) of frames at `rate`.
    pub fn new(converter: Converter, first_channel: u16, rate: Hz) -> Self {
        let heard = first_channel.min(converter.channels.last_pair());
        let fade_frames = i32::try_from(rate.frames_in(FADE_NS)).unwrap_or(1).max(1);
        Self { converter, fade_frames, heard, wanted: heard, fade: None }
    }

    /// Asks for the pair at `first_channel` (from 0); the last pair when there is none there.
    pub fn set_target(&mut self, first_channel: u16) {
        self.wanted = first_channel.min(self.converter.channels.last_pair());
    }

    /// The first channel of the pair last asked for.
    pub fn target(&self) -> u16 {
        self.wanted
    }

    /// Whether the pair last asked for is not yet all that is heard.
    pub fn is_fading(&self) -> bool {
        self.fade.is_some() || self.wanted != self.heard
    }

    /// The converter within.
    pub fn converter(&self) -> &Converter {
        &self.converter
    }

    /// Converts as many whole frames as both `source` and `out` hold and returns how many.
    pub fn convert(&mut self, source: &[u8], out: &mut [i16]) -> usize {
        let frame_bytes = self.converter.frame_bytes();
        let frames = (source.len() / frame_bytes).min(out.len() / 2);
        let mut done = 0;
        while done < frames && self.is_fading() {
            let source = source.get(done * frame_bytes..).unwrap_or_default();
            let out = out.get_mut(done * 2..frames * 2).unwrap_or_default();
            done += self.convert_fading(source, out);
        }
        let source = source.get(done * frame_bytes..).unwrap_or_default();
        let out = out.get_mut(done * 2..).unwrap_or_default();
        done + self.converter.convert(self.heard, source, out)
    }

    /// Converts at most a block of frames, none beyond the end of the fade; at least one when `out` holds one.
    fn convert_fading(&mut self, source: &[u8], out: &mut [i16]) -> usize {
        let Fade { to, done_frames } = self.fade.unwrap_or(Fade { to: self.wanted, done_frames: 0 });
        let left_frames = (self.fade_frames - done_frames) as usize;
        let samples = out.len().min(left_frames.min(BLOCK_FRAMES) * 2);
        let out = out.get_mut(..samples).unwrap_or_default();
        let mut new = [0_i16; BLOCK_FRAMES * 2];
        let frames = self.converter.convert(self.heard, source, out);
        self.converter.convert(to, source, new.get_mut(..samples).unwrap_or_default());

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
        frames
    }
}

/// A gain of one. With 15 bits, a full swing times a gain just fits an i32: 65 535 x 32 768 + 16 384 < 2^31.
const GAIN_ONE: i32 = 1 << 15;

/// `old` with `gain` of the way to `new`, to the nearest.
fn mixed(old: i16, new: i16, gain: i32) -> i16 {
    let swing = i32::from(new) - i32::from(old);
    (i32::from(old) + ((swing * gain + (1 << 14)) >> 15)) as i16
}
