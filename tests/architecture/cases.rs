//! Deliberate violations of the rules: each case lists what the check must find, which shows that the check
//! can fail.

use crate::circles::{circles, imports};
use crate::judge::{Breach, LINES_MAX, judge_rust, judge_size};
use crate::law::Law;
use crate::names::Source;

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
| `println!` | `src/net/` |
| `spawn_blocking` | `src/net/` |
| `performance.now` | `web/worker.js` |

| file | denies |
|---|---|
| `src/core/mod.rs` | `clippy::disallowed_methods` |
";

const NO_NET: &str = "core may not import net";
const TOKIO: &str = "tokio:: may stand only in src/net/, src/main.rs";
const ALSA: &str = "alsa:: may stand only in src/source/alsa.rs";
const UNSAFE: &str = "unsafe may stand only in src/source/alsa.rs";
const CLOCK: &str = "Instant::now may stand only in src/net/";
const NO_WALL: &str = "does not say #![deny(clippy::disallowed_methods)]";

/// A file, its text, and the violations in it: line and message.
type Case = (&'static str, &'static str, &'static [(usize, &'static str)]);

/// Violations that the check must find, in every spelling.
const BROKEN: &[Case] = &[
    ("src/core/wire.rs", "use crate::net::ws;", &[(1, NO_NET)]),
    ("src/core/wire.rs", "use crate::{\n    units::Hz,\n    net::{ws, tls},\n};", &[(3, NO_NET)]),
    ("src/core/wire.rs", "use crate::net as n;", &[(1, NO_NET)]),
    ("src/core/wire.rs", "fn f() {\n    crate::net::ws::open()\n}", &[(2, NO_NET)]),
    ("src/core/wire.rs", "fn f(x: Vec<crate::net::X>) -> impl crate::net::Y {}", &[(1, NO_NET)]),
    ("src/core/wire.rs", "fn f() {\n    vec![1, g(\n        crate::net::ws())]\n}", &[(3, NO_NET)]),
    ("src/core/wire.rs", "macro_rules! m { () => {\n    $crate::net::ws() };\n}", &[(2, NO_NET)]),
    ("src/core/wire.rs", "macro_rules! m { () => {\n    use crate::{units, net::ws}; };\n}", &[(2, NO_NET)]),
    ("src/core/wire.rs", "#[derive(crate::net::Debug)]\nstruct X;", &[(1, NO_NET)]),
    ("src/core/wire.rs", "pub(in crate::net) struct X;", &[(1, NO_NET)]),
    ("src/core/wire.rs", "use super::super::net::ws;", &[(1, NO_NET)]),
    ("src/core/wire.rs", "mod inner {\n    use super::super::super::net::ws;\n}", &[(2, NO_NET)]),
    ("src/core/wire.rs", "#[cfg(any(test, unix))]\nuse crate::net::ws;", &[(2, NO_NET)]),
    ("src/core/wire.rs", "#[cfg(not(test))]\nuse crate::net::ws;", &[(2, NO_NET)]),
    ("src/core/wire.rs", "#[cfg(test)]\nmod tests {}\nuse crate::net::ws;", &[(3, NO_NET)]),
    ("src/core/mod.rs", "#![deny(clippy::disallowed_methods)]\npub use super::net;", &[(2, NO_NET)]),
    ("src/core/deep/wire.rs", "use super::super::super::{units, net};", &[(1, NO_NET)]),
    ("src/core/deep/wire.rs", "use super::super::{units, super::net};", &[(1, NO_NET)]),
    ("src/units.rs", "use crate::core::wire;", &[(1, "units may not import core")]),
    // A module without a row is reported at both ends of the import.
    ("src/utils.rs", "fn f() {}", &[(1, "module utils has no row in the import table")]),
    ("src/core/wire.rs", "use crate::utils::f;", &[(1, "crate::utils is no module of the import table")]),
    ("src/core/wire.rs", "use crate::*;", &[(1, "crate::* is no module of the import table")]),
    // A crate is used outside its permitted places.
    ("src/core/wire.rs", "use tokio::time;\nfn f() { tokio::spawn(x) }", &[(1, TOKIO), (2, TOKIO)]),
    ("src/core/wire.rs", "use tokio;\nuse ::tokio::time;", &[(1, TOKIO), (2, TOKIO)]),
    ("src/core/wire.rs", "use {\n  std::fmt,\n  tokio::time,\n};", &[(3, TOKIO)]),
    ("src/core/wire.rs", "extern crate tokio;", &[(1, TOKIO)]),
    ("src/core/wire.rs", "fn f() {\n    tokio::select! {}\n}", &[(2, TOKIO)]),
    ("src/core/wire.rs", "fn f() {\n    vec![tokio::spawn(x)]\n}", &[(2, TOKIO)]),
    ("src/core/wire.rs", "#[tokio::main]\nasync fn f() {}", &[(1, TOKIO)]),
    ("src/source/discover.rs", "use alsa::card::Iter;", &[(1, ALSA)]),
    // Words appear outside their permitted places.
    ("src/core/wire.rs", "fn f() {\n    unsafe { g() }\n}", &[(2, UNSAFE)]),
    ("src/core/wire.rs", "unsafe impl Send for X {}", &[(1, UNSAFE)]),
    ("src/core/wire.rs", "#[unsafe(no_mangle)]\nfn f() {}", &[(1, UNSAFE)]),
    ("src/core/wire.rs", "fn f() { let t = std::time::Instant::now(); }", &[(1, CLOCK)]),
    ("src/core/wire.rs", "fn f() { x.then(Instant::now) }", &[(1, CLOCK)]),
    ("src/core/wire.rs", "fn f() { std::println!(); }", &[(1, "println! may stand only in src/net/")]),
    (
        "src/core/wire.rs",
        "fn f() { x.spawn_blocking(g) }",
        &[(1, "spawn_blocking may stand only in src/net/")],
    ),
    // A lint wall was removed.
    ("src/core/mod.rs", "// #![deny(clippy::disallowed_methods)]", &[(1, NO_WALL)]),
    ("src/core/mod.rs", "#![allow(clippy::disallowed_methods)]", &[(1, NO_WALL)]),
    ("src/core/mod.rs", "#![deny(unused)]", &[(1, NO_WALL)]),
];

