//! To Int16, by one rule: the nearest, ties to the even one, saturated; not a number is silence.
//!
//! So a 16-bit sample in any container comes out bit for bit, and the same sound gives the same Int16 in every format. Why no
//! dither: `docs/design/decisions/0002-rounding.md`. Real-time code that vectorises: no branch on data.

/// The nearest Int16 of a sample whose full scale is 32 bits.
#[inline]
pub fn nearest_from_32_bits(sample: i32) -> i16 {
    // Just less than half a step, or half of one when the number below is odd: so ties go to the even one.
    let odd = (sample >> 16) & 1;
    (sample.saturating_add(0x7FFF + odd) >> 16) as i16
}

/// The nearest Int16 of a float whose full scale is 1.
#[inline]
pub fn nearest_from_float(sample: f32) -> i16 {
    /// 1.5 x 2^23: adding it leaves no bits below one, so the addition itself rounds, to even, in every SIMD set.
    /// (`round_ties_even` is a library call on `x86_64` without SSE4.1, which ends vectorisation.)
    const ROUNDER: f32 = 12_582_912.0;
    let sample = if sample.is_nan() { 0.0 } else { sample };
    let scaled = (sample * 32_768.0).clamp(-32_768.0, 32_767.0);
    (scaled + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i16
}
