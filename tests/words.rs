//! Every message that a user may see appears word for word in docs/guide/troubleshooting.md.
//! `tests/web/words.test.js` checks the page's messages.
//!
//! The messages are found in the code, and in the shell script of the card's first program. A message is a
//! text of three words or more outside tests, except texts for developers (`expect`, `assert`, debug logs)
//! and reports of success. `…` stands for inserted values.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

#[path = "architecture/test_free.rs"]
mod test_free;

use proc_macro2::{Literal, TokenStream, TokenTree};
use std::fs;
use std::path::Path;
use syn::Lit;
use test_free::TestFree;

const GUIDE: &str = "docs/guide/troubleshooting.md";
/// Messages about keys may be here instead, with the valid values of each key.
const KEYS: &str = "docs/ref/configuration.md";
const CARD: &str = "image/config/synthwire.toml";
/// Minimum number of words with letters in a sentence.
const WORDS_MIN: usize = 3;
/// The card's first program, and the commands with which it reports something.
const INIT: &str = "image/initramfs/init";
const INIT_TELLS: [&str; 2] = ["note ", "die "];

/// Calls and macros whose texts are no error messages: texts for developers, or reports of success.
const UNSEEN: &[&str] = &[
    "expect",
    "panic",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "unreachable",
    "debug",
    "trace",
    "info",
    "good",
    "include_str",
    "env",
    "cfg",
    "fill",
    "concat",
    "matches",
    "from_static",
];

/// Files without messages, and why.
const SILENT: &[(&str, &str)] = &[
    ("src/net/metrics.rs", "help texts of metrics, which docs/ref/metrics describes"),
    ("src/net/exposition.rs", "Prometheus's format"),
    ("src/net/headers.rs", "HTTP headers"),
    ("src/net/endpoints.rs", "what docs/ref/openapi.json says of each"),
    ("src/net/qr.rs", "a picture"),
    ("src/net/hostile.rs", "for fuzzers alone"),
    ("src/tls/profile.rs", "a file for iOS"),
    ("src/cli/report.rs", "titles of the report"),
    ("src/cli/shapes.rs", "shapes of the report's lines"),
    ("src/cli/standing.rs", "the line of systemctl status: what is the matter in it comes from elsewhere"),
    ("src/cli/programs.rs", "names of programs"),
    ("src/core/wire.rs", "the reader of our own tests and of soak, which counts refusals"),
    ("src/net/first_contact.rs", "a page of its own, explained in docs/guide/first-contact.md"),
];

