//! Rounds to Int16 by one rule: to the nearest, ties to even, saturated; NaN becomes silence.
//!
//! Thus a 16-bit sample in any container comes out bit for bit, and the same sound gives the same Int16 in every format.
//! `docs/design/decisions/0002-rounding.md` tells why there is no dither. Real-time code that vectorises: no branch on
//! data.

/// Rounds a 32-bit full-scale sample to the nearest Int16.
#[inline]
pub fn nearest_from_32_bits(sample: i32) -> i16 {
    // Adds just under half a step, or exactly half if the number below is odd, so that ties go to the even number.
    let odd = (sample >> 16) & 1;
    (sample.saturating_add(0x7FFF + odd) >> 16) as i16
}

/// Rounds a float with full scale 1 to the nearest Int16.
#[inline]
pub fn nearest_from_float(sample: f32) -> i16 {
    /// 1.5 x 2^23: adding it leaves no bits below one, so the addition itself rounds, to even, in every SIMD set.
    /// (`round_ties_even` is a library call on `x86_64` without SSE4.1, which ends vectorisation.)
    const ROUNDER: f32 = 12_582_912.0;
    let sample = if sample.is_nan() { 0.0 } else { sample };
    let scaled = (sample * 32_768.0).clamp(-32_768.0, 32_767.0);
    (scaled + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i16
}
