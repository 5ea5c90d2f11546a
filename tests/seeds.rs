//! Runs the stored inputs of the fuzz targets as ordinary tests on any compiler: a new file in `fuzz/seeds/`
//! is a new case.

#[path = "../fuzz/checks.rs"]
mod checks;

use std::path::Path;

/// Checks every stored file of a target, and damaged copies of it: cut short, or with one byte changed.
fn each(target: &str, check: fn(&[u8]), damages: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{target} has seeds");
    for file in files {
        let bytes = std::fs::read(&file).expect("a seed can be read");
        println!("{}", file.display());
        check(&bytes);
        let step = (bytes.len() / damages).max(1);
        for place in (0..bytes.len()).step_by(step) {
            check(&bytes[..place]);
            let mut other = bytes.clone();
            other[place] ^= 0x55;
            check(&other);
        }
    }
}

#[test]
fn any_message_is_read_or_refused() {
    each("wire_decode", checks::wire_decode, 200);
}

#[test]
fn any_words_of_a_listener_are_understood_or_refused() {
    each("ws_control", checks::ws_control, 200);
}

#[test]
fn any_request_is_answered_with_http_or_not_at_all() {
    each("http_request", checks::http_request, 12);
}

#[test]
fn whatever_a_proxy_says_no_page_from_elsewhere_is_let_in() {
    each("proxy_headers", checks::proxy_headers, 200);
}

#[test]
fn any_bytes_are_no_handshake_by_themselves() {
    each("tls_accept", checks::tls_accept, 12);
}

#[test]
fn any_bytes_in_the_state_folder_let_the_service_start_and_open_no_door() {
    each("state_files", checks::state_files, 60);
}

#[test]
fn any_bytes_on_the_card_are_understood_line_by_line() {
    each("card_sheet", checks::card_sheet, 200);
}

#[test]
fn the_entry_for_fuzzers_leads_to_the_service_itself() {
    for (request, code) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"),
        ("PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
    ] {
        let answer = synthwire::net::hostile::answer(request.as_bytes());
        assert!(answer.starts_with(format!("HTTP/1.1 {code}").as_bytes()), "{request}");
    }
    let hello = include_bytes!("../fuzz/seeds/tls_accept/hello_1_3");
    let (said, _) = synthwire::net::hostile::shake(hello);
    assert_eq!(said[..3], [22, 3, 3], "a hello is answered with a hello");
}

#[test]
fn any_recording_is_read_or_refused() {
    each("wav", checks::wav, 100);
}
