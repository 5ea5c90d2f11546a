//! `synthwire fingerprint`: prints the fingerprint of the certificate that this device offers to listeners, as its service
//! reports it. Can also write it to the card's FAT partition, which every computer can read: a copy that does not come over
//! the network.

use super::arguments::ServeArguments;
use super::asking;
use super::card;
use super::terminal::say;
use crate::error::{Error, Result};
use crate::state::write_whole;
use crate::tls::fingerprint::Fingerprint;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

const FILE: &str = "synthwire-fingerprint.txt";
/// Readable by everybody.
const MODE: u32 = 0o644;
/// Groups of digits per line of the file.
const GROUPS_IN_LINE: usize = 4;

/// What to do with the fingerprint.
#[derive(Debug, Args)]
pub(super) struct FingerprintArguments {
    /// Also write it to the card's FAT partition, mounted here; made writable for a moment if necessary
    #[arg(long, value_name = "DIR")]
    boot: Option<PathBuf>,
    #[command(flatten)]
    serve: ServeArguments,
}

pub(super) fn run(arguments: &FingerprintArguments) -> Result<ExitCode> {
    let config = arguments.serve.settle()?.config;
    let place = asking::place(&config, arguments.serve.is_systems());
    let fingerprint = asking::authority(&config, place)?;
    say(fingerprint.to_string());
    let Some(boot) = &arguments.boot else { return Ok(ExitCode::SUCCESS) };
    let (path, text) = (boot.join(FILE), text(fingerprint));
    // Write to the card only if the content has changed.
    if std::fs::read(&path).is_ok_and(|written| written == text.as_bytes()) {
        return Ok(ExitCode::SUCCESS);
    }
    card::on_card(boot, || write_whole(&path, text.as_bytes(), MODE)).map_err(|error| {
        Error::new(format!("cannot write {} on the card", path.display()))
            .because(error.to_string())
            .try_this("Check that the card's small switch is not on LOCK and that it is not full")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the content of the file, with line ends that every editor shows.
fn text(fingerprint: Fingerprint) -> String {
    let groups = fingerprint.to_string();
    let groups: Vec<&str> = groups.split(' ').collect();
    let lines: Vec<String> =
        groups.chunks(GROUPS_IN_LINE).map(|line| format!("    {}\r\n", line.join(" "))).collect();
    format!(
        "The SHA-256 fingerprint of this device's certificate:\r\n\r\n{}\r\n\
         The page /trust shows sixteen groups. Install what it offers only when all of them stand here.\r\n",
        lines.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_holds_the_sixteen_groups_of_the_page() {
        let fingerprint = Fingerprint::of(b"a certificate");
        let text = text(fingerprint);
        let hex: Vec<&str> = text.split_whitespace().filter(|word| word.len() == 4).collect();
        let groups = fingerprint.to_string();
        assert!(groups.split(' ').all(|group| hex.contains(&group)), "{text}");
        assert!(text.lines().count() == 8 && text.matches("\r\n").count() == 8, "{text}");
    }
}
