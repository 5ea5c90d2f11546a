//! Follows a device's bytes on their way to Int16, against a slow reference that rounds in f64.

use super::*;
use crate::core::convert::SampleFormat;
use crate::core::rounding::{self, nearest_from_32_bits};
use crate::units::{CHANNELS_MAX, ChannelCount, Hz};
use proptest::prelude::*;

const RATE: Hz = Hz(44_100);
const FADE_FRAMES: usize = 441;

/// A device's frames, converted as on the capture thread, and a pair of them as it is sent.
#[derive(Clone, Copy)]
struct Chain {
    format: SampleFormat,
    channels: ChannelCount,
}

fn of(format: SampleFormat, channels: u16) -> Chain {
    Chain { format, channels: ChannelCount::new(channels.into()).unwrap() }
}

impl Chain {
    fn frame_bytes(self) -> usize {
        self.channels.samples_per_frame() * self.format.bytes_per_sample()
    }

    fn switch(self, first_channel: u16) -> Switch {
        Switch { chain: self, mix: PairMix::new(self.channels, first_channel, RATE) }
    }

    /// Converts with this pair from the start, as for a new source.
    fn convert(self, first_channel: u16, bytes: &[u8], out: &mut [i16]) -> usize {
        self.switch(first_channel).convert(bytes, out)
    }
}

/// The same chain with a pair that changes.
struct Switch {
    chain: Chain,
    mix: PairMix,
}

impl Switch {
    fn convert(&mut self, bytes: &[u8], out: &mut [i16]) -> usize {
        let mut samples = vec![0; bytes.len() / self.chain.format.bytes_per_sample()];
        assert_eq!(self.chain.format.convert(bytes, &mut samples), samples.len());
        self.mix.pick(&samples, out)
    }
}

/// Returns a float's Int16, which both ways must give alike.
fn nearest_from_float(sample: f32) -> i16 {
    let nearest = nearest(SampleFormat::F32Le, &sample.to_le_bytes());
    assert_eq!(nearest, rounding::nearest_from_float(sample), "{sample}");
    nearest
}

/// Returns one sample's Int16.
fn nearest(format: SampleFormat, bytes: &[u8]) -> i16 {
    let mut sample = [0];
    assert_eq!(format.convert(bytes, &mut sample), 1);
    nearest_from_32_bits(sample[0])
}

fn any_format() -> impl Strategy<Value = SampleFormat> {
    prop::sample::select(SampleFormat::ALL.to_vec())
}

/// The rule in plain words: nearest, ties to even, saturated; NaN is silence.
fn reference(format: SampleFormat, bytes: &[u8]) -> i16 {
    let full_scale = match format {
        SampleFormat::S32Le => f64::from(i32::from_le_bytes(bytes.try_into().unwrap())) / 2_147_483_648.0,
        SampleFormat::S24Le3 | SampleFormat::S24Le => {
            f64::from(i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]])) / 2_147_483_648.0
        }
        SampleFormat::S16Le => f64::from(i16::from_le_bytes(bytes.try_into().unwrap())) / 32_768.0,
        SampleFormat::F32Le => f64::from(f32::from_le_bytes(bytes.try_into().unwrap())),
    };
    (full_scale * 32_768.0).round_ties_even() as i16
}

/// Returns frames of `channels` samples, with the given pairs at `first_channel` and noise elsewhere.
fn frames_with_pair(format: SampleFormat, channels: u16, first_channel: u16, pairs: &[[i16; 2]]) -> Vec<u8> {
    let bytes_per_sample = format.bytes_per_sample();
    let mut bytes = vec![0xA5; pairs.len() * usize::from(channels) * bytes_per_sample];
    for (frame, pair) in bytes.chunks_exact_mut(usize::from(channels) * bytes_per_sample).zip(pairs) {
        for (sample, value) in
            frame.chunks_exact_mut(bytes_per_sample).skip(usize::from(first_channel)).zip(pair)
        {
            format.store(*value, sample);
        }
    }
    bytes
}

#[test]
fn every_int16_survives_in_every_container() {
    for format in SampleFormat::ALL {
        let pairs: Vec<[i16; 2]> = (i16::MIN..=i16::MAX).map(|n| [n, n.wrapping_mul(7)]).collect();
        for channels in [2, 3, 8, 34, 64, 128] {
            let bytes = frames_with_pair(format, channels, channels - 2, &pairs);
            let mut out = vec![0; pairs.len() * 2];
            assert_eq!(of(format, channels).convert(channels - 2, &bytes, &mut out), pairs.len());
            assert_eq!(out, pairs.concat(), "{} in {channels} channels", format.name());
        }
    }
}

