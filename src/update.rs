//! Updates, as far as a program without rights goes: a bundle is laid where the system's updater takes it, and what that
//! updater says of itself is put into words.
//!
//! In: a bundle's bytes, of which nothing is understood here. Out: `update.raucb` in the state folder, whole or not at all.
//! Not here: whether it is genuine, and everything that is done with it. That is for the updater, which runs as root
//! (`synthwire-update.path` in `image/overlay/`) and believes only a signature. Every call waits for the disk.

use crate::error::{Error, Result};
use crate::plain::Plain;
use crate::state::StateFolder;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Largest bundle that is taken: ours have about 70 MiB, and the card's data partition holds 256 MiB.
pub const BUNDLE_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// Where the system's updater says how it is.
pub const UPDATER_FOLDER: &str = "/run/synthwire-updater";
/// Its file there.
const SAID: &str = "state.json";
/// Longest file of it that is read; it has some 200 bytes.
const SAID_BYTES_MAX: u64 = 16 * 1024;
/// A bundle that the updater may take. synthwire-update.path of the card's system names it, and the wish below, too.
const BUNDLE: &str = "update.raucb";
const BUNDLE_PART: &str = "update.part";
/// The wish to restart into what was installed.
const RESTART: &str = "update.restart";

/// Where an update is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing was ever updated.
    #[default]
    Idle,
    /// It comes in. (The service says so; the updater knows nothing of it yet.)
    Receiving,
    /// Its signature is checked, then it is written.
    Installing,
    /// It is installed, and used from the next start on.
    Waiting,
    /// The device restarts into it.
    Restarting,
    /// The device has started with it, and is being watched.
    Trying,
    /// It has proved itself.
    Installed,
    /// It was not installed.
    Refused,
    /// It was tried, and the version before is back.
    FellBack,
}

/// What the updater says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Where the update is.
    pub state: Phase,
    /// The version it is about; empty where that is not known.
    #[serde(default)]
    pub version: Plain,
    /// How much of it is installed.
    #[serde(default)]
    pub percent: u8,
    /// Why it was refused or fell back: a name.
    #[serde(default)]
    pub reason: Plain,
    /// The tool's own words about that, for whoever helps.
    #[serde(default)]
    pub detail: Plain,
}

impl Said {
    /// It comes in.
    pub fn receiving(percent: u8) -> Self {
        Self { state: Phase::Receiving, percent, ..Self::default() }
    }

    /// Whether another bundle has to wait.
    pub fn is_busy(&self) -> bool {
        matches!(self.state, Phase::Installing | Phase::Restarting | Phase::Trying)
    }

    /// The same for a person.
    pub fn words(&self) -> String {
        let version = match &*self.version {
            "" => "The update".to_owned(),
            version => format!("Version {version}"),
        };
        match self.state {
            Phase::Idle => String::new(),
            Phase::Receiving => format!("Receiving: {} percent.", self.percent),
            Phase::Installing => format!("Installing: {} percent. Do not switch off.", self.percent),
            Phase::Waiting => format!("{version} is installed and waits for a restart."),
            Phase::Restarting => format!("Restarting into {}.", version.replacen('V', "v", 1)),
            Phase::Trying => format!("{version} has started and is being watched for a moment."),
            Phase::Installed => format!("{version} is installed."),
            Phase::Refused => format!("The update was refused: {}.", refused_words(&self.reason)),
            Phase::FellBack => {
                format!("{version} {}, so the version before is back.", fell_back_words(&self.reason))
            }
        }
    }
}

fn refused_words(reason: &str) -> &'static str {
    match reason {
        "no_bundle" => "this file is no update, or did not arrive whole",
        "signature" => "it is not signed by whoever made this device's system",
        "compatible" => "it is made for another device",
        "busy" => "another one is being installed",
        _ => "it could not be installed; what runs now goes on",
    }
}

fn fell_back_words(reason: &str) -> &'static str {
    match reason {
        "no_answer" => "started but did not answer",
        _ => "did not start",
    }
}

/// Why a bundle is not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// This system has no updater, or the service no state folder.
    Impossible,
    /// Another bundle comes in or is being installed.
    Busy,
    /// It is longer than [`BUNDLE_BYTES_MAX`].
    TooLong,
    /// The disk is full.
    NoRoom,
    /// Nothing waits for a restart.
    NoneWaiting,
    /// What else the disk said.
    Disk(Plain),
}

