//! Texts from outside, cleaned once, on arrival: names and messages of devices, files, networks and other programs.
//!
//! In: bytes of any kind. Out: [`Plain`], one line of limited length that has no effect wherever it is shown: on a
//! terminal, in systemd's status, in a log, on a page, in a label. Every conversion cleans, and all code that shows outside
//! texts takes this type, so no raw text can get there. Whether a text is *confidential* (`cli/report.rs`), and escaping
//! for HTML or JSON, belong elsewhere.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Peekable;
use std::ops::Deref;
use std::str::Chars;
use unicode_properties::{GeneralCategory as Category, UnicodeGeneralCategory};

/// Longest sentence: a remedy with a path in it has some 400 characters.
const SENTENCE_CHARS_MAX: usize = 1000;
/// Longest name: a USB product string has up to 126 characters, more than anybody reads.
const NAME_CHARS_MAX: usize = 80;
/// Longest name of a browser: some have 200 characters.
const AGENT_CHARS_MAX: usize = 256;
/// Maximum number of accents on one letter; more of them would cover the neighbouring lines.
const MARKS_MAX: u32 = 3;
/// Replaces text that was cut off.
const CUT: char = '…';
/// Begins a sequence that moves a terminal's cursor or changes its colours (ECMA-48, 5.4).
const ESCAPE: char = '\u{1b}';

/// One line that can be shown anywhere. It has no control characters, no terminal sequences, nothing invisible, and nothing
/// that reverses the reading direction. Words are separated by single spaces, and the length is limited.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Plain(String);

impl Plain {
    /// Cleans a sentence, at most 1000 characters. Bytes that are not UTF-8 become U+FFFD.
    pub fn of(words: impl AsRef<[u8]>) -> Self {
        Self::within(SENTENCE_CHARS_MAX, words)
    }

    /// Cleans a name, at most 80 characters.
    pub fn name(words: impl AsRef<[u8]>) -> Self {
        Self::within(NAME_CHARS_MAX, words)
    }

    /// Cleans a browser's name, at most 256 characters.
    pub fn agent(words: impl AsRef<[u8]>) -> Self {
        Self::within(AGENT_CHARS_MAX, words)
    }

    /// Cleans a line of a table, keeping its spaces so that columns stay aligned. Otherwise like a sentence.
    pub fn row(words: impl AsRef<[u8]>) -> Self {
        Self::clean(words.as_ref(), Line { keeps_blanks: true, ..Line::of(SENTENCE_CHARS_MAX) })
    }

    fn within(chars_max: usize, words: impl AsRef<[u8]>) -> Self {
        Self::clean(words.as_ref(), Line::of(chars_max))
    }

    fn clean(words: &[u8], mut line: Line) -> Self {
        let words = String::from_utf8_lossy(words);
        let mut rest = words.chars().peekable();
        while let Some(letter) = rest.next() {
            if letter == ESCAPE || letter == '\u{9b}' {
                skip_sequence(letter, &mut rest);
            } else if !line.add(letter) {
                break;
            }
        }
        Self(line.text)
    }
}

/// A line being built.
struct Line {
    text: String,
    chars: usize,
    chars_max: usize,
    /// Number of accents on the last letter.
    marks: u32,
    /// Spaces to insert before the next letter.
    blanks: usize,
    keeps_blanks: bool,
}

impl Line {
    fn of(chars_max: usize) -> Self {
        Self { text: String::new(), chars: 0, chars_max, marks: 0, blanks: 0, keeps_blanks: false }
    }

    /// Adds a visible letter; returns false when the line is full.
    fn add(&mut self, letter: char) -> bool {
        if letter.is_whitespace() {
            self.blanks = if self.keeps_blanks { self.blanks + 1 } else { usize::from(self.chars > 0) };
            return true;
        }
        let mark = match letter.general_category() {
            Category::Control | Category::Format | Category::Surrogate | Category::Unassigned => return true,
            _ if is_blank(letter) => return true,
            Category::NonspacingMark | Category::EnclosingMark => self.marks + 1,
            _ => 0,
        };
        if mark > MARKS_MAX {
            return true;
        }
        self.marks = mark;
        if self.chars + self.blanks >= self.chars_max {
            self.text.pop();
            self.text.push(CUT);
            return false;
        }
        let blanks = std::mem::take(&mut self.blanks);
        self.text.extend(std::iter::repeat_n(' ', blanks));
        self.text.push(letter);
        self.chars += blanks + 1;
        true
    }
}

