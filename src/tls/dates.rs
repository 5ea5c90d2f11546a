//! The validity dates of certificates, and when to renew one. Pure: every time is a parameter, in seconds since 1970.
//!
//! A Raspberry Pi has no battery-backed clock: its time may be anything until the network has set it. Three times are
//! considered here: its own clock, the date this program was built (it cannot be earlier than that), and the times of
//! listeners' clocks. Listeners affect only the dates of the certificate, and only until our own clock has been set.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Seconds in a day.
pub const DAY_S: i64 = 86_400;
/// Validity of an authority's certificate: long, because it permits only local names and its key never leaves the device.
const AUTHORITY_S: i64 = 3_650 * DAY_S;
/// Time before its end at which a successor is made for new devices. Devices with the old one have this long to switch.
const AUTHORITY_OVERLAP_S: i64 = 3 * 365 * DAY_S;
/// Time before its end at which the page warns that a trusted certificate will expire.
pub const TOLD_S: i64 = 365 * DAY_S;
/// Validity of a leaf: browsers accept at most 397 days.
const LEAF_S: i64 = 396 * DAY_S;
/// A certificate begins this long before the moment it is made for, because some phones' clocks are slow.
const BACKDATED_S: i64 = 30 * DAY_S;

/// The end of the year 9999: no certificate can name a later second.
const CALENDAR_END_S: i64 = 253_402_300_800;

/// A period of validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first second.
    pub from_s: i64,
    /// The first second after the period.
    pub until_s: i64,
}

impl Window {
    /// Returns whether the window suits an authority: leaves fit into it, and computing with its ends stays within the
    /// calendar.
    pub fn is_of_authority(self) -> bool {
        self.from_s >= 0
            && self.until_s <= CALENDAR_END_S
            && self.until_s.saturating_sub(LEAF_S) > self.from_s
    }

    /// Returns whether `other` is not empty and lies within this window.
    pub fn covers(self, other: Self) -> bool {
        self.from_s <= other.from_s && other.from_s < other.until_s && other.until_s <= self.until_s
    }

    fn holds(self, moment_s: i64) -> bool {
        (self.from_s..self.until_s).contains(&moment_s)
    }
}

/// The state of this machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Seconds since 1970.
    pub now_s: i64,
    /// True if the clock has been set, by the network or by a clock with a battery.
    pub set: bool,
}

/// Returns the time for decisions about the authority: our clock once it has been set, or the build date if that is later.
/// Listeners' clocks do not count.
pub fn authority_moment(clock: Clock, build_s: i64) -> i64 {
    if clock.set { clock.now_s.max(build_s) } else { build_s }
}

/// Returns the validity of an authority made at `moment_s` by a program built at `build_s`. It begins earlier for the same
/// reason as a leaf, and because this machine's clock may turn out to be fast.
pub fn authority_window(build_s: i64, moment_s: i64) -> Window {
    Window { from_s: build_s - BACKDATED_S, until_s: moment_s + AUTHORITY_S }
}

/// Returns whether listeners' devices should now get a certificate that lasts longer.
pub fn authority_is_due(authority: Window, moment_s: i64) -> bool {
    moment_s >= authority.until_s - AUTHORITY_OVERLAP_S
}

/// Returns the validity of the next certificate, made at `moment_s`. It begins when the old one did, so that leaves fit
/// both.
pub fn renewed_authority_window(authority: Window, moment_s: i64) -> Window {
    Window { from_s: authority.from_s, until_s: authority.until_s.max(moment_s + AUTHORITY_S) }
}

/// Returns the validity of a leaf made for `moment_s`, within that of its authority.
pub fn leaf_window(moment_s: i64, authority: Window) -> Window {
    let from_s = (moment_s - BACKDATED_S).clamp(authority.from_s, authority.until_s - LEAF_S);
    Window { from_s, until_s: from_s + LEAF_S }
}

/// Returns the moment at which a leaf must be valid.
///
/// The moment is that of our own clock, or the build date if that is later. Until our clock has been set, `claimed_s` counts
/// as well (the times of listeners' clocks, oldest report first). The moment whose leaf suits most of them wins; in a tie our
/// own, then the latest report. So one false report among many changes nothing. If there are two that contradict each other,
/// the later one counts.
pub fn moment(clock: Clock, build_s: i64, claimed_s: &[i64], authority: Window) -> i64 {
    // If the program is newer than its authority's validity, use the authority's last day.
    let own_s = clock.now_s.max(build_s).max(authority.from_s).min(authority.until_s - DAY_S);
    if clock.set && clock.now_s >= build_s {
        return own_s;
    }
    let suits = |moment_s| {
        let window = leaf_window(moment_s, authority);
        claimed_s.iter().filter(|claim| window.holds(**claim)).count()
    };
    let later = claimed_s.iter().copied().filter(|claim| *claim > own_s && authority.holds(*claim));
    later
        .fold((suits(own_s), own_s), |best, claim| {
            let beats = if best.1 == own_s { suits(claim) > best.0 } else { suits(claim) >= best.0 };
            if beats { (suits(claim), claim) } else { best }
        })
        .1
}

