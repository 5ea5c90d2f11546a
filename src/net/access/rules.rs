//! Decides who may do what, from the keys that are set and those that were shown. Pure.

use crate::units::{MonoNs, NS_PER_S};
use serde::{Deserialize, Serialize};

/// Time after power-up in which a first key can be set on the page, and the system updated without a key. Physical access
/// proves ownership: only the owner can switch the device off and on.
pub const FIRST_KEY_NS: u64 = 300 * NS_PER_S;

/// The purpose of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Permits hearing the sound and seeing the status.
    Listening,
    /// Permits changing what everybody hears, and the keys.
    Settings,
}

impl Purpose {
    /// Both purposes.
    pub const ALL: [Self; 2] = [Self::Listening, Self::Settings];

    /// Returns the name of the cookie that holds the token for this key.
    pub(in crate::net) fn cookie(self) -> &'static str {
        match self {
            Self::Listening => "synthwire_listening",
            Self::Settings => "synthwire_settings",
        }
    }
}

/// A value for each purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerPurpose<T> {
    /// The value for listening.
    pub listening: T,
    /// The value for settings.
    pub settings: T,
}

impl<T> PerPurpose<T> {
    /// Returns the value for `purpose`.
    pub fn of(&self, purpose: Purpose) -> &T {
        match purpose {
            Purpose::Listening => &self.listening,
            Purpose::Settings => &self.settings,
        }
    }

    /// Returns the value for `purpose`, mutable.
    pub fn of_mut(&mut self, purpose: Purpose) -> &mut T {
        match purpose {
            Purpose::Listening => &mut self.listening,
            Purpose::Settings => &mut self.settings,
        }
    }
}

/// The rights of a request's sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Hear the sound and see the status.
    pub listen: bool,
    /// Change settings, and see who listens.
    pub set: bool,
}

/// Returns the permissions of a request that shows the keys `shown` while the keys `set` are set. A permission without a
/// key is open to everybody; the settings key unlocks both.
pub fn grant(set: PerPurpose<bool>, shown: PerPurpose<bool>) -> Grant {
    let owner = set.settings && shown.settings;
    let listen = !set.listening || shown.listening || owner;
    Grant { listen, set: listen && (!set.settings || owner) }
}

/// Returns whether the key for `purpose` may be set, changed or removed. The holder of the settings key may do so at any
/// time. While there is no settings key, anyone who may listen can set a missing key during the first minutes after
/// power-up.
pub fn may_set_key(purpose: Purpose, set: PerPurpose<bool>, shown: PerPurpose<bool>, is_soon: bool) -> bool {
    may_update(set, shown, is_soon) && (set.settings || !set.of(purpose))
}

/// Returns whether the system may be updated and restarted. The holder of the settings key may do so at any time. While
/// there is no settings key, anyone who may listen can do so during the first minutes after power-up.
pub fn may_update(set: PerPurpose<bool>, shown: PerPurpose<bool>, is_soon: bool) -> bool {
    if set.settings { shown.settings } else { grant(set, shown).listen && is_soon }
}

/// Returns how much is left of the first minutes, in whole seconds, if the machine was switched on by hand at `powered_up`.
/// A start that a program ordered gives no such time; otherwise anyone able to make the device restart would own it.
pub fn first_key_s_left(powered_up: Option<MonoNs>, now: MonoNs) -> u64 {
    powered_up.map_or(0, |up| FIRST_KEY_NS.saturating_sub(now.since(up)).div_ceil(NS_PER_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: PerPurpose<bool> = PerPurpose { listening: false, settings: false };
    const LISTENING: PerPurpose<bool> = PerPurpose { listening: true, settings: false };
    const SETTINGS: PerPurpose<bool> = PerPurpose { listening: false, settings: true };
    const BOTH: PerPurpose<bool> = PerPurpose { listening: true, settings: true };

    #[test]
    fn a_key_that_is_set_must_be_shown_and_the_settings_key_opens_both() {
        for (set, shown, listen, change) in [
            (NONE, NONE, true, true),
            (LISTENING, NONE, false, false),
            (LISTENING, LISTENING, true, true),
            (LISTENING, SETTINGS, false, false), // a token of a key that is no longer set
            (SETTINGS, NONE, true, false),
            (SETTINGS, LISTENING, true, false),
            (SETTINGS, SETTINGS, true, true),
            (BOTH, NONE, false, false),
            (BOTH, LISTENING, true, false),
            (BOTH, SETTINGS, true, true),
        ] {
            assert_eq!(grant(set, shown), Grant { listen, set: change }, "{set:?} {shown:?}");
        }
    }

    #[test]
    fn a_first_key_is_set_soon_after_power_up_and_later_ones_by_its_holder() {
        let (soon, late) = (true, false);
        for (purpose, set, shown, is_soon, may) in [
            (Purpose::Listening, NONE, NONE, soon, true),
            (Purpose::Settings, NONE, NONE, soon, true),
            (Purpose::Listening, NONE, NONE, late, false),
            (Purpose::Settings, NONE, NONE, late, false),
            (Purpose::Settings, LISTENING, LISTENING, soon, true),
            (Purpose::Settings, LISTENING, NONE, soon, false),
            (Purpose::Listening, LISTENING, LISTENING, soon, false), // one band member must not lock the others out
            (Purpose::Settings, LISTENING, LISTENING, late, false),
            (Purpose::Listening, SETTINGS, NONE, soon, false),
            (Purpose::Settings, SETTINGS, NONE, soon, false),
            (Purpose::Listening, SETTINGS, SETTINGS, late, true),
            (Purpose::Settings, BOTH, SETTINGS, late, true),
            (Purpose::Settings, BOTH, LISTENING, late, false),
        ] {
            let found = may_set_key(purpose, set, shown, is_soon);
            assert_eq!(found, may, "{purpose:?} {set:?} {shown:?} {is_soon}");
        }
    }

    #[test]
    fn an_update_is_for_the_holder_of_the_settings_key_or_soon_after_power_up() {
        for (set, shown, is_soon, may) in [
            (NONE, NONE, true, true),
            (NONE, NONE, false, false),
            (LISTENING, NONE, true, false),
            (LISTENING, LISTENING, true, true),
            (LISTENING, LISTENING, false, false),
            (SETTINGS, NONE, true, false),
            (SETTINGS, LISTENING, true, false),
            (SETTINGS, SETTINGS, false, true),
            (BOTH, LISTENING, true, false),
            (BOTH, SETTINGS, false, true),
        ] {
            assert_eq!(may_update(set, shown, is_soon), may, "{set:?} {shown:?} {is_soon}");
        }
    }

    #[test]
    fn the_first_minutes_are_those_of_a_start_by_hand() {
        for (powered_up, now, left) in [
            (Some(0), NS_PER_S / 2, 300),
            (Some(0), FIRST_KEY_NS - 1, 1),
            (Some(0), FIRST_KEY_NS, 0),
            (Some(0), FIRST_KEY_NS + 5, 0),
            (None, 0, 0),
            (None, NS_PER_S, 0),
        ] {
            assert_eq!(first_key_s_left(powered_up.map(MonoNs), MonoNs(now)), left, "{powered_up:?} {now}");
        }
    }
}