#[test]
fn the_edges_of_float_are_tame() {
    let cases = [
        (f32::NAN, 0),
        (-f32::NAN, 0),
        (f32::INFINITY, 32_767),
        (f32::NEG_INFINITY, -32_768),
        (1.0, 32_767),
        (-1.0, -32_768),
        (7.5e37, 32_767),
        (-0.0, 0),
        (1e-40, 0),
        (0.5 / 32_768.0, 0),
        ((0.5_f32 / 32_768.0).next_up(), 1),
        ((-0.5_f32 / 32_768.0).next_down(), -1),
        ((1.5_f32 / 32_768.0).next_down(), 1),
        (1.5 / 32_768.0, 2),
        (-1.5 / 32_768.0, -2),
        (-2.5 / 32_768.0, -2),
    ];
    for (sample, expected) in cases {
        assert_eq!(nearest_from_float(sample), expected, "{sample}");
    }
}

#[test]
fn the_edges_of_integers_are_tame() {
    let cases = [
        (i32::MAX, 32_767),
        (i32::MIN, -32_768),
        (0x7FFF_8000, 32_767),
        (0x7FFF_7FFF, 32_767),
        (0x8000, 0),
        (0x8001, 1),
        (0x1_8000, 2),
        (-0x8000, 0),
        (-0x1_8000, -2),
    ];
    for (sample, expected) in cases {
        assert_eq!(nearest_from_32_bits(sample), expected, "{sample:#x}");
    }
}

#[test]
fn odd_lengths_convert_whole_frames_only() {
    let converter = of(SampleFormat::S24Le3, 3);
    let mut out = [77_i16; 5];
    assert_eq!(converter.convert(0, &[1; 26], &mut out), 2);
    assert_eq!(out[4], 77, "the sample beyond the last frame is left alone");
    assert_eq!(converter.convert(0, &[], &mut out), 0);
    assert_eq!(converter.convert(0, &[1; 26], &mut []), 0);
}

#[test]
fn one_channel_is_heard_on_both_sides_whatever_pair_is_asked_for() {
    for format in SampleFormat::ALL {
        let sound: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let mut bytes = vec![0xA5; sound.len() * format.bytes_per_sample()];
        for (sample, bytes) in sound.iter().zip(bytes.chunks_exact_mut(format.bytes_per_sample())) {
            format.store(*sample, bytes);
        }
        let both: Vec<i16> = sound.iter().flat_map(|sample| [*sample; 2]).collect();
        for first_channel in [0, 1, 126] {
            let mut out = vec![0; both.len()];
            assert_eq!(of(format, 1).convert(first_channel, &bytes, &mut out), sound.len());
            assert_eq!(out, both, "{}", format.name());
        }
        let mut switch = of(format, 1).switch(3);
        switch.mix.set_target(0);
        assert!(!switch.mix.is_fading(), "there is nothing to fade to");
    }
}

#[test]
fn a_pair_beyond_the_last_is_the_last() {
    let bytes = frames_with_pair(SampleFormat::S16Le, 6, 4, &[[11, 12]]);
    let mut out = [0; 2];
    of(SampleFormat::S16Le, 6).convert(31, &bytes, &mut out);
    assert_eq!(out, [11, 12]);
}

