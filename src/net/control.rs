//! The text messages of `docs/ref/wire-format.md`, which a listener's link carries besides sound.
//!
//! Each message has a file of examples in `tests/vectors/control`, which also tests the page's `web/core/net/messages.js`.
//! To add one, add a variant here, that file, and its reader or writer in the page; `tests/control_vectors.rs` names what
//! is missing.

use crate::core::adaptation::Why;
use crate::hub::SourceView;
use crate::hub::reports::Report;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A message from the service to a listener.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToListener<'a> {
    /// The first message.
    Hello {
        /// The version of the binary records.
        wire_version: u8,
        /// The version of this program.
        server_version: Cow<'a, str>,
        /// The name of the sample format.
        format: Cow<'a, str>,
        /// Frames per second.
        rate_hz: u32,
        /// Channels of the stream.
        channels: u8,
        /// Frames of a capture period.
        period_frames: u32,
        /// Usual frames per message of sound.
        chunk_frames: u32,
        /// The current source.
        source: SourceView,
    },
    /// The source has changed.
    Source {
        /// The current source.
        source: SourceView,
    },
    /// The length of this listener's messages of sound has changed.
    Chunk {
        /// Usual frames per message.
        chunk_frames: u32,
        /// The reason for this length.
        why: Why,
    },
    /// Answers a ping.
    Pong {
        /// The number from the ping.
        id: u64,
        /// The time at which the ping arrived, `CLOCK_MONOTONIC_RAW` ns.
        received_ns: u64,
        /// The time at which this message was written, on the same clock.
        sent_ns: u64,
    },
    /// A request was refused.
    Refused {
        /// The kind of request.
        about: Cow<'a, str>,
        /// The reason for the refusal, one plain sentence.
        reason: Cow<'a, str>,
    },
}

impl ToListener<'_> {
    /// Returns the JSON to send.
    ///
    /// # Panics
    /// Never: these types always serialise.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("our own types serialise")
    }
}

/// A message from a listener to the service.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromListener {
    /// Asks for a pong.
    Ping {
        /// A number to be returned in the pong.
        id: u64,
    },
    /// Asks for another pair of channels, for all listeners.
    SetPair {
        /// The first channel of the pair, from 1.
        first_channel: u16,
    },
    /// Reports on the listener's playback.
    Report(Report),
}

impl FromListener {
    /// Parses one message.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the message.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("not a message of this service: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_documented_is_understood() {
        assert_eq!(FromListener::parse(r#"{"type":"ping","id":7}"#), Ok(FromListener::Ping { id: 7 }));
        let pair = FromListener::parse(r#"{"type":"set_pair","first_channel":3}"#);
        assert_eq!(pair, Ok(FromListener::SetPair { first_channel: 3 }));
    }

    #[test]
    fn a_report_is_understood_whatever_of_it_is_null_and_refused_beyond_its_bounds() {
        let whole = r#"{"type":"report","mode":"auto","delay_ms":41.25,"level_ms":9,"target_ms":8.5,
            "glitches":{"network_late":2,"render_underrun":0}}"#;
        let nulls =
            r#"{"type":"report","mode":null,"delay_ms":null,"level_ms":null,"target_ms":null,"glitches":{}}"#;
        for text in [whole, nulls, r#"{"type":"report"}"#] {
            assert!(matches!(FromListener::parse(text), Ok(FromListener::Report(_))), "{text}");
        }
        for text in [
            r#"{"type":"report","glitches":{"Network late":2}}"#,
            r#"{"type":"report","glitches":{"network_late":-2}}"#,
            r#"{"type":"report","glitches":null}"#,
            r#"{"type":"report","mode":"a mode of many words that is far too long"}"#,
            r#"{"type":"report","delay_ms":1e999}"#,
            r#"{"type":"report","address":"192.0.2.1"}"#,
        ] {
            assert!(FromListener::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_else_is_refused_with_a_reason(text in ".{0,300}") {
            if let Err(reason) = FromListener::parse(&text) {
                prop_assert!(!reason.is_empty());
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(FromListener::parse(r#"{"type":"ping","id":7,"more":1}"#).is_err());
    }
}
