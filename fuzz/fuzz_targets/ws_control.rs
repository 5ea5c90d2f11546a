//! `cargo +nightly fuzz run ws_control fuzz/corpus/ws_control fuzz/seeds/ws_control` (needs cargo-fuzz and a nightly compiler).

#![no_main]

#[allow(dead_code, reason = "each target uses one of the checks")]
#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::ws_control(bytes));
