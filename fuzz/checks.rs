//! Checks that must hold for any bytes. The fuzz targets call them, and so does `tests/seeds.rs` for the bytes
//! kept in `seeds/`.

use synthwire::card::sheet;
use synthwire::config::{Https, Reading};
use synthwire::core::wire::{self, Record};
use synthwire::encoding::decode;
use synthwire::net::control::FromListener;
use synthwire::net::hostile;
use synthwire::source::riff::{self, Refused};

/// Any bytes give records or a refusal; records written back give the same bytes, except for unknown flags.
pub(crate) fn wire_decode(message: &[u8]) {
    let Ok(records) = wire::parse(message) else { return };
    let mut written = Vec::new();
    for record in records {
        match record {
            Record::Audio(place, payload) => {
                written.extend(wire::audio_head(&place, wire::Coding::S16_PAIR));
                written.extend(payload);
            }
            Record::Gap(place, cause) => written.extend(wire::gap(&place, cause)),
            Record::Listener(note) => written.extend(wire::listener(&note)),
        }
    }
    assert_eq!(written.len(), message.len());
    assert!(wire::parse(&written).is_ok());
}

/// Any text from a listener is understood, or refused with a reason; a close frame carries as much of it as fits (`net::link::frames`).
pub(crate) fn ws_control(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Err(reason) = FromListener::parse(text) {
        assert!(!reason.is_empty());
    }
}

/// Any bytes from a connection are answered with HTTP or not at all, never with data that only an owner may see.
pub(crate) fn http_request(request: &[u8]) {
    let answer = hostile::answer(request);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
}

/// Arbitrary bytes are never a valid handshake. They are answered with TLS records or not at all, and never with
/// application data.
pub(crate) fn tls_accept(bytes: &[u8]) {
    const CHANGE_CIPHER_SPEC_ALERT_HANDSHAKE: [u8; 3] = [20, 21, 22];
    const APPLICATION_DATA: u8 = 23; // the type that TLS 1.3 gives to encrypted records after its hello
    let (said, accepted) = hostile::shake(bytes);
    assert!(!accepted, "a handshake needs an answer to what the service says");
    let (mut rest, mut greeted) = (&said[..], false);
    while let [kind, 3, _, high, low, after @ ..] = rest {
        assert!(
            CHANGE_CIPHER_SPEC_ALERT_HANDSHAKE.contains(kind) || (*kind == APPLICATION_DATA && greeted),
            "a record of kind {kind}"
        );
        greeted |= *kind == 22;
        rest = after.get(usize::from(*high) << 8 | usize::from(*low)..).unwrap_or_default();
    }
    assert!(rest.is_empty(), "no record begins with {rest:?}");
}

/// Whatever the state folder holds, the service starts, damage unlocks nothing, and unknown fields are kept when it writes.
pub(crate) fn state_files(bytes: &[u8]) {
    type Fields = serde_json::Map<String, serde_json::Value>;
    let remembered = hostile::remember(bytes);
    let written: Fields = serde_json::from_slice(&remembered.settings).expect("what is written is JSON");
    assert_eq!(written["card_reading"], "fuzz");
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    let text = &text[..text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
    let names_a_key = |fields: Fields| fields.get("listening_key").is_some_and(|key| !key.is_null());
    let is_locked = serde_json::from_slice(text).map_or(true, names_a_key);
    assert!(
        !(remembered.open && is_locked),
        "what is no JSON object is damage, and what it holds a key for is locked"
    );
    let Ok(before) = serde_json::from_slice::<Fields>(bytes) else { return };
    let has_fractions = bytes.iter().any(|byte| b".eE".contains(byte)); // the last digit of fractions may be rounded
    for (name, value) in before {
        if !["format", "first_channel", "card_reading"].contains(&name.as_str()) {
            let kept = written.get(&name).expect("what is not known is kept");
            assert!(has_fractions || *kept == value, "{name}: {kept} instead of {value}");
        }
    }
}

/// Any sheet on the card is understood line by line, and the sheet left behind requests nothing. The service can also run
/// with whatever configuration the same text gives.
pub(crate) fn card_sheet(bytes: &[u8]) {
    assert_eq!(Reading::of_bytes(bytes, "x", Https::InFile).config.check(), Ok(()));
    let Ok(text) = decode(bytes) else { return };
    let sheet = sheet::read(&text);
    let left = synthwire::card::left::sheet_text(&sheet, None);
    assert!(sheet::read(&left).is_blank(), "{left}");
}

/// Any file gives whole frames, or a refusal with a remedy.
pub(crate) fn wav(file: &[u8]) {
    match riff::read(std::io::Cursor::new(file)) {
        Ok(recording) => {
            let channels = usize::from(recording.channels.get());
            assert!(!recording.samples.is_empty() && recording.samples.len().is_multiple_of(channels));
        }
        Err(Refused::Content(what, remedy)) => assert!(!what.is_empty() && !remedy.is_empty()),
        Err(Refused::Io(error)) => panic!("memory can be read: {error}"),
    }
}

/// Whatever a proxy claims, a foreign page does not become ours, and neither does a page fetched over plain HTTP when the
/// visitor's connection is claimed to be encrypted. Only the proxy is believed.
pub(crate) fn proxy_headers(lines: &[u8]) {
    let Ok(lines) = std::str::from_utf8(lines) else { return };
    let told = hostile::proxy_verdict(lines);
    assert!(!told.foreign_page, "evil.example is let in");
    assert!(!(told.secure && told.plain_page), "a plain page is let in where all is encrypted");
    assert!(!told.believed_of_stranger, "anybody may be a proxy");
}
