//! Checks the stream of one listener byte by byte: WebSocket messages, their records, and that every sample
//! of `--source exact:counter` arrives exactly once, in order.
//!
//! In: bytes as they arrive. Out: a [`Tally`]. It is written from docs/ref/wire-format.md and not from the
//! service's code: two independent readings of the document must agree. It uses no sockets.

use serde::{Deserialize, Serialize};

const RECORD_HEAD_BYTES: usize = 40;
const KIND_AUDIO: u8 = 1;
const KIND_GAP: u8 = 2;
const KIND_LISTENER: u8 = 3;

/// The counts of one listener or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Sound messages.
    pub messages: u64,
    /// Bytes of all kinds.
    pub bytes: u64,
    /// Frames of sound.
    pub frames: u64,
    /// Frames with a wrong value.
    pub wrong_frames: u64,
    /// Packets that the service reports as dropped for this listener.
    pub lost_packets: u64,
    /// Records that the service reports as not captured.
    pub gaps: u64,
    /// Unexplained jumps, and unreadable messages.
    pub faults: u64,
}

impl Tally {
    /// Returns the sum of both tallies.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            bytes: self.bytes + other.bytes,
            frames: self.frames + other.frames,
            wrong_frames: self.wrong_frames + other.wrong_frames,
            lost_packets: self.lost_packets + other.lost_packets,
            gaps: self.gaps + other.gaps,
            faults: self.faults + other.faults,
        }
    }
}

/// The state of one listener.
#[derive(Debug, Default)]
pub struct Ear {
    /// The beginning of an incomplete message.
    pending: Vec<u8>,
    next: Option<(u32, u64)>,
    /// The stream's counts.
    pub tally: Tally,
}

impl Ear {
    /// Processes new bytes.
    pub fn hear(&mut self, bytes: &[u8]) {
        self.tally.bytes += bytes.len() as u64;
        if self.pending.is_empty() {
            let used = self.messages(bytes);
            self.pending.extend_from_slice(&bytes[used..]);
        } else {
            let mut whole = std::mem::take(&mut self.pending);
            whole.extend_from_slice(bytes);
            let used = self.messages(&whole);
            whole.drain(..used);
            self.pending = whole;
        }
    }

    /// Reads complete messages; returns their total size in bytes.
    fn messages(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some((head_bytes, payload_bytes)) = frame_of(&bytes[at..]) {
            let Some(payload) = bytes.get(at + head_bytes..at + head_bytes + payload_bytes) else { break };
            if bytes[at] == 0x82 {
                self.tally.messages += 1;
                self.records(payload);
            }
            at += head_bytes + payload_bytes;
        }
        at
    }

    fn records(&mut self, mut bytes: &[u8]) {
        while let Some(head) = bytes.first_chunk::<RECORD_HEAD_BYTES>() {
            let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            let (seq, frames) = (word(8), word(12));
            let index = u64::from(word(16)) | u64::from(word(20)) << 32;
            let samples = if head[1] == KIND_AUDIO { frames as usize * 4 } else { 0 };
            let Some(payload) = bytes.get(RECORD_HEAD_BYTES..RECORD_HEAD_BYTES + samples) else { break };
            match head[1] {
                KIND_LISTENER => {
                    self.tally.lost_packets += u64::from(seq);
                    if let Some((next_seq, next_index)) = &mut self.next {
                        *next_seq = next_seq.wrapping_add(seq);
                        *next_index += u64::from(frames);
                    }
                }
                KIND_AUDIO | KIND_GAP => {
                    let restart = head[2] & 1 != 0;
                    let joins = self.next.is_none_or(|next| next.0 == seq && (restart || next.1 == index));
                    self.tally.faults += u64::from(!joins);
                    self.tally.gaps += u64::from(head[1] == KIND_GAP);
                    let past = head[2] & 2 != 0;
                    self.next = Some((seq.wrapping_add(1), index + u64::from(if past { 0 } else { frames })));
                    self.samples(index, payload);
                }
                _ => self.tally.faults += 1,
            }
            bytes = &bytes[RECORD_HEAD_BYTES + samples..];
        }
        self.tally.faults += u64::from(!bytes.is_empty());
    }

    /// Checks samples: the counter's two channels are the low and the high half of the frame's index.
    fn samples(&mut self, index: u64, payload: &[u8]) {
        let wrong = payload
            .chunks_exact(4)
            .zip(index as u32..)
            .filter(|(frame, expected)| **frame != expected.to_le_bytes())
            .count();
        self.tally.wrong_frames += wrong as u64;
        self.tally.frames += payload.len() as u64 / 4;
    }
}

/// Sizes of a WebSocket frame's header and payload, once the header is complete.
fn frame_of(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes {
        [_, length, ..] if length < 126 => Some((2, usize::from(length))),
        [_, 126, high, low, ..] => Some((4, usize::from(high) << 8 | usize::from(low))),
        [_, 127, ..] => {
            let length = bytes.get(2..10)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            Some((10, length))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, seq: u32, index: u64, frames: u32) -> Vec<u8> {
        let mut bytes = vec![1, kind, 0, 0, 1, 2, 0, 0];
        bytes.extend(seq.to_le_bytes());
        bytes.extend(frames.to_le_bytes());
        bytes.extend(index.to_le_bytes());
        bytes.extend([0; 16]);
        if kind == KIND_AUDIO {
            (index as u32..).take(frames as usize).for_each(|frame| bytes.extend(frame.to_le_bytes()));
        }
        bytes
    }

    fn message(records: &[Vec<u8>]) -> Vec<u8> {
        let payload = records.concat();
        let length = (payload.len() as u16).to_be_bytes();
        [&[0x82, 126][..], &length, &payload].concat()
    }

    fn heard(bytes: &[u8], piece: usize) -> Tally {
        let mut ear = Ear::default();
        bytes.chunks(piece).for_each(|piece| ear.hear(piece));
        ear.tally
    }

    #[test]
    fn a_sound_stream_is_sound_however_it_is_cut() {
        let text = [&[0x81, 5][..], b"hello"].concat();
        let pair = [record(KIND_AUDIO, 1, 128, 128), record(KIND_AUDIO, 2, 256, 100)];
        let bytes = [
            message(&[record(KIND_AUDIO, 0, 0, 128)]),
            text,
            message(&pair),
            message(&[record(KIND_GAP, 3, 356, 9)]),
        ]
        .concat();
        for piece in [1, 7, 600, bytes.len()] {
            let expected =
                Tally { messages: 3, bytes: bytes.len() as u64, frames: 356, gaps: 1, ..Tally::default() };
            assert_eq!(heard(&bytes, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_lost_is_told_from_what_is_missing() {
        let first = message(&[record(KIND_AUDIO, 0, 0, 128)]);
        let later = record(KIND_AUDIO, 3, 384, 128);
        let told = message(&[record(KIND_LISTENER, 2, 128, 256), later.clone()]);
        let of = |second: &[u8]| heard(&[&first[..], second].concat(), 10_000);
        assert_eq!((of(&told).lost_packets, of(&told).faults), (2, 0));
        assert_eq!(of(&message(std::slice::from_ref(&later))).faults, 1);
        let mut wrong = later;
        wrong[RECORD_HEAD_BYTES] ^= 1;
        assert_eq!(of(&message(&[record(KIND_LISTENER, 2, 128, 256), wrong])).wrong_frames, 1);
    }
}
