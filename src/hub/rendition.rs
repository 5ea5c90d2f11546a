//! A stream for listeners: some channels of the source, in one codec, as packets of one size.
//!
//! In: the marks and frames of the hand-off, and the settings for all listeners. Out: packets, and the sizes from
//! which listeners' queues start. The number of a rendition is its index in [`all`] and the `stream` byte of its
//! records.
//!
//! To add a rendition, write a `Mix` or a `Codec` if the rendition needs its own, add a line to [`all`] and raise
//! `RENDITIONS`. Both traits carry Int16: for more bits the traits must change, and `web/core/net/wire.js` must
//! accept the format. A listener cannot choose yet: `net::client` gives every listener number 0. Version 1 of the
//! wire takes two channels only. A mono mix is therefore sent on both sides, or needs a new version byte.

use super::Sizes;
use crate::core::adaptation::Stream;
use crate::core::codec::{Codec, Int16};
use crate::core::mix::{Mix, MixSettings, PairMix};
use crate::core::packetizer::{Gap, Packet, Packetizer, Payload};
use crate::rt::ring::{Mark, What};

/// Maximum number of renditions: each is mixed and encoded for every period, whether or not a listener subscribes.
pub const RENDITIONS_MAX: usize = 4;
/// Number of renditions.
const RENDITIONS: usize = 1;
const _: () = assert!(RENDITIONS <= RENDITIONS_MAX);

/// Returns all renditions. A listener that does not choose hears the first.
pub fn all(sizes: &Sizes) -> Vec<Rendition> {
    let pair = PairMix::new(sizes.expected.channels(), 0, sizes.expected.rate());
    let renditions: [(Box<dyn Mix>, Box<dyn Codec>); RENDITIONS] = [(Box::new(pair), Box::new(Int16))];
    (0..).zip(renditions).map(|(number, (mix, codec))| Rendition::new(number, mix, codec, *sizes)).collect()
}

/// A mix and a codec, with the packets they make.
#[derive(Debug)]
pub struct Rendition {
    mix: Box<dyn Mix>,
    packetizer: Packetizer,
    sizes: Sizes,
    /// The sizes for the newest source's layout.
    stream: Stream,
}

impl Rendition {
    fn new(number: u8, mix: Box<dyn Mix>, codec: Box<dyn Codec>, sizes: Sizes) -> Self {
        let payload = Payload { stream: number, channels: mix.channels(), codec };
        let stream = sizes.stream(&payload, &sizes.expected);
        Self { mix, packetizer: Packetizer::new(payload, stream.rate, stream.packet_frames), sizes, stream }
    }

    /// Returns the sizes from which the queues of the rendition's listeners start.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// Returns the description of the contents of the packets.
    pub fn payload(&self) -> &Payload {
        self.packetizer.payload()
    }

    /// Takes a mark and its frames, which may complete packets. The frames come in two parts and are empty unless the mark
    /// is audio.
    pub fn take(
        &mut self,
        mark: &Mark,
        (head, tail): (&[i32], &[i32]),
        settings: MixSettings,
        emit: &mut impl FnMut(Packet),
    ) {
        let Self { mix, packetizer, .. } = self;
        match mark.what {
            What::Audio => {
                let fill = |out: &mut [i16]| {
                    let done = mix.mix(settings, head, out) * usize::from(mix.channels());
                    if !tail.is_empty() {
                        mix.mix(settings, tail, &mut out[done..]);
                    }
                };
                packetizer.audio(mark.span, mark.ready, fill, emit);
            }
            What::Gap { cause, past } => {
                packetizer.gap(&Gap { span: mark.span, cause, past, found: mark.ready }, emit);
            }
            What::Restart(layout) => {
                self.stream = self.sizes.stream(packetizer.payload(), &layout);
                mix.restart(&layout, settings);
                packetizer.restart(layout.rate(), self.stream.packet_frames, emit);
            }
            What::End => packetizer.flush(emit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::convert::SampleFormat;
    use crate::core::layout::{DeviceAnswer, Layout};
    use crate::core::timeline::Span;
    use crate::core::wire::{self, Record};
    use crate::units::{FrameIndex, MonoNs};

    fn sizes() -> Sizes {
        Sizes { queue_ms: 250, chunk_frames: Some(256), expected: Layout::expected(128) }
    }

    fn layout(channels: u32) -> Layout {
        let format = SampleFormat::S32Le;
        let answer =
            DeviceAnswer { rate_hz: 48_000, channels, format, period_frames: 480, buffer_frames: 8192 };
        Layout::new(answer).unwrap()
    }

    fn mark(first: u64, frames: u32, what: What) -> Mark {
        let span = Span { first: FrameIndex(first), frames, capture: MonoNs(7) };
        Mark { span, ready: MonoNs(8), what }
    }

    /// Returns the samples of the packets, and the packets' numbers.
    fn heard(packets: &[Packet]) -> (Vec<i16>, Vec<u8>) {
        let (mut samples, mut numbers) = (Vec::new(), Vec::new());
        for packet in packets {
            if let Record::Audio(place, payload) = wire::parse(&packet.record).unwrap()[0] {
                numbers.push(place.stream);
                samples.extend(payload.chunks_exact(2).map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]])));
            }
        }
        (samples, numbers)
    }

    #[test]
    fn a_rendition_is_mixed_from_both_parts_of_the_ring_and_bears_its_number() {
        let mut rendition = Rendition::new(
            3,
            Box::new(PairMix::new(layout(2).channels(), 0, layout(2).rate())),
            Box::new(Int16),
            sizes(),
        );
        let mut packets = Vec::new();
        let frames: Vec<i32> = (0..480 * 4).map(|n| n << 16).collect();
        let (settings, other) = (MixSettings { first_channel: 2 }, MixSettings { first_channel: 0 });
        rendition.take(&mark(0, 0, What::Restart(layout(4))), (&[], &[]), settings, &mut |p| packets.push(p));
        assert_eq!(rendition.stream().packet_frames, 480, "whole periods, though 256 frames were asked for");
        for settings in [settings, other, other] {
            let parts = frames.split_at(4 * 100);
            rendition.take(&mark(0, 480, What::Audio), parts, settings, &mut |p| packets.push(p));
        }
        let (samples, numbers) = heard(&packets);
        assert_eq!(numbers, [3, 3, 3]);
        let pair =
            |first: i16| (0..480).flat_map(move |frame: i16| [frame * 4 + first, frame * 4 + first + 1]);
        assert!(samples[..960].iter().copied().eq(pair(2)), "the source begins with the pair that is set");
        assert_eq!(
            samples[958 + 960..960 * 2],
            [479 * 4, 479 * 4 + 1],
            "after 10 ms the other is all there is"
        );
        assert!(samples[960 * 2..].iter().copied().eq(pair(0)));
    }

    #[test]
    fn renditions_are_numbered_by_their_place() {
        let all = all(&sizes());
        assert!((0..).zip(&all).all(|(number, rendition)| rendition.payload().stream == number));
        assert_eq!((all[0].payload().channels, all[0].payload().codec.name()), (2, "s16le"));
    }
}
