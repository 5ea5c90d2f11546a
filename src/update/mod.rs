//! Updates, as far as an unprivileged program can do them: it puts a bundle where the system's updater takes it, and turns
//! the updater's reports into words.
//!
//! In: a bundle's bytes, of which only the beginning is checked here. Out: `update.raucb` in the state folder, complete or
//! not at all. Checking its signature and installing it belong to the updater, which runs as root (`synthwire-update.path`
//! in `image/overlay/`) and trusts only a signature. Every call waits for the disk.

mod incoming;
mod said;

pub use incoming::{BUNDLE_BEGINS, BUNDLE_BYTES_MAX, Incoming, NotTaken};
pub use said::{Phase, UpdaterStatus};

use crate::error::{Error, Result};
use crate::plain::Plain;
use crate::state::StateFolder;
use incoming::{clear_the_way, fits, free_bytes, limit};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The folder in which the system's updater reports its state.
pub const UPDATER_FOLDER: &str = "/run/synthwire-updater";
/// The file of the updater's report.
const SAID: &str = "state.json";
/// The file with the running version, in the same folder: one line.
const RUNNING: &str = "running";
/// Longest of these files that is read; they have some 200 bytes.
const SAID_BYTES_MAX: u64 = 16 * 1024;
/// The request to restart into the installed update. synthwire-update.path of the card's system watches for this name, and
/// for the bundles.
const RESTART: &str = "update.restart";
/// The name under which earlier versions left an incomplete bundle.
const PART: &str = "update.part";

/// The permitted age of a bundle, relative to the running system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The bundle must not be older.
    Newer,
    /// Any age: the sender has the settings key or is root, and asked for it.
    Any,
}

impl Age {
    const ALL: [Self; 2] = [Self::Newer, Self::Any];

    /// Returns the name of a bundle of this age in the folder.
    fn file(self) -> &'static str {
        match self {
            Self::Newer => "update.raucb",
            Self::Any => "update-any.raucb",
        }
    }
}

/// The connection to the system's updater.
#[derive(Clone, Debug)]
pub struct Updater {
    said: PathBuf,
    folder: Option<StateFolder>,
    unfit: Option<Plain>,
    /// Returns the free bytes on a folder's disk.
    free: fn(&Path) -> io::Result<u64>,
}

impl Updater {
    /// Creates the connection to an updater that reports in `said` and takes bundles from `folder`.
    pub fn new(said: &Path, folder: Option<StateFolder>) -> Self {
        Self { said: said.to_owned(), folder, unfit: None, free: free_bytes }
    }

    /// Adds the reason, as a sentence, why this board cannot be updated, if there is one.
    #[must_use]
    pub fn unless(self, unfit: Option<Plain>) -> Self {
        Self { unfit, ..self }
    }

    /// Removes an incomplete bundle that an earlier version left. Call it only when the service starts.
    pub fn clear(&self) {
        if let Some(part) = self.path(PART) {
            let _ = fs::remove_file(part); // usually there is none
        }
    }

