//! Any text from a listener is understood or refused with a reason that fits a close frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use synthwire::net::control::FromListener;

fuzz_target!(|text: &str| {
    if let Err(reason) = FromListener::parse(text) {
        assert!(!reason.is_empty() && reason.len() <= 123);
    }
});