/// Texts that are not messages: their beginnings, each with its file.
const NO_MESSAGES: &[(&str, &str)] = &[
    ("src/net/api.rs", "…=…; Max-Age"),
    ("src/net/refused_connections.rs", "HTTP/1.1 …"),
    ("src/cli/arguments.rs", "Keys of the configuration file"),
    ("src/cli/fingerprint.rs", "The SHA-256 fingerprint of"),
    ("src/cli/asking.rs", "GET … HTTP"),
    ("src/cli/verdict.rs", "… of …: …, … million frames"),
    ("src/cli/verdict.rs", "… frames missing"),
    ("src/cli/verdict.rs", ", ended before its"),
    ("src/cli/checks.rs", "of unknown version"),
    ("src/cli/checks.rs", "… answers at …, for … listeners"),
    ("src/cli/checks.rs", "it answers at …, and says more"),
    ("src/card/left.rs", "# Synthwire: set up"),
    ("src/card/left.rs", "… = (taken out"),
    ("src/card/left.rs", "(a line that was"),
    ("src/card/left.rs", "on …-…-… at"),
    ("src/card/left.rs", "Correct synthwire.toml"),
    ("src/source/opening.rs", "Exact test source"),
    ("src/tls/mod.rs", "its files have changed"),
    ("src/tls/forms.rs", "-----BEGIN ENCRYPTED PRIVATE"),
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every source under a folder, by its path from the top folder.
fn sources(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(sources(&path, ending));
        } else if path.ends_with(ending) && !path.ends_with("/tests.rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text of a literal, with `…` for inserted values.
fn said(literal: &Literal) -> Option<String> {
    match Lit::new(literal.clone()) {
        Lit::Str(text) => Some(with_holes(&text.value())),
        Lit::ByteStr(text) => Some(with_holes(&String::from_utf8_lossy(&text.value()))),
        Lit::CStr(text) => Some(with_holes(&text.value().to_string_lossy())),
        _ => None,
    }
}

fn with_holes(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text.chars().peekable());
    while let Some(letter) = rest.next() {
        match letter {
            '{' if rest.next_if_eq(&'{').is_some() => out.push('{'),
            '}' => out.extend(rest.next_if_eq(&'}')),
            '{' => {
                let mut depth = 1;
                while depth > 0 {
                    match rest.next() {
                        Some('{') => depth += 1,
                        Some('}') | None => depth -= 1,
                        Some(_) => {}
                    }
                }
                if !out.ends_with('…') {
                    out.push('…');
                }
            }
            '#' if out.ends_with(' ') => out.push('…'),
            letter => out.push(letter),
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns whether the text is a sentence, or a part of one.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &&str| {
        let letters = word.trim_matches(|letter: char| letter.is_ascii_punctuation() || letter == '…');
        letters.chars().count() > 1
            && letters.chars().all(|letter| letter.is_alphabetic() || "'-".contains(letter))
    };
    text.split_whitespace().filter(is_word).count() >= WORDS_MIN
}

/// The sentences of one Rust file: line and text.
fn sentences(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    collect(TestFree::read(text).unwrap().code, &mut found);
    found
}

/// Collects the sentences in this code, except arguments of the calls in UNSEEN, and attributes.
fn collect(code: TokenStream, found: &mut Vec<(usize, String)>) {
    let (mut last, mut before) = (String::new(), String::new());
    for tree in code {
        match &tree {
            TokenTree::Group(group) => {
                let call = if last == "!" { &before } else { &last };
                if call != "#" && !UNSEEN.contains(&call.as_str()) {
                    collect(group.stream(), found);
                }
            }
            TokenTree::Literal(literal) => {
                let words = said(literal).filter(|words| is_sentence(words));
                found.extend(words.map(|words| (literal.span().start().line, words)));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
        before = std::mem::replace(&mut last, tree.to_string());
    }
}

/// The quoted sentences that a shell script passes to one of `INIT_TELLS`: line and text.
fn shell_sentences(text: &str) -> Vec<(usize, String)> {
    let told = |line: &str| {
        let starts = INIT_TELLS
            .iter()
            .filter_map(|tell| line.find(&format!("{tell}\'")).or(line.find(&format!("{tell}\""))));
        let (_, words) = line[starts.min()?..].split_once(' ')?;
        let quote = words.chars().next()?;
        let words = &words[1..=words[1..].rfind(quote)?];
        Some(shell_holes(words)).filter(|words| is_sentence(words))
    };
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, told(line)?))).collect()
}

/// Replaces variables and command substitutions by `…`.
fn shell_holes(text: &str) -> String {
    let mut pieces = text.split('$');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = match piece.chars().next() {
            Some('(') => piece.find(')').map(|end| end + 1),
            Some('{') => piece.find('}').map(|end| end + 1),
            _ => piece.find(|letter: char| !letter.is_alphanumeric() && letter != '_'),
        };
        out.push('…');
        out.push_str(&piece[end.unwrap_or(piece.len())..]);
    }
    out
}

/// Normalizes words for comparison: removes the markup of a guide's text, and punctuation at both ends.
fn compared(text: &str) -> String {
    let plain = text.replace("\\|", "|").replace('`', "");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn core(words: &str) -> String {
    compared(words)
        .trim_start_matches(['…', ' ', ':', ',', '.'])
        .trim_end_matches(['.', ':', ' ', '…', '='])
        .to_owned()
}

fn missing(path: &str, found: &[(usize, String)], guides: &str) -> Vec<String> {
    let is_known = |words: &String| {
        SILENT.iter().any(|(file, _)| *file == path)
            || NO_MESSAGES.iter().any(|(file, beginning)| *file == path && words.starts_with(*beginning))
            || guides.contains(&core(words))
    };
    let lacking = found.iter().filter(|(_, words)| !is_known(words));
    lacking
        .map(|(line, words)| format!("{path}:{line}: | {} | what to do |", words.replace('|', "\\|")))
        .collect()
}

#[test]
fn every_message_stands_in_the_guide_by_its_words() {
    let guides = compared(&[read(GUIDE), read(KEYS), read(CARD)].join("\n"));
    let rust =
        sources("src", ".rs").into_iter().flat_map(|path| missing(&path, &sentences(&read(&path)), &guides));
    let lacking: Vec<String> = rust.chain(missing(INIT, &shell_sentences(&read(INIT)), &guides)).collect();
    assert!(
        lacking.is_empty(),
        "{GUIDE} lacks these messages. Add each as a row of the table of its theme (or as a heading, with a paragraph), \
         and say what to do; what a key of the configuration wants may stand in {KEYS}. A text that tells that all is well \
         goes through a call that UNSEEN of tests/words.rs names, or into its NO_MESSAGES:\n{}",
        lacking.join("\n")
    );
}

#[test]
fn texts_are_found_wherever_they_stand_and_developers_are_left_alone() {
    let source = r##"
        fn f() -> Result<(), &'static str> {
            x.map_err(|e| Error::new(format!("cannot open {} at {at:?}", y)).try_this("Look at \
                the cable"))?;
            const WORDS: &str = r#"raw "words" here"#;
            y.expect("why it cannot happen"); assert!(ok, "this is not so: {x}"); tracing::debug!("nobody sees this text");
            match z { 1 => "in a match arm", _ => "two words" }
        }
        /// A comment of many words.
        #[doc = "an attribute of words"]
        #[cfg(test)]
        mod tests { fn g() { "a test's own words"; } }
    "##;
    let found: Vec<String> = sentences(source).into_iter().map(|(_, words)| words).collect();
    assert_eq!(found, ["cannot open … at …", "Look at the cable", "raw \"words\" here", "in a match arm"]);
}

#[test]
fn what_the_cards_first_program_tells_is_found_in_its_shell() {
    let script = r#"die() {
    say "$*"
}
    [ -e x ] || die 'no disk of this is found'
        note "the slot $slot of ${disk##*/} is $(cat x): gone"
mount x || die 'two words'"#;
    let expected = [(4, "no disk of this is found"), (5, "the slot … of … is …: gone")];
    assert_eq!(shell_sentences(script), expected.map(|(line, words)| (line, words.to_owned())));
    assert!(shell_sentences(&read(INIT)).len() >= 8, "{INIT} tells its faults in another way now");
}

#[test]
fn what_the_guide_lacks_is_named_with_its_place_and_what_is_told_to_be_silent_exists() {
    let found = [(7, "cannot frob the … today".to_owned()), (9, "known words stay here".to_owned())];
    assert_eq!(
        missing("src/x.rs", &found, "| known words stay here | do |"),
        ["src/x.rs:7: | cannot frob the … today | what to do |"]
    );
    for (path, _) in SILENT.iter().chain(NO_MESSAGES).chain(&[(GUIDE, "")]) {
        read(path);
    }
    for (path, beginning) in NO_MESSAGES {
        let stands = sentences(&read(path)).iter().any(|(_, words)| words.starts_with(*beginning));
        assert!(stands, "{path} no longer says {beginning:?}: take it out of NO_MESSAGES");
    }
}
