//! Errors of start-up and the control plane: the failed action, the reason, and the next step to try.
//!
//! The audio path does not use it: there, faults are values (`source::SourceFault`) and counts (`rt::counters`). Texts from
//! other programs, files and devices enter as [`Plain`], so an error can be shown anywhere.

use crate::plain::Plain;
use std::error::Error as StdError;
use std::fmt;

/// A failure, described for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    doing: Plain,
    cause: Option<Plain>,
    remedy: Option<Plain>,
    absent: bool,
}

impl Error {
    /// Creates an error; `doing` completes "synthwire failed while …".
    pub fn new(doing: impl Into<Plain>) -> Self {
        Self { doing: doing.into(), cause: None, remedy: None, absent: false }
    }

    /// Adds the lower layer's error.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(Plain::of(cause.into().to_string()));
        self
    }

    /// Records that something is simply missing.
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    /// Returns whether something is simply missing.
    pub fn says_absent(&self) -> bool {
        self.absent
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn try_this(mut self, remedy: impl Into<Plain>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Error {
    /// Writes one line: the failed action, the reason, and the next step to try.
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

impl From<&Error> for Plain {
    /// Converts the error to a sentence.
    fn from(error: &Error) -> Self {
        Self::of(format!("{error}."))
    }
}

/// The result of anything that may end in an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
