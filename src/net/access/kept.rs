//! The keys as they are at a moment, and as `access.json` has them.
//!
//! What was kept and cannot be understood is lost, and locks: damage never opens the door.

use super::key::HashedKey;
use super::rules::{PerPurpose, Purpose};
use super::tokens::Tokens;
use crate::state::{Fields, Found, StateFile, Step, Stored};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is kept on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KeptKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    listening_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_key: Option<String>,
    tokens: Tokens,
}

/// Its field whose strangeness locks nobody out: browsers are asked for the key again.
const TOKENS: &str = "tokens";

impl StateFile for KeptKeys {
    const NAME: &'static str = "access.json";
    const STEPS: &'static [Step] = &[without_nulls];

    /// A newer version may have given a key another name (decision 0014): where neither stands under ours, whatever could be one
    /// locks, or falling back would open the door. A number or a truth is no key.
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

/// To format 1: a key that is not set is not there. (Builds before the release of 0.1.0 wrote null.)
fn without_nulls(fields: &mut Fields) {
    fields.retain(|_, value| !value.is_null());
}

/// The keys as they are at this moment.
#[derive(Clone)]
pub(super) struct State {
    /// Grows when a key is set, changed or taken away.
    pub(super) version: u64,
    pub(super) keys: PerPurpose<Option<HashedKey>>,
    /// Set, but what was kept of them cannot be understood: nothing opens what they lock.
    pub(super) lost: PerPurpose<bool>,
    /// Keys as they stand in the file: a lost one stays there.
    pub(super) written: PerPurpose<Option<String>>,
    pub(super) tokens: Tokens,
    /// How many of them there ever were since the start.
    pub(super) handed_out: u64,
}

/// Which keys are set, below the version in a digest.
pub(super) const LISTENING_SET: u64 = 1;
pub(super) const SETTINGS_SET: u64 = 2;
pub(super) const DIGEST_FLAGS: u32 = 2;

impl State {
    /// The keys of the configuration; where it names none, those found in the file.
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
            file.forget(TOKENS); // a key that is changed must end them
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

    /// Version and what is set, in one number.
    pub(super) fn digest(&self) -> u64 {
        let set =
            |purpose, flag| if self.keys.of(purpose).is_some() || *self.lost.of(purpose) { flag } else { 0 };
        self.version << DIGEST_FLAGS
            | set(Purpose::Listening, LISTENING_SET)
            | set(Purpose::Settings, SETTINGS_SET)
    }

    /// What the file is to hold, and what it is to hold no longer: keys that were lost and are given up.
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

/// The field of the file that a key stands in.
fn field(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Listening => "listening_key",
        Purpose::Settings => "settings_key",
    }
}
