//! The current keys, and how `access.json` holds them.
//!
//! A stored key that cannot be understood is lost, but still locks: damage never unlocks anything.

use super::key::HashedKey;
use super::rules::{PerPurpose, Purpose};
use super::tokens::Tokens;
use crate::state::{Fields, Found, StateFile, Step, Stored};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The content of the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KeptKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    listening_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_key: Option<String>,
    tokens: Tokens,
}

/// A field that locks nobody out if it is damaged: browsers are asked for the key again.
const TOKENS: &str = "tokens";

impl StateFile for KeptKeys {
    const NAME: &'static str = "access.json";
    const STEPS: &'static [Step] = &[without_nulls];

    /// Returns whether the file may hold a key under an unknown name, as a newer version may write it (decision 0014). If
    /// neither of our names is present, anything that could be a key locks; otherwise going back to this version would
    /// unlock everything. A number or a boolean is no key.
    fn conceals(fields: &Fields) -> bool {
        let keys = Purpose::ALL.map(field);
        let is_set = |name: &str| fields.get(name).is_some_and(|key| !key.is_null());
        let is_known = |name: &str| name == TOKENS || keys.contains(&name);
        let may_be_key =
            |value: &Value| matches!(value, Value::String(_) | Value::Array(_) | Value::Object(_));
        !keys.into_iter().any(is_set)
            && fields.iter().any(|(name, value)| !is_known(name) && may_be_key(value))
    }
}

/// Converts to format 1, in which an unset key is absent. (Builds before the release of 0.1.0 wrote null.)
fn without_nulls(fields: &mut Fields) {
    fields.retain(|_, value| !value.is_null());
}

/// The current keys.
#[derive(Clone)]
pub(super) struct State {
    /// Grows when a key is set, changed or removed.
    pub(super) version: u64,
    pub(super) keys: PerPurpose<Option<HashedKey>>,
    /// Keys that are set but could not be read: the rights that they protect stay locked.
    pub(super) lost: PerPurpose<bool>,
    /// Keys as written in the file, where a lost one stays.
    pub(super) written: PerPurpose<Option<String>>,
    pub(super) tokens: Tokens,
    /// Number of tokens handed out since the start.
    pub(super) handed_out: u64,
}

/// Bits of a digest that say which keys are set; the version is above them.
pub(super) const LISTENING_SET: u64 = 1;
pub(super) const SETTINGS_SET: u64 = 2;
pub(super) const DIGEST_FLAGS: u32 = 2;

impl State {
    /// Takes the keys of the configuration, and from the file those that the configuration does not name.
    pub(super) fn of(
        configured: PerPurpose<Option<&str>>,
        file: Option<&mut Stored<KeptKeys>>,
        found: Option<Found<KeptKeys>>,
    ) -> Self {
        let mut damaged = false;
        let (kept, strange) = match found {
            None | Some(Found::Nothing) => (KeptKeys::default(), Vec::new()),
            Some(Found::Stored { value, strange }) => (value, strange),
            Some(Found::Damaged(why)) => {
                tracing::error!("{} in the state folder is damaged: {why}", KeptKeys::NAME);
                damaged = true;
                (KeptKeys::default(), Vec::new())
            }
        };
        if let (Some(file), true) = (file, strange.iter().any(|name| name == TOKENS)) {
            file.forget(TOKENS); // otherwise old tokens would outlive a change of the key
        }
        let key = |configured: Option<&str>, kept: Option<&str>, name: &str| {
            let text = configured.or(kept);
            let key = text.map(HashedKey::parse).transpose();
            if let Err(error) = &key {
                tracing::error!("cannot use {name}, so what it locks stays locked: {error}");
            }
            let strange = configured.is_none() && (damaged || strange.iter().any(|strange| strange == name));
            (key.as_ref().ok().cloned().flatten(), key.is_err() || strange)
        };
        let listening = key(configured.listening, kept.listening_key.as_deref(), "listening_key");
        let settings = key(configured.settings, kept.settings_key.as_deref(), "settings_key");
        Self {
            version: 0,
            keys: PerPurpose { listening: listening.0, settings: settings.0 },
            lost: PerPurpose { listening: listening.1, settings: settings.1 },
            written: PerPurpose { listening: kept.listening_key, settings: kept.settings_key },
            tokens: kept.tokens,
            handed_out: 0,
        }
    }

    /// Loses every key but those of the configuration, and returns the digest of the rest.
    pub(super) fn closed_but(&mut self, configured: PerPurpose<bool>) -> u64 {
        for purpose in Purpose::ALL.into_iter().filter(|purpose| !configured.of(*purpose)) {
            *self.keys.of_mut(purpose) = None;
            *self.lost.of_mut(purpose) = true;
        }
        self.digest()
    }

    /// Returns the version and which keys are set, in one number.
    pub(super) fn digest(&self) -> u64 {
        let set =
            |purpose, flag| if self.keys.of(purpose).is_some() || *self.lost.of(purpose) { flag } else { 0 };
        self.version << DIGEST_FLAGS
            | set(Purpose::Listening, LISTENING_SET)
            | set(Purpose::Settings, SETTINGS_SET)
    }

    /// Returns the content to write, and the fields to remove: those of lost keys that have been given up.
    pub(super) fn page(&self, configured: PerPurpose<bool>) -> (KeptKeys, Vec<&'static str>) {
        let text = |purpose| {
            if *self.lost.of(purpose) {
                return self.written.of(purpose).clone();
            }
            let key = self.keys.of(purpose).as_ref().filter(|_| !configured.of(purpose));
            key.map(|key| key.as_str().to_owned())
        };
        let kept = KeptKeys {
            listening_key: text(Purpose::Listening),
            settings_key: text(Purpose::Settings),
            tokens: self.tokens.clone(),
        };
        let is_gone = |purpose| !configured.of(purpose) && !self.lost.of(purpose);
        let gone = Purpose::ALL.into_iter().filter(|purpose| is_gone(*purpose)).map(field).collect();
        (kept, gone)
    }
}

/// Returns the name of a key's field in the file.
fn field(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Listening => "listening_key",
        Purpose::Settings => "settings_key",
    }
}
