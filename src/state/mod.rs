//! The state folder: small files that outlive the service, each written whole or not at all, read by whichever version
//! comes next, and by nobody else.
//!
//! In: what a file's owner keeps in it ([`StateFile`]). Out: the same later, from whatever version wrote it ([`Stored`]). What it
//! means is its owner's affair. Every call waits for the disk: never call it on a thread that plays.

mod stored;
mod whole;

use crate::error::{Error, Result};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
pub use stored::{Fields, Found, StateFile, Step, Stored, numbered};
use whole::Folder;
pub use whole::{write_whole, write_whole_below};

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

    /// A folder for others to read what is left in it; made with this mode when it is not there. Root's, where root makes it.
    ///
    /// # Errors
    /// When it cannot be made, or root cannot believe it.
    pub fn made(path: &Path, mode: u32) -> Result<Self> {
        Folder::made(path, mode)
            .map_err(|error| Error::new(format!("cannot write in {}", path.display())).because(error))?;
        Ok(Self(path.to_owned()))
    }

    /// A folder that others write, to read what they leave; it need not be there.
    pub fn of_others(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where `name` is, for what is too large to be read and written at once.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
