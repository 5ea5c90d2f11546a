//! `synthwire key`: hashes an access key, so that no file contains the key itself.

use super::terminal;
use crate::error::{Error, Result};
use crate::net::access::key::HashedKey;
use crate::net::access::random;
use std::io::{IsTerminal, stdin};
use std::process::ExitCode;

pub(super) fn run() -> Result<ExitCode> {
    if stdin().is_terminal() {
        terminal::remark("Type the key, at least 8 characters, and press Enter:");
    }
    let mut line = String::new();
    stdin().read_line(&mut line).map_err(|error| Error::new("cannot read the key").because(error))?;
    let hashed = HashedKey::of(line.trim_end_matches(['\r', '\n']), random())?;
    terminal::say(hashed.as_str());
    terminal::remark(
        "Put it between quotes after 'listening_key =' or 'settings_key =' in the configuration.",
    );
    Ok(ExitCode::SUCCESS)
}