impl NotTaken {
    fn disk(error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoRoom,
            _ => Self::Disk(error.to_string().into()),
        }
    }

    /// The same for a person.
    pub fn words(&self) -> String {
        match self {
            Self::Impossible => {
                "This system has no updater for bundles: update it as it was installed.".into()
            }
            Self::Busy => "An update is being taken or installed. Wait until it is done.".into(),
            Self::TooLong => format!("An update has at most {BUNDLE_BYTES_MAX} bytes."),
            Self::NoRoom => "There is no room left on the device for this update.".into(),
            Self::NoneWaiting => "No update waits for a restart.".into(),
            Self::Disk(said) => format!("The update could not be kept: {said}."),
        }
    }
}

/// The way to the system's updater.
#[derive(Clone, Debug)]
pub struct Updater {
    said: PathBuf,
    folder: Option<StateFolder>,
}

impl Updater {
    /// An updater that says in `said` how it is, and takes what lies in `folder`.
    pub fn new(said: &Path, folder: Option<StateFolder>) -> Self {
        Self { said: said.join(SAID), folder }
    }

    /// Removes what was left of a bundle that never came whole. For the service's start alone.
    pub fn clear(&self) {
        if let Some(part) = self.path(BUNDLE_PART) {
            let _ = fs::remove_file(part); // most often there is none
        }
    }

    /// What the updater says; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn said(&self) -> Result<Option<Said>> {
        let cannot = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(format!("cannot understand {}", self.said.display())).because(error)
        };
        match fs::metadata(&self.said) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot(error.into())),
            Ok(found) if found.len() > SAID_BYTES_MAX => Err(cannot("it is too long".into())),
            Ok(_) => {
                let bytes = fs::read(&self.said).map_err(|error| cannot(error.into()))?;
                serde_json::from_slice(&bytes).map(Some).map_err(|error| cannot(error.into()))
            }
        }
    }

    /// Begins to take a bundle; at most one at a time.
    ///
    /// # Errors
    /// Why not now, or not here.
    pub fn begin(&self) -> std::result::Result<Incoming, NotTaken> {
        let said = self.said().map_err(|error| NotTaken::Disk(error.to_string().into()))?;
        let (Some(said), Some(part), Some(whole)) = (said, self.path(BUNDLE_PART), self.path(BUNDLE)) else {
            return Err(NotTaken::Impossible);
        };
        if said.is_busy() || whole.exists() {
            return Err(NotTaken::Busy);
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part) {
            Ok(file) => Ok(Incoming { file, part, whole, bytes: 0, handed_over: false }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(NotTaken::Busy),
            Err(error) => Err(NotTaken::disk(&error)),
        }
    }

    /// Whether a bundle lies there that the updater has not taken yet.
    pub fn is_handed_over(&self) -> bool {
        self.path(BUNDLE).is_some_and(|whole| whole.exists())
    }

    /// Asks for a restart into what was installed.
    ///
    /// # Errors
    /// When nothing was, or the wish cannot be left.
    pub fn restart(&self) -> std::result::Result<(), NotTaken> {
        let said = self.said().map_err(|error| NotTaken::Disk(error.to_string().into()))?;
        let (Some(said), Some(folder)) = (said, &self.folder) else { return Err(NotTaken::Impossible) };
        if said.state != Phase::Waiting {
            return Err(NotTaken::NoneWaiting);
        }
        folder.leave(RESTART).map_err(|error| NotTaken::Disk(error.to_string().into()))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path(name))
    }
}

/// A bundle on its way in; removed when it is dropped before it was handed over.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    bytes: u64,
    handed_over: bool,
}

