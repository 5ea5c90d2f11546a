//! Buckets for times from a microsecond to seconds. A bucket is at most an eighth as wide as the times in it.
//!
//! In: nanoseconds, or counts by bucket. Out: buckets, or a quantile. The counters themselves live elsewhere.

/// Number of buckets; the last takes everything from 15.7 s.
pub const BUCKETS: usize = 176;
/// Buckets per octave, as a power of two.
const PARTS_BITS: u32 = 3;
const PARTS: u64 = 1 << PARTS_BITS;

/// Returns the bucket of a time.
pub fn bucket_of(ns: u64) -> usize {
    let us = ns / 1000;
    if us < PARTS {
        return us as usize;
    }
    let octave = us.ilog2();
    let part = (us >> (octave - PARTS_BITS)) & (PARTS - 1);
    let bucket = u64::from(octave - PARTS_BITS + 1) * PARTS + part;
    (bucket as usize).min(BUCKETS - 1)
}

/// Returns the upper end of a bucket, in microseconds: the first time that is too long for it.
pub fn end_us(bucket: usize) -> u64 {
    let (octave, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    if octave == 0 { part + 1 } else { (PARTS + part + 1) << (octave - 1) }
}

/// Returns the time, in microseconds, below which this share (0 to 1) of all counted values lies. `None` when nothing was
/// counted.
pub fn quantile_us(counts: &[u64], share: f64) -> Option<u64> {
    let total: u64 = counts.iter().sum();
    let wanted = ((total as f64 * share).ceil() as u64).max(1);
    let mut below = 0;
    for (bucket, count) in counts.iter().enumerate() {
        below += count;
        if below >= wanted {
            return Some(end_us(bucket));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_lies_in_its_bucket_which_is_narrow(us in 0_u64..15_000_000) {
            let bucket = bucket_of(us * 1000 + 999);
            let begin = if bucket == 0 { 0 } else { end_us(bucket - 1) };
            prop_assert!(begin <= us && us < end_us(bucket), "{us} us in {begin}..{}", end_us(bucket));
            prop_assert!(end_us(bucket) - begin <= 1 + us / 8);
        }
    }

    #[test]
    fn quantiles_count_from_below_and_everything_has_a_bucket() {
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        let mut counts = [0; BUCKETS];
        assert_eq!(quantile_us(&counts, 0.5), None);
        counts[2] = 99;
        counts[100] = 1;
        assert_eq!(quantile_us(&counts, 0.5), Some(3));
        assert_eq!(quantile_us(&counts, 0.99), Some(3));
        assert_eq!(quantile_us(&counts, 0.999), Some(end_us(100)));
    }
}
