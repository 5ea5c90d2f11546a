//! Parses the records that a listener gets (`docs/ref/wire-format.md`). This parser was written only from the
//! document, so that the service is not judged by its own code.

const HEAD_BYTES: usize = 40;
const RESTART: u8 = 1;
const PAST: u8 = 2;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A record with sound.
    Audio {
        /// True if a new timeline begins here.
        restart: bool,
        /// The record's number in the sequence of shared records.
        seq: u32,
        /// Index of the first frame.
        frame_index: u64,
        /// Left and right of each frame.
        frames: Vec<[i16; 2]>,
    },
    /// Frames that are missing.
    Gap {
        /// True if the frames were lost earlier; then the timeline does not move.
        past: bool,
        /// Code of the cause.
        cause: u16,
        /// The record's number in the sequence of shared records.
        seq: u32,
        /// Index of the first missing frame, or of the frame where the loss was found.
        frame_index: u64,
        /// Number of missing frames.
        frames: u32,
    },
    /// A record for this listener only.
    Note {
        /// Packets that did not fit into this listener's queue.
        lost_packets: u32,
    },
}

/// All records of a message.
///
/// # Errors
/// A part of the message is not a record.
pub fn parse(mut message: &[u8]) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    while !message.is_empty() {
        let (head, rest) =
            message.split_at_checked(HEAD_BYTES).ok_or("a message ends within a record's head")?;
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
        let frame_index = u64::from_le_bytes(head[16..24].try_into().expect("eight bytes"));
        let (flags, seq, frames) = (head[2], word(8), word(12));
        let mut payload_bytes = 0;
        records.push(match (head[0], head[1]) {
            (1, 1) => {
                payload_bytes = frames as usize * 4;
                let payload = rest.get(..payload_bytes).ok_or("a message ends within a record's sound")?;
                let sample = |bytes: &[u8]| i16::from_le_bytes([bytes[0], bytes[1]]);
                let frames = payload.chunks_exact(4).map(|it| [sample(it), sample(&it[2..])]).collect();
                Record::Audio { restart: flags & RESTART != 0, seq, frame_index, frames }
            }
            (1, 2) => {
                let cause = u16::from_le_bytes([head[6], head[7]]);
                Record::Gap { past: flags & PAST != 0, cause, seq, frame_index, frames }
            }
            (1, 3) => Record::Note { lost_packets: word(8) },
            (version, kind) => return Err(format!("a record of version {version}, kind {kind}")),
        });
        message = &rest[payload_bytes..];
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(kind: u8, flags: u8, cause: u8, words: [u32; 2], frame_index: u64) -> Vec<u8> {
        let mut bytes = vec![1, kind, flags, 0, 1, 2, cause, 0];
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend_from_slice(&frame_index.to_le_bytes());
        bytes.resize(HEAD_BYTES, 0);
        bytes
    }

    #[test]
    fn a_message_is_taken_apart() {
        let message = [
            head(3, 0, 0, [5, 640], 9),
            head(1, 1, 0, [7, 2], 1000),
            vec![1, 0, 2, 0, 0xff, 0xff, 4, 0],
            head(2, 2, 2, [8, 44], 1002),
        ]
        .concat();
        let audio = Record::Audio { restart: true, seq: 7, frame_index: 1000, frames: vec![[1, 2], [-1, 4]] };
        let gap = Record::Gap { past: true, cause: 2, seq: 8, frame_index: 1002, frames: 44 };
        assert_eq!(parse(&message).unwrap(), [Record::Note { lost_packets: 5 }, audio, gap]);
        for end in [1, 39, 81, 87] {
            assert!(parse(&message[..end]).is_err(), "cut at {end}");
        }
    }
}
