//! `cargo +nightly fuzz run http_request fuzz/corpus/http_request fuzz/seeds/http_request` (needs cargo-fuzz and a nightly compiler).

#![no_main]

#[allow(dead_code, reason = "each target uses one of the checks")]
#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::http_request(bytes));
