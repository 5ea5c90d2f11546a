//! Every message that a person may see stands in docs/guide/troubleshooting.md by its exact words.
//!
//! The messages are found in the code: every text of three words or more outside tests, but for those that only a developer meets
//! (`expect`, `assert`, debug logs) and those that tell that all is well. `…` stands for what is filled in. The page's are every text of
//! its scripts, and what it says before or beside them (`html_messages`).

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

#[path = "architecture/tokens.rs"]
mod tokens;

use std::fs;
use std::path::Path;
use tokens::{Language, Token, tokens, without_tests};

const GUIDE: &str = "docs/guide/troubleshooting.md";
/// Where else what a key wants may stand.
const KEYS: &str = "docs/guide/configuration.md";
/// Words, letters in each, from which a text is a sentence.
const WORDS_MIN: usize = 3;

/// Calls and macros whose texts nobody sees when something is wrong: a developer's, or those of a thing that went well.
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
    ("src/net/metrics.rs", "help texts of metrics, which docs/observability describes"),
    ("src/net/exposition.rs", "Prometheus's format"),
    ("src/net/headers.rs", "HTTP headers"),
    ("src/net/qr.rs", "a picture"),
    ("src/net/hostile.rs", "for fuzzers alone"),
    ("src/tls/profile.rs", "a file for iOS"),
    ("src/cli/report.rs", "titles of the report"),
    ("src/cli/shapes.rs", "shapes of the report's lines"),
    ("src/cli/standing.rs", "the line of systemctl status: what is the matter in it comes from elsewhere"),
    ("src/cli/programs.rs", "names of programs"),
    ("src/core/wire.rs", "the reader of our own tests and of soak, which counts refusals"),
    ("src/net/first_contact.rs", "a page of its own, explained in docs/guide/first-contact.md"),
    ("web/view/detail_rows.js", "names of numbers, explained in docs/guide/report.md"),
    ("web/view/client_words.js", "who listens, and since when"),
    ("web/view/what_if.js", "the curve's words, explained in docs/guide/listening.md"),
    ("web/view/modes.js", "the delay somebody has chosen, explained in docs/guide/listening.md"),
];

/// Texts that are no messages: beginnings, each with its file.
const NO_MESSAGES: &[(&str, &str)] = &[
    ("src/net/api.rs", "…=…; Max-Age"),
    ("src/net/doorstep.rs", "HTTP/1.1 …"),
    ("src/cli/arguments.rs", "Keys of the configuration file"),
    ("src/cli/fingerprint.rs", "The SHA-256 fingerprint of"),
    ("src/cli/asking.rs", "GET … HTTP"),
    ("src/cli/verdict.rs", "… of …: …, … million frames"),
    ("src/cli/verdict.rs", "… frames missing"),
    ("src/cli/verdict.rs", ", ended before its"),
    ("src/cli/checks.rs", "of unknown version"),
    ("src/cli/checks.rs", "… answers at …, for … listeners"),
    ("src/cli/checks.rs", "it answers at …, and says more"),
    ("src/card/keys.rs", "\"a word for"),
    ("src/card/left.rs", "# Synthwire: set up"),
    ("src/card/left.rs", "… = (taken out"),
    ("src/card/left.rs", "(a line that was"),
    ("src/card/left.rs", "on …-…-… at"),
    ("src/card/left.rs", "Correct synthwire.toml"),
    ("src/source/opening.rs", "Exact test source"),
    ("src/tls/mod.rs", "its files have changed"),
    ("web/first-contact/page.js", "It worked: this browser"),
    ("web/first-contact/page.js", "This page has come over HTTPS"),
    ("web/view/ledger.js", "The newest … of"),
    ("web/view/words.js", "The last minute appears here"),
    ("web/view/words.js", "Playing the demo"),
    ("web/view/words.js", "behind the s"),
];

/// Descriptions in the card's own file, each beginning a line of its key's table in src/card/keys.rs.
const ABOUT_KEYS: &[&str] = &[
    "The name of this device",
    "Further names that your router",
    "The Wi-Fi to join",
    "Its password;",
    "Your country in two letters",
    "The first channel of the pair",
    "Nobody listens without it",
    "Nobody changes settings without it",
    "For experts: who may log in",
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every source under a folder, by its path from the top.
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

/// What a literal says, its holes filled with `…`.
fn said(literal: &str) -> String {
    let raw = literal.starts_with('r') || literal.starts_with("br");
    let inner = literal.trim_start_matches(['b', 'c', 'r', '#']).trim_end_matches('#');
    let inner = &inner[1..inner.len() - 1]; // its quotes
    with_holes(&if raw { inner.to_owned() } else { unescaped(inner) })
}

fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text.chars().peekable());
    while let Some(letter) = rest.next() {
        match (letter, rest.peek()) {
            ('\\', Some('\n')) => while rest.next_if(|next| next.is_whitespace()).is_some() {},
            ('\\', Some('n' | 'r' | 't' | '0')) => {
                rest.next();
                out.push(' ');
            }
            ('\\', Some(_)) => out.extend(rest.next()),
            _ => out.push(letter),
        }
    }
    out
}