/// Code that the check must accept.
const KEPT: &[(&str, &str)] = &[
    ("src/core/wire.rs", "use crate::units::{Hz, Frames};\nuse crate::core::ring;\nuse super::ring::Ring;"),
    ("src/core/wire.rs", "// crate::net\nconst A: &str = \"crate::net\";\n/* unsafe */"),
    (
        "src/core/wire.rs",
        "/// See crate::net, unsafe and tokio::time.\nfn f() { g(\"unsafe\", 'u', r#\"tokio::x\"#) }",
    ),
    ("src/core/wire.rs", "pub(crate) fn f() {}\npub(super) fn g(net: u8) { net.x() }"),
    (
        "src/core/wire.rs",
        "#[cfg(test)]\nmod tests {\n    use crate::net::ws;\n    fn f() { unsafe { tokio::x() } }\n}",
    ),
    ("src/core/wire.rs", "/// Words.\n#[allow(x)]\n#[cfg(all(test, unix))]\nuse crate::net::ws;"),
    ("src/core/wire.rs", "impl X {\n    #[cfg(test)]\n    fn f(&self) -> bool { crate::net::ws() }\n}"),
    ("src/core/wire/tests.rs", "use crate::net::ws;\nfn f() { unsafe { tokio::x() } }"),
    ("src/main.rs", "use crate::net::serve;"),
    ("src/net/ws.rs", "use tokio::time;\nfn f() { println!(\"{:?}\", Instant::now()) }"),
    // A module of ours with the name of a crate is not that crate.
    ("src/source/discover.rs", "use super::alsa;\nfn f() { alsa::open() }"),
    ("src/source/mod.rs", "pub mod alsa;\nfn f() { alsa::open(); source::alsa::x() }"),
    ("src/source/mod.rs", "mod alsa;\nuse alsa::Card;"),
    ("src/source/alsa.rs", "use alsa::pcm;\nfn f() { unsafe { g() } }"),
    ("src/core/mod.rs", "//! Pure.\n#![deny(clippy::disallowed_methods, unused)]\n"),
    ("src/net/ws.rs", "#![allow(clippy::disallowed_methods)]"),
];

fn read(path: &str, text: &str) -> Source {
    Source::read(path, text).unwrap_or_else(|error| panic!("{path}: {error}:\n{text}"))
}

/// Line and message of each violation found.
fn said(breaches: &[Breach]) -> Vec<(usize, &str)> {
    breaches
        .iter()
        .map(|breach| (breach.line, breach.says.split(" (row").next().unwrap_or_default()))
        .collect()
}

