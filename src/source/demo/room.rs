//! The space around the demo's notes: a chorus and a reverberation.
//!
//! In: blocks. Out: blocks. The room makes no sound of its own. Its memory is allocated at construction.

use super::voices::Bus;
use super::waves::{BLOCK_FRAMES, Phase, RAMP, RATE_HZ, decay};

/// Two slowly modulated echoes, one per side, added to the direct sound: width without audible wobble.
#[derive(Debug)]
pub(super) struct Chorus {
    past: Vec<f32>,
    now: usize,
    sway: Phase,
    delays: [f32; 2],
}

impl Chorus {
    /// A power of two that is at least the longest delay plus a block.
    const PAST_FRAMES: usize = 1_024;
    /// The middle delay: 12 ms.
    const DELAY_FRAMES: f32 = 530.0;
    /// Depth of the modulation: 1.4 ms, which at [`Self::SWAY_HZ`] bends the pitch by 4 cents.
    const SWAY_FRAMES: f32 = 62.0;
    const SWAY_HZ: f64 = 0.31;
    /// Level of the echoes.
    const ECHO: f32 = 0.45;

    pub(super) fn new() -> Self {
        let delays = [Self::DELAY_FRAMES; 2];
        Self { past: vec![0.0; Self::PAST_FRAMES], now: 0, sway: Phase::at_hz(Self::SWAY_HZ), delays }
    }

    /// Adds echoes of the sum of both sides; the sides' echoes are modulated in opposite directions.
    pub(super) fn process(&mut self, bus: &mut Bus) {
        let sway = Self::SWAY_FRAMES * self.sway.sine_now();
        self.sway.advance();
        let before = self.delays;
        self.delays = [Self::DELAY_FRAMES + sway, Self::DELAY_FRAMES - sway];
        let mask = Self::PAST_FRAMES - 1;
        for frame in 0..BLOCK_FRAMES {
            self.past[self.now & mask] = bus.left[frame] + bus.right[frame];
            for (side, (from, to)) in
                [&mut bus.left, &mut bus.right].into_iter().zip(before.into_iter().zip(self.delays))
            {
                let delay = from + (to - from) * RAMP[frame];
                let whole = delay as usize;
                let rest = delay - whole as f32;
                let near = self.past[self.now.wrapping_sub(whole) & mask];
                let far = self.past[self.now.wrapping_sub(whole + 1) & mask];
                side[frame] += Self::ECHO * (near + (far - near) * rest);
            }
            self.now = self.now.wrapping_add(1);
        }
    }
}

/// Delay lines of the reverberation.
const LINES: usize = 8;

/// A feedback delay network (Jot 1991): eight delays, mixed by a Hadamard matrix, each losing treble and level on every
/// pass.
#[derive(Debug)]
pub(super) struct Reverb {
    past: Vec<[f32; LINES]>,
    now: usize,
    gains: [f32; LINES],
    dulled: [f32; LINES],
}

impl Reverb {
    /// A power of two that is at least the longest line.
    const PAST_FRAMES: usize = 2_048;
    /// Lengths of 20 to 46 ms. They are primes, so no echoes coincide.
    const LINE_FRAMES: [usize; LINES] = [887, 1_031, 1_187, 1_361, 1_531, 1_693, 1_867, 2_039];
    /// Decay time by 60 dB, in seconds.
    const S60: f32 = 2.4;
    /// Coefficient of the low-pass: treble decays sooner, as in a room with curtains.
    const BRIGHTNESS: f32 = 0.42;

    pub(super) fn new() -> Self {
        // The matrix adds eight lines: 1/sqrt(8) preserves their energy.
        let keep = 0.353_553_4;
        let gains = Self::LINE_FRAMES.map(|frames| keep * decay(Self::S60, RATE_HZ / frames as f32));
        Self { past: vec![[0.0; LINES]; Self::PAST_FRAMES], now: 0, gains, dulled: [0.0; LINES] }
    }

    /// Adds the reverberation of `send` to `out`.
    pub(super) fn process(&mut self, send: &Bus, out: &mut Bus) {
        let mask = Self::PAST_FRAMES - 1;
        for frame in 0..BLOCK_FRAMES {
            let mut lines = [0.0; LINES];
            for (number, (line, frames)) in lines.iter_mut().zip(Self::LINE_FRAMES).enumerate() {
                *line = self.past[self.now.wrapping_sub(frames) & mask][number];
            }
            for (dulled, line) in self.dulled.iter_mut().zip(&lines) {
                *dulled += (line - *dulled) * Self::BRIGHTNESS;
            }
            let even = self.dulled[0] - self.dulled[2] + self.dulled[4] - self.dulled[6];
            let odd = self.dulled[1] - self.dulled[3] + self.dulled[5] - self.dulled[7];
            out.left[frame] += even;
            out.right[frame] += odd;
            let mut mixed = hadamard(self.dulled);
            for (number, (line, gain)) in mixed.iter_mut().zip(self.gains).enumerate() {
                let side = if number % 2 == 0 { send.left[frame] } else { send.right[frame] };
                *line = *line * gain + side;
            }
            self.past[self.now & mask] = mixed;
            self.now = self.now.wrapping_add(1);
        }
    }
}

/// Feeds every line into every line, with signs that keep them uncorrelated.
fn hadamard(lines: [f32; LINES]) -> [f32; LINES] {
    let mut from = lines;
    for half in [4, 2, 1] {
        let mut to = [0.0; LINES];
        for (number, sum) in to.iter_mut().enumerate() {
            let (one, other) = (from[number & !half], from[number | half]);
            *sum = if number & half == 0 { one + other } else { one - other };
        }
        from = to;
    }
    from
}

/// The electric piano's own tremolo, which moves the sound from side to side.
#[derive(Debug)]
pub(super) struct Tremolo {
    sway: Phase,
    lean: f32,
}

impl Tremolo {
    const HZ: f64 = 2.53;
    const DEPTH: f32 = 0.16;

    pub(super) fn new() -> Self {
        Self { sway: Phase::at_hz(Self::HZ), lean: 0.0 }
    }

    pub(super) fn process(&mut self, bus: &mut Bus) {
        let before = self.lean;
        self.sway.advance();
        self.lean = Self::DEPTH * self.sway.sine_now();
        for (ramp, (left, right)) in RAMP.iter().zip(bus.left.iter_mut().zip(&mut bus.right)) {
            let lean = before + (self.lean - before) * ramp;
            *left *= 1.0 - lean;
            *right *= 1.0 + lean;
        }
    }
}

/// Removes inaudible frequencies below 10 Hz, and with them any DC offset.
#[derive(Debug, Default)]
pub(super) struct OffsetFilter {
    offset: f32,
}

impl OffsetFilter {
    /// Share of the difference by which the filter follows the offset per frame: 2 pi x 10 Hz / 44 100 Hz.
    const FOLLOW: f32 = 0.001_425;

    pub(super) fn process(&mut self, sample: f32) -> f32 {
        self.offset += (sample - self.offset) * Self::FOLLOW;
        sample - self.offset
    }
}
