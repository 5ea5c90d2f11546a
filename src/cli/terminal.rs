//! Output of the commands to a terminal, and the only place that prints. Every line is [`Plain`], whatever text it
//! contains.

use crate::plain::Plain;
use std::io::{IsTerminal, Write, stdout};

/// Prints a line of the result.
pub(super) fn say(line: impl AsRef<str>) {
    println!("{}", Plain::row(line.as_ref()));
}

/// Prints several lines of the result.
pub(super) fn say_lines(text: &str) {
    text.lines().for_each(say);
}

/// Prints a line on stderr, next to the result: a question, a hint, an error.
pub(super) fn remark(line: impl AsRef<str>) {
    eprintln!("{}", Plain::row(line.as_ref()));
}

/// Returns whether the output is a terminal, on which lines can be renewed in place.
pub(super) fn is_watched() -> bool {
    stdout().is_terminal()
}

/// Replaces the last line; [`say`] with an empty line keeps it.
pub(super) fn renew(line: impl AsRef<str>) {
    print!("\r\x1b[K{}", Plain::row(line.as_ref()));
    let _ = stdout().flush(); // a closed terminal shows no output
}
