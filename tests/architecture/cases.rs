//! The law broken on purpose: each case says what must be found, so that the check can be seen to fail.

use crate::judge::{Breach, LINES_MAX, judge_rust, judge_script, judge_size, judge_walls};
use crate::law::Law;

const LAW: &str = "
| module | may import |
|---|---|
| `units` | - |
| `core` | `units` |
| `source` | `core` `units` |
| `net` | `core` `units` |
| `main` `lib` | all |

| what | only in |
|---|---|
| `tokio::` `hyper::` | `src/net/` `src/main.rs` |
| `alsa::` | `src/source/alsa.rs` |
| `unsafe` | `src/source/alsa.rs` |
| `Instant::now` | `src/net/` |
| `performance.now` | `web/worker.js` |

| file | denies |
|---|---|
| `src/core/mod.rs` | `clippy::disallowed_methods` |

| file | may import |
|---|---|
| `web/core/` | `web/core/` |
| `web/worker.js` | `web/core/` |
| `web/main.js` | `web/view/` |
";

/// The lines of the breaches found, and what they say.
fn said(breaches: &[Breach]) -> Vec<(usize, &str)> {
    breaches
        .iter()
        .map(|breach| (breach.line, breach.says.split(" (row").next().unwrap_or_default()))
        .collect()
}

/// Judges a Rust text under a path and compares with the breaches expected.
fn rust(path: &str, text: &str, expected: &[(usize, &str)]) {
    let breaches = judge_rust(&Law::read(LAW), path, text);
    assert_eq!(said(&breaches), expected, "{path}:\n{text}");
}

/// Judges a script under a path and compares with the breaches expected.
fn script(path: &str, text: &str, expected: &[(usize, &str)]) {
    let breaches = judge_script(&Law::read(LAW), path, text);
    assert_eq!(said(&breaches), expected, "{path}:\n{text}");
}

#[test]
fn an_import_against_the_table_is_found_in_every_spelling() {
    let no_net = "core may not import net";
    rust("src/core/wire.rs", "use crate::net::ws;", &[(1, no_net)]);
    rust("src/core/wire.rs", "use crate::{\n    units::Hz,\n    net::{ws, tls},\n};", &[(3, no_net)]);
    rust("src/core/wire.rs", "fn f() {\n    crate::net::ws::open()\n}", &[(2, no_net)]);
    rust("src/core/wire.rs", "use super::super::net::ws;", &[(1, no_net)]);
    rust("src/core/mod.rs", "pub use super::net;", &[(1, no_net)]);
    rust("src/core/deep/wire.rs", "use super::super::{units, super::net};", &[]);
    rust("src/core/deep/wire.rs", "use super::super::super::{units, net};", &[(1, no_net)]);
    rust("src/units.rs", "use crate::core::wire;", &[(1, "units may not import core")]);
}

#[test]
fn imports_that_the_table_allows_are_let_pass() {
    rust(
        "src/core/wire.rs",
        "use crate::units::{Hz, Frames};\nuse crate::core::ring;\nuse super::ring::Ring;",
        &[],
    );
    rust("src/main.rs", "use crate::net::serve;", &[]);
    rust("src/core/wire.rs", "// crate::net\nconst A: &str = \"crate::net\";\n/* unsafe */", &[]);
    rust(
        "src/core/wire.rs",
        "#[cfg(test)]\nmod tests {\n    use crate::net::ws;\n    fn f() { unsafe { tokio::x() } }\n}",
        &[],
    );
}

#[test]
fn a_module_without_a_row_is_found_from_both_sides() {
    rust("src/utils.rs", "fn f() {}", &[(1, "module utils has no row in the import table")]);
    rust("src/core/wire.rs", "use crate::utils::f;", &[(1, "crate::utils is no module of the import table")]);
    rust("src/core/wire.rs", "use crate::*;", &[(1, "crate::* is no module of the import table")]);
}

