//! `synthwire key`: hashes an access key, so that no file contains the key itself.

use super::terminal;
use crate::encoding::decode;
use crate::error::{Error, Result};
use crate::net::access::key::HashedKey;
use crate::net::access::random;
use std::io::{BufRead, IsTerminal, Read, stdin};
use std::process::ExitCode;

/// Longest line that is read: far more than any key has.
const LINE_BYTES_MAX: u64 = 64 * 1024;

pub(super) fn run() -> Result<ExitCode> {
    if stdin().is_terminal() {
        terminal::remark("Type the key, at least 8 characters, and press Enter:");
    }
    let cannot = |why: String| Error::new("cannot read the key").because(why);
    let mut line = Vec::new();
    let mut input = stdin().lock().take(LINE_BYTES_MAX);
    input.read_until(b'\n', &mut line).map_err(|error| cannot(error.to_string()))?;
    let hashed = HashedKey::of(&typed(&line).map_err(|what| cannot(what.into()))?, random())?;
    terminal::say(hashed.as_str());
    terminal::remark(
        "Put it between quotes after 'listening_key =' or 'settings_key =' in the configuration.",
    );
    Ok(ExitCode::SUCCESS)
}

/// Returns the key in a line, without anything that an editor or a shell added around it, such as a byte
/// order mark.
fn typed(line: &[u8]) -> std::result::Result<String, &'static str> {
    Ok(decode(line)?.trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_was_typed_however_it_was_piped() {
        let wide: Vec<u8> = "\u{feff}für die Band\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for line in [
            "für die Band".as_bytes(),
            "für die Band\n".as_bytes(),
            "für die Band\r\n".as_bytes(),
            "\u{feff}für die Band\r\n".as_bytes(),
            b"f\xfcr die Band\n",
            &wide[..wide.len() - 1], // up to the line feed's first byte
        ] {
            assert_eq!(typed(line), Ok("für die Band".to_owned()), "{line:?}");
        }
        assert!(typed(&[0; 9]).is_err());
        assert_eq!(typed(b" blanks stay \n"), Ok(" blanks stay ".to_owned()));
    }
}
