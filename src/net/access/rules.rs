//! Who may do what, given which keys are set and which were shown. Pure.

use super::tokens::Token;
use crate::units::{MonoNs, NS_PER_S};
use hyper::header::{self, HeaderMap};
use serde::{Deserialize, Serialize};

/// How long after power-up a first key may be set on the page: whoever can switch the device off and on owns it.
pub const FIRST_KEY_NS: u64 = 300 * NS_PER_S;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To hear and see.
    Listening,
    /// To change what everybody hears, and the keys.
    Settings,
}

impl Purpose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Listening, Self::Settings];

    /// The cookie that holds the token of whoever has shown this key.
    pub(in crate::net) fn cookie(self) -> &'static str {
        match self {
            Self::Listening => "synthwire_listening",
            Self::Settings => "synthwire_settings",
        }
    }
}

/// One thing for each purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Each<T> {
    /// For listening.
    pub listening: T,
    /// For settings.
    pub settings: T,
}

impl<T> Each<T> {
    /// The one for `purpose`.
    pub fn of(&self, purpose: Purpose) -> &T {
        match purpose {
            Purpose::Listening => &self.listening,
            Purpose::Settings => &self.settings,
        }
    }

    /// The one for `purpose`, to be changed.
    pub fn of_mut(&mut self, purpose: Purpose) -> &mut T {
        match purpose {
            Purpose::Listening => &mut self.listening,
            Purpose::Settings => &mut self.settings,
        }
    }
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Hear, and see the status.
    pub listen: bool,
    /// Change named settings, and see who listens.
    pub set: bool,
}

/// What may be done by whoever has shown the keys `shown` where the keys `set` are set. Without a key everybody may; the
/// settings key opens both.
pub fn grant(set: Each<bool>, shown: Each<bool>) -> Grant {
    let owner = set.settings && shown.settings;
    let listen = !set.listening || shown.listening || owner;
    Grant { listen, set: listen && (!set.settings || owner) }
}

/// Whether the key for `purpose` may be set, changed or taken away: by the holder of the settings key at any time; while
/// there is no such key, by whoever may listen, in the first minutes after power-up, and only a key that is not set yet.
pub fn may_set_key(purpose: Purpose, set: Each<bool>, shown: Each<bool>, up_ns: u64) -> bool {
    if set.settings {
        return shown.settings;
    }
    !set.of(purpose) && grant(set, shown).listen && up_ns < FIRST_KEY_NS
}

/// For how long a first key may still be set, in whole seconds.
pub fn first_key_s_left(powered_up: MonoNs, now: MonoNs) -> u64 {
    FIRST_KEY_NS.saturating_sub(now.since(powered_up)).div_ceil(NS_PER_S)
}

/// The tokens a request carries.
pub(super) fn tokens_in(headers: &HeaderMap) -> Each<Option<Token>> {
    let mut found = Each::default();
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    for (name, value) in
        cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
    {
        for purpose in Purpose::ALL {
            if name == purpose.cookie() {
                *found.of_mut(purpose) = Token::parse(value);
            }
        }
    }
    found
}

/// The key a program shows with its request: `Authorization: Bearer KEY`.
pub(super) fn key_in(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    const NONE: Each<bool> = Each { listening: false, settings: false };
    const LISTENING: Each<bool> = Each { listening: true, settings: false };
    const SETTINGS: Each<bool> = Each { listening: false, settings: true };
    const BOTH: Each<bool> = Each { listening: true, settings: true };

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
        let (soon, late) = (FIRST_KEY_NS - 1, FIRST_KEY_NS);
        for (purpose, set, shown, up_ns, may) in [
            (Purpose::Listening, NONE, NONE, soon, true),
            (Purpose::Settings, NONE, NONE, soon, true),
            (Purpose::Listening, NONE, NONE, late, false),
            (Purpose::Settings, NONE, NONE, late, false),
            (Purpose::Settings, LISTENING, LISTENING, soon, true),
            (Purpose::Settings, LISTENING, NONE, soon, false),
            (Purpose::Listening, LISTENING, LISTENING, soon, false), // one band member locks the others out
            (Purpose::Settings, LISTENING, LISTENING, late, false),
            (Purpose::Listening, SETTINGS, NONE, soon, false),
            (Purpose::Settings, SETTINGS, NONE, soon, false),
            (Purpose::Listening, SETTINGS, SETTINGS, late, true),
            (Purpose::Settings, BOTH, SETTINGS, late, true),
            (Purpose::Settings, BOTH, LISTENING, late, false),
        ] {
            let found = may_set_key(purpose, set, shown, up_ns);
            assert_eq!(found, may, "{purpose:?} {set:?} {shown:?} {up_ns}");
        }
        assert_eq!(first_key_s_left(MonoNs(0), MonoNs(NS_PER_S / 2)), 300);
        assert_eq!(first_key_s_left(MonoNs(0), MonoNs(FIRST_KEY_NS + 5)), 0);
    }

    #[test]
    fn tokens_and_keys_are_found_in_the_headers() {
        let token = "ab".repeat(32);
        let mut headers = HeaderMap::new();
        let cookie = format!("x=1; synthwire_settings={token}; synthwire_listening=short");
        headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
        let found = tokens_in(&headers);
        assert!(found.settings.is_some() && found.settings == Token::parse(&token));
        assert!(found.listening.is_none() && key_in(&headers).is_none());
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer open sesame"));
        assert_eq!(key_in(&headers), Some("open sesame"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic b3Blbg=="));
        assert_eq!(key_in(&headers), None);
    }
}
