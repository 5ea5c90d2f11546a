//! Finds which file of src imports which other, and the circles among these imports.
//!
//! A file imports another when one of its paths names an item which the other defines. A re-exported name
//! (`pub use`, a parent's `use`) counts for the file that defines it. A bare module name is no import; an
//! item taken from the module is.

use crate::names::{Named, Source, module_path};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Imports<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

struct Files<'a> {
    sources: BTreeMap<&'a str, &'a Source>,
    /// The file that contains each module.
    homes: BTreeMap<Vec<String>, &'a str>,
}

/// The imports of every file.
pub(crate) fn imports<'a>(sources: &'a [(String, Source)]) -> Imports<'a> {
    let sources: BTreeMap<&str, &Source> =
        sources.iter().filter(|(_, read)| read.lines > 0).map(|(path, read)| (path.as_str(), read)).collect();
    let homes = sources
        .keys()
        .filter(|path| **path != "src/main.rs")
        .map(|path| (module_path(path), *path))
        .collect();
    let files = Files { sources, homes };
    let of = |path: &'a str, source: &Source| {
        let used = source.named.iter().filter(|named| !named.is_only_handed_on(source));
        let mut found: BTreeSet<&str> = used.filter_map(|named| files.home(path, named)).collect();
        found.remove(path);
        found
    };
    files.sources.iter().map(|(path, source)| (*path, of(path, source))).collect()
}

impl Named {
    /// Returns whether this file only re-exports the item without using it.
    fn is_only_handed_on(&self, source: &Source) -> bool {
        self.import.as_ref().is_some_and(|import| {
            import.shared
                && !source.named.iter().any(|used| used.import.is_none() && used.parts[0].text == import.name)
        })
    }
}

impl<'a> Files<'a> {
    /// The file that defines the named item; None when the item is not ours, or is a module.
    fn home(&self, path: &str, named: &Named) -> Option<&'a str> {
        self.follow(&self.absolute(path, named)?)
    }

    /// The full path of an item which a file names.
    fn absolute(&self, path: &str, named: &Named) -> Option<Vec<String>> {
        if let Some(parts) = named.absolute() {
            return Some(parts.into_iter().map(|part| part.text).collect());
        }
        let source = self.sources[path];
        let mut parts = named.parts.iter().map(|part| part.text.clone());
        let first = parts.next()?;
        let begin = if path == "src/main.rs" && first == "synthwire" {
            Vec::new()
        } else if source.modules.contains(&first) {
            [&named.from[..], &[first]].concat()
        } else {
            // `name` is the name under which a module was imported.
            let brought = source.named.iter().find(|other| {
                other.parts.len() > 1
                    && !std::ptr::eq(*other, named)
                    && other.import.as_ref().is_some_and(|import| import.name == first)
            })?;
            let whole = self.absolute(path, brought)?;
            self.homes.contains_key(&whole).then_some(whole)?
        };
        Some(begin.into_iter().chain(parts).collect())
    }

    /// The file that defines the item at the end of a full path.
    fn follow(&self, whole: &[String]) -> Option<&'a str> {
        let known = (0..=whole.len()).rev().find(|length| self.homes.contains_key(&whole[..*length]))?;
        let home = self.homes[&whole[..known]];
        let thing = whole.get(known)?;
        let brought = self.sources[home]
            .named
            .iter()
            .find(|named| named.import.as_ref().is_some_and(|import| import.name == *thing));
        match brought.and_then(|named| self.absolute(home, named)) {
            Some(further) => self.follow(&[&further[..], &whole[known + 1..]].concat()),
            None => Some(home),
        }
    }
}

/// All circles, each as the shortest way from its first file back to it.
pub(crate) fn circles<'a>(imports: &Imports<'a>) -> Vec<Vec<&'a str>> {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for file in imports.keys() {
        if !told.contains(file)
            && let Some(way) = way_back(imports, file)
        {
            told.extend(way.iter().copied());
            found.push(way);
        }
    }
    found
}

/// The shortest way from a file over its imports back to itself.
fn way_back<'a>(imports: &Imports<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in imports.get(way.last()?).into_iter().flatten() {
                if *next == start {
                    return Some(way);
                }
                if seen.insert(*next) {
                    longer.push([&way[..], &[*next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}
