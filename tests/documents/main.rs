//! The generated parts of documents match the declarations in the code. `make documents` writes those parts.

mod endpoints;
mod settings;

use std::path::Path;

/// Checks that the text between two marks of a file is `expected`. With WRITE=1 in the environment it writes
/// that text instead.
fn stands(file: &str, (begin, end): (&str, &str), expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{file} has {begin:?}"));
    let at = if end.is_empty() { rest.len() } else { rest.find(end).expect("a text has an end") };
    if std::env::var_os("WRITE").is_some() {
        std::fs::write(&path, [before, begin, expected, &rest[at..]].concat()).expect("it can be written");
    } else {
        assert!(rest[..at] == *expected, "{file} is not as declared: run `make documents`.\n{expected}");
    }
}
