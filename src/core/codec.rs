//! Codecs turn the samples of a packet into its payload.
//!
//! In: the interleaved Int16 samples of a whole packet. Out: bytes. A [`Codec`] may keep state from packet to packet; it
//! reads no clock and never fails. Only the packetizer and `hub::rendition` know codecs.

use super::wire;
use bytes::BytesMut;
use std::fmt::Debug;

/// A way to encode samples.
pub trait Codec: Debug {
    /// Returns the codec's format byte in a record's head.
    fn format(&self) -> u8;

    /// Returns the codec's name in the `hello` message.
    fn name(&self) -> &'static str;

    /// Returns the most bytes that this many samples can take, for allocating once.
    fn bytes_max(&self, samples: usize) -> usize;

    /// Appends the payload of a packet made of these samples.
    fn encode(&mut self, samples: &[i16], payload: &mut BytesMut);
}

/// The uncompressed samples, little-endian.
#[derive(Clone, Copy, Debug)]
pub struct Int16;

impl Codec for Int16 {
    fn format(&self) -> u8 {
        wire::FORMAT_S16LE
    }

    fn name(&self) -> &'static str {
        "s16le"
    }

    fn bytes_max(&self, samples: usize) -> usize {
        samples * 2
    }

    fn encode(&mut self, samples: &[i16], payload: &mut BytesMut) {
        let at = payload.len();
        payload.resize(at + samples.len() * 2, 0);
        for (slot, sample) in payload[at..].chunks_exact_mut(2).zip(samples) {
            slot.copy_from_slice(&sample.to_le_bytes());
        }
    }
}
