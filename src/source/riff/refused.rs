//! Why a file is not played.

use std::io;

/// Why a file is not played. FILE in a remedy stands for its path.
#[derive(Debug)]
pub enum Refused {
    /// It could not be read.
    Io(io::Error),
    /// What it is, and what to do.
    Content(String, String),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a file is, and what to do.
pub(super) fn refused<T>(what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Content(what.into(), remedy.into()))
}
