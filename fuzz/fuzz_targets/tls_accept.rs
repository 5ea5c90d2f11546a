//! `cargo +nightly fuzz run tls_accept fuzz/corpus/tls_accept fuzz/seeds/tls_accept` (needs cargo-fuzz and a nightly compiler).

#![no_main]

#[allow(dead_code, reason = "each target uses one of the checks")]
#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::tls_accept(bytes));