proptest! {
    #[test]
    fn every_format_follows_the_one_rule(
        format in any_format(), channels in 2..=CHANNELS_MAX, first in 0_u16..CHANNELS_MAX,
        noise in prop::collection::vec(any::<u8>(), 0..12_000),
    ) {
        let converter = of(format, channels);
        let frames = noise.len() / converter.frame_bytes();
        let mut out = vec![0; frames * 2];
        prop_assert_eq!(converter.convert(first, &noise, &mut out), frames);
        let first = usize::from(first.min(channels - 2));
        let size = format.bytes_per_sample();
        for (frame, pair) in noise.chunks_exact(converter.frame_bytes()).zip(out.chunks_exact(2)) {
            for (channel, got) in pair.iter().enumerate() {
                let bytes = &frame[(first + channel) * size..][..size];
                prop_assert_eq!(*got, reference(format, bytes), "{:?} of {}", bytes, format.name());
            }
        }
    }

    #[test]
    fn floats_near_full_scale_follow_the_rule(sample in -1.1_f32..1.1) {
        prop_assert_eq!(nearest_from_float(sample), reference(SampleFormat::F32Le, &sample.to_le_bytes()));
    }

    #[test]
    fn the_same_sound_is_the_same_in_every_format(sample in -(1_i32 << 23)..(1 << 23)) {
        let expected = nearest_from_32_bits(sample << 8);
        prop_assert_eq!(nearest(SampleFormat::S24Le3, &sample.to_le_bytes()[..3]), expected);
        prop_assert_eq!(nearest(SampleFormat::S24Le, &sample.to_le_bytes()), expected);
        prop_assert_eq!(nearest_from_float(sample as f32 / 8_388_608.0), expected);
    }

    #[test]
    fn any_change_of_pair_steps_no_further_than_its_share_of_the_fade(
        levels in prop::collection::vec(any::<[i16; 2]>(), 3), calls in prop::collection::vec((1_usize..700, 0_u16..3), 1..20),
    ) {
        let format = SampleFormat::S16Le;
        let mut switch = of(format, 6).switch(0);
        let mut heard: Vec<[i16; 2]> = vec![levels[0]];
        for (frames, pair) in calls {
            switch.mix.set_target(pair * 2);
            let bytes: Vec<u8> = std::iter::repeat_n(levels.concat(), frames).flatten().flat_map(i16::to_le_bytes).collect();
            let mut out = vec![0; frames * 2];
            prop_assert_eq!(switch.convert(&bytes, &mut out), frames);
            heard.extend(out.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
        }
        for side in 0..2 {
            let range = levels.iter().map(|level| i32::from(level[side]));
            let (low, high) = (range.clone().min().unwrap(), range.max().unwrap());
            let share = (high - low) / i32::try_from(FADE_FRAMES).unwrap() + 2 + (high - low) / 32_768;
            for frames in heard.windows(2) {
                let (before, after) = (i32::from(frames[0][side]), i32::from(frames[1][side]));
                prop_assert!((after - before).abs() <= share, "{} to {}, share {}", before, after, share);
                prop_assert!((low..=high).contains(&after));
            }
        }
    }

    #[test]
    fn a_fade_does_not_depend_on_how_it_is_cut(
        noise in prop::collection::vec(any::<i16>(), 900 * 4), cuts in prop::collection::vec(1_usize..200, 1..12),
    ) {
        let bytes: Vec<u8> = noise.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let fresh = || {
            let mut switch = of(SampleFormat::S16Le, 4).switch(0);
            switch.mix.set_target(2);
            switch
        };
        let mut whole = vec![0; 1_800];
        fresh().convert(&bytes, &mut whole);
        let mut pieces = vec![0; 1_800];
        let mut switch = fresh();
        let mut at = 0;
        for cut in cuts.into_iter().chain([900]) {
            let end = (at + cut).min(900);
            switch.convert(&bytes[at * 8..end * 8], &mut pieces[at * 2..end * 2]);
            at = end;
        }
        prop_assert_eq!(whole, pieces);
    }
}

#[test]
fn a_fade_takes_ten_milliseconds_and_ends_exact() {
    let mut switch = of(SampleFormat::S16Le, 4).switch(0);
    let bytes: Vec<u8> = std::iter::repeat_n([100_i16, -100, 20_000, -20_000], 1_000)
        .flatten()
        .flat_map(i16::to_le_bytes)
        .collect();
    let mut out = vec![0; 2_000];
    switch.mix.set_target(2);
    assert!(switch.mix.is_fading());
    switch.convert(&bytes, &mut out);
    assert!(!switch.mix.is_fading());
    assert!(out[0] > 100 && out[0] < 200, "the first frame begins to move: {}", out[0]);
    let arrived = out.chunks_exact(2).position(|frame| frame == [20_000, -20_000]);
    assert_eq!(arrived, Some(FADE_FRAMES - 1));
    assert!(
        out.chunks_exact(2).take(FADE_FRAMES).all(|frame| frame[0] == -frame[1] || frame[0] + frame[1] == 1)
    );
}

#[test]
fn the_same_sound_on_both_pairs_fades_without_a_trace() {
    let sound: Vec<i16> = (0..1_000_i32).map(|n| (n * 7_919 % 65_536 - 32_768) as i16).collect();
    let bytes: Vec<u8> = sound.iter().flat_map(|&s| [s, s, s, s]).flat_map(i16::to_le_bytes).collect();
    let mut switch = of(SampleFormat::S16Le, 4).switch(0);
    switch.mix.set_target(2);
    let mut out = vec![0; 2_000];
    switch.convert(&bytes, &mut out);
    assert!(out.chunks_exact(2).zip(&sound).all(|(frame, &s)| frame == [s, s]));
}