impl Incoming {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they are too many, or the disk does not take them.
    pub fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), NotTaken> {
        self.bytes += bytes.len() as u64;
        if self.bytes > BUNDLE_BYTES_MAX {
            return Err(NotTaken::TooLong);
        }
        self.file.write_all(bytes).map_err(|error| NotTaken::disk(&error))
    }

    /// It is whole: the updater may take it.
    ///
    /// # Errors
    /// What the disk said.
    pub fn hand_over(mut self) -> std::result::Result<(), NotTaken> {
        self.file.sync_all().map_err(|error| NotTaken::disk(&error))?;
        fs::rename(&self.part, &self.whole).map_err(|error| NotTaken::disk(&error))?;
        self.handed_over = true;
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.handed_over {
            let _ = fs::remove_file(&self.part); // if it cannot be, the next start of the service removes it
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state folder, an updater's folder, and the way between them; gone when dropped.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("synthwire-update-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("said")).unwrap();
            Self(path)
        }

        fn updater(&self) -> Updater {
            Updater::new(&self.0.join("said"), Some(StateFolder::open(&self.0.join("state")).unwrap()))
        }

        fn says(&self, text: &str) {
            fs::write(self.0.join("said").join(SAID), text).unwrap();
        }

        fn kept(&self) -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(self.0.join("state"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn whatever_the_updater_says_can_be_shown() {
        let place = Place::new("nasty");
        let updater = place.updater();
        for (said, expected) in crate::plain::NASTY {
            let text = String::from_utf8_lossy(said);
            place.says(&serde_json::json!({"state": "waiting", "version": text, "detail": text}).to_string());
            let said = updater.said().unwrap().unwrap();
            assert_eq!([&said.version, &said.detail], [expected; 2]);
            assert!(expected.is_empty() || said.words().contains(expected), "{}", said.words());
        }
    }

    #[test]
    fn a_bundle_is_handed_over_whole_or_not_at_all_and_one_at_a_time() {
        let place = Place::new("whole");
        let updater = place.updater();
        assert_eq!(updater.begin().unwrap_err(), NotTaken::Impossible, "no updater");
        place.says(r#"{"state":"idle"}"#);

        let mut first = updater.begin().unwrap();
        assert_eq!(updater.begin().unwrap_err(), NotTaken::Busy);
        first.write(b"half of ").unwrap();
        drop(first);
        assert!(place.kept().is_empty());

        let mut second = updater.begin().unwrap();
        second.write(b"all ").unwrap();
        second.write(b"of it").unwrap();
        assert!(!updater.is_handed_over());
        second.hand_over().unwrap();
        assert!(updater.is_handed_over());
        assert_eq!(place.kept(), [BUNDLE]);
        assert_eq!(fs::read(place.0.join("state").join(BUNDLE)).unwrap(), b"all of it");
        assert_eq!(updater.begin().unwrap_err(), NotTaken::Busy, "not taken yet");
    }

    #[test]
    fn what_a_power_cut_left_is_cleared_away() {
        let place = Place::new("cut");
        place.says(r#"{"state":"idle"}"#);
        std::mem::forget(place.updater().begin().unwrap());
        assert_eq!(place.updater().begin().unwrap_err(), NotTaken::Busy);
        place.updater().clear();
        assert!(place.updater().begin().is_ok());
    }

    #[test]
    fn a_bundle_ends_at_its_limit() {
        let place = Place::new("long");
        place.says(r#"{"state":"installed","version":"1"}"#);
        let mut incoming = place.updater().begin().unwrap();
        incoming.bytes = BUNDLE_BYTES_MAX - 2;
        assert_eq!(incoming.write(b"ab"), Ok(()));
        assert_eq!(incoming.write(b"c"), Err(NotTaken::TooLong));
        drop(incoming);
        assert!(place.kept().is_empty());
    }

    #[test]
    fn a_restart_is_for_what_waits_for_it() {
        let place = Place::new("restart");
        assert_eq!(place.updater().restart(), Err(NotTaken::Impossible));
        place.says(r#"{"state":"refused","reason":"signature"}"#);
        assert_eq!(place.updater().restart(), Err(NotTaken::NoneWaiting));
        place.says(r#"{"state":"waiting","version":"2"}"#);
        assert_eq!(place.updater().restart(), Ok(()));
        assert_eq!(place.kept(), [RESTART]);
    }

    #[test]
    fn while_one_is_installed_or_tried_no_other_is_taken() {
        let place = Place::new("busy");
        for (state, busy) in [
            ("idle", false),
            ("installing", true),
            ("waiting", false),
            ("restarting", true),
            ("trying", true),
            ("installed", false),
            ("refused", false),
            ("fell_back", false),
        ] {
            place.says(&format!(r#"{{"state":"{state}"}}"#));
            assert_eq!(place.updater().begin().err(), busy.then_some(NotTaken::Busy), "{state}");
        }
        place.says("no JSON");
        assert!(matches!(place.updater().begin(), Err(NotTaken::Disk(_))));
    }

    #[test]
    fn what_the_updater_says_is_put_into_words() {
        let words = |text: &str| serde_json::from_str::<Said>(text).unwrap().words();
        assert_eq!(
            words(r#"{"state":"waiting","version":"0.2.0"}"#),
            "Version 0.2.0 is installed and waits for a restart."
        );
        assert_eq!(
            words(r#"{"state":"refused","reason":"signature","detail":"x"}"#),
            "The update was refused: it is not signed by whoever made this device's system."
        );
        assert_eq!(
            words(r#"{"state":"fell_back","version":"0.2.0","reason":"no_answer"}"#),
            "Version 0.2.0 started but did not answer, so the version before is back."
        );
        assert_eq!(
            words(r#"{"state":"installing","percent":40}"#),
            "Installing: 40 percent. Do not switch off."
        );
        assert_eq!(words(r#"{"state":"restarting","version":"2"}"#), "Restarting into version 2.");
    }
}
