//! The named settings: the only values besides the keys that the network can change. Stored in
//! `settings.json` of the state folder.
//!
//! In: a request whose sender may change settings (`access`). Out: the change takes effect at once and is written a moment
//! later, so that trying several values in a row costs the card one write. All of it happens on the `main` thread.
//! Requests on a listener's link are handed over to it, because the fan-out thread waits for no disk and no lock.

use crate::error;
use crate::hub::handover::{Giver, Taker, Untaken, handover};
use crate::hub::now_playing::NowPlaying;
use crate::state::{Found, StateFile, StateFolder, Step, Stored, numbered};
use crate::units::FIRST_CHANNEL_MAX;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Maximum number of changes in transit from the fan-out thread: more than a person can make while the other thread is busy.
const CHANGES_MAX: usize = 16;
/// Time after which a change is written to the disk.
const KEEP_AFTER: Duration = Duration::from_secs(1);
/// Time after which a failed write is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// The notice on the page meanwhile.
const UNWRITTEN: &str = "The channels chosen on this page cannot be kept: the disk takes no more. They are heard until the next start. Make \
    room in the state folder, or see that it can be written; it is tried again every minute.";

/// All named settings; `None` for those that a request does not name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// First channel of the pair to send, from 1.
    #[serde(default)]
    pub first_channel: Option<u16>,
}

/// The content of the file: the settings and their origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Chosen {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_channel: Option<u16>,
    /// Identifies the last reading of the card that set the pair in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    card_reading: Option<String>,
}

impl StateFile for Chosen {
    const NAME: &'static str = "settings.json";
    const STEPS: &'static [Step] = &[numbered];
}

/// The settings and their file.
pub struct KeptSettings {
    now: Mutex<Chosen>,
    /// This lock is held only while the disk is written, so that changing a setting never waits for the disk.
    file: Mutex<Option<Stored<Chosen>>>,
    /// True while a write is scheduled.
    writing: AtomicBool,
    /// True if the last write failed.
    unwritten: AtomicBool,
    /// The problem with the file, in plain words.
    notice: Option<String>,
}

impl KeptSettings {
    /// Reads the settings from `folder`, if there is one. An unreadable value falls back to the configuration.
    pub fn open(folder: Option<&StateFolder>) -> Self {
        let (file, found) = folder.map(Stored::<Chosen>::open).unzip();
        let (mut now, strange, damage) = match found {
            None | Some(Found::Nothing) => (Chosen::default(), Vec::new(), None),
            Some(Found::Stored { value, strange }) => (value, strange, None),
            Some(Found::Damaged(why)) => (Chosen::default(), Vec::new(), Some(why)),
        };
        let in_range = now.first_channel.is_none_or(|first| (1..=FIRST_CHANNEL_MAX).contains(&first));
        if !in_range {
            now.first_channel = None;
        }
        let file_name = Chosen::NAME;
        let notice = match damage {
            Some(why) => Some(format!(
                "The settings chosen on this page are lost: {file_name} in the state folder is damaged ({why}). Those of the \
                 configuration are in use; the damaged file is kept beside the new one when you choose again."
            )),
            None if !strange.is_empty() || !in_range => Some(format!(
                "The channels chosen on this page are not used: {file_name} in the state folder names them in a way this version \
                 does not understand. Those of the configuration are in use; choose again."
            )),
            None => None,
        };
        if let Some(notice) = &notice {
            tracing::warn!("{notice}");
        }
        Self {
            now: Mutex::new(now),
            file: Mutex::new(file),
            writing: AtomicBool::new(false),
            unwritten: AtomicBool::new(false),
            notice,
        }
    }

    /// Returns the first channel chosen on the page, if any.
    pub fn first_channel(&self) -> Option<u16> {
        self.lock().first_channel
    }

    /// Records a reading of the card that set the pair in the configuration. A new reading is the later choice, so it
    /// overrides an earlier choice on the page. Waits for the disk.
    pub fn give_way(&self, reading: &str) {
        {
            let mut now = self.lock();
            if reading.is_empty() || now.card_reading.as_deref() == Some(reading) {
                return;
            }
            *now = Chosen { first_channel: None, card_reading: Some(reading.to_owned()) };
        }
        let _ = self.write();
    }

    /// Returns what was wrong with the file, in plain words.
    pub(super) fn notice(&self) -> Option<String> {
        if self.unwritten.load(Relaxed) {
            return Some(UNWRITTEN.into());
        }
        self.notice.clone().filter(|_| self.first_channel().is_none())
    }

    /// Changes the settings named in `wish`, for all listeners.
    ///
    /// # Errors
    /// The reason why this fails, in plain words; then nothing is changed.
    pub(super) fn change(self: &Arc<Self>, now_playing: &NowPlaying, wish: &Settings) -> Result<(), String> {
        if let Some(first_channel) = wish.first_channel {
            now_playing.set_pair(first_channel)?;
            self.lock().first_channel = Some(first_channel);
        }
        self.write_soon();
        Ok(())
    }

    /// Adopts a new pair from the configuration.
    pub(super) fn reconfigure_pair(self: &Arc<Self>, now_playing: &NowPlaying, first_channel: u16) {
        now_playing.configure_pair(first_channel);
        let chosen = self.lock().first_channel.as_mut().map(|chosen| *chosen = first_channel);
        if chosen.is_some() {
            self.write_soon();
        }
    }

