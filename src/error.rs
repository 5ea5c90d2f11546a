//! Errors of start-up and the control plane: what was being done, why it failed, what to try.
//!
//! Not for the audio path: there faults are values (`source::SourceFault`) and counts (`rt::counters`).

use std::error::Error as StdError;
use std::fmt;

/// A failure a person has to read.
#[derive(Debug)]
pub struct Error {
    doing: String,
    cause: Option<Box<dyn StdError + Send + Sync>>,
    remedy: Option<String>,
    absent: bool,
}

impl Error {
    /// `doing` completes "synthwire failed while …".
    pub fn new(doing: impl Into<String>) -> Self {
        Self { doing: doing.into(), cause: None, remedy: None, absent: false }
    }

    /// What the lower layer said.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The thing is simply not there.
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    /// Whether the thing is simply not there.
    pub fn says_absent(&self) -> bool {
        self.absent
    }

    /// What the reader can do about it.
    #[must_use]
    pub fn try_this(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Error {
    /// One line: what, why, what to try.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)?;
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, ". {remedy}")?;
        }
        Ok(())
    }
}

impl StdError for Error {}

/// The result of anything that may end in an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
