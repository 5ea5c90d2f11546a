//! Enforces the rules of docs/ARCHITECTURE.md for Rust: reads their tables, then checks every file of src,
//! tools and scripts. `tests/web/architecture.test.js` does the same for the page.
//!
//! Each violation is reported with its file, its line and the row that forbids it. `architecture/cases.rs`
//! contains deliberate violations.

#[path = "architecture/cases.rs"]
mod cases;
#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/judge.rs"]
mod judge;
#[path = "architecture/law.rs"]
mod law;
#[path = "architecture/names.rs"]
mod names;
#[path = "architecture/test_free.rs"]
mod test_free;

use circles::{circles, imports};
use judge::{Breach, judge_rust, judge_size, module_of};
use law::Law;
use names::Source;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use test_free::TestFree;

/// Half of the files may have at most this many lines.
const MEDIAN_MAX: usize = 130;
const LAW_FILE: &str = "docs/ARCHITECTURE.md";

fn top(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn law() -> Law {
    Law::read(&fs::read_to_string(top(LAW_FILE)).expect("docs/ARCHITECTURE.md holds the law"))
}

/// Path (from the top folder) and text of every file under a folder with one of these endings, without build
/// products.
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

/// The parsed files of src.
static SRC: LazyLock<Vec<(String, Source)>> = LazyLock::new(|| {
    let read = |(path, text): (String, String)| {
        let source = Source::read(&path, &text)
            .unwrap_or_else(|error| panic!("{path}:{}: {error}", error.span().start().line));
        (path, source)
    };
    let read: Vec<_> = sources("src", &[".rs"]).into_iter().map(read).collect();
    assert!(!read.is_empty(), "src has no Rust files");
    read
});

fn accept(breaches: &[Breach]) {
    let lines: Vec<String> = breaches.iter().map(|b| format!("{}:{}: {}", b.path, b.line, b.says)).collect();
    assert!(lines.is_empty(), "the law of {LAW_FILE} is broken:\n{}", lines.join("\n"));
}

#[test]
fn every_rust_file_keeps_the_import_law() {
    let law = law();
    let breaches: Vec<Breach> =
        SRC.iter().flat_map(|(path, source)| judge_rust(&law, path, source)).collect();
    accept(&breaches);
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    let imports = imports(&SRC);
    let found = circles(&imports);
    assert!(found.is_empty(), "files of src that import one another in a circle:\n{}", named(&found));
}

#[test]
fn tools_and_scripts_are_one_idea_per_file() {
    let (tools, scripts) = (sources("tools", &[".rs"]), sources("scripts", &[".sh"]));
    assert!(!scripts.is_empty(), "scripts has no scripts");
    let test_lines = |path: &str, text: &str| {
        TestFree::read(text).unwrap_or_else(|error| panic!("{path}: {error}")).test_lines
    };
    let tools = tools.iter().map(|(path, text)| (path, text.lines().count() - test_lines(path, text)));
    let sizes = tools.chain(scripts.iter().map(|(path, text)| (path, text.lines().count())));
    accept(&sizes.flat_map(|(path, lines)| judge_size(path, lines)).collect::<Vec<_>>());
}

#[test]
fn the_tables_name_what_exists_and_nothing_else() {
    let law = law();
    let exist: BTreeSet<&str> = SRC.iter().map(|(path, _)| module_of(path)).collect();
    let named: BTreeSet<&str> = law.modules.iter().flat_map(|row| &row.names).map(String::as_str).collect();
    assert_eq!(
        named, exist,
        "{LAW_FILE}: the rows of the module table (left) and the modules of src (right)"
    );
    let places = law
        .page
        .iter()
        .flat_map(|row| row.names.iter().chain(&row.allowed))
        .chain(law.only_in.iter().flat_map(|row| &row.allowed))
        .chain(law.walls.iter().flat_map(|row| &row.names));
    let gone: Vec<&String> = places.filter(|place| !top(place).exists()).collect();
    assert!(gone.is_empty(), "{LAW_FILE} names what is not there: {gone:?}");
}

/// `make check` prints the output of this test.
#[test]
fn most_files_of_src_are_short() {
    let mut sizes: Vec<(usize, &str)> = SRC
        .iter()
        .filter(|(_, read)| read.lines > 0)
        .map(|(path, read)| (read.lines, path.as_str()))
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let median = sizes[sizes.len() / 2].0;
    let imports = imports(&SRC);
    let importers = |file: &str| imports.values().filter(|imported| imported.contains(file)).count();
    let mut imported: Vec<(usize, &str)> = imports.keys().map(|file| (importers(file), *file)).collect();
    imported.sort_unstable_by(|a, b| b.cmp(a));
    let ten = |rows: &[(usize, &str)]| {
        rows.iter().take(10).map(|(count, path)| format!("\n{count:6}  {path}")).collect::<Vec<_>>().concat()
    };
    println!("The largest files of src, in lines without tests (median {median}){}", ten(&sizes));
    println!("What most files of src import{}", ten(&imported));
    println!("Circles in src: {}", named(&circles(&imports)));
    assert!(median <= MEDIAN_MAX, "half of the files of src have more than {MEDIAN_MAX} lines");
}

/// Import circles as text, one per line.
fn named(circles: &[Vec<&str>]) -> String {
    let ways: Vec<String> = circles.iter().map(|way| way.join(" -> ")).collect();
    if ways.is_empty() { "none".into() } else { ways.join("\n") }
}