/// Returns whether a letter or mark is invisible: fillers of Hangul, variation selectors, a Braille cell without dots.
fn is_blank(letter: char) -> bool {
    matches!(letter, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' | '\u{34f}' | '\u{180b}'..='\u{180f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Skips the rest of an escape sequence: parameters up to the final byte, or a string (a title, a link) up to its end.
fn skip_sequence(began: char, rest: &mut Peekable<Chars<'_>>) {
    let kind = if began == ESCAPE {
        rest.next_if(|letter| ('\u{40}'..='\u{5f}').contains(letter))
    } else {
        Some('[')
    };
    match kind {
        Some('[') => {
            while rest.next_if(|letter| ('\u{20}'..='\u{3f}').contains(letter)).is_some() {}
            rest.next_if(|letter| ('\u{40}'..='\u{7e}').contains(letter));
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            // Without an end it is no string: show what follows, without its escape.
            let mut ahead = rest.clone();
            while let Some(letter) = ahead.next() {
                if letter == '\u{7}'
                    || letter == '\u{9c}'
                    || (letter == ESCAPE && ahead.next_if_eq(&'\\').is_some())
                {
                    *rest = ahead;
                    return;
                }
            }
        }
        _ => {}
    }
}

impl Deref for Plain {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Plain {
    fn from(words: &str) -> Self {
        Self::of(words)
    }
}

impl From<String> for Plain {
    fn from(words: String) -> Self {
        Self::of(words)
    }
}

impl From<&Plain> for Plain {
    fn from(words: &Plain) -> Self {
        words.clone()
    }
}

impl From<Plain> for String {
    fn from(words: Plain) -> Self {
        words.0
    }
}

impl PartialEq<str> for Plain {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Plain {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0) // keeps a table's columns aligned
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Texts that could upset a terminal, a log or a page, and their cleaned form.
#[cfg(test)]
pub(crate) const NASTY: [(&[u8], &str); 26] = [
    (b"MONTAGE\x1b[31mred\x1b[0m", "MONTAGEred"),
    (b"a\x1b]0;title\x07b", "ab"),
    (b"a\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\", "alink"),
    (b"a\x1b]0;never ends", "a0;never ends"),
    (b"a\x1bPq#0\x1b\\b", "ab"),
    (b"a\x1bcb", "acb"),
    (b"end\x1b", "end"),
    (b"STATUS\nSTOPPING=1", "STATUS STOPPING=1"),
    (b"a\r\nb\x0bc\x0cd\te", "a b c d e"),
    (b"bell\x07 back\x08space del\x7f nul\x00", "bell backspace del nul"),
    ("next\u{85}line, \u{2028}separators\u{2029}".as_bytes(), "next line, separators"),
    ("C1 \u{9b}31mcsi".as_bytes(), "C1 csi"),
    ("\u{202e}gnp.exe\u{202c}".as_bytes(), "gnp.exe"),
    ("\u{2066}isolate\u{2069} \u{200f}mark\u{61c}".as_bytes(), "isolate mark"),
    ("zero\u{200b}wi\u{200d}dth\u{2060}\u{feff}\u{ad}".as_bytes(), "zerowidth"),
    ("tags \u{e0001}\u{e0041}end".as_bytes(), "tags end"),
    ("\u{3164}\u{115f}filler\u{2800}".as_bytes(), "filler"),
    ("Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}algo".as_bytes(), "Z\u{300}\u{301}\u{302}algo"),
    ("\u{fff9}annotation\u{fffb} \u{10ffff}".as_bytes(), "annotation"),
    (b"not \xff\xfe UTF-8", "not \u{fffd}\u{fffd} UTF-8"),
    (b"   much \t\n  room   ", "much room"),
    (b"\x1b[2J\x1b[H", ""),
    (b"", ""),
    ("Flügel “Größe 7” 日本語 ♪".as_bytes(), "Flügel “Größe 7” 日本語 ♪"),
    (b"%s%n {} \\x1b $(id) `id` <b>&amp;", "%s%n {} \\x1b $(id) `id` <b>&amp;"),
    (b"READY=1\x1eWATCHDOG=1\x00MAINPID=1", "READY=1WATCHDOG=1MAINPID=1"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns whether the text is free of anything active.
    fn is_plain(words: &str, chars_max: usize) -> bool {
        let acts = |c: char| {
            c.is_control() || c.general_category() == Category::Format || (c != ' ' && c.is_whitespace())
        };
        !words.chars().any(acts) && words.chars().count() <= chars_max && words == words.trim()
    }

    #[test]
    fn nasty_words_are_left_to_be_read_and_to_do_nothing() {
        for (words, expected) in NASTY {
            let plain = Plain::of(words);
            assert_eq!(plain, expected, "{words:?}");
            assert!(is_plain(&plain, SENTENCE_CHARS_MAX), "{plain:?}");
            assert_eq!(Plain::of(&*plain), plain, "what is clean stays as it is");
        }
    }

    #[test]
    fn length_is_bounded_in_characters_and_the_cut_is_shown() {
        let name = Plain::name("ü".repeat(500));
        assert_eq!((name.chars().count(), name.chars().last()), (NAME_CHARS_MAX, Some(CUT)));
        assert_eq!(Plain::name("ü".repeat(NAME_CHARS_MAX)), "ü".repeat(NAME_CHARS_MAX).as_str());
        assert!(Plain::of("x ".repeat(100_000)).chars().count() <= SENTENCE_CHARS_MAX);
        assert_eq!(Plain::agent("x".repeat(1000)).chars().count(), AGENT_CHARS_MAX);
    }

    #[test]
    fn a_row_keeps_its_columns() {
        assert_eq!(Plain::row("* hw:1   MONTAGE\x1b[2J\n  "), "* hw:1   MONTAGE");
        assert_eq!(Plain::row("  note: x"), "  note: x");
        assert_eq!(Plain::row(" ".repeat(5000) + "x").chars().count(), 1);
    }

    #[test]
    fn what_is_read_from_json_is_cleaned_as_well() {
        let read: Plain = serde_json::from_str("\"a\\u001b[1mb\\nc\"").unwrap();
        assert_eq!(
            (read.to_string().as_str(), serde_json::to_string(&read).unwrap().as_str()),
            ("ab c", "\"ab c\"")
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_plain(words in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC*|(.|\n){0,200}") {
            prop_assert!(is_plain(&Plain::name(&words), NAME_CHARS_MAX));
            prop_assert!(is_plain(&Plain::of(&text), SENTENCE_CHARS_MAX), "{text:?}");
            prop_assert_eq!(Plain::name(&*Plain::name(&text)), Plain::name(&text));
        }
    }
}
