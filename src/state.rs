//! The state folder: small files that outlive the service, each written whole or not at all, and read by nobody else.
//!
//! In: names and bytes. Out: the same later. What they mean is their owner's affair. Every call waits for the disk: never
//! call it on a thread that plays.

use crate::error::{Error, Result};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Largest file that is read: far more than any of ours.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// A folder of ours.
#[derive(Clone, Debug)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// Uses `path`; makes it, for us alone, when it is not there.
    ///
    /// # Errors
    /// When it can neither be found nor made.
    pub fn open(path: &Path) -> Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
            Error::new(format!("cannot make the state folder {}", path.display()))
                .because(error)
                .try_this("Name one with --state that this user may write")
        })?;
        Ok(Self(path.to_owned()))
    }

    /// Where `name` is, for what is too large to be read and written at once.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The bytes of `name`, if it was ever written.
    ///
    /// # Errors
    /// When it is there but cannot be read, or is too long to be ours.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.0.join(name);
        let cannot = |error| Error::new(format!("cannot read {}", path.display())).because(error);
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot(error)),
            Ok(found) if found.len() > FILE_BYTES_MAX => {
                Err(Error::new(format!("{} is too long to be this service's", path.display()))
                    .try_this("Remove it"))
            }
            Ok(_) => fs::read(&path).map(Some).map_err(cannot),
        }
    }

    /// Writes `name` so that after a power cut either the old or the new bytes are there.
    ///
    /// # Errors
    /// What the disk said.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.0.join(name);
        write_whole(&path, bytes, 0o600).map_err(|error| {
            Error::new(format!("cannot write {}", path.display()))
                .because(error)
                .try_this("Check that the state folder can be written and is not full")
        })
    }
}

/// Writes `path`, with these rights, so that after a power cut either the old or the new bytes are there. Its folder must be.
///
/// # Errors
/// What the disk said.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all() // the rename itself
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_is_read_again_and_nobody_else_may() {
        let path = std::env::temp_dir().join(format!("synthwire-state-{}", std::process::id())).join("deep");
        let folder = StateFolder::open(&path).unwrap();
        assert_eq!(folder.read("a.json").unwrap(), None);
        folder.write("a.json", b"first").unwrap();
        folder.write("a.json", b"2").unwrap();
        assert_eq!(folder.read("a.json").unwrap().unwrap(), b"2");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("a.json"))), (0o700, 0o600));
        assert!(!path.join("a.json.new").exists());
        fs::write(path.join("long"), vec![0; FILE_BYTES_MAX as usize + 1]).unwrap();
        assert!(folder.read("long").unwrap_err().to_string().contains("too long"));
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
