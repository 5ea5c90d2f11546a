//! The few bytes before a WebSocket message (RFC 6455, 5.2): a server's whole binary message, unmasked.
//!
//! In: the length of the message. Out: its head. tokio-tungstenite handles everything that a listener sends, and all
//! messages other than sound.

/// Maximum bytes of a head for a message of at most [`PAYLOAD_BYTES_MAX`].
pub(super) const HEAD_BYTES_MAX: usize = 4;
/// Maximum bytes of a message whose length fits 16 bits.
pub(super) const PAYLOAD_BYTES_MAX: usize = u16::MAX as usize;

const FIN_BINARY: u8 = 0x82;
/// Lengths below this take one byte; this number itself announces two bytes of length.
const LONG: u8 = 126;

/// The head of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WsHead {
    bytes: [u8; HEAD_BYTES_MAX],
    length: usize,
}

impl WsHead {
    /// Returns the head of a binary message of this many bytes.
    ///
    /// # Panics
    /// Beyond [`PAYLOAD_BYTES_MAX`]: callers stay below it.
    pub(super) fn binary(payload_bytes: usize) -> Self {
        let [high, low] = u16::try_from(payload_bytes).expect("a message is below 64 KiB").to_be_bytes();
        if high == 0 && low < LONG {
            Self { bytes: [FIN_BINARY, low, 0, 0], length: 2 }
        } else {
            Self { bytes: [FIN_BINARY, LONG, high, low], length: 4 }
        }
    }

    /// Returns the bytes to send.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_as_few_bytes_as_it_may() {
        for (payload, head) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (552, &[0x82, 126, 2, 40]),
            (65_535, &[0x82, 126, 255, 255]),
        ] {
            assert_eq!(WsHead::binary(payload).as_bytes(), head, "{payload}");
        }
    }
}
