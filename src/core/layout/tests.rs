use super::Unplayable::{Buffer, Channels, Period, Rate};
use super::*;
use crate::core::adaptation::{Adaptation, Stream};
use crate::core::mix::PairMix;
use crate::core::packetizer::Payload;
use proptest::prelude::*;

fn answer(rate_hz: u32, channels: u32, period_frames: u64, buffer_frames: u64) -> DeviceAnswer {
    DeviceAnswer { rate_hz, channels, format: SampleFormat::S32Le, period_frames, buffer_frames }
}

/// Returns answers of real and imagined devices: the device, its answer, and either the frames of a piece or the value that
/// cannot be played.
#[rustfmt::skip]
fn odd_answers() -> Vec<(&'static str, DeviceAnswer, Result<u32, Unplayable>)> {
    vec![
        ("a mono USB stick", answer(48_000, 1, 128, 8192), Ok(128)),
        ("a mono headset at 44.1 kHz", answer(44_100, 1, 441, 8820), Ok(441)),
        ("a synth", answer(44_100, 8, 128, 8192), Ok(128)),
        ("three channels", answer(44_100, 3, 128, 8192), Ok(128)),
        ("a mixer of 34", answer(48_000, 34, 128, 8192), Ok(128)),
        ("a console of 64", answer(96_000, 64, 256, 16_384), Ok(256)),
        ("128 channels over the network", answer(48_000, 128, 48, 4800), Ok(48)),
        ("129 channels", answer(48_000, 129, 128, 8192), Err(Channels(129))),
        ("no channels", answer(48_000, 0, 128, 8192), Err(Channels(0))),
        ("a plugin that invents channels", answer(44_100, 10_000, 128, 8192), Err(Channels(10_000))),
        ("dsnoop's period", answer(48_000, 2, 1024, 8192), Ok(1024)),
        ("pulse's period", answer(44_100, 2, 2205, 44_100), Ok(735)),
        ("30 ms of a loopback", answer(44_100, 2, 1323, 8192), Ok(661)),
        ("half the hand-off", answer(44_100, 2, 8192, 16_384), Ok(1024)),
        ("a period longer than that", answer(44_100, 2, 8193, 65_536), Err(Period(8193))),
        ("a period of 22 s", answer(48_000, 2, 1 << 20, 1 << 22), Err(Period(1 << 20))),
        ("no period", answer(48_000, 2, 0, 8192), Err(Period(0))),
        ("a period beyond 32 bits", answer(48_000, 2, (1 << 32) + 128, 1 << 40), Err(Period((1 << 32) + 128))),
        ("a period of one frame", answer(44_100, 2, 1, 2), Ok(1)),
        ("a buffer of one period", answer(48_000, 2, 1024, 1024), Err(Buffer { period_frames: 1024, buffer_frames: 1024 })),
        ("a period and a half", answer(48_000, 2, 128, 192), Err(Buffer { period_frames: 128, buffer_frames: 192 })),
        ("a buffer beyond 32 bits", answer(48_000, 2, 128, 1 << 40), Ok(128)),
        ("a telephone", answer(8000, 1, 128, 8192), Err(Rate(8000))),
        ("32 kHz", answer(32_000, 2, 128, 8192), Err(Rate(32_000))),
        ("almost 44.1 kHz", answer(44_099, 2, 128, 8192), Err(Rate(44_099))),
        ("192 kHz", answer(192_000, 2, 128, 8192), Err(Rate(192_000))),
        ("nothing at all", answer(0, 0, 0, 0), Err(Rate(0))),
    ]
}

/// Checks the values that the rest of the service derives from a layout; they must hold for every possible
/// layout.
fn check_what_follows(layout: &Layout) {
    let piece = layout.piece_frames();
    assert!((1..=PIECE_FRAMES_MAX).contains(&piece), "{layout:?}: pieces of {piece}");
    for wish in [None, Some(32), Some(128), Some(1000), Some(AUDIO_FRAMES_MAX), Some(u32::MAX)] {
        let packet = layout.packet_frames(wish);
        assert!(
            (1..=AUDIO_FRAMES_MAX).contains(&packet) && packet.is_multiple_of(piece),
            "{layout:?}: {packet}"
        );
        for queue_ms in [10, 250, 2000] {
            let stream = Stream::new(&Payload::int16(0, 2), layout, wish, queue_ms);
            let queue = Adaptation::new(stream).serving().queue_packets as u64;
            let queued_ns = layout.rate().duration_ns(queue * u64::from(packet));
            // The configured time for any period, but never less than the two packets that playing needs.
            let limit_ns = u64::from(queue_ms) * 1_000_000;
            assert!(
                queued_ns <= limit_ns || queue == 2,
                "{layout:?}: {queued_ns} ns wait, {queue_ms} ms may"
            );
        }
    }
    let source = vec![0x40; layout.frame_bytes() * 3];
    let mut heard = [0_i16; 6];
    let mut frames = vec![0; source.len() / layout.format().bytes_per_sample()];
    assert_eq!(layout.format().convert(&source, &mut frames), frames.len());
    for first_channel in [0, 1, layout.channels().last_pair(), u16::MAX] {
        assert_eq!(
            PairMix::new(layout.channels(), first_channel, layout.rate()).pick(&frames, &mut heard),
            3
        );
        assert_eq!(heard[0], heard[1], "each channel holds the same");
    }
}

#[test]
fn whatever_a_device_answers_is_played_or_refused_in_words() {
    for (who, answer, expected) in odd_answers() {
        let layout = Layout::new(answer);
        assert_eq!(layout.map(|layout| layout.piece_frames()), expected, "{who}");
        match layout {
            Ok(layout) => check_what_follows(&layout),
            Err(refused) => {
                let words = format!("{refused}. {}", refused.remedy());
                assert!(words.len() > 60 && !words.contains("assert"), "{who}: {words}");
            }
        }
    }
}

#[test]
fn a_packet_holds_whole_pieces_as_many_as_were_wished() {
    let layout = |period| Layout::new(answer(44_100, 2, period, 16_384)).unwrap();
    for (period, wish, packet) in [
        (128, None, 128),
        (128, Some(128), 128),
        (128, Some(129), 256),
        (128, Some(2048), 2048),
        (1024, Some(128), 1024),
        (1024, Some(1025), 2048),
        (480, Some(2048), 1920),
        (2205, Some(128), 735),
    ] {
        assert_eq!(layout(period).packet_frames(wish), packet, "periods of {period}, {wish:?} wished");
    }
}

proptest! {
    #[test]
    fn no_answer_of_any_device_panics(rate in 0_usize..6, channels: u32, few in 0_u32..140, period in 0_u64..20_000, buffer in 0_u64..70_000, any: u64) {
        let rate_hz = RATES.get(rate).map_or(any as u32, |rate| rate.0);
        for channels in [channels, few] {
            for (period, buffer) in [(period, buffer), (any, buffer), (period, any), (any, any)] {
                if let Ok(layout) = Layout::new(answer(rate_hz, channels, period, buffer)) {
                    check_what_follows(&layout);
                }
            }
        }
    }
}
