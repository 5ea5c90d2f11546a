//! Converts a device's samples to one sample type: full-scale 32-bit integers.
//!
//! In: interleaved samples in one [`SampleFormat`], as bytes, of any number of channels. Out: the same samples in the same
//! order.
//!
//! Exact for every integer format: a narrower sample fills the upper bits, and zeros fill the rest. A float is exact down
//! to 2^-8 of full scale. A smaller float that falls between two integers becomes the odd one of them. An odd number is
//! never a tie when it is rounded to fewer bits, so that later rounding gives the same result as rounding the float
//! directly. NaN becomes silence; values beyond full scale become full scale.
//!
//! Real-time code: no allocation, no panic, no clock. The loops do not branch on data, so that they vectorise;
//! `benches/convert.rs` measures it. Choosing channels and rounding to fewer bits belong elsewhere.

/// The format of one sample, by ALSA's definitions. All formats are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleFormat {
    /// 32-bit integers.
    S32Le,
    /// 24-bit integers in three bytes.
    S24Le3,
    /// 24-bit integers in the low three of four bytes; the fourth byte is undefined.
    S24Le,
    /// 16-bit integers.
    S16Le,
    /// 32-bit floats; full scale is -1 to 1.
    F32Le,
}

impl SampleFormat {
    /// All formats, the most precise integers first.
    pub const ALL: [Self; 5] = [Self::S32Le, Self::S24Le3, Self::S24Le, Self::S16Le, Self::F32Le];

    /// Returns the bytes of one sample.
    pub const fn bytes_per_sample(self) -> usize {
        match self {
            Self::S32Le | Self::S24Le | Self::F32Le => 4,
            Self::S24Le3 => 3,
            Self::S16Le => 2,
        }
    }

    /// Returns ALSA's name of the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S32Le => "S32_LE",
            Self::S24Le3 => "S24_3LE",
            Self::S24Le => "S24_LE",
            Self::S16Le => "S16_LE",
            Self::F32Le => "FLOAT_LE",
        }
    }

    /// Writes `sample` at the start of `bytes` such that converting it back gives the same value. Writes nothing when
    /// `bytes` is too short.
    pub fn store(self, sample: i16, bytes: &mut [u8]) {
        let wide = i32::from(sample);
        let stored = match self {
            Self::S32Le => (wide << 16).to_le_bytes(),
            Self::S24Le3 | Self::S24Le => (wide << 8).to_le_bytes(),
            Self::S16Le => wide.to_le_bytes(),
            Self::F32Le => (f32::from(sample) / 32_768.0).to_le_bytes(),
        };
        let size = self.bytes_per_sample();
        if let (Some(bytes), Some(stored)) = (bytes.get_mut(..size), stored.get(..size)) {
            bytes.copy_from_slice(stored);
        }
    }

    /// Converts as many whole samples as both `source` and `out` can hold to 32-bit integers; returns their number.
    ///
    /// ```
    /// use synthwire::core::convert::SampleFormat;
    /// let mut samples = [0; 2];
    /// assert_eq!(SampleFormat::S16Le.convert(&[1, 0, 0xFF, 0xFF], &mut samples), 2);
    /// assert_eq!(samples, [1 << 16, -1 << 16]);
    /// ```
    pub fn convert(self, source: &[u8], out: &mut [i32]) -> usize {
        match self {
            Self::S32Le => each(source, out, i32::from_le_bytes),
            Self::S24Le3 => {
                each(source, out, |[low, middle, high]| i32::from_le_bytes([0, low, middle, high]))
            }
            Self::S24Le => each(source, out, |bytes| i32::from_le_bytes(bytes) << 8),
            Self::S16Le => each(source, out, |bytes| i32::from(i16::from_le_bytes(bytes)) << 16),
            Self::F32Le => each(source, out, |bytes| from_float(f32::from_le_bytes(bytes))),
        }
    }
}

/// Reads whole samples of `BYTES` bytes.
fn each<const BYTES: usize>(source: &[u8], out: &mut [i32], read: impl Fn([u8; BYTES]) -> i32) -> usize {
    let (samples, _) = source.as_chunks();
    for (sample, out) in samples.iter().zip(&mut *out) {
        *out = read(*sample);
    }
    samples.len().min(out.len())
}

/// Converts a float whose full scale is 1 to the same integer, or to the odd integer beside it.
///
/// Both ways give equal results. NEON has the cast as a vector instruction; SSE has none, and calls a function to
/// round down.
fn from_float(sample: f32) -> i32 {
    if cfg!(target_arch = "x86_64") { in_halves(sample) } else { by_cast(sample) }
}

/// Converts by a saturating cast: values beyond full scale become full scale, and NaN becomes 0.
fn by_cast(sample: f32) -> i32 {
    /// 2^31: full scale of the integer. A power of two, so that scaling is exact.
    const FULL_SCALE: f32 = 2_147_483_648.0;
    let scaled = sample * FULL_SCALE;
    let below = scaled.floor() as i32;
    below | i32::from((below as f32) < scaled)
}

/// Converts by additions: the upper 16 bits first, then the remainder of the float, which is exact too.
fn in_halves(sample: f32) -> i32 {
    /// 1.5 x 2^23: adding it leaves no bits below one, so the addition itself rounds.
    const ROUNDER: f32 = 12_582_912.0;
    const UPPER_FULL_SCALE: f32 = 32_768.0;
    let sample = if sample.is_nan() { 0.0 } else { sample };
    let scaled = (sample * UPPER_FULL_SCALE).clamp(-UPPER_FULL_SCALE, UPPER_FULL_SCALE);
    let upper = scaled + ROUNDER;
    let rest = (scaled - (upper - ROUNDER)) * 65_536.0; // from -2^15 to 2^15, exact
    let lower = rest + ROUNDER;
    let nearest = (upper.to_bits() << 16)
        .wrapping_add(lower.to_bits())
        .wrapping_sub((ROUNDER.to_bits() << 16).wrapping_add(ROUNDER.to_bits()));
    let (above, below) = (lower - ROUNDER > rest, lower - ROUNDER < rest);
    let odd = nearest.cast_signed().wrapping_sub(i32::from(above)) | i32::from(above | below);
    // Full scale has become 2^31, which is one too many and wraps to the minimum. Inverting all bits gives the maximum.
    odd ^ -i32::from(scaled >= UPPER_FULL_SCALE)
}

#[cfg(test)]
mod tests;
