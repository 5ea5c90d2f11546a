//! A bundle on its way in, and why one is not taken.
//!
//! Until it is whole it has no name: whatever ends its taker (a lost connection, Ctrl-C, a kill, a power cut), the file system
//! has it back, and nothing is in the next one's way.

use crate::plain::Plain;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Largest bundle that is ever taken: ours have about 115 MiB, and the card's data partition holds 256 MiB.
pub const BUNDLE_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// What a bundle leaves free of the disk: room for settings, keys, certificates and the end of the log.
pub(super) const SPARE_BYTES: u64 = 8 * 1024 * 1024;
/// What a bundle begins with: it is a squashfs file system, with its signature at the end.
pub const BUNDLE_BEGINS: &[u8; 4] = b"hsqs";

const MIB: u64 = 1024 * 1024;

/// Why a bundle is not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// This system has no updater, or the service no state folder.
    Impossible,
    /// This board cannot be updated as it is: a sentence that says what to do.
    Unfit(Plain),
    /// Another bundle comes in or is being installed.
    Busy,
    /// It does not begin as a bundle does.
    NoBundle,
    /// It is longer than [`BUNDLE_BYTES_MAX`].
    TooLong,
    /// The disk is full, or would be; how many bytes it would have taken.
    NoRoom(u64),
    /// Nothing waits for a restart.
    NoneWaiting,
    /// What else the disk said.
    Disk(Plain),
}

impl NotTaken {
    pub(super) fn disk(error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoRoom(0),
            _ => Self::Disk(error.to_string().into()),
        }
    }

    /// The same for a person.
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

/// How long a bundle may be where so many bytes are free.
pub(super) fn limit(free_bytes: u64) -> u64 {
    free_bytes.saturating_sub(SPARE_BYTES).min(BUNDLE_BYTES_MAX)
}

/// How many bytes whoever we are may still write into `folder`.
pub(super) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let disk = nix::sys::statvfs::statvfs(folder)?;
    Ok(disk.blocks_available() * disk.fragment_size())
}

/// A bundle on its way in; gone when it is dropped before it was handed over.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    whole: PathBuf,
    bytes: u64,
    limit: u64,
    /// What it begins with, as far as that has come.
    beginning: Vec<u8>,
}

impl Incoming {
    /// One that will be called `whole`, of at most `limit` bytes.
    pub(super) fn begin(whole: PathBuf, limit: u64) -> std::io::Result<Self> {
        let folder = whole.parent().unwrap_or(Path::new("."));
        let nameless = OFlag::O_TMPFILE.bits();
        let file = OpenOptions::new().write(true).mode(0o600).custom_flags(nameless).open(folder)?;
        Ok(Self { file, whole, bytes: 0, limit, beginning: Vec::new() })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they are too many, begin no bundle, or the disk does not take them.
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

    /// It is whole: the updater may take it.
    ///
    /// # Errors
    /// When it is too short to be one, another came first, or what the disk said.
    pub fn hand_over(self) -> std::result::Result<(), NotTaken> {
        if self.beginning != BUNDLE_BEGINS {
            return Err(NotTaken::NoBundle);
        }
        self.file.sync_all().map_err(|error| NotTaken::disk(&error))?;
        // The way open(2) gives to name such a file without any privilege.
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
        // The name itself; should a power cut take it, the bundle is sent again.
        let folder = self.whole.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| NotTaken::disk(&error))
    }
}

/// Whether so many bytes may come.
pub(super) fn fits(bytes: u64, limit: u64) -> std::result::Result<(), NotTaken> {
    match bytes {
        bytes if bytes > BUNDLE_BYTES_MAX => Err(NotTaken::TooLong),
        bytes if bytes > limit => Err(NotTaken::NoRoom(limit)),
        _ => Ok(()),
    }
}

/// Takes away what bears a bundle's name and is none: a folder, a link, a pipe. Whether a bundle is there.
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
