//! Any bytes give records or a refusal; records written back give the same bytes, but for flags nobody knows.
//! `cargo +nightly fuzz run wire_decode` (needs cargo-fuzz and a nightly compiler).

#![no_main]

use libfuzzer_sys::fuzz_target;
use synthwire::core::wire::{self, Record};

fuzz_target!(|message: &[u8]| {
    let Ok(records) = wire::parse(message) else { return };
    let mut written = Vec::new();
    for record in records {
        match record {
            Record::Audio(place, payload) => {
                written.extend(wire::audio_head(&place));
                written.extend(payload);
            }
            Record::Gap(place, cause) => written.extend(wire::gap(&place, cause)),
            Record::Listener(note) => written.extend(wire::listener(&note)),
        }
    }
    assert_eq!(written.len(), message.len());
    assert!(wire::parse(&written).is_ok());
});
