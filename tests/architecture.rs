//! The law of docs/ARCHITECTURE.md, enforced: reads its tables, then every file of src, web, tools and scripts.
//!
//! A breach is named with its file, line and the row that forbids it. `architecture/cases.rs` breaks the law on purpose.

#[path = "architecture/cases.rs"]
mod cases;
#[path = "architecture/judge.rs"]
mod judge;
#[path = "architecture/law.rs"]
mod law;
#[path = "architecture/tokens.rs"]
mod tokens;

use judge::{Breach, judge_rust, judge_script, judge_size, judge_walls, module_of};
use law::Law;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const LAW_FILE: &str = "docs/ARCHITECTURE.md";

fn top(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn law() -> Law {
    Law::read(&fs::read_to_string(top(LAW_FILE)).expect("docs/ARCHITECTURE.md holds the law"))
}

/// Every file under a folder with one of the endings: path from the top folder, and text. Build products are no sources.
fn sources(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(top(folder)) else { return found };
    for entry in entries {
        let entry = entry.expect("the folder can be read");
        let name = entry.file_name().into_string().expect("file names are UTF-8");
        let path = format!("{folder}/{name}");
        if entry.file_type().expect("the entry has a type").is_dir() {
            if name != "target" && name != "node_modules" {
                found.extend(sources(&path, endings));
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push((path, fs::read_to_string(entry.path()).expect("sources are UTF-8")));
        }
    }
    found.sort();
    found
}

fn accept(breaches: &[Breach]) {
    let lines: Vec<String> = breaches.iter().map(|b| format!("{}:{}: {}", b.path, b.line, b.says)).collect();
    assert!(lines.is_empty(), "the law of {LAW_FILE} is broken:\n{}", lines.join("\n"));
}

#[test]
fn every_rust_file_keeps_the_import_law() {
    let (law, files) = (law(), sources("src", &[".rs"]));
    assert!(!files.is_empty(), "src has no Rust files");
    accept(&files.iter().flat_map(|(path, text)| judge_rust(&law, path, text)).collect::<Vec<_>>());
}

#[test]
fn every_script_of_the_page_keeps_the_import_law() {
    let (law, files) = (law(), sources("web", &[".js", ".mjs"]));
    assert!(!files.is_empty(), "web has no scripts");
    accept(&files.iter().flat_map(|(path, text)| judge_script(&law, path, text)).collect::<Vec<_>>());
}

#[test]
fn the_lints_that_guard_the_pure_and_the_real_time_code_are_switched_on() {
    let law = law();
    let named: Vec<&String> = law.walls.iter().flat_map(|row| &row.names).collect();
    assert!(!named.is_empty(), "{LAW_FILE} names no walls");
    let text = |path: &String| {
        fs::read_to_string(top(path)).unwrap_or_else(|e| panic!("{LAW_FILE} names {path}: {e}"))
    };
    accept(&named.iter().flat_map(|path| judge_walls(&law.walls, path, &text(path))).collect::<Vec<_>>());
}

#[test]
fn tools_and_scripts_are_one_idea_per_file() {
    let (mut files, scripts) = (sources("tools", &[".rs"]), sources("scripts", &[".sh"]));
    assert!(!scripts.is_empty(), "scripts has no scripts");
    files.extend(scripts);
    let lines = |path: &str, text: &str| {
        let all = tokens::tokens(text, tokens::Language::Rust);
        let test_lines = if path.starts_with("tools/") { tokens::without_tests(&all).1 } else { 0 };
        text.lines().count() - test_lines
    };
    accept(&files.iter().flat_map(|(path, text)| judge_size(path, lines(path, text))).collect::<Vec<_>>());
}

#[test]
fn the_tables_name_what_exists_and_nothing_else() {
    let law = law();
    let files = sources("src", &[".rs"]);
    let exist: BTreeSet<&str> = files.iter().map(|(path, _)| module_of(path)).collect();
    let named: BTreeSet<&str> = law.modules.iter().flat_map(|row| &row.names).map(String::as_str).collect();
    assert_eq!(
        named, exist,
        "{LAW_FILE}: the rows of the module table (left) and the modules of src (right)"
    );
    let places = law
        .page
        .iter()
        .flat_map(|row| row.names.iter().chain(&row.allowed))
        .chain(law.only_in.iter().flat_map(|row| &row.allowed));
    let gone: Vec<&String> = places.filter(|place| !top(place).exists()).collect();
    assert!(gone.is_empty(), "{LAW_FILE} names what is not there: {gone:?}");
}
