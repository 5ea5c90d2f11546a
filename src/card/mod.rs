//! Set-up without a screen: `synthwire.toml` on the card's FAT partition, parsed and turned into files. Pure.
//!
//! In: what the user typed (`sheet`), checked key by key (`keys`). Out: the new content of the system's files (`files`),
//! and what remains on the card (`left`). Each mistake is a [`Problem`] and does not affect the rest. Reading, writing and
//! hashing belong in `cli::card`. Secrets appear only in [`CardValues`]: no problem and no text for the card repeats one.

pub mod files;
mod keys;
pub mod left;
pub mod sheet;

use crate::config::Setting;
use std::fmt;
use toml::Value;

/// The valid values of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardValues {
    /// The name of this device on the network, in lower case.
    pub hostname: Option<String>,
    /// Settings of the service, each with its value; access keys as typed.
    pub settings: Vec<(&'static Setting, Value)>,
    /// The network to join.
    pub wifi: Option<Network>,
    /// The country whose radio rules apply: two capital letters.
    pub wifi_country: Option<String>,
    /// The public SSH keys that may log in.
    pub ssh_keys: Option<Vec<String>>,
}

/// A Wi-Fi network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The network's SSID, 1 to 32 bytes.
    pub name: String,
    /// 8 to 63 characters, or 64 hexadecimal digits; '' for an open network.
    pub password: String,
}

/// Something that was not applied, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line of the problem, from 1; 0 if it is about no line.
    pub line: usize,
    /// The message: one or two plain sentences.
    pub says: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.says),
            line => write!(f, "line {line}: {}", self.says),
        }
    }
}
