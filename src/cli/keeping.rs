//! Finds the folder in which `serve` keeps its state: the requested one, or another one that works.

use super::places::SettingPlace;
use crate::config::Config;
use crate::error::Result;
use crate::plain::Plain;
use crate::state::{Memory, StateFolder};
use std::ffi::OsString;
use std::path::Path;

/// Opens the folder. If the command line names a folder that does not work, the start fails. Any other folder
/// that does not work is reported and replaced by the next candidate; `config` then names no folder any more.
/// `variable` reads the environment.
pub(super) fn open(
    config: &mut Config,
    place: &SettingPlace,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(Memory, Option<Plain>)> {
    let had = |config: &Config| {
        let path = config.keeping_folder(&variable)?;
        Ok((path.as_deref().map(StateFolder::open).transpose()?, path))
    };
    let error = match had(config) {
        Ok((folder, _)) => return Ok((Memory::In(folder), None)),
        Err(error) => place.named(error),
    };
    if place.is_typed() {
        return Err(error);
    }
    config.state = None;
    let (instead, path) = had(config).unwrap_or_default();
    let problem = Plain::from(said(path.as_deref(), &error));
    tracing::warn!("{problem}");
    Ok((Memory::Lost(instead), Some(problem)))
}

fn said(instead: Option<&Path>, error: &crate::error::Error) -> String {
    let until = "until the configuration is mended and the service restarted";
    match instead {
        Some(path) => format!("What is to be remembered is kept in {} {until}: {error}", path.display()),
        None => format!("Nothing is remembered {until}: {error}"),
    }
}
