//! The sound of the demo's notes: an electric piano, a pad and a bass, all by frequency modulation.
//!
//! In: notes, started by the parent module. Out: blocks added to a stereo [`Bus`]. Envelopes get a new target each block
//! and move in straight lines towards it. No allocation after construction: each part has as many voices as it can need,
//! which a test proves.

use super::waves::{BLOCK_FRAMES, BLOCKS_PER_S, Block, Phase, RAMP, decay, note_hz, sine, sine_of_any};

/// One block in stereo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bus {
    pub(super) left: Block,
    pub(super) right: Block,
}

impl Bus {
    /// A silent block.
    pub(super) const SILENT: Self = Self { left: [0.0; BLOCK_FRAMES], right: [0.0; BLOCK_FRAMES] };
}

/// A voice of keys or bass below this level has ended: with its gain in the mix that is -90 dBFS, the last bit.
const SILENCE: f32 = 1e-4;

/// The same limit for the pad, whose gain is lower.
const PAD_SILENCE: f32 = 2e-3;

/// A sounding note.
pub(super) trait Voice: Copy {
    /// A voice that has ended.
    const REST: Self;
    /// Starts a note.
    fn strike(pitch: u8, strength: f32) -> Self;
    /// Returns whether the voice is free for another note.
    fn is_over(&self) -> bool;
    /// Adds a block to `bus`; `held` is true until the key is released.
    fn add_to(&mut self, bus: &mut Bus, held: bool);
}

/// The voices of one part.
#[derive(Debug)]
pub(super) struct Players<V, const VOICES: usize> {
    voices: [V; VOICES],
    held_blocks: [u32; VOICES],
    /// Notes that found no free voice. Always 0, because the score is known.
    pub(super) unplayed: u32,
}

impl<V: Voice, const VOICES: usize> Players<V, VOICES> {
    pub(super) fn new() -> Self {
        Self { voices: [V::REST; VOICES], held_blocks: [0; VOICES], unplayed: 0 }
    }

    /// Starts a note that is held for `length_blocks`.
    pub(super) fn play(&mut self, pitch: u8, strength: f32, length_blocks: u32) {
        let free = self.voices.iter_mut().zip(&mut self.held_blocks).find(|(voice, _)| voice.is_over());
        match free {
            Some((voice, held_blocks)) => {
                *voice = V::strike(pitch, strength);
                *held_blocks = length_blocks;
            }
            None => self.unplayed += 1,
        }
    }

    /// Adds a block of all voices to `bus`.
    pub(super) fn add_to(&mut self, bus: &mut Bus) {
        for (voice, held_blocks) in self.voices.iter_mut().zip(&mut self.held_blocks) {
            if !voice.is_over() {
                voice.add_to(bus, *held_blocks > 0);
            }
            *held_blocks = held_blocks.saturating_sub(1);
        }
    }
}

/// A value that moves in a straight line within each block.
#[derive(Clone, Copy, Debug)]
struct Line {
    from: f32,
    to: f32,
}

impl Line {
    const ZERO: Self = Self { from: 0.0, to: 0.0 };

    /// Returns the value in each frame of the block.
    fn block(self) -> Block {
        RAMP.map(|ramp| self.from + (self.to - self.from) * ramp)
    }

    /// Sets the value to reach at the end of the next block.
    fn head_for(&mut self, to: f32) {
        self.from = self.to;
        self.to = to;
    }
}

/// An electric piano's tone: a reed (the fundamental modulates itself, brighter when struck harder) and a short bright
/// tine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    phase: Phase,
    level: f32,
    struck_blocks: u32,
    loudness: Line,
    reed: Line,
    tine: Line,
    /// Factor on the level per block while the key is down.
    ringing: f32,
    pan: f32,
}

impl Keys {
    /// Length of the hammer's attack: 4 blocks, 3 ms.
    const ATTACK_BLOCKS: u32 = 4;
    /// The tine's frequency as a multiple of the note's.
    const TINE_HARMONIC: u32 = 14;
}

impl Voice for Keys {
    const REST: Self = Self {
        phase: Phase::REST,
        level: 0.0,
        struck_blocks: 0,
        loudness: Line::ZERO,
        reed: Line::ZERO,
        tine: Line::ZERO,
        ringing: 0.0,
        pan: 0.0,
    };

    fn strike(pitch: u8, strength: f32) -> Self {
        let height = (f32::from(pitch) - 60.0) / 24.0;
        let reed = (0.27 - 0.09 * height) * strength;
        let tine = (0.07 - 0.04 * height).max(0.0) * strength * strength;
        Self {
            phase: Phase::at_hz(note_hz(pitch)),
            level: strength * (0.25 + 0.75 * strength),
            struck_blocks: 0,
            loudness: Line::ZERO,
            reed: Line { from: reed, to: reed },
            tine: Line { from: tine, to: tine },
            ringing: decay(6.0 - 2.2 * height, BLOCKS_PER_S),
            pan: 0.22 * height,
        }
    }

