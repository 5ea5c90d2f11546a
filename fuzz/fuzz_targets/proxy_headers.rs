//! `cargo +nightly fuzz run proxy_headers fuzz/corpus/proxy_headers fuzz/seeds/proxy_headers` (needs cargo-fuzz and a nightly compiler).

#![no_main]

#[allow(dead_code, reason = "each target uses one of the checks")]
#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::proxy_headers(bytes));