    /// Returns the updater's report; `None` if there is no updater.
    ///
    /// # Errors
    /// If it cannot be read or understood.
    pub fn said(&self) -> Result<Option<UpdaterStatus>> {
        let file = self.said.join(SAID);
        let cannot = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(format!("cannot understand {}", file.display())).because(error)
        };
        match fs::metadata(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot(error.into())),
            Ok(found) if found.len() > SAID_BYTES_MAX => Err(cannot("it is too long".into())),
            Ok(_) => {
                let bytes = fs::read(&file).map_err(|error| cannot(error.into()))?;
                serde_json::from_slice(&bytes).map(Some).map_err(|error| cannot(error.into()))
            }
        }
    }

    /// Returns the version of the running system, written as in bundles; '' if unknown.
    pub fn running(&self) -> Plain {
        let file = self.said.join(RUNNING);
        let is_short = fs::metadata(&file).is_ok_and(|found| found.len() <= SAID_BYTES_MAX);
        let text = if is_short { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
        text.trim().into()
    }

    /// Returns why this board cannot be updated, as a sentence.
    pub fn unfit(&self) -> Option<&Plain> {
        self.unfit.as_ref()
    }

    /// Returns how long a bundle may be now, considering the free space.
    ///
    /// # Errors
    /// If there is no folder, or its disk does not answer.
    pub fn limit(&self) -> std::result::Result<u64, NotTaken> {
        let folder = self.path("").ok_or(NotTaken::Impossible)?;
        (self.free)(&folder).map(limit).map_err(|error| NotTaken::disk(&error))
    }

    /// Begins to receive a bundle of `bytes`, if the length is known.
    ///
    /// # Errors
    /// Why not now, or not here.
    pub fn begin(&self, bytes: Option<u64>, age: Age) -> std::result::Result<Incoming, NotTaken> {
        let said = self.said().map_err(|error| NotTaken::Disk(error.to_string().into()))?;
        let (Some(said), Some(whole)) = (said, self.path(age.file())) else {
            return Err(NotTaken::Impossible);
        };
        if let Some(words) = &self.unfit {
            return Err(NotTaken::Unfit(words.clone()));
        }
        if said.is_busy() {
            return Err(NotTaken::Busy);
        }
        for path in Age::ALL.iter().filter_map(|age| self.path(age.file())) {
            if clear_the_way(&path)? {
                return Err(NotTaken::Busy);
            }
        }
        let limit = self.limit()?;
        fits(bytes.unwrap_or(0), limit)?;
        Incoming::begin(whole, limit).map_err(|error| NotTaken::disk(&error))
    }

    /// Returns whether a bundle waits that the updater has not taken yet.
    pub fn is_handed_over(&self) -> bool {
        let paths = Age::ALL.iter().filter_map(|age| self.path(age.file()));
        paths.into_iter().any(|whole| fs::symlink_metadata(whole).is_ok())
    }

    /// Asks for a restart into the installed update.
    ///
    /// # Errors
    /// If none is installed, or the request cannot be written.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A temporary state folder and updater's folder, with the connection between them.
    struct TestFolder(PathBuf);

    impl TestFolder {
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

    impl Drop for TestFolder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn whatever_the_updater_says_can_be_shown() {
        let folder = TestFolder::new("nasty");
        let updater = folder.updater();
        for (said, expected) in crate::plain::NASTY {
            let text = String::from_utf8_lossy(said);
            folder
                .says(&serde_json::json!({"state": "waiting", "version": text, "detail": text}).to_string());
            let said = updater.said().unwrap().unwrap();
            assert_eq!([&said.version, &said.detail], [expected; 2]);
            assert!(expected.is_empty() || said.words().contains(expected), "{}", said.words());
        }
    }

    #[test]
    fn a_bundle_is_handed_over_whole_or_not_at_all() {
        let folder = TestFolder::new("whole");
        let updater = folder.updater();
        assert_eq!(updater.begin(None, Age::Newer).unwrap_err(), NotTaken::Impossible, "no updater");
        folder.says(r#"{"state":"idle"}"#);

        let mut first = updater.begin(None, Age::Newer).unwrap();
        first.write(b"hsqs, half of ").unwrap();
        assert!(folder.kept().is_empty(), "it has no name until it is whole");
        drop(first);
        assert!(folder.kept().is_empty());

        let mut second = updater.begin(Some(15), Age::Newer).unwrap();
        let mut third = updater.begin(Some(15), Age::Newer).unwrap();
        for bundle in [&mut second, &mut third] {
            bundle.write(b"hs").unwrap();
            bundle.write(b"qs, all of it").unwrap();
        }
        assert!(!updater.is_handed_over());
        second.hand_over().unwrap();
        assert!(updater.is_handed_over());
        assert_eq!(third.hand_over(), Err(NotTaken::Busy), "the first that is whole is taken");
        assert_eq!(folder.kept(), ["update.raucb"]);
        assert_eq!(fs::read(folder.0.join("state/update.raucb")).unwrap(), b"hsqs, all of it");
        for age in Age::ALL {
            assert_eq!(updater.begin(None, age).unwrap_err(), NotTaken::Busy, "not taken yet");
        }
    }

    #[test]
    fn whoever_dies_in_the_middle_is_in_nobodys_way() {
        let folder = TestFolder::new("dies");
        folder.says(r#"{"state":"idle"}"#);
        let state = folder.updater().path("").unwrap();
        // A receiver that was stopped (Ctrl-C, a kill), and the file that version 0.1 left in that case.
        std::mem::forget(folder.updater().begin(None, Age::Newer).unwrap());
        fs::write(state.join(PART), b"half").unwrap();
        let mut next = folder.updater().begin(None, Age::Newer).unwrap();
        next.write(b"hsqs").unwrap();
        next.hand_over().unwrap();
        folder.updater().clear();
        assert_eq!(folder.kept(), ["update.raucb"]);
    }

    #[test]
    fn what_is_no_bundle_is_known_by_its_first_bytes() {
        let folder = TestFolder::new("junk");
        folder.says(r#"{"state":"idle"}"#);
        for junk in [b"\0\0\0\0".as_slice(), b"PK\x03\x04", b"sqsh", b"h!", b"\x7fELF", b"<html>"] {
            let mut incoming = folder.updater().begin(None, Age::Newer).unwrap();
            assert_eq!(incoming.write(junk), Err(NotTaken::NoBundle), "{junk:?}");
        }
        for short in [b"".as_slice(), b"hsq"] {
            let mut incoming = folder.updater().begin(None, Age::Newer).unwrap();
            incoming.write(short).unwrap();
            assert_eq!(incoming.hand_over(), Err(NotTaken::NoBundle), "{short:?}");
        }
        assert!(folder.kept().is_empty());
    }

    /// Puts something at a path, which may link to another path.
    type Put = fn(&Path, &Path);

    #[test]
    fn what_lies_in_a_bundles_way_is_taken_away() {
        let folder = TestFolder::new("way");
        folder.says(r#"{"state":"idle"}"#);
        let (updater, state) = (folder.updater(), folder.0.join("state"));
        fs::write(folder.0.join("precious"), b"kept").unwrap();
        let ways: [(&str, Put); 5] = [
            ("an empty folder", |way, _| fs::create_dir(way).unwrap()),
            ("a full folder", |way, _| fs::create_dir_all(way.join("deep/er")).unwrap()),
            ("a link", |way, other| std::os::unix::fs::symlink(other, way).unwrap()),
            ("a link to nothing", |way, _| std::os::unix::fs::symlink("/nowhere", way).unwrap()),
            ("a socket", |way, _| drop(std::os::unix::net::UnixListener::bind(way).unwrap())),
        ];
        for age in Age::ALL {
            for (what, put) in ways {
                put(&state.join(age.file()), &folder.0.join("precious"));
                let mut incoming = updater.begin(None, Age::Newer).unwrap();
                incoming.write(b"hsqs").unwrap();
                incoming.hand_over().unwrap_or_else(|why| panic!("{what}: {why:?}"));
                assert_eq!(folder.kept(), ["update.raucb"], "{what}");
                fs::remove_file(state.join("update.raucb")).unwrap();
            }
        }
        assert_eq!(fs::read(folder.0.join("precious")).unwrap(), b"kept");
    }

    #[test]
    fn a_bundle_ends_at_its_limit_told_or_not() {
        let folder = TestFolder::new("long");
        folder.says(r#"{"state":"installed","version":"1"}"#);
        let updater = Updater { free: |_| Ok(u64::MAX), ..folder.updater() };
        assert_eq!(updater.limit(), Ok(BUNDLE_BYTES_MAX));
        let told = updater.begin(Some(BUNDLE_BYTES_MAX + 1), Age::Newer);
        assert_eq!(told.unwrap_err(), NotTaken::TooLong);
        let mut incoming = Incoming::begin(folder.0.join("state/update.raucb"), 6).unwrap();
        assert_eq!(incoming.write(b"hsqs12"), Ok(()));
        assert_eq!(incoming.write(b"3"), Err(NotTaken::NoRoom(6)));
        drop(incoming);
        assert!(folder.kept().is_empty());
    }

    #[test]
    fn an_older_version_is_handed_over_under_a_name_of_its_own() {
        let folder = TestFolder::new("older");
        folder.says(r#"{"state":"idle"}"#);
        let mut incoming = folder.updater().begin(None, Age::Any).unwrap();
        incoming.write(b"hsqs").unwrap();
        incoming.hand_over().unwrap();
        assert_eq!(folder.kept(), ["update-any.raucb"]);
        assert!(folder.updater().is_handed_over());
    }

    #[test]
    fn a_board_that_cannot_be_updated_is_named_before() {
        let folder = TestFolder::new("unfit");
        folder.says(r#"{"state":"idle"}"#);
        let updater = folder.updater().unless(Some("Too old.".into()));
        assert_eq!(updater.begin(None, Age::Any).unwrap_err().words(), "Too old.");
    }

    #[test]
    fn the_version_that_runs_is_read_generously() {
        let folder = TestFolder::new("running");
        assert_eq!(&*folder.updater().running(), "");
        fs::write(folder.0.join("said").join(RUNNING), "0.2.0\n").unwrap();
        assert_eq!(&*folder.updater().running(), "0.2.0");
        fs::write(folder.0.join("said").join(RUNNING), vec![b'9'; 20_000]).unwrap();
        assert_eq!(&*folder.updater().running(), "");
    }

    #[test]
    fn a_restart_is_for_what_waits_for_it() {
        let folder = TestFolder::new("restart");
        assert_eq!(folder.updater().restart(), Err(NotTaken::Impossible));
        folder.says(r#"{"state":"refused","reason":"signature"}"#);
        assert_eq!(folder.updater().restart(), Err(NotTaken::NoneWaiting));
        folder.says(r#"{"state":"waiting","version":"2"}"#);
        assert_eq!(folder.updater().restart(), Ok(()));
        assert_eq!(folder.kept(), [RESTART]);
    }

    #[test]
    fn while_one_is_installed_or_tried_no_other_is_taken() {
        let folder = TestFolder::new("busy");
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
            folder.says(&format!(r#"{{"state":"{state}"}}"#));
            assert_eq!(
                folder.updater().begin(None, Age::Newer).err(),
                busy.then_some(NotTaken::Busy),
                "{state}"
            );
        }
        folder.says("no JSON");
        assert!(matches!(folder.updater().begin(None, Age::Newer), Err(NotTaken::Disk(_))));
    }
}