    fn is_over(&self) -> bool {
        self.level < SILENCE && self.loudness.to < SILENCE
    }

    fn add_to(&mut self, bus: &mut Bus, held: bool) {
        self.level *= if held { self.ringing } else { decay(0.45, BLOCKS_PER_S) };
        self.struck_blocks = (self.struck_blocks + 1).min(Self::ATTACK_BLOCKS);
        self.loudness.head_for(self.level * self.struck_blocks as f32 / Self::ATTACK_BLOCKS as f32);
        self.reed.head_for(0.02 + (self.reed.to - 0.02) * decay(2.6, BLOCKS_PER_S));
        self.tine.head_for(self.tine.to * decay(0.9, BLOCKS_PER_S));

        let (turns, fast_turns) = (self.phase.block(1), self.phase.block(Self::TINE_HARMONIC));
        let (loudness, reed, tine) = (self.loudness.block(), self.reed.block(), self.tine.block());
        for frame in 0..BLOCK_FRAMES {
            let bend = reed[frame] * sine(turns[frame]) + tine[frame] * sine(fast_turns[frame]);
            let sound = loudness[frame] * sine_of_any(turns[frame] + bend);
            bus.left[frame] += sound * (0.5 - self.pan);
            bus.right[frame] += sound * (0.5 + self.pan);
        }
        self.phase.advance();
    }
}

/// A warm pad: two slightly detuned waves, one on each side, that swell and fade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pad {
    left: Phase,
    right: Phase,
    strength: f32,
    swell: f32,
    loudness: Line,
}

impl Pad {
    /// Detuning of each side: 0.1 %, one slow beat a second in the middle of the range.
    const DETUNE: f64 = 0.001;
    /// Depth of the wave's self-modulation, in turns: gives two or three soft harmonics.
    const BEND: f32 = 0.11;
}

impl Voice for Pad {
    const REST: Self =
        Self { left: Phase::REST, right: Phase::REST, strength: 0.0, swell: 0.0, loudness: Line::ZERO };

    fn strike(pitch: u8, strength: f32) -> Self {
        let hz = note_hz(pitch);
        Self {
            left: Phase::at_hz(hz * (1.0 - Self::DETUNE)),
            right: Phase::at_hz(hz * (1.0 + Self::DETUNE)),
            strength,
            // Slightly above zero, because zero would mean that the voice has ended.
            swell: PAD_SILENCE * 2.0,
            loudness: Line::ZERO,
        }
    }

    fn is_over(&self) -> bool {
        self.swell < PAD_SILENCE && self.loudness.to < PAD_SILENCE
    }

    fn add_to(&mut self, bus: &mut Bus, held: bool) {
        if held {
            self.swell += (1.0 - self.swell) * (1.0 - decay(3.5, BLOCKS_PER_S));
        } else {
            self.swell *= decay(2.2, BLOCKS_PER_S);
        }
        self.loudness.head_for(self.strength * self.swell);
        let loudness = self.loudness.block();
        for (side, phase) in [(&mut bus.left, &mut self.left), (&mut bus.right, &mut self.right)] {
            let turns = phase.block(1);
            for frame in 0..BLOCK_FRAMES {
                let bend = Self::BEND * sine(turns[frame]);
                side[frame] += loudness[frame] * sine_of_any(turns[frame] + bend);
            }
            phase.advance();
        }
    }
}

/// A soft bass: a sine with added harmonics that small speakers can still reproduce.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bass {
    phase: Phase,
    level: f32,
    rise: f32,
    loudness: Line,
    edge: Line,
}

impl Voice for Bass {
    const REST: Self =
        Self { phase: Phase::REST, level: 0.0, rise: 0.0, loudness: Line::ZERO, edge: Line::ZERO };

    fn strike(pitch: u8, strength: f32) -> Self {
        Self {
            phase: Phase::at_hz(note_hz(pitch)),
            level: strength,
            rise: 0.0,
            loudness: Line::ZERO,
            edge: Line { from: 0.22, to: 0.22 },
        }
    }

    fn is_over(&self) -> bool {
        self.level < SILENCE && self.loudness.to < SILENCE
    }

    fn add_to(&mut self, bus: &mut Bus, held: bool) {
        self.level *= if held { decay(7.0, BLOCKS_PER_S) } else { decay(0.3, BLOCKS_PER_S) };
        self.rise += (1.0 - self.rise) * (1.0 - decay(0.03, BLOCKS_PER_S));
        self.loudness.head_for(self.level * self.rise);
        self.edge.head_for(0.09 + (self.edge.to - 0.09) * decay(0.8, BLOCKS_PER_S));
        let (turns, loudness, edge) = (self.phase.block(1), self.loudness.block(), self.edge.block());
        for frame in 0..BLOCK_FRAMES {
            let sound = loudness[frame] * sine_of_any(turns[frame] + edge[frame] * sine(turns[frame]));
            bus.left[frame] += sound;
            bus.right[frame] += sound;
        }
        self.phase.advance();
    }
}
