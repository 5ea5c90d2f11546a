//! `cargo +nightly fuzz run wire_decode fuzz/corpus/wire_decode fuzz/seeds/wire_decode` (needs cargo-fuzz and a nightly compiler).

#![no_main]

#[allow(dead_code, reason = "each target uses one of the checks")]
#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::wire_decode(bytes));
