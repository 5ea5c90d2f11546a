//! Checks one file at a time against the rules. Pure: it takes a path and the parsed file, and returns
//! violations.

use crate::law::{Law, Row};
use crate::names::{Named, Part, Source, words};
use std::collections::HashSet;

/// Maximum number of lines of a source file, without its tests.
pub(crate) const LINES_MAX: usize = 400;

/// A violation of the rules: where it is, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Breach {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) says: String,
}

/// The module of a Rust file: core for `src/core/wire.rs`, units for `src/units.rs`.
pub(crate) fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// All violations in one Rust file of src.
pub(crate) fn judge_rust(law: &Law, path: &str, source: &Source) -> Vec<Breach> {
    let mut breaches = judge_size(path, source.lines);
    breaches.extend(judge_imports(&law.modules, path, source));
    breaches.extend(judge_walls(&law.walls, path, source));
    let rows = law.only_in.iter().filter(|row| row.allowed.iter().any(|place| place.starts_with("src/")));
    for row in rows.filter(|row| !row.allowed.iter().any(|place| within(path, place))) {
        let places = row.allowed.join(", ");
        for name in &row.names {
            let lines = match name.strip_suffix("::") {
                Some(package) => lines_with_crate(source, package),
                None => lines_with_words(source, name),
            };
            let says = format!("{name} may stand only in {places} (row at line {})", row.line);
            breaches.extend(lines.into_iter().map(|line| breach(path, line, says.clone())));
        }
    }
    let mut seen = HashSet::new();
    breaches.retain(|breach| seen.insert(breach.clone()));
    breaches
}

/// Checks that the file is not too long.
pub(crate) fn judge_size(path: &str, lines: usize) -> Vec<Breach> {
    let too_long = lines > LINES_MAX;
    too_long
        .then(|| breach(path, lines, format!("{lines} lines without tests, {LINES_MAX} at most")))
        .into_iter()
        .collect()
}

/// Checks that the file names only modules which its own module may import.
fn judge_imports(modules: &[Row], path: &str, source: &Source) -> Vec<Breach> {
    let module = module_of(path);
    let Some(row) = modules.iter().find(|row| row.names.iter().any(|name| name == module)) else {
        return vec![breach(path, 1, format!("module {module} has no row in the import table"))];
    };
    let mut breaches = Vec::new();
    for first in source.named.iter().filter_map(|named| named.absolute()?.into_iter().next()) {
        let Part { text: name, line } = first;
        let known = modules.iter().any(|row| row.names.contains(&name));
        let allowed = name == module || row.allowed.iter().any(|word| *word == name || word == "all");
        if !known {
            breaches.push(breach(path, line, format!("crate::{name} is no module of the import table")));
        } else if !allowed {
            let says = format!("{module} may not import {name} (row at line {})", row.line);
            breaches.push(breach(path, line, says));
        }
    }
    breaches
}

/// Checks that the file switches on the lints which the rules require of it.
fn judge_walls(walls: &[Row], path: &str, source: &Source) -> Vec<Breach> {
    let rows = walls.iter().filter(|row| row.names.iter().any(|name| name == path));
    let missing = rows.flat_map(|row| &row.allowed).filter(|lint| !source.denied.contains(*lint));
    missing.map(|lint| breach(path, 1, format!("does not say #![deny({lint})]"))).collect()
}

/// The lines that name a crate: the path begins with the crate's name, and nothing of ours in this file has
/// that name.
fn lines_with_crate(source: &Source, package: &str) -> Vec<usize> {
    let is_ours = source.modules.contains(package)
        || source.named.iter().any(|named| {
            named.import.as_ref().is_some_and(|import| import.name == package)
                && matches!(named.parts[0].text.as_str(), "crate" | "self" | "super")
        });
    let named = source.named.iter().filter(|named| named.parts[0].text == package);
    // A name that stands alone is a crate if it is imported; otherwise it is an item of this file.
    let is_crate = |named: &&Named| match named.parts.len() {
        1 => named.import.is_some(),
        _ => !is_ours,
    };
    named.filter(is_crate).map(|named| named.parts[0].line).collect()
}

/// The lines where the words of a name follow one another.
fn lines_with_words(source: &Source, name: &str) -> Vec<usize> {
    let wanted = words(&name.parse().expect("the words of a row are Rust's"));
    let stands = |at: &&[Part]| at.iter().zip(&wanted).all(|(part, wanted)| part.text == wanted.text);
    source.words.windows(wanted.len()).filter(stands).map(|at| at[0].line).collect()
}

/// Returns whether `path` is `place`, or lies in it if `place` ends in a slash (then it is a folder).
fn within(path: &str, place: &str) -> bool {
    path == place || (place.ends_with('/') && path.starts_with(place))
}

pub(crate) fn breach(path: &str, line: usize, says: String) -> Breach {
    Breach { path: path.to_string(), line, says }
}
