//! Listeners' reports on their playback: each listener's last report, and the glitches by cause, of present
//! and past listeners.
//!
//! In: reports, whose types already limit their size. Out: the part of them that `/api/status` shows. This
//! module knows no addresses.

use crate::core::adaptation::{ListenerFeedback, Mode, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Maximum number of causes in one report.
const CAUSES_MAX: usize = 32;
/// Maximum bytes of a name.
const NAME_BYTES_MAX: usize = 32;
/// Maximum number of names with a sum of their own: two pages' worth. Listeners could invent new ones without end; the rest
/// is summed under [`OTHER`].
const SUMMED_NAMES_MAX: usize = 64;
/// The causes for which the network is to blame when a listener misses sound.
const NETWORK_CAUSES: [&str; 2] = ["network_late", "queue_drop"];
/// The name under which all further causes are summed.
const OTHER: &str = "other";

/// The page's name of a cause or a mode: 1 to 32 small letters, digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain) {
            Ok(Self(name))
        } else {
            Err("a name has 1 to 32 small letters, digits and _")
        }
    }
}

/// Counts by cause, from one page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "BTreeMap<Name, u32>")]
pub struct Glitches(BTreeMap<Name, u32>);

impl TryFrom<BTreeMap<Name, u32>> for Glitches {
    type Error = &'static str;

    fn try_from(counts: BTreeMap<Name, u32>) -> Result<Self, Self::Error> {
        if counts.len() <= CAUSES_MAX { Ok(Self(counts)) } else { Err("at most 32 causes") }
    }
}

/// A listener's report on its playback. Unknown values are null.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    mode: Option<Name>,
    delay_ms: Option<f64>,
    level_ms: Option<f64>,
    target_ms: Option<f64>,
    arrival_tail_ms: Option<f64>,
    round_trip_ms: Option<f64>,
    glitches: Glitches,
}

impl Report {
    /// Returns the part that decides how to serve the listener; `before` is its last report.
    pub fn facts(&self, before: &Self) -> ListenerFeedback {
        ListenerFeedback {
            mode: self.mode.as_ref().map_or_else(Mode::default, |Name(word)| Mode::named(word)),
            target_ms: self.target_ms,
            arrival_tail_ms: self.arrival_tail_ms,
            round_trip_ms: self.round_trip_ms,
            missed: self.missed() > before.missed(),
        }
    }

    fn missed(&self) -> u64 {
        let count = |(Name(name), count): (&Name, &u32)| {
            if NETWORK_CAUSES.contains(&name.as_str()) { u64::from(*count) } else { 0 }
        };
        self.glitches.0.iter().map(count).sum()
    }
}

/// The message and queue length of a listener, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Usual frames per message.
    pub chunk_frames: u32,
    /// Length of the listener's queue.
    pub queue_ms: u32,
    /// The reason for the message length.
    pub why: Why,
}

/// A listener's report, and how it is served.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServedReport {
    #[serde(flatten)]
    report: Report,
    served: Served,
}

/// Counts summed over many listeners.
pub type Sum = BTreeMap<String, u64>;

/// The last report of every listener. The limit of listeners bounds its size.
#[derive(Debug, Default)]
pub struct Reports(Mutex<KeptReports>);

#[derive(Debug, Default)]
struct KeptReports {
    /// Reports of current listeners, by listener number.
    living: BTreeMap<u64, ServedReport>,
    gone: Sum,
}

impl Reports {
    /// Replaces the listener's last report. Never blocks: returns false and keeps nothing if another thread is reading.
    pub fn keep(&self, listener: u64, report: Report, served: Served) -> bool {
        let mut kept = match self.0.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        kept.living.insert(listener, ServedReport { report, served });
        true
    }

    /// Removes a listener that has left: its counts stay in the sums.
    pub fn leave(&self, listener: u64) {
        let mut kept = self.kept();
        if let Some(shown) = kept.living.remove(&listener) {
            add(&mut kept.gone, &shown.report);
        }
    }

    /// Returns the last report of each current listener that has sent one, the earliest to join first, and the sum of all
    /// counts.
    pub fn shown(&self) -> (Vec<ServedReport>, Sum) {
        let kept = self.kept();
        let mut sum = kept.gone.clone();
        for shown in kept.living.values() {
            add(&mut sum, &shown.report);
        }
        (kept.living.values().cloned().collect(), sum)
    }

