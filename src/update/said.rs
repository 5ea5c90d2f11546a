//! The updater's reports, and the words for them. Pure.

use crate::plain::Plain;
use serde::{Deserialize, Serialize};

/// The state of an update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The bundle is being received. (The service reports this; the updater does not know of it yet.)
    Receiving,
    /// The bundle's signature is being checked, or the bundle is being written.
    Installing,
    /// The bundle is installed, and will be used from the next start on.
    Waiting,
    /// The device restarts into the update.
    Restarting,
    /// The device has started with the update and watches whether it works.
    Trying,
    /// The update has passed its trial.
    Installed,
    /// The bundle was not installed.
    Refused,
    /// The update was tried, and the previous version is back.
    FellBack,
    /// No update was ever made, or a newer version's report is not understood, which blocks no update.
    #[default]
    #[serde(other)]
    Idle,
}

/// The updater's report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdaterStatus {
    /// The state of the update.
    pub state: Phase,
    /// The version of the update; empty if unknown.
    #[serde(default)]
    pub version: Plain,
    /// The installed part of the update, in percent.
    #[serde(default)]
    pub percent: u8,
    /// The name of the reason why the update was refused or the system fell back.
    #[serde(default)]
    pub reason: Plain,
    /// The tool's own words about the reason, for support.
    #[serde(default)]
    pub detail: Plain,
}

impl UpdaterStatus {
    /// Returns the report of an update being received.
    pub fn receiving(percent: u8) -> Self {
        Self { state: Phase::Receiving, percent, ..Self::default() }
    }

    /// Returns whether another bundle has to wait.
    pub fn is_busy(&self) -> bool {
        matches!(self.state, Phase::Installing | Phase::Restarting | Phase::Trying)
    }

    /// Returns the state in words for the user.
    pub fn words(&self) -> String {
        let version = match &*self.version {
            "" => "The update".to_owned(),
            version => format!("Version {version}"),
        };
        match self.state {
            Phase::Idle => String::new(),
            Phase::Receiving => format!("Receiving: {} percent.", self.percent),
            Phase::Installing => format!("Installing: {} percent. Do not switch off.", self.percent),
            Phase::Waiting => format!("{version} is installed and waits for a restart."),
            Phase::Restarting => format!("Restarting into {}.", version.replacen('V', "v", 1)),
            Phase::Trying => format!("{version} has started and is being watched for a moment."),
            Phase::Installed => format!("{version} is installed."),
            Phase::Refused => format!("The update was refused: {}.", refused_words(&self.reason)),
            Phase::FellBack => {
                format!("{version} {}, so the version before is back.", fell_back_words(&self.reason))
            }
        }
    }
}

fn refused_words(reason: &str) -> &'static str {
    match reason {
        "no_bundle" => "this file is not an update, or did not arrive completely",
        "signature" => "it is not signed by the maker of this device's system",
        "compatible" => "it is made for another device",
        "busy" => "another one is being installed",
        "older" => {
            "it is older than the running system; with the settings key, or as root, you can install it anyway"
        }
        "interrupted" => "the updater was interrupted; the running system stays, send the update again",
        _ => "it could not be installed; the running system stays",
    }
}

fn fell_back_words(reason: &str) -> &'static str {
    match reason {
        "no_answer" => "started but did not answer",
        _ => "did not start",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_updater_says_is_put_into_words() {
        let words = |text: &str| serde_json::from_str::<UpdaterStatus>(text).unwrap().words();
        assert_eq!(
            words(r#"{"state":"waiting","version":"0.2.0"}"#),
            "Version 0.2.0 is installed and waits for a restart."
        );
        assert_eq!(
            words(r#"{"state":"refused","reason":"signature","detail":"x"}"#),
            "The update was refused: it is not signed by the maker of this device's system."
        );
        assert_eq!(
            words(r#"{"state":"fell_back","version":"0.2.0","reason":"no_answer"}"#),
            "Version 0.2.0 started but did not answer, so the version before is back."
        );
        assert_eq!(
            words(r#"{"state":"installing","percent":40}"#),
            "Installing: 40 percent. Do not switch off."
        );
        assert_eq!(words(r#"{"state":"restarting","version":"2"}"#), "Restarting into version 2.");
        let newer: UpdaterStatus =
            serde_json::from_str(r#"{"state":"downloading","format":9,"from":[1]}"#).unwrap();
        assert!(newer.state == Phase::Idle && !newer.is_busy());
    }
}
