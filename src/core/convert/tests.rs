//! What conversion to 32 bits promises. What becomes of it as Int16 is `mix`'s.

use super::*;
use proptest::prelude::*;

fn converted(format: SampleFormat, bytes: &[u8]) -> i32 {
    let mut sample = [0];
    assert_eq!(format.convert(bytes, &mut sample), 1);
    sample[0]
}

#[test]
fn whole_samples_alone_are_converted_and_the_rest_is_left_as_it_is() {
    let mut out = [77; 3];
    assert_eq!(SampleFormat::S24Le3.convert(&[1; 8], &mut out), 2);
    assert_eq!(out, [0x0101_0100, 0x0101_0100, 77]);
    assert_eq!(SampleFormat::S32Le.convert(&[0; 400], &mut out), 3);
    assert_eq!(SampleFormat::S16Le.convert(&[], &mut out), 0);
    assert_eq!(SampleFormat::S16Le.convert(&[1; 9], &mut []), 0);
}

#[test]
fn the_edges_of_float_are_tame() {
    let cases = [
        (f32::NAN, 0),
        (-f32::NAN, 0),
        (f32::INFINITY, i32::MAX),
        (f32::NEG_INFINITY, i32::MIN),
        (1.0, i32::MAX),
        (-1.0, i32::MIN),
        (7.5e37, i32::MAX),
        (-7.5e37, i32::MIN),
        (0.0, 0),
        (-0.0, 0),
        (0.5, 1 << 30),
        (1e-40, 1),
        (-1e-40, -1),
    ];
    for (sample, expected) in cases {
        assert_eq!(converted(SampleFormat::F32Le, &sample.to_le_bytes()), expected, "{sample}");
    }
}

proptest! {
    #[test]
    fn every_integer_is_exact_and_fills_the_upper_bits(sample: i32) {
        let bytes = sample.to_le_bytes();
        prop_assert_eq!(converted(SampleFormat::S32Le, &bytes), sample);
        prop_assert_eq!(converted(SampleFormat::S24Le3, &bytes[..3]), sample << 8);
        prop_assert_eq!(converted(SampleFormat::S24Le, &bytes), sample << 8, "the fourth byte may hold anything");
        prop_assert_eq!(converted(SampleFormat::S16Le, &bytes[..2]), sample << 16);
    }

    #[test]
    fn a_float_is_the_integer_it_is_or_the_odd_one_beside_it(bits in any::<u32>(), near in -1.1_f32..1.1, small in -1e-6_f32..1e-6) {
        for float in [f32::from_bits(bits), near, small] {
            let scaled = f64::from(float) * 2_147_483_648.0;
            let got = converted(SampleFormat::F32Le, &float.to_le_bytes());
            if !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&scaled) {
                continue; // an edge, or not a number: above
            }
            if scaled.fract() == 0.0 {
                prop_assert_eq!(i64::from(got), scaled as i64);
            } else {
                prop_assert!((f64::from(got) - scaled).abs() <= 1.0 && got & 1 == 1, "{} of {}", got, scaled);
            }
        }
    }
}
