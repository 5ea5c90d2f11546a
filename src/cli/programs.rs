//! Runs other programs of this machine, with limits on the time and the amount of output.

use std::process::{Command, Stdio};

/// Seconds a program may take.
const PATIENCE_S: &str = "5";
/// Maximum bytes that are read: a night of the log's last lines has some 100 KiB.
const BYTES_MAX: usize = 512 * 1024;

/// Returns the standard output of a command; empty if the command does not exist or takes too long.
pub(super) fn said(line: &[&str]) -> String {
    // `timeout` of coreutils ends a program that hangs.
    let output = Command::new("timeout")
        .arg(PATIENCE_S)
        .args(line)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let bytes = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&bytes[..bytes.len().min(BYTES_MAX)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_nothing() {
        assert_eq!(said(&["/nowhere/program"]), "");
        assert_eq!(said(&["echo", "hello"]), "hello\n");
    }
}
