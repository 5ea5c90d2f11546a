//! All refusals by name: one list for the status, the metrics and `docs/ref/limits.md`. A request is answered with an HTTP
//! status; a listener's link has its own way to tell a refusal (`link`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:expr;)+) => {
        /// The reason why a client was refused. Names are stable; they are only ever added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal { $($(#[$doc])* $variant,)+ }

        impl Refusal {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the name used in the status and the metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns the HTTP status of the answer; `None` if there is no request to answer.
            pub fn status(self) -> Option<u16> {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

refusals! {
    /// The service has no more connections left.
    ConnectionsTotal = "connections_total", Some(503);
    /// The reader of an answer did not take it in time.
    AnswerNotTaken = "answer_not_taken", None;
    /// One address has too many connections.
    ConnectionsPerAddress = "connections_per_address", Some(429);
    /// Too many TLS handshakes are in progress.
    HandshakesTotal = "handshakes_total", None;
    /// A TLS handshake was not finished in time.
    HandshakeLate = "handshake_late", None;
    /// The other side ended a TLS handshake, as a browser does that shows its warning, or the handshake was invalid.
    HandshakeFailed = "handshake_failed", None;
    /// A request's head did not arrive in time, or an idle connection's time was up.
    HeadLate = "head_late", None;
    /// A request's head is too long, or has too many lines.
    HeadTooLong = "head_too_long", Some(431);
    /// A request is malformed.
    HeadUnreadable = "head_unreadable", Some(400);
    /// A request's URL is too long.
    UrlTooLong = "url_too_long", Some(414);
    /// A method is not supported here.
    Method = "method", Some(405);
    /// The request's `Host` is none of this device's names.
    HostUnknown = "host_unknown", Some(421);
    /// The request has no `Host`, more than one, or a malformed one.
    HostUnreadable = "host_unreadable", Some(400);
    /// The request comes from another site's page.
    OriginForeign = "origin_foreign", Some(403);
    /// A request's body is too long.
    BodyTooLong = "body_too_long", Some(413);
    /// A request's body did not arrive in time.
    BodyLate = "body_late", Some(408);
    /// A request's body cannot be understood, or names no setting.
    BodyUnreadable = "body_unreadable", Some(400);
    /// A key is set, and none was shown.
    KeyMissing = "key_missing", Some(401);
    /// A wrong key was shown.
    KeyWrong = "key_wrong", Some(401);
    /// Too many keys were tried.
    KeyTries = "key_tries", Some(429);
    /// A key cannot be set now.
    KeyLocked = "key_locked", Some(403);
    /// This installation cannot be updated: it has no updater, or no state folder.
    UpdateImpossible = "update_impossible", Some(501);
    /// Without a settings key, updates are accepted only for a while after power-up, and older versions never.
    UpdateLocked = "update_locked", Some(403);
    /// This board cannot be updated in its current state.
    UpdateUnfit = "update_unfit", Some(409);
    /// The uploaded file does not begin like a bundle.
    UpdateNoBundle = "update_no_bundle", Some(400);
    /// An update is being uploaded or installed.
    UpdateBusy = "update_busy", Some(409);
    /// A bundle is too long.
    UpdateTooLong = "update_too_long", Some(413);
    /// A bundle came too slowly.
    UpdateLate = "update_late", Some(408);
    /// A bundle did not arrive completely.
    UpdateCutOff = "update_cut_off", Some(400);
    /// The disk has no more room for a bundle.
    UpdateNoRoom = "update_no_room", Some(507);
    /// A restart into an update was requested, but none is installed.
    UpdateNoneWaiting = "update_none_waiting", Some(409);
    /// The limit of listeners is reached.
    ListenersFull = "listeners_full", None;
    /// A listener's message or frame is too long.
    MessageTooLong = "message_too_long", None;
    /// A listener sent too many messages in a second.
    MessagesTooMany = "messages_too_many", None;
    /// A listener sent an unknown message.
    MessageUnknown = "message_unknown", None;
    /// A listener sent a binary message.
    MessageBinary = "message_binary", None;
    /// A listener's text is not UTF-8.
    MessageNoText = "message_no_text", None;
    /// A listener broke the WebSocket protocol.
    ProtocolBroken = "protocol_broken", None;
}

/// Counts of refusals, by reason.
#[derive(Debug)]
pub struct Refusals([AtomicU64; Refusal::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Refusals {
    /// Counts one refusal.
    pub fn count(&self, refusal: Refusal) {
        self.0[refusal as usize].fetch_add(1, Relaxed);
    }

    /// Returns the count for this reason.
    pub fn of(&self, refusal: Refusal) -> u64 {
        self.0[refusal as usize].load(Relaxed)
    }

    /// Returns all counts, by name.
    pub fn shown(&self) -> BTreeMap<&'static str, u64> {
        Refusal::ALL.iter().map(|refusal| (refusal.name(), self.of(*refusal))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_counts_for_itself() {
        let refusals = Refusals::default();
        for (times, refusal) in Refusal::ALL.iter().enumerate() {
            for _ in 0..times {
                refusals.count(*refusal);
            }
        }
        let shown = refusals.shown();
        assert_eq!(shown.len(), Refusal::ALL.len());
        assert!(
            Refusal::ALL.iter().enumerate().all(|(times, refusal)| shown[refusal.name()] == times as u64)
        );
    }

    #[test]
    fn every_reason_is_documented() {
        let guide = include_str!("../../docs/ref/limits.md");
        for refusal in Refusal::ALL {
            assert!(guide.contains(&format!("`{}`", refusal.name())), "{}", refusal.name());
        }
    }
}
