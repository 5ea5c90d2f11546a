//! `make fuzz TARGET=proxy_headers MINUTES=60`

#![no_main]

#[allow(dead_code, reason = "each target uses one of the checks")]
#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::proxy_headers(bytes));
