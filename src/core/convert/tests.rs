//! The properties of the conversion to 32 bits. The tests in `mix` check the rounding to Int16.

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

/// Converts a float step by step, as the reference.
fn plainly(sample: f32) -> i32 {
    let scaled = f64::from(sample) * 2_147_483_648.0;
    if sample.is_nan() {
        0
    } else if scaled >= f64::from(i32::MAX) {
        i32::MAX
    } else if scaled <= f64::from(i32::MIN) {
        i32::MIN
    } else if scaled.fract() == 0.0 {
        scaled as i32
    } else {
        scaled.floor() as i32 | 1
    }
}

/// Converts in every way, not only in the one this processor uses.
fn each_way(sample: f32) -> [i32; 3] {
    [by_cast(sample), in_halves(sample), converted(SampleFormat::F32Le, &sample.to_le_bytes())]
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
        (1.0_f32.next_down(), i32::MAX - 127),
        (1.0_f32.next_up(), i32::MAX),
        ((-1.0_f32).next_up(), i32::MIN + 128),
        ((-1.0_f32).next_down(), i32::MIN),
    ];
    for (sample, expected) in cases {
        assert_eq!(each_way(sample), [expected; 3], "{sample}");
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
    fn a_float_is_the_integer_it_is_or_the_odd_one_beside_it(bits: u32, near in -1.1_f32..1.1, small in -1e-6_f32..1e-6) {
        // Every exponent, full scale, and values with a fraction.
        for float in [f32::from_bits(bits), near, small] {
            prop_assert_eq!(each_way(float), [plainly(float); 3], "{}", float);
        }
    }
}

#[test]
fn floats_of_every_exponent_and_their_upper_seven_bits_are_plain() {
    for upper in 0..=u16::MAX {
        for lower in [0_u32, 1, 0x5555, 0x8000, 0xFFFF] {
            let float = f32::from_bits(u32::from(upper) << 16 | lower);
            assert_eq!([by_cast(float), in_halves(float)], [plainly(float); 2], "{float}");
        }
    }
}
