//! A bundle being received, and the reasons for refusing one.
//!
//! The file has no name until it is complete. Whatever stops the receiver (a lost connection, Ctrl-C, a kill, a power cut),
//! the file system frees the space, and nothing is in the way of the next bundle.

use crate::plain::Plain;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Largest bundle that is ever accepted: ours have about 115 MiB, and the card's data partition has 256 MiB.
pub const BUNDLE_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// Disk space that a bundle must leave free: room for settings, keys, certificates and the end of the log.
pub(super) const SPARE_BYTES: u64 = 8 * 1024 * 1024;
/// The first bytes of a bundle, which is a squashfs file system with its signature at the end.
pub const BUNDLE_BEGINS: &[u8; 4] = b"hsqs";

const MIB: u64 = 1024 * 1024;

/// The reason why a bundle is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The system has no updater, or the service has no state folder.
    Impossible,
    /// The board cannot be updated in its current state: a sentence that says what to do.
    Unfit(Plain),
    /// Another bundle is being received or installed.
    Busy,
    /// The data does not begin like a bundle.
    NoBundle,
    /// The bundle is longer than [`BUNDLE_BYTES_MAX`].
    TooLong,
    /// The disk is full, or would be; holds how many bytes it could have taken.
    NoRoom(u64),
    /// No installed update waits for a restart.
    NoneWaiting,
    /// Another error of the disk.
    Disk(Plain),
}

impl NotTaken {
    pub(super) fn disk(error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoRoom(0),
            _ => Self::Disk(error.to_string().into()),
        }
    }

    /// Returns the reason for the user.
    pub fn words(&self) -> String {
        match self {
            Self::Impossible => {
                "This system has no updater for bundles: update it as it was installed.".into()
            }
            Self::Unfit(words) => words.to_string(),
            Self::Busy => "An update is being taken or installed. Wait until it is done.".into(),
            Self::NoBundle => {
                "This file is no update. An update's name usually ends in .raucb; fetch it again if it should be one."
                    .into()
            }
            Self::TooLong => format!("An update has at most {BUNDLE_BYTES_MAX} bytes."),
            Self::NoRoom(bytes) => format!(
                "There is no room left on the device for this update: {} MiB can be taken.",
                bytes / MIB
            ),
            Self::NoneWaiting => "No update waits for a restart.".into(),
            Self::Disk(said) => format!("The update could not be kept: {said}."),
        }
    }
}

/// Returns how long a bundle may be if this many bytes are free.
pub(super) fn limit(free_bytes: u64) -> u64 {
    free_bytes.saturating_sub(SPARE_BYTES).min(BUNDLE_BYTES_MAX)
}

/// Returns how many bytes this user may still write into `folder`.
pub(super) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let disk = nix::sys::statvfs::statvfs(folder)?;
    Ok(disk.blocks_available() * disk.fragment_size())
}

/// A bundle being received; it disappears if dropped before it is handed over.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    whole: PathBuf,
    bytes: u64,
    limit: u64,
    /// The bundle's first bytes, as far as they have come.
    beginning: Vec<u8>,
}

impl Incoming {
    /// Begins a bundle of at most `limit` bytes, to be named `whole` when complete.
    pub(super) fn begin(whole: PathBuf, limit: u64) -> std::io::Result<Self> {
        let folder = whole.parent().unwrap_or(Path::new("."));
        let nameless = OFlag::O_TMPFILE.bits();
        let file = OpenOptions::new().write(true).mode(0o600).custom_flags(nameless).open(folder)?;
        Ok(Self { file, whole, bytes: 0, limit, beginning: Vec::new() })
    }

    /// Appends the next bytes.
    ///
    /// # Errors
    /// If they are too many, do not begin a bundle, or the disk refuses them.
    pub fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), NotTaken> {
        let missing = BUNDLE_BEGINS.len() - self.beginning.len();
        self.beginning.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        if !BUNDLE_BEGINS.starts_with(&self.beginning) {
            return Err(NotTaken::NoBundle);
        }
        self.bytes += bytes.len() as u64;
        fits(self.bytes, self.limit)?;
        self.file.write_all(bytes).map_err(|error| NotTaken::disk(&error))
    }

    /// Gives the complete bundle to the updater.
    ///
    /// # Errors
    /// If it is too short for a bundle, another came first, or the disk fails.
    pub fn hand_over(self) -> std::result::Result<(), NotTaken> {
        if self.beginning != BUNDLE_BEGINS {
            return Err(NotTaken::NoBundle);
        }
        self.file.sync_all().map_err(|error| NotTaken::disk(&error))?;
        // The way that open(2) describes to name such a file without any privilege.
        let nameless = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let linked = nix::unistd::linkat(
            AT_FDCWD,
            Path::new(&nameless),
            AT_FDCWD,
            &self.whole,
            AtFlags::AT_SYMLINK_FOLLOW,
        );
        linked.map_err(|errno| match errno {
            nix::errno::Errno::EEXIST => NotTaken::Busy,
            errno => NotTaken::disk(&errno.into()),
        })?;
        // Sync the name itself; if a power cut loses it, the bundle must be sent again.
        let folder = self.whole.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| NotTaken::disk(&error))
    }
}

/// Checks whether this many bytes may come.
pub(super) fn fits(bytes: u64, limit: u64) -> std::result::Result<(), NotTaken> {
    match bytes {
        bytes if bytes > BUNDLE_BYTES_MAX => Err(NotTaken::TooLong),
        bytes if bytes > limit => Err(NotTaken::NoRoom(limit)),
        _ => Ok(()),
    }
}

/// Removes anything that has a bundle's name but is none: a folder, a link, a pipe. Returns whether a bundle is there.
pub(super) fn clear_the_way(whole: &Path) -> std::result::Result<bool, NotTaken> {
    let removed = match fs::symlink_metadata(whole) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => Err(error),
        Ok(found) if found.is_file() => return Ok(true),
        Ok(found) if found.is_dir() => fs::remove_dir_all(whole),
        Ok(_) => fs::remove_file(whole),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(NotTaken::disk(&error)),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_the_free_space_and_leaves_some() {
        for (free, expected) in [
            (0, 0),
            (SPARE_BYTES, 0),
            (SPARE_BYTES + 1, 1),
            (100 * MIB, 92 * MIB),
            (208 * MIB, BUNDLE_BYTES_MAX),
            (u64::MAX, BUNDLE_BYTES_MAX),
        ] {
            assert_eq!(limit(free), expected, "{free}");
        }
        assert_eq!(fits(92 * MIB, 92 * MIB), Ok(()));
        assert_eq!(fits(92 * MIB + 1, 92 * MIB), Err(NotTaken::NoRoom(92 * MIB)));
        assert_eq!(fits(BUNDLE_BYTES_MAX + 1, 92 * MIB), Err(NotTaken::TooLong));
        let words = NotTaken::NoRoom(92 * MIB).words();
        assert!(words.contains("92 MiB can be taken"), "{words}");
    }
}