#[test]
fn a_crate_outside_its_places_is_found_and_a_module_of_the_same_name_is_not() {
    let tokio = "tokio:: may stand only in src/net/, src/main.rs";
    let alsa = "alsa:: may stand only in src/source/alsa.rs";
    rust("src/core/wire.rs", "use tokio::time;\nfn f() { tokio::spawn(x) }", &[(1, tokio), (2, tokio)]);
    rust("src/core/wire.rs", "use tokio;\nuse ::tokio::time;", &[(1, tokio), (2, tokio)]);
    rust("src/core/wire.rs", "use {\n  std::fmt,\n  tokio::time,\n};", &[(3, tokio)]);
    rust("src/net/ws.rs", "use tokio::time;", &[]);
    rust("src/source/discover.rs", "use alsa::card::Iter;", &[(1, alsa)]);
    rust("src/source/discover.rs", "use super::alsa;\nfn f() { alsa::open() }", &[]);
    rust("src/source/mod.rs", "pub mod alsa;\nfn f() { alsa::open(); source::alsa::x() }", &[]);
}

#[test]
fn unsafe_and_clocks_outside_their_places_are_found() {
    rust(
        "src/core/wire.rs",
        "fn f() {\n    unsafe { g() }\n}",
        &[(2, "unsafe may stand only in src/source/alsa.rs")],
    );
    rust("src/source/alsa.rs", "fn f() { unsafe { g() } }", &[]);
    let clock = "Instant::now may stand only in src/net/";
    rust("src/core/wire.rs", "let t = std::time::Instant::now();", &[(1, clock)]);
}

#[test]
fn a_script_that_imports_against_the_table_is_found() {
    script("web/core/wire.js", "import { a } from '../main.js';", &[(1, "may not import web/main.js")]);
    script("web/core/wire.js", "import './ring.js';\nexport * from \"./x.js\";", &[]);
    script(
        "web/worker.js",
        "// w\nconst m = await import('./main.js');",
        &[(2, "may not import web/main.js")],
    );
    script(
        "web/worker.js",
        "/**\n * @type {import('./main.js').X}\n */",
        &[(2, "may not import web/main.js")],
    );
    script(
        "web/worker.js",
        "import x from 'lodash';",
        &[(1, "'lodash' is no relative path: the page has no packages")],
    );
    script(
        "web/worker.js",
        "import x from '/core/wire.js';",
        &[(1, "'/core/wire.js' is no relative path: the page has no packages")],
    );
    script("web/main.js", "import { a } from './core/wire.js';", &[(1, "may not import web/core/wire.js")]);
    script("web/main.js", "import {\n  a,\n} from './view/page.js';\nnew Worker('./worker.js');", &[]);
    script("web/odd.js", "", &[(1, "has no row in the page's import table")]);
    let clock = "performance.now may stand only in web/worker.js";
    script("web/core/wire.js", "// performance.now\nconst t = performance.now();", &[(2, clock)]);
}

#[test]
fn a_file_of_two_ideas_is_found_and_its_tests_do_not_count() {
    let code = "fn f() {}\n".repeat(LINES_MAX);
    let tests = "#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n";
    rust("src/core/wire.rs", &format!("{code}{tests}"), &[]);
    rust(
        "src/core/wire.rs",
        &format!("{code}fn h() {{}}\n{tests}"),
        &[(501, "501 lines without tests, 500 at most")],
    );
    assert_eq!(judge_size("scripts/x.sh", LINES_MAX + 1).len(), 1);
}

#[test]
fn a_wall_that_was_taken_down_is_found() {
    let walls = Law::read(LAW).walls;
    let path = "src/core/mod.rs";
    assert!(
        judge_walls(&walls, path, "//! Pure.\n#![deny(clippy::disallowed_methods, unused)]\n").is_empty()
    );
    let missing = [(1, "does not say #![deny(clippy::disallowed_methods)]")];
    assert_eq!(said(&judge_walls(&walls, path, "// #![deny(clippy::disallowed_methods)]")), missing);
    assert_eq!(said(&judge_walls(&walls, path, "#![allow(clippy::disallowed_methods)]")), missing);
    assert!(
        judge_walls(&walls, "src/net/ws.rs", "").is_empty(),
        "a file that the law does not name has no walls"
    );
}