#[test]
fn every_breach_is_found_in_its_line() {
    for (path, text, expected) in BROKEN {
        let breaches = judge_rust(&Law::read(LAW), path, &read(path, text));
        assert_eq!(said(&breaches), *expected, "{path}:\n{text}");
    }
}

#[test]
fn what_the_law_allows_is_let_pass() {
    for (path, text) in KEPT {
        assert_eq!(judge_rust(&Law::read(LAW), path, &read(path, text)), [], "{path}:\n{text}");
    }
}

#[test]
fn what_cannot_be_read_is_not_let_pass() {
    assert!(Source::read("src/core/wire.rs", "fn f( {}").is_err());
    let field = "struct X {\n    #[cfg(test)]\n    a: u8,\n    b: crate::net::X,\n}";
    assert!(Source::read("src/core/wire.rs", field).is_err(), "what follows would go unread");
}

#[test]
fn a_file_of_two_ideas_is_found_and_its_tests_do_not_count() {
    let code = "fn f() {}\n".repeat(LINES_MAX);
    let tests = "/// Tests.\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n";
    let judged = |text: &str| {
        let path = "src/core/wire.rs";
        said(&judge_rust(&Law::read(LAW), path, &read(path, text)))
            .iter()
            .map(|said| said.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(judged(&format!("{code}{tests}")), []);
    assert_eq!(judged(&format!("{code}fn h() {{}}\n{tests}")), [LINES_MAX + 1]);
    assert_eq!(judge_size("scripts/x.sh", LINES_MAX + 1).len(), 1);
}

/// Files, each with path and text.
type Files = &'static [(&'static str, &'static str)];

/// Files, and the import circles among them.
const CIRCLES: &[(Files, &[&str])] = &[
    (&[("src/a.rs", "use crate::b::B;"), ("src/b.rs", "use crate::a::A;")], &["src/a.rs -> src/b.rs"]),
    (
        &[
            ("src/a.rs", "fn f() { crate::b::g() }"),
            ("src/b.rs", "fn f() { vec![super::c::g()] }"),
            ("src/c.rs", "use crate::a;\nfn f(x: a::X) {}"),
        ],
        &["src/a.rs -> src/b.rs -> src/c.rs"],
    ),
    // A parent and its child form a circle only when each uses something defined in the other.
    (
        &[("src/a/mod.rs", "mod b;\nuse b::X;"), ("src/a/b.rs", "use super::Y;")],
        &["src/a/b.rs -> src/a/mod.rs"],
    ),
    (
        &[("src/a/mod.rs", "mod b;\nfn f() { b::x() }"), ("src/a/b.rs", "use super::*;")],
        &["src/a/b.rs -> src/a/mod.rs"],
    ),
    (
        &[("src/a/mod.rs", "mod b;\npub use b::X;\nfn f(x: X) {}"), ("src/a/b.rs", "use super::Y;")],
        &["src/a/b.rs -> src/a/mod.rs"],
    ),
    (&[("src/a/mod.rs", "mod b;\npub use b::X;"), ("src/a/b.rs", "use super::Y;")], &[]),
    // A re-exported name counts for the file that defines it.
    (
        &[
            ("src/a/mod.rs", "mod b;\nmod c;\nuse crate::d::D;\npub use b::{X, X as Z};"),
            ("src/a/b.rs", "use super::D;"),
            ("src/a/c.rs", "use super::X;"),
            ("src/d.rs", "use crate::a::Z;"),
        ],
        &["src/a/b.rs -> src/d.rs"],
    ),
    // Tests, a bare module name and foreign crates count as no import.
    (
        &[
            ("src/a.rs", "use crate::b;\nuse std::fmt;\n#[cfg(test)]\nmod tests { use crate::b::X; }"),
            ("src/b.rs", "use crate::a::X;\nuse serde::a;"),
        ],
        &[],
    ),
];

#[test]
fn circles_are_found_and_named_as_a_way() {
    for (files, expected) in CIRCLES {
        let files: Vec<(String, Source)> =
            files.iter().map(|(path, text)| ((*path).to_string(), read(path, text))).collect();
        let found: Vec<String> = circles(&imports(&files)).iter().map(|way| way.join(" -> ")).collect();
        assert_eq!(found, *expected, "{files:?}");
    }
}
