//! The virtual MONTAGE as a child process: sends it one line, and reads one line back.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running `montage`, which is ended when the value is dropped.
pub struct Instrument {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Instrument {
    /// Starts the program; `descriptors` names a file that describes another device.
    ///
    /// # Errors
    /// The program does not start.
    pub fn start(program: &str, descriptors: Option<&str>) -> Result<Self, String> {
        let mut command = Command::new(program);
        if let Some(file) = descriptors {
            command.args(["--descriptors", file]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{program} does not start: {error}"))?;
        let to = child.stdin.take().ok_or("no standard input")?;
        let from = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, to, from })
    }

    /// Sends a line and returns the text after `ok`.
    ///
    /// # Errors
    /// The instrument's error message.
    pub fn say(&mut self, line: &str) -> Result<String, String> {
        let mut answer = String::new();
        writeln!(self.to, "{line}")
            .and_then(|()| self.from.read_line(&mut answer))
            .map_err(|error| format!("the instrument does not answer to '{line}': {error}"))?;
        let answer = answer.trim_end();
        match answer.strip_prefix("ok") {
            Some(rest) => Ok(rest.trim_start().to_owned()),
            None => Err(format!("'{line}': {answer}")),
        }
    }

    /// Returns the word after `key=` in the instrument's status.
    ///
    /// # Errors
    /// The status has no such key.
    pub fn status(&mut self, key: &str) -> Result<String, String> {
        let status = self.say("status")?;
        let word = status.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        word.map(str::to_owned).ok_or_else(|| format!("no {key} in '{status}'"))
    }

    /// Returns the number after `key=` in the instrument's status.
    ///
    /// # Errors
    /// The status has no such number.
    pub fn count(&mut self, key: &str) -> Result<u64, String> {
        self.status(key)?.parse().map_err(|_| format!("{key} is no number"))
    }
}

impl Drop for Instrument {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
