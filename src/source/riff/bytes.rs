//! Reads a file chunk by chunk, even if its writer left parts out.

use std::io::{self, Read, Seek, SeekFrom};

/// Chunks found in WAV files besides the sound. Knowing them reveals a missing pad byte, and distinguishes sound with a
/// length of 0 from no sound.
const KNOWN_CHUNKS: [&[u8; 4]; 24] = [
    b"fmt ", b"data", b"LIST", b"fact", b"bext", b"JUNK", b"junk", b"PAD ", b"FLLR", b"cue ", b"smpl",
    b"inst", b"plst", b"iXML", b"axml", b"chna", b"PEAK", b"id3 ", b"ID3 ", b"acid", b"cart", b"umid",
    b"ds64", b"DISP",
];
/// A byte stream that can take back bytes already read.
pub(super) struct Bytes<R> {
    pub(super) source: R,
    /// Bytes read and given back.
    pub(super) held: Option<Vec<u8>>,
}

impl<R: Read> Bytes<R> {
    /// Fills `into` as far as there are bytes; returns their number.
    pub(super) fn fill(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut got = 0;
        if let Some(held) = self.held.take() {
            got = held.len().min(into.len());
            into[..got].copy_from_slice(&held[..got]);
            self.held = held.get(got..).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec);
        }
        while got < into.len() {
            match self.source.read(&mut into[got..]) {
                Ok(0) => break,
                Ok(more) => got += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(got)
    }

    /// Returns the next bytes, at most `most`, fewer at the end.
    pub(super) fn up_to(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        let got = self.fill(&mut bytes)?;
        bytes.truncate(got);
        Ok(bytes)
    }

    /// Returns the first bytes of a chunk of this length, at most `most`, and skips the rest.
    pub(super) fn some(&mut self, length: u32, most: usize) -> io::Result<Vec<u8>> {
        let bytes = self.up_to(most.min(length as usize))?;
        self.skip(u64::from(length) - bytes.len() as u64)?;
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let held = self.held.take().unwrap_or_default();
        let from_held = usize::try_from(bytes).unwrap_or(usize::MAX).min(held.len());
        self.held = held.get(from_held..).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec);
        io::copy(&mut self.source.by_ref().take(bytes - from_held as u64), &mut io::sink())?;
        Ok(())
    }

    /// Returns the next chunk's name and length; `None` at the end. After a chunk of odd length comes a pad byte, which
    /// some writers leave out.
    pub(super) fn chunk(&mut self, after_odd: bool) -> io::Result<Option<([u8; 4], u32)>> {
        let mut head = self.up_to(8 + usize::from(after_odd))?;
        if after_odd && is_padded(&head) {
            head.drain(..1.min(head.len()));
        } else if let Some(byte) = head.get(8).copied() {
            self.hold(&[byte]);
        }
        let id = head.get(..4).and_then(|id| id.first_chunk().copied());
        let length = head.get(4..8).and_then(|length| length.first_chunk().copied());
        Ok(id.zip(length.map(u32::from_le_bytes)))
    }

    /// Returns whether a known chunk comes next rather than sound. Consumes nothing.
    pub(super) fn comes_known_chunk(&mut self) -> io::Result<bool> {
        let next = self.up_to(4)?;
        self.hold(&next);
        Ok(KNOWN_CHUNKS.iter().any(|known| known[..] == next[..]))
    }

    /// Gives back the bytes read last.
    fn hold(&mut self, bytes: &[u8]) {
        let rest = self.held.take().unwrap_or_default();
        self.held = Some([bytes, &rest[..]].concat()).filter(|held| !held.is_empty());
    }

    /// Returns the length of the sound, from the chunk of 64-bit lengths.
    pub(super) fn long_length(&mut self, length: u32) -> io::Result<Option<u64>> {
        let lengths = self.some(length, 16)?;
        Ok(lengths.get(8..16).and_then(|bytes| bytes.first_chunk().copied()).map(u64::from_le_bytes))
    }
}

impl<R: Read + Seek> Bytes<R> {
    pub(super) fn position(&mut self) -> io::Result<u64> {
        let held = self.held.as_ref().map_or(0, Vec::len) as u64;
        Ok(self.source.stream_position()?.saturating_sub(held))
    }

    pub(super) fn go_to(&mut self, position: u64) -> io::Result<()> {
        self.held = None;
        self.source.seek(SeekFrom::Start(position)).map(|_| ())
    }
}

/// Returns whether the chunk's name begins at the second of these bytes rather than at the first.
fn is_padded(bytes: &[u8]) -> bool {
    let known =
        |at: usize| bytes.get(at..at + 4).is_some_and(|id| KNOWN_CHUNKS.iter().any(|known| known[..] == *id));
    let is_name = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    match (known(0), known(1)) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => !bytes.get(..4).is_some_and(|id| id.iter().all(is_name)),
    }
}
