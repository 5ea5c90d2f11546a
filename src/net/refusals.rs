//! Everything that is turned away at the door, by name: one list for the status, the metrics and `docs/ref/limits.md`.
//! A request is answered with an HTTP status. A listener's link says a refusal in its own way (`link`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:expr;)+) => {
        /// Why somebody was turned away. Names are stable; they are only ever added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal { $($(#[$doc])* $variant,)+ }

        impl Refusal {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name everybody uses.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status of the answer; `None` where there is no request to answer.
            pub fn status(self) -> Option<u16> {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

refusals! {
    /// More connections than the service takes.
    ConnectionsTotal = "connections_total", Some(503);
    /// An answer that its reader did not take in time.
    AnswerNotTaken = "answer_not_taken", None;
    /// More connections than one address may have.
    ConnectionsPerAddress = "connections_per_address", Some(429);
    /// As many TLS handshakes are under way as may be.
    HandshakesTotal = "handshakes_total", None;
    /// A TLS handshake was not done in time.
    HandshakeLate = "handshake_late", None;
    /// A TLS handshake that the other side ended, as a browser does that shows its warning, or that is none.
    HandshakeFailed = "handshake_failed", None;
    /// A request's head did not arrive in time, or an idle connection's time was over.
    HeadLate = "head_late", None;
    /// A request's head is too long, or has too many lines.
    HeadTooLong = "head_too_long", Some(431);
    /// A request that is none.
    HeadUnreadable = "head_unreadable", Some(400);
    /// The address asked for is too long.
    UrlTooLong = "url_too_long", Some(414);
    /// A method that is not answered here.
    Method = "method", Some(405);
    /// Asked under a name that is not this device's.
    HostUnknown = "host_unknown", Some(421);
    /// No `Host`, more than one, or one that is none.
    HostUnreadable = "host_unreadable", Some(400);
    /// Asked by another site's page.
    OriginForeign = "origin_foreign", Some(403);
    /// What was to be written is too long.
    BodyTooLong = "body_too_long", Some(413);
    /// What was to be written did not arrive in time.
    BodyLate = "body_late", Some(408);
    /// What was to be written cannot be understood, or names no setting.
    BodyUnreadable = "body_unreadable", Some(400);
    /// A key is set, and none was shown.
    KeyMissing = "key_missing", Some(401);
    /// A wrong key was shown.
    KeyWrong = "key_wrong", Some(401);
    /// Keys were tried too often.
    KeyTries = "key_tries", Some(429);
    /// A key cannot be set now.
    KeyLocked = "key_locked", Some(403);
    /// Updates are none of this installation's: it has no updater, or no state folder.
    UpdateImpossible = "update_impossible", Some(501);
    /// Without a settings key, updates are taken for a while after power-up only; older ones with it only.
    UpdateLocked = "update_locked", Some(403);
    /// This board cannot be updated as it is.
    UpdateUnfit = "update_unfit", Some(409);
    /// What was sent does not begin as a bundle does.
    UpdateNoBundle = "update_no_bundle", Some(400);
    /// An update comes in or is being installed.
    UpdateBusy = "update_busy", Some(409);
    /// A bundle is too long.
    UpdateTooLong = "update_too_long", Some(413);
    /// A bundle came too slowly.
    UpdateLate = "update_late", Some(408);
    /// A bundle did not arrive whole.
    UpdateCutOff = "update_cut_off", Some(400);
    /// The disk took no more of a bundle.
    UpdateNoRoom = "update_no_room", Some(507);
    /// A restart into an update was asked for, and none waits.
    UpdateNoneWaiting = "update_none_waiting", Some(409);
    /// As many listen as may.
    ListenersFull = "listeners_full", None;
    /// A listener's message or frame is too long.
    MessageTooLong = "message_too_long", None;
    /// A listener said too much in a second.
    MessagesTooMany = "messages_too_many", None;
    /// A listener said what is no message of ours.
    MessageUnknown = "message_unknown", None;
    /// A listener sent a binary message.
    MessageBinary = "message_binary", None;
    /// A listener's text is no UTF-8.
    MessageNoText = "message_no_text", None;
    /// A listener broke the WebSocket protocol.
    ProtocolBroken = "protocol_broken", None;
}

/// How often, by reason.
#[derive(Debug)]
pub struct Refusals([AtomicU64; Refusal::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Refusals {
    /// Counts one.
    pub fn count(&self, refusal: Refusal) {
        self.0[refusal as usize].fetch_add(1, Relaxed);
    }

    /// How often for this reason.
    pub fn of(&self, refusal: Refusal) -> u64 {
        self.0[refusal as usize].load(Relaxed)
    }

    /// All counts, by name.
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
