//! The named settings: all that can be changed from the network, besides the keys. Kept in `settings.json` of the state folder.
//!
//! In: a wish whose sender may change settings (`access`). Out: it is done at once, and written down a moment later: a
//! person who tries several in a row costs the card one write.

use super::Service;
use crate::error::{Error, Result};
use crate::state::StateFolder;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

const FILE: &str = "settings.json";
/// How long after a change it is written down.
const KEEP_AFTER: Duration = Duration::from_secs(1);

/// All settings that have a name, where one was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// First channel of the pair that is heard, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_channel: Option<u16>,
}

/// The settings, and where they are kept.
pub struct KeptSettings {
    now: Mutex<Settings>,
    /// Held while the disk is written, and only there: a setting never waits for it.
    folder: Mutex<Option<StateFolder>>,
    /// Whether a write is on its way.
    writing: AtomicBool,
}

impl KeptSettings {
    /// Those kept in `folder`, where there is one.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open(folder: Option<StateFolder>) -> Result<Self> {
        let now = match folder.as_ref().map(|folder| folder.read(FILE)).transpose()?.flatten() {
            None => Settings::default(),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Error::new(format!("cannot understand {FILE} of the state folder"))
                    .because(error)
                    .try_this("Remove it to start with the configuration's settings")
            })?,
        };
        if now.first_channel.is_some_and(|first| !(1..=31).contains(&first)) {
            return Err(Error::new(format!(
                "first_channel in {FILE} of the state folder lies outside 1 to 31"
            )));
        }
        Ok(Self { now: Mutex::new(now), folder: Mutex::new(folder), writing: AtomicBool::new(false) })
    }

    /// As they are now.
    pub fn now(&self) -> Settings {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what is set. Two that write cannot pass each other: what is set is looked at when it is one's turn.
    fn write(&self) {
        let folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &*folder {
            let bytes = serde_json::to_vec(&self.now()).expect("our own types serialise");
            if let Err(error) = folder.write(FILE, &bytes) {
                tracing::error!("a setting will be forgotten: {error}");
            }
        }
    }
}

impl Service {
    /// Changes what is named in `wish`, for everybody.
    ///
    /// # Errors
    /// Why it cannot be, in plain words; then nothing is changed.
    pub(super) fn change_settings(self: &Arc<Self>, wish: &Settings) -> std::result::Result<(), String> {
        if let Some(first_channel) = wish.first_channel {
            self.hub.set_pair(first_channel)?;
            self.settings.lock().first_channel = Some(first_channel);
        }
        self.keep_settings();
        Ok(())
    }

    /// The configuration names another pair than before. Where one was chosen on the page, too, the later wish counts, also
    /// at the next start.
    pub fn reconfigure_pair(self: &Arc<Self>, first_channel: u16) {
        self.hub.wish_pair(first_channel);
        let chosen = self.settings.lock().first_channel.as_mut().map(|chosen| *chosen = first_channel);
        if chosen.is_some() {
            self.keep_settings();
        }
    }

    /// Has what is set written down a moment later.
    fn keep_settings(self: &Arc<Self>) {
        if !self.settings.writing.swap(true, Relaxed) {
            let service = Arc::clone(self);
            tokio::spawn(async move {
                sleep(KEEP_AFTER).await;
                service.settings.writing.store(false, Relaxed);
                let _ = spawn_blocking(move || service.settings.write()).await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_name_is_a_setting() {
        assert!(serde_json::from_str::<Settings>(r#"{"first_channel":3}"#).is_ok());
        for text in [r#"{"listen":"0.0.0.0:80"}"#, r#"{"first_channel":-1}"#, r#"{"first_channel":1,"x":1}"#]
        {
            assert!(serde_json::from_str::<Settings>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_set_is_found_again_and_damage_is_said() {
        let path = std::env::temp_dir().join(format!("synthwire-settings-{}", std::process::id()));
        let folder = StateFolder::open(&path).unwrap();
        let settings = KeptSettings::open(Some(folder.clone())).unwrap();
        settings.lock().first_channel = Some(5);
        settings.write();
        assert_eq!(KeptSettings::open(Some(folder.clone())).unwrap().now().first_channel, Some(5));
        for damage in [&b"?"[..], br#"{"first_channel":0}"#, br#"{"first_channel":32}"#] {
            folder.write(FILE, damage).unwrap();
            assert!(KeptSettings::open(Some(folder.clone())).is_err());
        }
        std::fs::remove_dir_all(path).unwrap();
    }
}