    /// Returns the last report of each current listener, by number.
    pub fn living(&self) -> BTreeMap<u64, ServedReport> {
        self.kept().living.clone()
    }

    fn kept(&self) -> MutexGuard<'_, KeptReports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(sum: &mut Sum, report: &Report) {
    for (Name(name), count) in &report.glitches.0 {
        let known = sum.contains_key(name) || sum.len() < SUMMED_NAMES_MAX;
        let total = sum.entry(if known { name.clone() } else { OTHER.to_owned() }).or_default();
        *total = total.saturating_add(u64::from(*count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(json: &str) -> Report {
        serde_json::from_str(json).unwrap()
    }

    fn keep(reports: &Reports, listener: u64, json: &str) {
        let served = Served { chunk_frames: 128, queue_ms: 250, why: Why::LeastDelay };
        assert!(reports.keep(listener, report(json), served));
    }

    #[test]
    fn only_what_the_network_cost_since_the_last_report_counts_as_missed() {
        let before = report(r#"{"glitches":{"network_late":2}}"#);
        for (json, missed) in [
            (r#"{"glitches":{"network_late":2,"render_underrun":9}}"#, false),
            (r#"{"glitches":{"network_late":3}}"#, true),
            (r#"{"glitches":{"network_late":2,"queue_drop":1}}"#, true),
            (r#"{"glitches":{}}"#, false),
        ] {
            assert_eq!(report(json).facts(&before).missed, missed, "{json}");
        }
    }

    #[test]
    fn who_keeps_a_report_never_waits_for_who_reads_them() {
        let reports = Reports::default();
        let reading = reports.kept();
        let served = Served { chunk_frames: 128, queue_ms: 250, why: Why::LeastDelay };
        assert!(!reports.keep(1, Report::default(), served));
        drop(reading);
        assert!(reports.shown().0.is_empty());
    }

    #[test]
    fn counts_outlive_their_listener_and_a_later_report_replaces_the_earlier() {
        let reports = Reports::default();
        keep(&reports, 1, r#"{"mode":"auto","delay_ms":41.5,"glitches":{"network_late":2}}"#);
        keep(&reports, 1, r#"{"mode":"auto","delay_ms":41.5,"glitches":{"network_late":3}}"#);
        keep(&reports, 2, r#"{"glitches":{"network_late":10,"bad_packet":1}}"#);
        let (living, sum) = reports.shown();
        assert_eq!((living.len(), sum["network_late"], sum["bad_packet"]), (2, 13, 1));
        reports.leave(1);
        reports.leave(1);
        reports.leave(7);
        let (living, sum) = reports.shown();
        assert_eq!((living.len(), sum["network_late"]), (1, 13));
    }

    #[test]
    fn names_made_up_for_ever_are_summed_under_other() {
        let reports = Reports::default();
        for listener in 0..200 {
            keep(&reports, listener, &format!(r#"{{"glitches":{{"made_up_{listener}":1}}}}"#));
            reports.leave(listener);
        }
        let (_, sum) = reports.shown();
        assert_eq!(sum.len(), SUMMED_NAMES_MAX + 1);
        assert_eq!(sum.values().sum::<u64>(), 200);
    }

    #[test]
    fn nothing_larger_than_its_bounds_is_taken() {
        let counts = |number: usize| {
            let causes: Vec<String> = (0..number).map(|n| format!(r#""cause_{n}":1"#)).collect();
            format!(r#"{{"glitches":{{{}}}}}"#, causes.join(","))
        };
        let taken = |json: &str| serde_json::from_str::<Report>(json).is_ok();
        assert!(taken(&counts(CAUSES_MAX)) && !taken(&counts(CAUSES_MAX + 1)));
        let named = |name: &str| taken(&format!(r#"{{"glitches":{{"{name}":1}}}}"#));
        assert!(
            named(&"x".repeat(32)) && !named(&"x".repeat(33)) && !named("") && !named("Ä") && !named("a b")
        );
        assert!(taken(r#"{"glitches":{"a":4294967295}}"#) && !taken(r#"{"glitches":{"a":4294967296}}"#));
        assert!(
            !taken(r#"{"glitches":{"a":-1}}"#) && !taken(r#"{"level_ms":"low"}"#) && !taken(r#"{"more":1}"#)
        );
    }
}
