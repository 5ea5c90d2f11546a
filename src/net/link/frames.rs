//! WebSocket messages within their limits: the configuration of tungstenite, the meaning of its errors, and the closing of
//! a conversation.

use super::transport::Ending;
use crate::core::wire;
use crate::net::limits::MESSAGES_PER_S_MAX;
use crate::net::refusals::Refusal;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

/// Bytes read at once. tungstenite fills this many bytes with zeros at each read attempt, which follows every packet.
const READ_BYTES: usize = 512;
/// Maximum bytes of a frame's head.
const FRAME_HEAD_BYTES_MAX: usize = 14;
/// Maximum time for the other side to answer a close.
pub(in crate::net) const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// Returns the configuration for messages and frames of at most this many bytes.
pub(in crate::net) fn limits(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(wire::MESSAGE_BYTES_MAX.max(message_bytes_max) + FRAME_HEAD_BYTES_MAX)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// Returns the other side's fault in words; `None` if it just left.
pub(in crate::net) fn fault(error: &Error) -> Option<(Refusal, String)> {
    match error {
        Error::Capacity(_) => Some((Refusal::MessageTooLong, "a message may have 4096 bytes".into())),
        Error::Protocol(error) => Some((Refusal::ProtocolBroken, error.to_string())),
        Error::Utf8(_) => Some((Refusal::MessageNoText, "a text message must be UTF-8".into())),
        _ => None,
    }
}

/// A close frame carries up to 123 bytes of reason (RFC 6455, 5.5).
const REASON_BYTES_MAX: usize = 123;

/// Returns the close code for the page (RFC 6455, 7.4.1, and IANA's registry of close codes).
fn close_code(ending: Ending) -> CloseCode {
    match ending {
        Ending::Stopping => CloseCode::Away,
        Ending::OtherStream => CloseCode::Restart,
        Ending::Refused(refusal) => match refusal {
            Refusal::ListenersFull => CloseCode::Again,
            Refusal::MessageTooLong => CloseCode::Size,
            Refusal::MessageBinary => CloseCode::Unsupported,
            Refusal::MessageNoText => CloseCode::Invalid,
            Refusal::ProtocolBroken => CloseCode::Protocol,
            _ => CloseCode::Policy,
        },
    }
}

/// Shortens `words` to what a close frame can carry.
fn reason(mut words: String) -> String {
    let end = (0..=REASON_BYTES_MAX).rev().find(|end| words.is_char_boundary(*end));
    words.truncate(end.unwrap_or(0));
    words
}

/// Sends a close and waits briefly for the answer.
pub(in crate::net) async fn close<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    ending: Ending,
    words: String,
) {
    let frame = CloseFrame { code: close_code(ending), reason: reason(words).into() };
    let _ = timeout(CLOSE_TIMEOUT, async {
        if socket.close(Some(frame)).await.is_err() {
            return;
        }
        for _ in 0..MESSAGES_PER_S_MAX {
            if !matches!(socket.next().await, Some(Ok(_))) {
                return; // the listener agrees
            }
        }
        // Ignore further messages, but leave the listener time to read the reason.
        std::future::pending::<()>().await;
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_page_does_next_can_be_told_by_the_code() {
        let codes = [
            (Ending::Stopping, 1001),
            (Ending::OtherStream, 1012),
            (Ending::Refused(Refusal::ListenersFull), 1013),
            (Ending::Refused(Refusal::KeyMissing), 1008),
            (Ending::Refused(Refusal::MessagesTooMany), 1008),
            (Ending::Refused(Refusal::MessageTooLong), 1009),
        ];
        assert!(codes.iter().all(|(ending, code)| u16::from(close_code(*ending)) == *code));
    }

    proptest! {
        #[test]
        fn words_are_cut_to_what_a_close_frame_carries(words in ".{0,300}") {
            let reason = reason(words.clone());
            prop_assert!(words.starts_with(&reason) && reason.len() <= REASON_BYTES_MAX);
            prop_assert!(reason.len() == words.len() || reason.len() > REASON_BYTES_MAX - 4);
        }
    }
}
