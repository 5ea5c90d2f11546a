//! Gathers periods into packets: one allocation each, built once, shared by every listener.
//!
//! In: a place and its samples, or a gap. Out: whole records, without any framing of a link. A packet holds `chunk_frames`
//! frames (one period or a few). Anything that does not simply continue the stream (a gap, a restart) first closes the
//! packet being gathered. Its samples are encoded when it is closed, so that a codec sees whole packets.

use super::backlog::Timed;
use super::cause::Cause;
use super::codec::{Codec, Int16};
use super::timeline::Span;
use super::wire::{self, Coding, HEAD_BYTES, Place};
use crate::units::{Hz, MonoNs};
use bytes::{Bytes, BytesMut};

/// One record, ready to be sent.
#[derive(Clone, Debug)]
pub struct Packet {
    /// A whole record: the same bytes for every listener.
    pub record: Bytes,
    /// The number of the packet's rendition.
    pub stream: u8,
    /// Frames per second.
    pub rate: Hz,
    /// Index of the first frame.
    pub frame_index: u64,
    /// Frames of the timeline that the packet holds or reports as missing; 0 for a gap in the past.
    pub frames: u32,
    /// The time at which the capture thread finished the packet's last period.
    pub ready: MonoNs,
}

impl Timed for Packet {
    fn frame_index(&self) -> u64 {
        self.frame_index
    }
    fn frames(&self) -> u32 {
        self.frames
    }
}

/// Frames that do not exist.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// The place of the missing frames on the timeline.
    pub span: Span,
    /// The cause of the gap.
    pub cause: Cause,
    /// The gap was found after the fact: it does not advance the timeline.
    pub past: bool,
    /// The time at which the gap was found.
    pub found: MonoNs,
}

/// A description of the contents of a rendition's packets.
#[derive(Debug)]
pub struct Payload {
    /// The rendition's number, written in each record.
    pub stream: u8,
    /// Number of interleaved channels.
    pub channels: u8,
    /// The codec that encodes the samples.
    pub codec: Box<dyn Codec>,
}

impl Payload {
    /// Returns a payload of uncompressed Int16 samples.
    #[allow(clippy::disallowed_methods, reason = "made once, with its rendition")]
    pub fn int16(stream: u8, channels: u8) -> Self {
        Self { stream, channels, codec: Box::new(Int16) }
    }
}

/// Builds the packets of one rendition.
#[derive(Debug)]
pub struct Packetizer {
    payload: Payload,
    rate: Hz,
    chunk_frames: u32,
    seq: u32,
    /// Samples of the packet being gathered.
    gathered: Vec<i16>,
    place: Place,
    restart_next: bool,
}

impl Packetizer {
    /// Creates a packetizer; `chunk_frames` is 1 to [`wire::AUDIO_FRAMES_MAX`].
    ///
    /// # Panics
    /// With any other `chunk_frames`: the configuration was checked before.
    pub fn new(payload: Payload, rate: Hz, chunk_frames: u32) -> Self {
        assert!((1..=wire::AUDIO_FRAMES_MAX).contains(&chunk_frames), "chunk of {chunk_frames} frames");
        let gathered = Vec::with_capacity(wire::AUDIO_FRAMES_MAX as usize * usize::from(payload.channels));
        Self { payload, rate, chunk_frames, seq: 0, gathered, place: Place::default(), restart_next: false }
    }

    /// Returns the contents of the packets.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Begins a new timeline with the next audio, at `rate` and in packets of `chunk_frames` frames: 1 to
    /// [`wire::AUDIO_FRAMES_MAX`].
    pub fn restart(&mut self, rate: Hz, chunk_frames: u32, emit: &mut impl FnMut(Packet)) {
        self.flush(emit);
        self.rate = rate;
        self.chunk_frames = chunk_frames.clamp(1, wire::AUDIO_FRAMES_MAX);
        self.restart_next = true;
    }

    /// Adds a period of `span.frames` frames (at most [`wire::AUDIO_FRAMES_MAX`]); `fill` writes its interleaved samples.
    pub fn audio(
        &mut self,
        span: Span,
        ready: MonoNs,
        fill: impl FnOnce(&mut [i16]),
        emit: &mut impl FnMut(Packet),
    ) {
        let adjacent = self.place.frame_index + u64::from(self.place.frames) == span.first.0;
        if !adjacent || self.place.frames + span.frames > wire::AUDIO_FRAMES_MAX {
            self.flush(emit);
        }
        if self.place.frames == 0 {
            self.begin(span);
        }
        let gathered = self.gathered.len();
        self.gathered.resize(gathered + span.frames as usize * usize::from(self.payload.channels), 0);
        fill(&mut self.gathered[gathered..]);
        self.place.frames += span.frames;
        self.place.ready_ns = ready.0;
        if self.place.frames >= self.chunk_frames {
            self.flush(emit);
        }
    }

