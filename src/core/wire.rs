//! The binary records of `docs/ref/wire-format.md`: a head of 40 bytes, then samples.
//!
//! In: fields or bytes. Out: bytes or fields. Parsing is total: any bytes give records or a [`Refused`], never a panic.
//! Building packets (`packetizer`) and JSON messages (`net::control`) belong elsewhere.

use std::fmt;

/// The version byte this code writes and reads.
pub const VERSION: u8 = 1;
/// Bytes before a record's payload.
pub const HEAD_BYTES: usize = 40;
/// The only sample format of version 1: Int16 little-endian.
pub const FORMAT_S16LE: u8 = 1;
/// Channels of an audio record: left and right.
pub const CHANNELS: u8 = 2;
/// Bytes of one frame of payload.
pub const FRAME_BYTES: usize = 2 * CHANNELS as usize;
/// Maximum number of frames one audio record may hold (46 ms at 44.1 kHz: more would be delay, not efficiency).
pub const AUDIO_FRAMES_MAX: u32 = 2048;
/// Maximum number of records in one message.
pub const RECORDS_MAX: usize = 64;
/// Maximum bytes in one message.
pub const MESSAGE_BYTES_MAX: usize = 65_536;
/// Flag bit: the timeline restarts at this record.
pub const FLAG_RESTART: u8 = 1;
/// Flag bit of a gap: the loss was found after the fact and does not advance the timeline.
pub const FLAG_PAST: u8 = 2;

const KIND_AUDIO: u8 = 1;
const KIND_GAP: u8 = 2;
const KIND_LISTENER: u8 = 3;

/// The encoding of an audio record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// The code of the sample format.
    pub format: u8,
    /// Interleaved channels.
    pub channels: u8,
}

impl Coding {
    /// The only coding of version 1.
    pub const S16_PAIR: Self = Self { format: FORMAT_S16LE, channels: CHANNELS };
}

/// The fields that audio and gap records share: their place in the stream and their times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The rendition's number; 0 today.
    pub stream: u8,
    /// The timeline restarts here.
    pub restart: bool,
    /// For gaps only: found after the fact, so it does not advance the timeline.
    pub past: bool,
    /// Number of the record among the shared ones; wraps.
    pub seq: u32,
    /// Frames held or missing.
    pub frames: u32,
    /// Index of the first of these frames.
    pub frame_index: u64,
    /// Capture time of the first frame, `CLOCK_MONOTONIC_RAW` ns.
    pub capture_ns: u64,
    /// The time at which the capture thread finished these frames, `CLOCK_MONOTONIC_RAW` ns.
    pub ready_ns: u64,
}

/// A note for a single listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenerNote {
    /// The rendition's number; 0 today.
    pub stream: u8,
    /// The code of the cause of lost packets; 0 if no packet was lost.
    pub cause: u16,
    /// Number of shared records that this listener will not get.
    pub lost_packets: u32,
    /// Frames in those records.
    pub lost_frames: u32,
    /// Index of the first lost frame or, if none were lost, of the next to be sent.
    pub frame_index: u64,
    /// Time that the record after this note has waited in the listener's queue.
    pub queue_age_ns: u64,
    /// The time at which the message was written, `CLOCK_MONOTONIC_RAW` ns.
    pub sent_ns: u64,
}

/// One parsed record; the payload borrows from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// Interleaved left and right samples, Int16 LE.
    Audio(Place, &'a [u8]),
    /// Missing frames, and the code of the cause.
    Gap(Place, u16),
    /// A note for this listener only.
    Listener(ListenerNote),
}

/// Writes the head of an audio record; the payload of `place.frames` frames follows it.
pub fn audio_head(place: &Place, coding: Coding) -> [u8; HEAD_BYTES] {
    debug_assert!((1..=AUDIO_FRAMES_MAX).contains(&place.frames), "{} frames in a packet", place.frames);
    shared_head(KIND_AUDIO, coding, 0, place)
}

/// Writes a whole gap record.
pub fn gap(place: &Place, cause: u16) -> [u8; HEAD_BYTES] {
    shared_head(KIND_GAP, Coding { format: 0, channels: 0 }, cause, place)
}

/// Writes a whole listener record.
pub fn listener(note: &ListenerNote) -> [u8; HEAD_BYTES] {
    Head {
        kind: KIND_LISTENER,
        flags: 0,
        stream: note.stream,
        format: 0,
        channels: 0,
        code: note.cause,
        words: [note.lost_packets, note.lost_frames],
        longs: [note.frame_index, note.queue_age_ns, note.sent_ns],
    }
    .to_bytes()
}

fn shared_head(kind: u8, coding: Coding, code: u16, place: &Place) -> [u8; HEAD_BYTES] {
    Head {
        kind,
        flags: (u8::from(place.restart) * FLAG_RESTART) | (u8::from(place.past) * FLAG_PAST),
        stream: place.stream,
        format: coding.format,
        channels: coding.channels,
        code,
        words: [place.seq, place.frames],
        longs: [place.frame_index, place.capture_ns, place.ready_ns],
    }
    .to_bytes()
}

/// The layout that all kinds share, field by field in the order of the bytes.
struct Head {
    kind: u8,
    flags: u8,
    stream: u8,
    format: u8,
    channels: u8,
    code: u16,
    words: [u32; 2],
    longs: [u64; 3],
}

