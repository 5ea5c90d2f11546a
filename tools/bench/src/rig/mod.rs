//! The rig: everything between the known signal and the recording, except the product.

pub mod jack;
pub mod process;
pub mod pulse;
pub mod sound;
pub mod usage;
pub mod watchdog;

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Prefix of the names of private folders; the process id follows.
const FOLDER_PREFIX: &str = "synthwire-bench-";

/// A private folder (mode 0700), which is removed when the value is dropped.
pub struct PrivateFolder(PathBuf);

impl PrivateFolder {
    /// Makes a folder under the system's folder for temporary files. The path is short, because a socket path
    /// may have only 107 bytes. This first removes the folders of runs that were killed.
    pub fn make() -> Result<Self, String> {
        remove_stale(&std::env::temp_dir());
        let name = format!("{FOLDER_PREFIX}{}-{}", std::process::id(), watchdog::now_ns());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|e| format!("making {}: {e}", path.display()))?;
        Ok(Self(path))
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes our own private folders whose process has ended.
fn remove_stale(folder: &Path) {
    // SAFETY: geteuid only reads the process's own credentials.
    let own = unsafe { libc::geteuid() };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let gone = owner(&entry.file_name().to_string_lossy())
            .is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists());
        // Examines the entry itself: a symbolic link does not count as a folder.
        let ours = entry.metadata().is_ok_and(|data| data.is_dir() && data.uid() == own);
        if gone && ours {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The id of the process that made a private folder with this name.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(FOLDER_PREFIX)?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_go_and_those_of_the_living_stay() {
        let place = std::env::temp_dir().join(format!("bench-stale-{}", std::process::id()));
        let make = |name: &str| std::fs::create_dir_all(place.join(name).join("inside")).unwrap();
        let living = format!("{FOLDER_PREFIX}{}-1", std::process::id());
        let dead = format!("{FOLDER_PREFIX}{}-1", u32::MAX); // no process has so high an id
        for name in [living.as_str(), dead.as_str(), "synthwire-bench-x-1", "other-1-1"] {
            make(name);
        }
        remove_stale(&place);
        assert!(!place.join(&dead).exists());
        for name in [living.as_str(), "synthwire-bench-x-1", "other-1-1"] {
            assert!(place.join(name).exists(), "{name}");
        }
        std::fs::remove_dir_all(place).unwrap();
    }
}
