//! Tests that everything which the documents name exists: links, headings, files, make targets, settings. Their
//! claims need a human reader.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use synthwire::config::SETTINGS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document, with its path from the root and its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["", "image", "systemd"].iter().map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder of documents") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if path.starts_with("docs") && entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(entry.path()).expect("a document can be read");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 30, "the documents are found");
    found
}

/// A heading's anchor as links write it: lower case, hyphens for blanks, no other punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// The targets of the links in a text: the parts in `](...)`.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// The text between backticks, outside indented blocks.
fn spans(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.starts_with("    "));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { root().join(&path) } else { root().join(&path).with_file_name(file) };
            if !target.exists() {
                broken.push(format!("{}: no file {link}", path.display()));
            } else if !heading.is_empty()
                && !anchors(&fs::read_to_string(&target).expect("a document")).contains(heading)
            {
                broken.push(format!("{}: no heading {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_of_the_sources_that_is_named_is_there() {
    const FOLDERS: [&str; 13] = [
        "src/",
        "web/",
        "tests/",
        "scripts/",
        "tools/",
        "image/",
        "systemd/",
        "packaging/",
        "benches/",
        "fuzz/",
        "docs/",
        "examples/",
        ".ci/",
    ];
    /// Paths that are made by a build.
    const MADE: [&str; 2] = ["tools/out", "tools/target"];
    let mut missing = Vec::new();
    for (path, text) in documents() {
        for span in spans(&text) {
            let name = span.split([' ', ':', '#', '…']).next().unwrap_or_default();
            let named = FOLDERS.iter().any(|folder| name.starts_with(folder))
                && !MADE.iter().any(|made| name.starts_with(made));
            // If a part is a pattern, or a word in capitals that stands for any name, the check takes the
            // folder above it.
            let certain = name
                .split('/')
                .take_while(|part| !part.contains(['*', '{']) && part.chars().any(|c| !c.is_uppercase()));
            if named && !root().join(certain.collect::<PathBuf>()).exists() {
                missing.push(format!("{}: `{span}`", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_make_target_that_is_named_is_one_and_says_what_it_does() {
    let makefile = read("Makefile");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.split_once(": ##")).map(|(name, _)| name).collect();
    for line in makefile.lines().filter(|line| {
        line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(':') && !line.contains('=')
    }) {
        assert!(line.contains("##"), "`make help` does not list: {line}");
    }
    let mut unknown = Vec::new();
    for (path, text) in documents() {
        let blocks = text.lines().filter(|line| line.starts_with("    ")).map(str::trim);
        for command in spans(&text).into_iter().chain(blocks) {
            let mut words =
                command.split_whitespace().skip_while(|word| *word == "sudo" || word.contains('='));
            if words.next() != Some("make") {
                continue;
            }
            if let Some(target) = words.next().filter(|word| !word.contains('=') && !targets.contains(word)) {
                unknown.push(format!("{}: make {target}", path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_setting_stands_in_the_guide_and_no_other() {
    let settings: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    let guide = read("docs/ref/configuration.md");
    let rows = guide
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let told: BTreeSet<&str> =
        rows.flat_map(|row| spans(row.split('|').nth(1).unwrap_or_default())).collect();
    assert!(settings.len() > 15, "{settings:?}");
    assert_eq!(told, settings);
}