impl Head {
    fn to_bytes(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..6].copy_from_slice(&[
            VERSION,
            self.kind,
            self.flags,
            self.stream,
            self.format,
            self.channels,
        ]);
        bytes[6..8].copy_from_slice(&self.code.to_le_bytes());
        for (slot, word) in bytes[8..16].chunks_exact_mut(4).zip(self.words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        for (slot, long) in bytes[16..].chunks_exact_mut(8).zip(self.longs) {
            slot.copy_from_slice(&long.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        Self {
            kind: bytes[1],
            flags: bytes[2],
            stream: bytes[3],
            format: bytes[4],
            channels: bytes[5],
            code: u16::from_le_bytes([bytes[6], bytes[7]]),
            words: [word(8), word(12)],
            longs: [long(16), long(24), long(32)],
        }
    }

    fn place(&self) -> Place {
        Place {
            stream: self.stream,
            restart: self.flags & FLAG_RESTART != 0,
            past: self.kind == KIND_GAP && self.flags & FLAG_PAST != 0,
            seq: self.words[0],
            frames: self.words[1],
            frame_index: self.longs[0],
            capture_ns: self.longs[1],
            ready_ns: self.longs[2],
        }
    }

    fn note(&self) -> ListenerNote {
        ListenerNote {
            stream: self.stream,
            cause: self.code,
            lost_packets: self.words[0],
            lost_frames: self.words[1],
            frame_index: self.longs[0],
            queue_age_ns: self.longs[1],
            sent_ns: self.longs[2],
        }
    }
}

/// The reason why a message was refused, with the place of the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The message holds no record.
    Empty,
    /// The message has more bytes than [`MESSAGE_BYTES_MAX`].
    Oversized,
    /// The message has more records than [`RECORDS_MAX`].
    TooManyRecords,
    /// The message ends inside the record at this offset.
    Truncated(usize),
    /// The record at this offset has this other version.
    Version(usize, u8),
    /// The record at this offset has this unknown kind.
    Kind(usize, u8),
    /// The record at this offset has a format or channel count not allowed for its kind.
    Format(usize),
    /// The record at this offset has this number of frames: none, or more than a record may hold.
    Frames(usize, u32),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the message holds no record"),
            Self::Oversized => write!(f, "the message is larger than {MESSAGE_BYTES_MAX} bytes"),
            Self::TooManyRecords => write!(f, "the message holds more than {RECORDS_MAX} records"),
            Self::Truncated(at) => write!(f, "the record at byte {at} is cut short"),
            Self::Version(at, version) => {
                write!(f, "the record at byte {at} is of version {version}, this program speaks {VERSION}")
            }
            Self::Kind(at, kind) => write!(f, "the record at byte {at} is of unknown kind {kind}"),
            Self::Format(at) => write!(f, "the record at byte {at} has a format its kind cannot have"),
            Self::Frames(at, frames) => write!(f, "the record at byte {at} claims {frames} frames"),
        }
    }
}

impl std::error::Error for Refused {}

/// Parses a whole message. It returns nothing unless every record is valid.
///
/// # Errors
/// The first fault in the message.
pub fn parse(message: &[u8]) -> Result<Vec<Record<'_>>, Refused> {
    if message.is_empty() {
        return Err(Refused::Empty);
    }
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(Refused::Oversized);
    }
    let mut records = Vec::new();
    let mut at = 0;
    while at < message.len() {
        if records.len() == RECORDS_MAX {
            return Err(Refused::TooManyRecords);
        }
        let (record, bytes) = parse_one(&message[at..], at)?;
        records.push(record);
        at += bytes;
    }
    Ok(records)
}

fn parse_one(rest: &[u8], at: usize) -> Result<(Record<'_>, usize), Refused> {
    if rest[0] != VERSION {
        return Err(Refused::Version(at, rest[0]));
    }
    let head = Head::from_bytes(rest.first_chunk().ok_or(Refused::Truncated(at))?);
    match head.kind {
        KIND_AUDIO => {
            if head.format != FORMAT_S16LE || head.channels != CHANNELS {
                return Err(Refused::Format(at));
            }
            let place = head.place();
            if !(1..=AUDIO_FRAMES_MAX).contains(&place.frames) {
                return Err(Refused::Frames(at, place.frames));
            }
            let end = HEAD_BYTES + place.frames as usize * FRAME_BYTES;
            let payload = rest.get(HEAD_BYTES..end).ok_or(Refused::Truncated(at))?;
            Ok((Record::Audio(place, payload), end))
        }
        KIND_GAP | KIND_LISTENER if head.format != 0 || head.channels != 0 => Err(Refused::Format(at)),
        KIND_GAP if head.words[1] == 0 => Err(Refused::Frames(at, 0)),
        KIND_GAP => Ok((Record::Gap(head.place(), head.code), HEAD_BYTES)),
        KIND_LISTENER => Ok((Record::Listener(head.note()), HEAD_BYTES)),
        kind => Err(Refused::Kind(at, kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_of_another_version_is_refused_even_when_short() {
        assert_eq!(parse(&[9]), Err(Refused::Version(0, 9)));
    }

    proptest! {
        #[test]
        fn any_bytes_give_records_or_a_refusal(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read(seq: u32, index: u64, capture: u64, frames in 1..=AUDIO_FRAMES_MAX, restart: bool) {
            let place = Place { stream: 0, restart, past: false, seq, frames, frame_index: index, capture_ns: capture, ready_ns: 7 };
            let mut message = audio_head(&place, Coding::S16_PAIR).to_vec();
            message.resize(HEAD_BYTES + frames as usize * FRAME_BYTES, 5);
            message.extend(gap(&place, 3));
            let note = ListenerNote { lost_packets: seq, frame_index: index, ..ListenerNote::default() };
            message.extend(listener(&note));
            let records = parse(&message).unwrap();
            prop_assert!(matches!(records[0], Record::Audio(read, payload) if read == place && payload.iter().all(|b| *b == 5)));
            prop_assert_eq!(records[1], Record::Gap(place, 3));
            prop_assert_eq!(records[2], Record::Listener(note));
        }
    }
}
