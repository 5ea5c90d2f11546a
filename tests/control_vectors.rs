//! Test vectors of the text messages, one file per message. The JavaScript tests read the same files, so each
//! side understands what the other sends.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use synthwire::net::control::{FromListener, ToListener};

#[derive(Deserialize)]
struct Vectors {
    valid: Vec<Value>,
    invalid: Vec<Value>,
}

/// The vectors of each message in this direction, by message name.
fn vectors(way: &str) -> BTreeMap<String, Vectors> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/control").join(way);
    let read = |file: fs::DirEntry| {
        let name = file.path().file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap())
    };
    fs::read_dir(folder).unwrap().map(|file| read(file.unwrap())).collect()
}

/// The names of all messages of a type: serde lists them in the error for an unknown name.
fn names<T: DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
    let error = serde_json::from_str::<T>(r#"{"type":"?"}"#).unwrap_err().to_string();
    let mut names: Vec<String> = error.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    names.sort();
    names
}

/// Checks that every message has vectors, that every vector is a message, and that nothing in it is lost or
/// added.
fn check<T: DeserializeOwned + Serialize + std::fmt::Debug>(way: &str) {
    let vectors = vectors(way);
    assert_eq!(vectors.keys().cloned().collect::<Vec<_>>(), names::<T>(), "the files of {way}");
    for (name, Vectors { valid, .. }) in vectors {
        assert!(!valid.is_empty(), "{way}/{name} has an example");
        for message in valid {
            assert_eq!(message["type"], name.as_str());
            let read: T = serde_json::from_str(&message.to_string())
                .unwrap_or_else(|error| panic!("{message}: {error}"));
            assert_eq!(serde_json::to_value(read).unwrap(), message);
        }
    }
}

#[test]
fn what_the_service_says_is_as_the_vectors_have_it() {
    check::<ToListener>("to_listener");
}

#[test]
fn what_a_listener_says_is_as_the_vectors_have_it_and_nothing_else_is_understood() {
    check::<FromListener>("from_listener");
    for message in vectors("from_listener").into_values().flat_map(|vectors| vectors.invalid) {
        assert!(FromListener::parse(&message.to_string()).is_err(), "{message}");
    }
}

#[test]
fn the_wire_format_names_every_message_and_every_key() {
    let text = include_str!("../docs/ref/wire-format.md");
    for (name, vectors) in vectors("to_listener").into_iter().chain(vectors("from_listener")) {
        assert!(text.contains(&format!("\"type\":\"{name}\"")), "{name}");
        for key in vectors.valid.iter().flat_map(|message| message.as_object().unwrap().keys()) {
            let named = [format!("`{key}`"), format!("\"{key}\":")].iter().any(|word| text.contains(word));
            assert!(named, "{name}: {key}");
        }
    }
}
