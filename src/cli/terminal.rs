//! What the commands say on a terminal: the only place that prints. Every line is [`Plain`], whoever's words are in it.

use crate::plain::Plain;
use std::io::{IsTerminal, Write, stdout};

/// A line of the answer.
pub(super) fn say(line: impl AsRef<str>) {
    println!("{}", Plain::row(line.as_ref()));
}

/// Several lines of it.
pub(super) fn say_lines(text: &str) {
    text.lines().for_each(say);
}

/// A line beside the answer: a question, a hint, what went wrong.
pub(super) fn remark(line: impl AsRef<str>) {
    eprintln!("{}", Plain::row(line.as_ref()));
}

/// Whether somebody watches as lines are renewed in place.
pub(super) fn is_watched() -> bool {
    stdout().is_terminal()
}

/// A line in the place of the last; [`say`] with nothing leaves it.
pub(super) fn renew(line: impl AsRef<str>) {
    print!("\r\x1b[K{}", Plain::row(line.as_ref()));
    let _ = stdout().flush(); // whoever closed the terminal does not read it
}
