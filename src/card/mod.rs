//! Set up without a screen: `synthwire.toml` on the card's FAT partition, understood and turned into files. Pure.
//!
//! In: what somebody typed (`sheet`), checked key by key (`keys`). Out: what the system's files then hold (`files`), and what
//! is left on the card (`left`). What is wrong is a [`Problem`] and keeps nothing else from being done. Reading, writing and
//! hashing are `cli::card`'s. Secrets come out in [`Wishes`] alone: no problem and no text for the card repeats one.

pub mod files;
mod keys;
pub mod left;
pub mod sheet;

use crate::config::Setting;
use std::fmt;
use toml::Value;

/// What somebody wishes, as far as it can be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// The name of this device on the network, in small letters.
    pub hostname: Option<String>,
    /// Settings of the service, each with its key; access keys as typed.
    pub settings: Vec<(&'static Setting, Value)>,
    /// The network to join.
    pub wifi: Option<Network>,
    /// Whose rules the radio keeps: two capital letters.
    pub wifi_country: Option<String>,
    /// Who may log in by SSH, one public key each.
    pub ssh_keys: Option<Vec<String>>,
}

/// A Wi-Fi network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its SSID, 1 to 32 bytes.
    pub name: String,
    /// 8 to 63 characters, or 64 hexadecimal digits; '' for a network without one.
    pub password: String,
}

/// Something that was not done, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line it stands in, from 1; 0 when it is about no line.
    pub line: usize,
    /// One or two plain sentences.
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
