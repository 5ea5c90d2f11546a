//! The state folder: small files that outlive the service, each written completely or not at all, and read only by later
//! runs and versions of the service.
//!
//! In: the content of a file ([`StateFile`]). Out: the same content later, whichever version wrote it ([`Stored`]). This
//! module does not interpret the contents. Every call waits for the disk: never call it on a thread that plays.

mod stored;
mod whole;

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
pub use stored::{Fields, Found, StateFile, Step, Stored, numbered};
use whole::Folder;
pub use whole::{write_whole, write_whole_below};

/// A folder of ours.
#[derive(Clone, Debug)]
pub struct StateFolder(PathBuf);

/// The folders in which a service keeps data that outlives it.
#[derive(Clone, Debug)]
pub enum Memory {
    /// The folder that keeps the data; with `None` the data is lost when the service ends.
    In(Option<StateFolder>),
    /// The proper folder is unavailable, and its content unknown. Another folder may replace it.
    Lost(Option<StateFolder>),
}

impl Memory {
    /// The folder to use.
    pub fn folder(&self) -> Option<&StateFolder> {
        let (Self::In(folder) | Self::Lost(folder)) = self;
        folder.as_ref()
    }
}

impl StateFolder {
    /// Uses `path`; creates it, accessible only to us, if it does not exist.
    ///
    /// # Errors
    /// If it can neither be found nor created, or root cannot trust it, as when a part of the path is a link.
    pub fn open(path: &Path) -> Result<Self> {
        Folder::made(path, 0o700).map_err(|error| {
            Error::new(format!("cannot use the state folder {}", path.display())).because(error)
        })?;
        Ok(Self(path.to_owned()))
    }

    /// Opens a folder from which others read our files; creates it with this mode if it does not exist. It
    /// belongs to root if root creates it.
    ///
    /// # Errors
    /// If it cannot be created, or root cannot trust it.
    pub fn made(path: &Path, mode: u32) -> Result<Self> {
        Folder::made(path, mode)
            .map_err(|error| Error::new(format!("cannot write in {}", path.display())).because(error))?;
        Ok(Self(path.to_owned()))
    }

    /// Opens a folder to read files that others write; it need not exist.
    pub fn of_others(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Returns the path of `name`, for files too large to be read and written at once.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