    /// Schedules a write of the settings.
    fn write_soon(self: &Arc<Self>) {
        if !self.writing.swap(true, Relaxed) {
            let settings = Arc::clone(self);
            tokio::spawn(async move {
                let mut pause = KEEP_AFTER;
                while settings.writing.load(Relaxed) {
                    sleep(pause).await;
                    settings.writing.store(false, Relaxed);
                    let written = Arc::clone(&settings);
                    // Schedule a failed write again, because the disk may have room later.
                    if matches!(spawn_blocking(move || written.write()).await, Ok(false)) {
                        settings.writing.store(true, Relaxed);
                    }
                    pause = RETRY_AFTER;
                }
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Chosen> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the settings at once if a write is scheduled.
    pub(super) fn write_if_due(&self) {
        if self.writing.swap(false, Relaxed) {
            let _ = self.write(); // the log says what failed
        }
    }

    /// Writes the current settings. Of two concurrent writes the later one wins, because each reads the settings when it
    /// has the lock. Returns whether they are on the disk, or belong on none.
    fn write(&self) -> bool {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut *file {
            let now = self.lock().clone();
            if let Err(error) = file.write(&now) {
                tracing::error!("a setting will be forgotten: {error}");
                self.unwritten.store(true, Relaxed);
                return false;
            }
        }
        self.unwritten.store(false, Relaxed);
        true
    }
}

/// Creates both ends of the ring for changes that listeners request, from the fan-out thread to the one that makes them.
///
/// # Errors
/// If the kernel provides no eventfd.
pub fn changes() -> error::Result<(Giver<Settings>, Untaken<Settings>)> {
    handover(CHANGES_MAX)
}

/// Makes the changes that listeners request, until the runtime ends.
pub(super) async fn make_changes(
    settings: Arc<KeptSettings>,
    now_playing: Arc<NowPlaying>,
    mut changes: Taker<Settings>,
) {
    while let Ok(change) = changes.take().await {
        if let Err(why) = settings.change(&now_playing, &change) {
            tracing::info!("a change came too late: {why}"); // it was possible when the listener was answered
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_folder::TestFolder;

    #[test]
    fn a_disk_that_takes_nothing_is_told_until_it_does() {
        let path = std::env::temp_dir().join(format!("synthwire-unwritten-{}", std::process::id()));
        let away = path.with_extension("away");
        let settings = KeptSettings::open(Some(&StateFolder::open(&path).unwrap()));
        std::fs::rename(&path, &away).unwrap();
        settings.lock().first_channel = Some(5);
        assert!(!settings.write());
        assert_eq!(settings.notice().as_deref(), Some(UNWRITTEN));
        std::fs::rename(&away, &path).unwrap();
        assert!(settings.write());
        assert_eq!(settings.notice(), None);
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn only_what_has_a_name_is_a_setting() {
        assert!(serde_json::from_str::<Settings>(r#"{"first_channel":3}"#).is_ok());
        for text in [r#"{"listen":"0.0.0.0:80"}"#, r#"{"first_channel":-1}"#, r#"{"first_channel":1,"x":1}"#]
        {
            assert!(serde_json::from_str::<Settings>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_set_is_found_again() {
        let path = TestFolder::new("settings");
        let folder = StateFolder::open(&path).unwrap();
        let settings = KeptSettings::open(Some(&folder));
        settings.lock().first_channel = Some(5);
        let _ = settings.write();
        let again = KeptSettings::open(Some(&folder));
        assert_eq!((again.first_channel(), again.notice()), (Some(5), None));
    }

    #[test]
    fn what_was_set_a_moment_before_the_end_is_found_again() {
        let path = TestFolder::new("settings-end");
        let folder = StateFolder::open(&path).unwrap();
        let settings = KeptSettings::open(Some(&folder));
        settings.write_if_due();
        assert!(!path.join(Chosen::NAME).exists(), "nothing was set");
        settings.lock().first_channel = Some(5);
        settings.writing.store(true, Relaxed);
        settings.write_if_due();
        assert_eq!(KeptSettings::open(Some(&folder)).first_channel(), Some(5));
    }

    #[test]
    fn the_cards_pair_is_the_later_wish_once_for_each_reading() {
        let path = TestFolder::new("settings-card");
        let folder = StateFolder::open(&path).unwrap();
        let choose = |settings: &KeptSettings| {
            settings.lock().first_channel = Some(7);
            let _ = settings.write();
        };
        choose(&KeptSettings::open(Some(&folder)));
        for (reading, expected) in [("", Some(7)), ("a", None), ("a", None), ("b", None)] {
            let settings = KeptSettings::open(Some(&folder));
            settings.give_way(reading);
            assert_eq!(settings.first_channel(), expected, "{reading}");
        }
        choose(&KeptSettings::open(Some(&folder)));
        let settings = KeptSettings::open(Some(&folder));
        settings.give_way("b");
        assert_eq!(settings.first_channel(), Some(7), "chosen after that reading");
    }

    #[test]
    fn damage_is_said_and_the_configuration_counts_until_somebody_chooses_again() {
        let path = TestFolder::new("settings-damage");
        let folder = StateFolder::open(&path).unwrap();
        let file = path.join(Chosen::NAME);
        for damage in
            ["?", "", r#"{"first_channel":0}"#, r#"{"first_channel":999}"#, r#"{"first_channel":[3]}"#]
        {
            std::fs::write(&file, damage).unwrap();
            let settings = KeptSettings::open(Some(&folder));
            assert_eq!(settings.first_channel(), None, "{damage}");
            assert!(settings.notice().unwrap().contains("configuration are in use"), "{damage}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), damage, "reading changes nothing");
            settings.lock().first_channel = Some(7);
            let _ = settings.write();
            assert_eq!(settings.notice(), None);
            assert_eq!(KeptSettings::open(Some(&folder)).first_channel(), Some(7), "{damage}");
        }
        assert_eq!(std::fs::read_to_string(path.join("settings.json.damaged")).unwrap(), "?");
    }
}
