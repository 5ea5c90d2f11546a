//! Judges one file at a time against the law. Pure: a path and a text in, breaches out.

use crate::law::{Law, Row};
use crate::tokens::{Language, Token, tokens, without_tests};
use std::collections::HashSet;

/// Lines a source file may have, its tests not counted.
pub(crate) const LINES_MAX: usize = 500;

/// Somebody broke the law: where, and in what way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) says: String,
}

/// The module a Rust file belongs to: `src/core/wire.rs` to core, `src/units.rs` to units.
pub(crate) fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// Everything that is wrong with one Rust file of src.
pub(crate) fn judge_rust(law: &Law, path: &str, text: &str) -> Vec<Breach> {
    let all = tokens(text, Language::Rust);
    let (code, test_lines) =
        if is_test_file(path) { (Vec::new(), text.lines().count()) } else { without_tests(&all) };
    let mut breaches = judge_size(path, text.lines().count() - test_lines);
    let module = module_of(path);
    let Some(row) = law.modules.iter().find(|row| row.names.iter().any(|name| name == module)) else {
        breaches.push(breach(path, 1, format!("module {module} has no row in the import table")));
        return breaches;
    };
    for (name, line) in modules_named(path, &code) {
        let known = law.modules.iter().any(|row| row.names.contains(&name));
        let allowed = name == module || row.allowed.iter().any(|word| *word == name || word == "all");
        if !known {
            breaches.push(breach(path, line, format!("crate::{name} is no module of the import table")));
        } else if !allowed {
            breaches.push(breach(
                path,
                line,
                format!("{module} may not import {name} (row at line {})", row.line),
            ));
        }
    }
    breaches.extend(judge_words(&law.only_in, path, "src/", &code));
    breaches
}

/// Everything that is wrong with one JavaScript file of web.
pub(crate) fn judge_script(law: &Law, path: &str, text: &str) -> Vec<Breach> {
    let code = tokens(text, Language::JavaScript);
    let mut breaches = judge_size(path, text.lines().count());
    let Some(row) = law.page.iter().find(|row| row.names.iter().any(|place| within(path, place))) else {
        breaches.push(breach(path, 1, "has no row in the page's import table".into()));
        return breaches;
    };
    for (specifier, line) in specifiers(&code) {
        match resolve(path, &specifier) {
            None => breaches.push(breach(
                path,
                line,
                format!("'{specifier}' is no relative path: the page has no packages"),
            )),
            Some(target) if !row.allowed.iter().any(|place| within(&target, place)) => {
                breaches.push(breach(
                    path,
                    line,
                    format!("may not import {target} (row at line {})", row.line),
                ));
            }
            Some(_) => {}
        }
    }
    let spoken: Vec<Token<'_>> =
        code.into_iter().filter(|token| !is_comment(token) && !is_string(token)).collect();
    breaches.extend(judge_words(&law.only_in, path, "web/", &spoken));
    breaches
}

/// Whether a file is too long for one idea.
pub(crate) fn judge_size(path: &str, lines: usize) -> Vec<Breach> {
    let too_long = lines > LINES_MAX;
    too_long
        .then(|| breach(path, lines, format!("{lines} lines without tests, {LINES_MAX} at most")))
        .into_iter()
        .collect()
}

/// Whether the lints that the law names for this file are switched on in it.
pub(crate) fn judge_walls(walls: &[Row], path: &str, text: &str) -> Vec<Breach> {
    let code: Vec<&str> = tokens(text, Language::Rust).iter().map(|token| token.text).collect();
    let denied: HashSet<&str> = code
        .split(|text| *text == "#")
        .filter(|attribute| attribute.starts_with(&["!", "[", "deny", "("]))
        .flat_map(|attribute| attribute.iter().copied())
        .collect();
    let rows = walls.iter().filter(|row| row.names.iter().any(|name| name == path));
    let missing = rows
        .flat_map(|row| &row.allowed)
        .filter(|lint| !denied.contains(lint.trim_start_matches("clippy::")));
    missing.map(|lint| breach(path, 1, format!("does not say #![deny({lint})]"))).collect()
}