fn with_holes(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text.chars().peekable());
    while let Some(letter) = rest.next() {
        match letter {
            '{' if rest.next_if_eq(&'{').is_some() => out.push('{'),
            '}' => out.extend(rest.next_if_eq(&'}')),
            '$' if rest.peek() == Some(&'{') => {}
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

/// Whether it is a sentence, or a part of one.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &&str| {
        let letters = word.trim_matches(|letter: char| letter.is_ascii_punctuation() || letter == '…');
        letters.chars().count() > 1
            && letters.chars().all(|letter| letter.is_alphabetic() || "'-".contains(letter))
    };
    text.split_whitespace().filter(is_word).count() >= WORDS_MIN
}

/// The sentences of one Rust file: line and words.
fn sentences(text: &str) -> Vec<(usize, String)> {
    let all = tokens(text, Language::RustWithStrings);
    let (code, _) = without_tests(&all);
    let (mut found, mut calls): (Vec<(usize, String)>, Vec<&str>) = (Vec::new(), Vec::new());
    for (at, token) in code.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => calls.push(call(&code[..at])),
            ")" | "]" | "}" => {
                calls.pop();
            }
            literal if literal.ends_with(['"', '#']) && literal.len() > 1 => {
                let words = said(literal);
                if is_sentence(&words) && !calls.iter().any(|call| UNSEEN.contains(call) || *call == "#") {
                    found.push((token.line, words));
                }
            }
            _ => {}
        }
    }
    found
}

/// The name before an opening bracket: of a function, or of a macro; `#` for an attribute.
fn call<'a>(before: &[Token<'a>]) -> &'a str {
    let back = |steps: usize| before.len().checked_sub(steps).map_or("", |at| before[at].text);
    match (back(1), back(2)) {
        ("!", "#") | ("#", _) => "#",
        ("!", name) | (name, _) => name,
    }
}

/// The sentences of a script; what it says of a fault of its own (`RangeError`) is a developer's.
fn page_sentences(text: &str) -> Vec<(usize, String)> {
    let mut code = tokens(text, Language::JavaScript);
    code.retain(|token| !token.text.starts_with("//") && !token.text.starts_with("/*"));
    let (mut found, mut calls): (Vec<(usize, String)>, Vec<&str>) = (Vec::new(), Vec::new());
    for (at, token) in code.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => calls.push(call(&code[..at])),
            ")" | "]" | "}" => {
                calls.pop();
            }
            literal if literal.len() > 1 && literal.starts_with(['\'', '"', '`']) => {
                let words = said(literal);
                if is_sentence(&words) && !calls.contains(&"RangeError") {
                    found.push((token.line, words));
                }
            }
            _ => {}
        }
    }
    found
}

/// What a page says where its scripts do not run, and what it asks before something is done that cannot be taken back.
fn html_messages(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut asks) = (Vec::new(), false);
    for (at, line) in text.lines().enumerate() {
        asks = (asks || line.contains("<dialog")) && !line.contains("</dialog");
        let Some((head, rest)) = line.split_once("<p").and_then(|(_, rest)| rest.split_once('>')) else {
            continue;
        };
        if asks || head.contains("boot-words") {
            let words = rest.split("</p>").next().unwrap_or_default();
            found.extend(Some((at + 1, words.to_owned())).filter(|(_, words)| is_sentence(words)));
        }
    }
    found
}

/// The messages of a file, whatever it is written in.
fn messages(path: &str) -> Vec<(usize, String)> {
    let text = read(path);
    match path.rsplit('.').next() {
        Some("js") => page_sentences(&text),
        Some("html") => html_messages(&text),
        _ => sentences(&text),
    }
}

/// The same words, as they are compared: without the marks of a guide's text, and without what stands at their ends.
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
            || (path == "src/card/keys.rs" && ABOUT_KEYS.iter().any(|beginning| words.starts_with(beginning)))
            || guides.contains(&core(words))
    };
    let lacking = found.iter().filter(|(_, words)| !is_known(words));
    lacking
        .map(|(line, words)| format!("{path}:{line}: | {} | what to do |", words.replace('|', "\\|")))
        .collect()
}

#[test]
fn every_message_stands_in_the_guide_by_its_words() {
    let guides = compared(&[read(GUIDE), read(KEYS)].join("\n"));
    let files = [("src", ".rs"), ("web", ".js"), ("web", ".html")];
    let paths = files.into_iter().flat_map(|(folder, ending)| sources(folder, ending));
    let lacking: Vec<String> = paths.flat_map(|path| missing(&path, &messages(&path), &guides)).collect();
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
    let script = "const A = { title: 'This is too old', remedy: `Use ${other} one instead` }; // not these words here\n\
                  label('two words');\nnew Map([['x', \"A cause of words\"]]);\nthrow new RangeError(`a developer's own ${words}`); f('one more of them');";
    let found: Vec<String> = page_sentences(script).into_iter().map(|(_, words)| words).collect();
    assert_eq!(found, ["This is too old", "Use … one instead", "A cause of words", "one more of them"]);
    let page = "<noscript><p class=\"boot-words\">Nothing runs in here.</p></noscript>\n<p>All is well here.</p>\n\
                <dialog>\n<p>Are you quite sure?</p>\n</dialog>\n<p id=\"x\">All is well there.</p>";
    assert_eq!(html_messages(page), [(1, "Nothing runs in here.".into()), (4, "Are you quite sure?".into())]);
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
        let stands = messages(path).iter().any(|(_, words)| words.starts_with(*beginning));
        assert!(stands, "{path} no longer says {beginning:?}: take it out of NO_MESSAGES");
    }
}