    /// Adds a gap.
    pub fn gap(&mut self, gap: &Gap, emit: &mut impl FnMut(Packet)) {
        self.flush(emit);
        let place = Place {
            stream: self.payload.stream,
            restart: std::mem::take(&mut self.restart_next),
            past: gap.past,
            seq: self.next_seq(),
            frames: gap.span.frames,
            frame_index: gap.span.first.0,
            capture_ns: gap.span.capture.0,
            ready_ns: gap.found.0,
        };
        emit(self.packet(Bytes::copy_from_slice(&wire::gap(&place, gap.cause.code())), &place));
    }

    /// Closes the packet being gathered, if any.
    pub fn flush(&mut self, emit: &mut impl FnMut(Packet)) {
        if self.place.frames == 0 {
            return;
        }
        self.place.seq = self.next_seq();
        let Payload { channels, codec, .. } = &mut self.payload;
        let coding = Coding { format: codec.format(), channels: *channels };
        // One allocation per packet; the bytes live until no listener's queue needs them.
        let mut record = BytesMut::with_capacity(HEAD_BYTES + codec.bytes_max(self.gathered.len()));
        record.extend_from_slice(&wire::audio_head(&self.place, coding));
        codec.encode(&self.gathered, &mut record);
        emit(self.packet(record.freeze(), &self.place));
        self.gathered.clear();
        self.place.frames = 0;
    }

    fn begin(&mut self, span: Span) {
        self.place = Place {
            stream: self.payload.stream,
            restart: std::mem::take(&mut self.restart_next),
            frame_index: span.first.0,
            capture_ns: span.capture.0,
            ..Place::default()
        };
    }

    fn next_seq(&mut self) -> u32 {
        let seq = self.seq;
        self.seq = self.seq.wrapping_add(1);
        seq
    }

    fn packet(&self, record: Bytes, place: &Place) -> Packet {
        Packet {
            record,
            stream: self.payload.stream,
            rate: self.rate,
            frame_index: place.frame_index,
            frames: if place.past { 0 } else { place.frames },
            ready: MonoNs(place.ready_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::FrameIndex;
    use proptest::prelude::*;
    use wire::Record;

    fn packetizer(chunk_frames: u32) -> Packetizer {
        Packetizer::new(Payload::int16(0, 2), Hz(44_100), chunk_frames)
    }

    fn span(first: u64, frames: u32) -> Span {
        Span { first: FrameIndex(first), frames, capture: MonoNs(first * 10) }
    }

    proptest! {
        /// Checks that the records of any input join up: seq rises by one, the index by frames, every sample comes once and
        /// in order.
        #[test]
        fn records_join_up(chunk in 1_u32..600, steps in proptest::collection::vec((1_u32..300, 0_u8..8), 1..60)) {
            let mut packetizer = packetizer(chunk);
            let mut packets = Vec::new();
            let (mut next, mut counter) = (0_u64, 0_i16);
            let mut sent = Vec::new();
            for (frames, kind) in steps {
                if kind == 0 {
                    let gap = Gap { span: span(next, frames), cause: Cause::CaptureXrun, past: false, found: MonoNs(1) };
                    packetizer.gap(&gap, &mut |p| packets.push(p));
                } else {
                    let samples: Vec<i16> = (0..frames * 2).map(|_| { counter = counter.wrapping_add(1); counter }).collect();
                    packetizer.audio(span(next, frames), MonoNs(2), |out| out.copy_from_slice(&samples), &mut |p| packets.push(p));
                    sent.extend(samples);
                }
                next += u64::from(frames);
            }
            packetizer.flush(&mut |p| packets.push(p));
            let (mut index, mut heard) = (0_u64, Vec::new());
            for (seq, packet) in packets.iter().enumerate() {
                let records = wire::parse(&packet.record).unwrap();
                prop_assert_eq!(records.len(), 1);
                let place = match records[0] {
                    Record::Audio(place, payload) => {
                        heard.extend(payload.chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])));
                        place
                    }
                    Record::Gap(place, _) => place,
                    Record::Listener(_) => unreachable!("the packetizer makes none"),
                };
                prop_assert_eq!(u64::from(place.seq), seq as u64);
                prop_assert_eq!(place.frame_index, index);
                index += u64::from(place.frames);
            }
            prop_assert_eq!(index, next);
            prop_assert_eq!(heard, sent);
        }
    }

    #[test]
    fn a_restart_closes_the_packet_and_marks_the_next() {
        let mut packetizer = packetizer(256);
        let mut packets = Vec::new();
        packetizer.audio(span(0, 128), MonoNs(0), |_| (), &mut |p| packets.push(p));
        packetizer.restart(Hz(48_000), 128, &mut |p| packets.push(p));
        packetizer.audio(span(500, 256), MonoNs(0), |_| (), &mut |p| packets.push(p));
        let restarts: Vec<bool> = packets
            .iter()
            .map(|p| matches!(wire::parse(&p.record).unwrap()[0], Record::Audio(place, _) if place.restart))
            .collect();
        assert_eq!(restarts, [false, true]);
        assert_eq!(packets.iter().map(|p| p.rate.0).collect::<Vec<_>>(), [44_100, 48_000]);
    }
}
