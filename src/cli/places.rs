//! Remembers where each setting was written, so that a remedy can name the place to change.

use super::typed_settings::TypedSettings;
use crate::config::Setting;
use crate::error::Error;
use std::fmt;

/// The places of all settings.
#[derive(Debug)]
pub(super) struct SettingPlaces {
    pub(super) typed: TypedSettings,
    /// The configuration file, and the keys that it set.
    pub(super) file: String,
    pub(super) in_file: Vec<String>,
}

/// The place where one setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SettingPlace {
    /// The command line, with this option.
    Typed(String),
    /// The configuration file: the setting's key, and the file's name.
    File(&'static str, String),
    /// Nowhere; holds its option.
    Nowhere(String),
}

impl SettingPlaces {
    /// Returns where this setting was written.
    pub(super) fn of(&self, key: &'static str) -> SettingPlace {
        let option = Setting::of(key).and_then(Setting::option);
        let option = option.map(|(long, _)| format!("--{long}")).unwrap_or_default();
        if self.typed.has(key) {
            SettingPlace::Typed(option)
        } else if self.in_file.iter().any(|taken| taken == key) {
            SettingPlace::File(key, self.file.clone())
        } else {
            SettingPlace::Nowhere(option)
        }
    }
}

impl SettingPlace {
    /// Returns whether the user has just typed it, and so sees the output.
    pub(super) fn is_typed(&self) -> bool {
        matches!(self, Self::Typed(_))
    }

    /// Returns whether the setting is in the file.
    pub(super) fn is_in_file(&self) -> bool {
        matches!(self, Self::File(..))
    }

    /// Returns the error about a folder that does not work, with its remedy.
    pub(super) fn named(&self, error: Error) -> Error {
        error.try_this(format!("Name one with {self} that this user may write"))
    }
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Typed(option) | Self::Nowhere(option) => f.write_str(option),
            Self::File(key, file) => write!(f, "'{key}' in {file}"),
        }
    }
}
