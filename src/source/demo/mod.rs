//! The demo instrument, which plays when no synth is plugged in: fifty seconds of calm electric piano in a loop.
//!
//! In: nothing; no recorded samples. Out: a [`Generator`] of stereo Int16 at 44 100 Hz. All sound is computed in blocks of
//! 32 frames from the score, so it costs little (`benches/convert.rs` prints it), needs 80 KiB, and is bit-identical on
//! every machine: no function of the C library takes part.
//!
//! The loop has no seam: the last notes ring on while the beginning starts again. Timing (`paced`) and labelling it as a
//! demo (the page) belong elsewhere.

mod room;
mod score;
mod voices;
mod waves;

use super::paced::Generator;
use crate::units::ChannelCount;
use room::{Chorus, OffsetFilter, Reverb, Tremolo};
use score::{Note, Part, ROUND_BLOCKS};
use voices::{Bass, Bus, Keys, Pad, Players};
use waves::BLOCK_FRAMES;

/// Frames of one loop of the score.
pub const ROUND_FRAMES: u64 = score::ROUND_FRAMES;

/// Levels of the mix: -21 dBFS RMS over a loop, peaks at -4.5 dBFS.
const KEYS_GAIN: f32 = 0.44;
const PAD_GAIN: f32 = 0.022;
const BASS_GAIN: f32 = 0.18;
/// Share of keys and pad sent to the reverberation.
const ROOM_SEND: f32 = 0.10;
/// Full scale of the output.
const FULL_SCALE: f32 = 32_767.0;

/// The demo. It ignores the requested index and continues where it is: skipping after a loss would bring no benefit.
#[derive(Debug)]
pub struct Demo {
    notes: Vec<Note>,
    next_note: usize,
    round_block: u32,
    keys: Players<Keys, 20>,
    pad: Players<Pad, 16>,
    bass: Players<Bass, 4>,
    tremolo: Tremolo,
    chorus: Chorus,
    reverb: Reverb,
    offset_filters: [OffsetFilter; 2],
    /// The block being handed out, interleaved.
    block: [i16; BLOCK_FRAMES * 2],
    handed_out: usize,
}

impl Demo {
    /// Creates a demo that begins at the first bar. Allocates all memory.
    pub fn new() -> Self {
        Self {
            notes: score::notes(),
            next_note: 0,
            round_block: 0,
            keys: Players::new(),
            pad: Players::new(),
            bass: Players::new(),
            tremolo: Tremolo::new(),
            chorus: Chorus::new(),
            reverb: Reverb::new(),
            offset_filters: [OffsetFilter::default(), OffsetFilter::default()],
            block: [0; BLOCK_FRAMES * 2],
            handed_out: BLOCK_FRAMES * 2,
        }
    }

    fn begin_notes(&mut self) {
        while let Some(note) =
            self.notes.get(self.next_note).filter(|note| note.begin_block <= self.round_block)
        {
            let Note { length_blocks, part, pitch, strength, .. } = *note;
            match part {
                Part::Keys => self.keys.play(pitch, strength, length_blocks),
                Part::Pad => self.pad.play(pitch, strength, length_blocks),
                Part::Bass => self.bass.play(pitch, strength, length_blocks),
            }
            self.next_note += 1;
        }
        self.round_block += 1;
        if self.round_block == ROUND_BLOCKS {
            self.round_block = 0;
            self.next_note = 0;
        }
    }

    fn render_block(&mut self) {
        self.begin_notes();
        let (mut keys, mut pad, mut out) = (Bus::SILENT, Bus::SILENT, Bus::SILENT);
        self.keys.add_to(&mut keys);
        self.tremolo.process(&mut keys);
        self.pad.add_to(&mut pad);
        self.bass.add_to(&mut out);
        for (keys, pad) in sides(&mut keys).into_iter().zip(sides(&mut pad)) {
            for (keys, pad) in keys.iter_mut().zip(pad) {
                *keys = *keys * KEYS_GAIN + *pad * PAD_GAIN;
            }
        }
        self.chorus.process(&mut keys);
        let mut send = keys;
        for (send, (out, keys)) in
            sides(&mut send).into_iter().zip(sides(&mut out).into_iter().zip(sides(&mut keys)))
        {
            for (send, (out, keys)) in send.iter_mut().zip(out.iter_mut().zip(keys)) {
                *send *= ROOM_SEND;
                *out = *out * BASS_GAIN + *keys;
            }
        }
        self.reverb.process(&send, &mut out);
        for (side, (sound, filter)) in sides(&mut out).into_iter().zip(&mut self.offset_filters).enumerate() {
            for (sample, sound) in self.block.iter_mut().skip(side).step_by(2).zip(sound) {
                let scaled = (filter.process(*sound) * FULL_SCALE).clamp(-FULL_SCALE, FULL_SCALE);
                *sample = crate::core::rounding::nearest_from_float(scaled / 32_768.0);
            }
        }
    }
}

impl Default for Demo {
    fn default() -> Self {
        Self::new()
    }
}

impl Generator for Demo {
    fn channels(&self) -> ChannelCount {
        ChannelCount::STEREO
    }

    fn render(&mut self, _first_frame: u64, out: &mut [i16]) {
        let mut rest = out;
        while !rest.is_empty() {
            if self.handed_out == self.block.len() {
                self.render_block();
                self.handed_out = 0;
            }
            let ready = self.block.get(self.handed_out..).unwrap_or_default();
            let count = ready.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(&ready[..count]);
            self.handed_out += count;
            rest = later;
        }
    }
}

/// Returns the left side, then the right.
fn sides(bus: &mut Bus) -> [&mut waves::Block; 2] {
    [&mut bus.left, &mut bus.right]
}

#[cfg(test)]
mod tests;