/// Words that stand where the law does not allow them. `root` tells the rows of one language from the other's.
fn judge_words(rows: &[Row], path: &str, root: &str, code: &[Token<'_>]) -> Vec<Breach> {
    let local = imported_from_here(code);
    let mut breaches = Vec::new();
    for row in rows.iter().filter(|row| row.allowed.iter().any(|place| place.starts_with(root))) {
        if row.allowed.iter().any(|place| within(path, place)) {
            continue;
        }
        for name in &row.names {
            let wanted = tokens(name, Language::Rust);
            for at in (0..code.len()).filter(|at| stands_at(code, *at, &wanted, &local)) {
                let places = row.allowed.join(", ");
                breaches.push(breach(
                    path,
                    code[at].line,
                    format!("{name} may stand only in {places} (row at line {})", row.line),
                ));
            }
        }
    }
    breaches
}

/// Whether the words stand at this place. A name ending in `::` is a crate: not part of a longer path, nor a module
/// of ours with the same name.
fn stands_at(code: &[Token<'_>], at: usize, wanted: &[Token<'_>], local: &HashSet<&str>) -> bool {
    let text = |index: usize| code.get(index).map_or("", |token| token.text);
    let before = if at == 0 { "" } else { text(at - 1) };
    if wanted.last().is_some_and(|token| token.text == "::") {
        let name = wanted[0].text;
        let continued = at > 1
            && text(at - 2) != "use"
            && text(at - 2).ends_with(|c: char| c.is_alphanumeric() || "_>".contains(c));
        let rooted = before != "::" || !continued;
        let as_path = text(at + 1) == "::" && rooted && !local.contains(name);
        let whole = before == "use" && matches!(text(at + 1), ";" | "as");
        return text(at) == name && (as_path || whole);
    }
    wanted.iter().enumerate().all(|(offset, token)| text(at + offset) == token.text)
}

/// Names that this file brings in from our own modules, or declares as its own: they are no crates.
fn imported_from_here<'a>(code: &[Token<'a>]) -> HashSet<&'a str> {
    let mut names: HashSet<&str> =
        code.windows(2).filter(|pair| pair[0].text == "mod").map(|pair| pair[1].text).collect();
    for statement in code.split(|token| token.text == ";") {
        let Some(from) = statement.iter().position(|token| token.text == "use") else { continue };
        let path = &statement[from + 1..];
        if path.first().is_some_and(|token| matches!(token.text, "crate" | "self" | "super")) {
            let ends = path
                .iter()
                .enumerate()
                .filter(|(at, _)| path.get(at + 1).is_none_or(|next| matches!(next.text, "," | "}")));
            names.extend(ends.map(|(_, token)| token.text));
        }
    }
    names
}

/// The top-level modules that a file names through `crate::` or enough `super::`, with lines.
fn modules_named(path: &str, code: &[Token<'_>]) -> Vec<(String, usize)> {
    let mut named = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let before = if at == 0 { "" } else { code[at - 1].text };
        let mut end = at;
        let rooted = match code[at].text {
            "crate" | "$crate" => {
                end += 1;
                true
            }
            "super" if before != "::" => {
                while code[end..].len() > 2 && code[end].text == "super" && code[end + 2].text == "super" {
                    end += 2;
                }
                end += 1;
                (end - at).div_ceil(2) >= depth_of(path)
            }
            _ => false,
        };
        if rooted && code.get(end).is_some_and(|token| token.text == "::") {
            named.extend(first_names(&code[end + 1..]));
        }
        at = end + 1;
    }
    named
}

/// How many `super` lead from this file to the root of the crate.
fn depth_of(path: &str) -> usize {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).count()
}

/// The first name of a path, or of each path in a group `{a::b, c}`.
fn first_names(rest: &[Token<'_>]) -> Vec<(String, usize)> {
    let Some(first) = rest.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![(first.text.to_string(), first.line)];
    }
    let (mut names, mut depth) = (Vec::new(), 0);
    for pair in rest.windows(2) {
        match pair[0].text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(pair[0].text, "{" | ",") && !matches!(pair[1].text, "}" | "self") {
            names.push((pair[1].text.to_string(), pair[1].line));
        }
    }
    names
}

/// What a script imports: in code, and in the types its comments name.
fn specifiers(code: &[Token<'_>]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let spoken: Vec<&Token<'_>> = code.iter().filter(|token| !is_comment(token)).collect();
    for (at, token) in spoken.iter().enumerate().filter(|(_, token)| is_string(token)) {
        let before = |steps: usize| at.checked_sub(steps).map_or("", |index| spoken[index].text);
        if matches!(before(1), "from" | "import") || (before(1) == "(" && before(2) == "import") {
            found.push((token.text.trim_matches(['\'', '"', '`']).to_string(), token.line));
        }
    }
    for comment in code.iter().filter(|token| is_comment(token)) {
        for (offset, line) in comment.text.lines().enumerate() {
            for opening in ["import('", "import(\"", "from '", "from \""] {
                let named = line.split(opening).skip(1).filter_map(|rest| rest.split(['\'', '"']).next());
                found.extend(
                    named
                        .filter(|name| name.starts_with('.'))
                        .map(|name| (name.to_string(), comment.line + offset)),
                );
            }
        }
    }
    found
}

/// The path from the top folder that a relative specifier means; None when it is not relative or leaves web.
fn resolve(path: &str, specifier: &str) -> Option<String> {
    if !specifier.starts_with("./") && !specifier.starts_with("../") {
        return None;
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// A place is a file, or a folder when it ends in a slash.
fn within(path: &str, place: &str) -> bool {
    path == place || (place.ends_with('/') && path.starts_with(place))
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn is_comment(token: &Token<'_>) -> bool {
    token.text.starts_with("//") || token.text.starts_with("/*")
}

fn is_string(token: &Token<'_>) -> bool {
    token.text.len() > 1 && token.text.starts_with(['\'', '"', '`', '/'])
}

fn breach(path: &str, line: usize, says: String) -> Breach {
    Breach { path: path.to_string(), line, says }
}
