//! The reasons why a file is refused.

use std::io;

/// The reason why a file is refused. FILE in a remedy stands for its path.
#[derive(Debug)]
pub enum Refused {
    /// Reading the file failed.
    Io(io::Error),
    /// A description of the file's content, and what to do.
    Content(String, String),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Returns a refusal: what the file is, and what to do.
pub(super) fn refused<T>(what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Content(what.into(), remedy.into()))
}
