//! The arithmetic of the demo's sounds: sines and decays from additions and multiplications alone.
//!
//! No function here calls the C library's mathematics: its last bits differ between versions and machines, and the demo must
//! be the same everywhere. All functions suit loops over blocks that vectorise.

/// Frames per second.
pub(super) const RATE_HZ: f32 = 44_100.0;

/// Frames computed at once. Short against any envelope, long enough to fill vectors; notes begin on this grid (0.73 ms).
pub(super) const BLOCK_FRAMES: usize = 32;

/// Blocks per second.
pub(super) const BLOCKS_PER_S: f32 = RATE_HZ / BLOCK_FRAMES as f32;

/// One channel of a block.
pub(super) type Block = [f32; BLOCK_FRAMES];

/// Positions of the frames within a block, from just above 0 to 1, for envelopes that are straight lines within a block.
pub(super) const RAMP: Block = {
    let mut ramp = [0.0; BLOCK_FRAMES];
    let mut frame = 0;
    while frame < BLOCK_FRAMES {
        ramp[frame] = (frame + 1) as f32 / BLOCK_FRAMES as f32;
        frame += 1;
    }
    ramp
};

/// The phase of an oscillator. A whole turn is 2^32, so wrapping around costs nothing and never drifts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phase {
    turns: u32,
    step: u32,
}

impl Phase {
    /// A phase that stands still.
    pub(super) const REST: Self = Self { turns: 0, step: 0 };

    /// Returns a phase that starts at zero and turns `hz` times per second.
    pub(super) fn at_hz(hz: f64) -> Self {
        Self { turns: 0, step: (hz / f64::from(RATE_HZ) * 4_294_967_296.0) as u32 }
    }

    /// Returns the phases of a block at `harmonic` times the frequency, in turns from -0.5 to 0.5.
    pub(super) fn block(self, harmonic: u32) -> Block {
        let mut turns = self.turns.wrapping_mul(harmonic);
        let step = self.step.wrapping_mul(harmonic);
        let mut block = [0.0; BLOCK_FRAMES];
        for position in &mut block {
            *position = i32::from_ne_bytes(turns.to_ne_bytes()) as f32 * (1.0 / 4_294_967_296.0);
            turns = turns.wrapping_add(step);
        }
        block
    }

    /// Advances by a block.
    pub(super) fn advance(&mut self) {
        self.turns = self.turns.wrapping_add(self.step.wrapping_mul(BLOCK_FRAMES as u32));
    }

    /// Returns the sine at the start of the block.
    pub(super) fn sine_now(self) -> f32 {
        sine(self.block(1)[0])
    }
}

/// Returns the sine of `turns` whole turns, for -0.5 to 0.5: a parabola with one correction, within 0.1 % (-60 dB, odd
/// harmonics).
pub(super) fn sine(turns: f32) -> f32 {
    let parabola = 8.0 * turns - 16.0 * turns * turns.abs();
    parabola + 0.225 * (parabola * parabola.abs() - parabola)
}

/// Returns the sine of any small number of turns, because modulated oscillators leave the range of [`sine`].
pub(super) fn sine_of_any(turns: f32) -> f32 {
    /// 1.5 x 2^23: adding and subtracting it leaves the nearest whole number.
    const ROUNDER: f32 = 12_582_912.0;
    sine(turns - ((turns + ROUNDER) - ROUNDER))
}

/// Returns the factor per step, at `per_s` steps per second, for a decay by 60 dB in `s60` seconds.
pub(super) fn decay(s60: f32, per_s: f32) -> f32 {
    /// The natural logarithm of 1000, which is 60 dB.
    const LN_1000: f32 = 6.907_755;
    let x = LN_1000 / (s60 * per_s);
    1.0 - x + x * x / 2.0 - x * x * x / 6.0
}

/// Returns the frequency of a MIDI note number, equal temperament, A4 = 440 Hz.
pub(super) fn note_hz(note: u8) -> f64 {
    const SEMITONE: f64 = 1.059_463_094_359_295_3;
    let a4 = 69;
    let steps = note.abs_diff(a4);
    let ratio = (0..steps).fold(1.0, |ratio, _| ratio * SEMITONE);
    if note >= a4 { 440.0 * ratio } else { 440.0 / ratio }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_are_sines_and_notes_are_in_tune() {
        for n in -500..=500 {
            let turns = n as f32 / 1_000.0;
            let true_sine = (std::f32::consts::TAU * turns).sin();
            assert!((sine(turns) - true_sine).abs() < 0.0013, "{turns}");
            assert!((sine_of_any(turns + 7.0) - true_sine).abs() < 0.0014, "{turns}");
        }
        assert!((note_hz(60) - 261.625_565).abs() < 1e-5);
        assert!((note_hz(81) - 880.0).abs() < 1e-9);
        assert!((decay(1.0, 1_000.0).powi(1_000) - 0.001).abs() < 1e-6);
    }
}