/// Formats a moment's day as YYYY-MM-DD.
pub fn day(moment_s: i64) -> String {
    OffsetDateTime::from_unix_timestamp(moment_s)
        .map_or("a day beyond the calendar".into(), |moment| moment.date().to_string())
}

/// Returns whether a leaf with this validity must be replaced at `moment_s`: it is not valid then, or in its last third.
pub fn is_due(leaf: Window, moment_s: i64, authority: Window) -> bool {
    let last_third_s = leaf.until_s - (leaf.until_s - leaf.from_s) / 3;
    let next = leaf_window(moment_s, authority);
    moment_s < leaf.from_s || (moment_s >= last_third_s && next.until_s > leaf.until_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUILD_S: i64 = 1_780_000_000;
    const UNSET: fn(i64) -> Clock = |now_s| Clock { now_s, set: false };
    const SET: fn(i64) -> Clock = |now_s| Clock { now_s, set: true };

    fn authority() -> Window {
        authority_window(BUILD_S, BUILD_S)
    }

    #[test]
    fn a_clock_before_the_build_is_not_believed_whoever_set_it() {
        for clock in [UNSET(0), SET(0), UNSET(BUILD_S - 1)] {
            assert_eq!(moment(clock, BUILD_S, &[], authority()), BUILD_S);
        }
        let leaf = leaf_window(BUILD_S, authority());
        assert_eq!(leaf.from_s, authority().from_s, "nothing begins before the authority does");
    }

    #[test]
    fn a_listener_moves_the_leaf_of_a_device_without_a_clock_and_of_no_other() {
        let years = BUILD_S + 1_000 * DAY_S;
        assert_eq!(moment(UNSET(0), BUILD_S, &[years], authority()), years);
        assert_eq!(moment(SET(BUILD_S + DAY_S), BUILD_S, &[years], authority()), BUILD_S + DAY_S);
        // A moment within the leaf that would be made anyway needs no other leaf.
        assert_eq!(moment(UNSET(0), BUILD_S, &[BUILD_S + 9 * DAY_S], authority()), BUILD_S);
    }

    #[test]
    fn what_most_listeners_say_counts_and_beyond_the_authority_nothing() {
        let (honest, liar) = (BUILD_S + 500 * DAY_S, BUILD_S + 3_000 * DAY_S);
        let at = |claims: &[i64]| moment(UNSET(0), BUILD_S, claims, authority());
        assert_eq!(at(&[honest, honest + 60, liar]), honest + 60);
        assert_eq!(at(&[liar, honest]), honest, "of two, the latest");
        assert_eq!(at(&[BUILD_S + DAY_S, liar]), BUILD_S, "one who is content is as much as one who is not");
        assert_eq!(at(&[BUILD_S + 5_000 * DAY_S, i64::MAX, i64::MIN, 0]), BUILD_S);
    }

    #[test]
    fn a_leaf_is_due_in_its_last_third_and_when_time_has_jumped() {
        let leaf = leaf_window(BUILD_S + 100 * DAY_S, authority());
        let due = |day| is_due(leaf, leaf.from_s + day * DAY_S, authority());
        assert_eq!(
            [due(-1), due(0), due(263), due(264), due(395), due(2_000)],
            [true, false, false, true, true, true]
        );
    }

    #[test]
    fn at_the_authoritys_end_there_is_nothing_to_gain() {
        let last = leaf_window(authority().until_s, authority());
        assert_eq!(last.until_s, authority().until_s);
        assert!(!is_due(last, authority().until_s - DAY_S, authority()));
    }

    proptest! {
        #[test]
        fn a_new_leaf_is_never_due_at_once_and_never_too_long(
            now_s in 0..BUILD_S + 4_000 * DAY_S, set: bool, claims in prop::collection::vec(any::<i64>(), 0..9),
        ) {
            let moment_s = moment(Clock { now_s, set }, BUILD_S, &claims, authority());
            let leaf = leaf_window(moment_s, authority());
            prop_assert!(leaf.holds(moment_s) && !is_due(leaf, moment_s, authority()));
            prop_assert!(leaf.from_s >= authority().from_s && leaf.until_s <= authority().until_s);
            prop_assert!(leaf.until_s - leaf.from_s <= 397 * DAY_S);
        }
    }
}
