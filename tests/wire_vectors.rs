//! The test vectors of the wire format, which the JavaScript tests read too: a new file is a new test in both
//! languages.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use serde::Deserialize;
use std::fs;
use std::path::PathBuf;
use synthwire::core::wire::{self, FLAG_PAST, FLAG_RESTART, ListenerNote, Place, Record, Refused};

#[derive(Deserialize)]
struct Vector {
    name: String,
    hex: String,
    #[serde(default)]
    records: Vec<Expected>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Expected {
    kind: String,
    flags: u8,
    stream: u8,
    cause: u16,
    #[serde(default)]
    seq: u32,
    #[serde(default)]
    frames: u32,
    frame_index: String,
    #[serde(default)]
    capture_ns: String,
    #[serde(default)]
    ready_ns: String,
    #[serde(default)]
    payload_hex: String,
    #[serde(default)]
    lost_packets: u32,
    #[serde(default)]
    lost_frames: u32,
    #[serde(default)]
    queue_age_ns: String,
    #[serde(default)]
    sent_ns: String,
}

fn vectors(folder: &str) -> Vec<Vector> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/wire").join(folder);
    let files = fs::read_dir(&folder).expect("the vectors are there");
    let read = |file: fs::DirEntry| serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
    let vectors: Vec<Vector> = files.map(|file| read(file.unwrap())).collect();
    assert!(vectors.len() >= 10, "{} vectors in {}", vectors.len(), folder.display());
    vectors
}

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap()
}

/// Checks that the parser returns what the vector says.
fn check(vector: &str, expected: &Expected, record: &Record<'_>) {
    let place = || Place {
        stream: expected.stream,
        restart: expected.flags & FLAG_RESTART != 0,
        past: expected.kind == "gap" && expected.flags & FLAG_PAST != 0,
        seq: expected.seq,
        frames: expected.frames,
        frame_index: number(&expected.frame_index),
        capture_ns: number(&expected.capture_ns),
        ready_ns: number(&expected.ready_ns),
    };
    match (expected.kind.as_str(), record) {
        ("audio", Record::Audio(found, payload)) => {
            assert_eq!((*found, *payload), (place(), bytes(&expected.payload_hex).as_slice()), "{vector}");
        }
        ("gap", Record::Gap(found, cause)) => {
            assert_eq!((*found, *cause), (place(), expected.cause), "{vector}");
        }
        ("listener", Record::Listener(found)) => {
            let note = ListenerNote {
                stream: expected.stream,
                cause: expected.cause,
                lost_packets: expected.lost_packets,
                lost_frames: expected.lost_frames,
                frame_index: number(&expected.frame_index),
                queue_age_ns: number(&expected.queue_age_ns),
                sent_ns: number(&expected.sent_ns),
            };
            assert_eq!(*found, note, "{vector}");
        }
        (kind, other) => panic!("{vector}: {kind} expected, {other:?} found"),
    }
}

#[test]
fn every_valid_vector_is_read_as_it_says() {
    for vector in vectors("valid") {
        let message = bytes(&vector.hex);
        let records = wire::parse(&message).unwrap_or_else(|refused| panic!("{}: {refused}", vector.name));
        assert_eq!(records.len(), vector.records.len(), "{}", vector.name);
        for (expected, record) in vector.records.iter().zip(&records) {
            check(&vector.name, expected, record);
        }
    }
}

#[test]
fn what_is_read_is_written_back_the_same() {
    for vector in vectors("valid").iter().filter(|vector| !vector.name.contains("unknown flags")) {
        let message = bytes(&vector.hex);
        let mut written = Vec::new();
        for record in wire::parse(&message).unwrap() {
            match record {
                Record::Audio(place, payload) => {
                    written.extend(wire::audio_head(&place, wire::Coding::S16_PAIR));
                    written.extend(payload);
                }
                Record::Gap(place, cause) => written.extend(wire::gap(&place, cause)),
                Record::Listener(note) => written.extend(wire::listener(&note)),
            }
        }
        assert_eq!(written, message, "{}", vector.name);
    }
}

#[test]
fn every_invalid_vector_is_refused_for_its_reason() {
    for vector in vectors("invalid") {
        let reason = match wire::parse(&bytes(&vector.hex)).expect_err(&vector.name) {
            Refused::Empty => "empty",
            Refused::Oversized => "oversized",
            Refused::TooManyRecords => "too_many_records",
            Refused::Truncated(_) => "truncated",
            Refused::Version(..) => "version",
            Refused::Kind(..) => "kind",
            Refused::Format(_) => "format",
            Refused::Frames(..) => "frames",
        };
        assert_eq!(Some(reason), vector.reason.as_deref(), "{}", vector.name);
    }
}
