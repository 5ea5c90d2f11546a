//! The folder in which `serve` keeps what outlives it: the one that is asked for, or another that can be had.

use super::places::Place;
use crate::config::Config;
use crate::error::Result;
use crate::plain::Plain;
use crate::state::{Memory, StateFolder};
use std::ffi::OsString;
use std::path::Path;

/// Opens it. One that the command line names and that cannot be had ends the start. In the place of another comes the next that there
/// is, which is told; `config` then names none any more. `variable` reads the environment.
pub(super) fn open(
    config: &mut Config,
    place: &Place,
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
