//! Where a setting was written, so that a remedy names what is to be changed.

use super::given::Given;
use crate::config::Setting;
use crate::error::Error;
use std::fmt;

/// The places of all settings.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) typed: Given,
    /// The configuration file, and the keys that were taken from it.
    pub(super) file: String,
    pub(super) in_file: Vec<String>,
}

/// The place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The command line: with this option.
    Typed(String),
    /// The configuration file: its key, its name.
    File(&'static str, String),
    /// Nowhere: its option.
    Nowhere(String),
}

impl Places {
    /// Where this setting was written.
    pub(super) fn of(&self, key: &'static str) -> Place {
        let option = Setting::of(key).and_then(Setting::option);
        let option = option.map(|(long, _)| format!("--{long}")).unwrap_or_default();
        if self.typed.has(key) {
            Place::Typed(option)
        } else if self.in_file.iter().any(|taken| taken == key) {
            Place::File(key, self.file.clone())
        } else {
            Place::Nowhere(option)
        }
    }
}

impl Place {
    /// Somebody who is looking wrote it a moment ago.
    pub(super) fn is_typed(&self) -> bool {
        matches!(self, Self::Typed(_))
    }

    /// It stands in the file.
    pub(super) fn is_in_file(&self) -> bool {
        matches!(self, Self::File(..))
    }

    /// The error of a folder that cannot be had, with its remedy.
    pub(super) fn named(&self, error: Error) -> Error {
        error.try_this(format!("Name one with {self} that this user may write"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Typed(option) | Self::Nowhere(option) => f.write_str(option),
            Self::File(key, file) => write!(f, "'{key}' in {file}"),
        }
    }
}
