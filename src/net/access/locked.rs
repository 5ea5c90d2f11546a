//! The messages about locked keys, and how to unlock them.

use super::Access;
use super::kept::KeptKeys;
use super::rules::Purpose;
use crate::state::StateFile;

impl Access {
    /// Returns what is permanently locked and how to unlock it, in plain words; `None` if every key that is set can be
    /// entered.
    pub(in crate::net) fn notice(&self) -> Option<String> {
        let lost = self.now().lost;
        let (what, keys) = match (lost.listening, lost.settings) {
            (false, false) => return None,
            (true, true) => ("Nobody may listen or change settings", "listening_key and settings_key"),
            (true, false) => ("Nobody may listen", "listening_key"),
            (false, true) => ("Nobody may change settings", "settings_key"),
        };
        let file = KeptKeys::NAME;
        let in_file =
            Purpose::ALL.into_iter().any(|purpose| *lost.of(purpose) && !self.configured.of(purpose));
        let (why, or) = if in_file && self.out_of_reach {
            let why = "the state folder, which may hold keys, cannot be used";
            (why.to_owned(), ", or correct its 'state'".to_owned())
        } else if in_file {
            (
                format!("{file} in the state folder, which holds the keys, cannot be understood"),
                format!(", or remove {file} to start without keys"),
            )
        } else {
            ("a key in the configuration cannot be understood".to_owned(), String::new())
        };
        Some(format!(
            "{what}: {why}, so access stays locked. Set {keys} anew in synthwire.toml on the card or in the \
             configuration{or}; then restart."
        ))
    }

    /// Returns why the key for `purpose` cannot be set now.
    pub(super) fn why_locked(&self, purpose: Purpose) -> String {
        if let Some(notice) = self.notice() {
            return notice;
        }
        let why = if *self.configured.of(purpose) {
            "This key is set in the configuration file, and can only be changed there."
        } else if self.file.is_none() {
            "The service has no state folder to keep a key in: start it with --state, or set the key in the configuration."
        } else if self.set().settings {
            "Enter the settings key first."
        } else {
            "A first key can be set within five minutes after the device is switched on by hand. Switch it off and on again."
        };
        why.to_owned()
    }
}
