//! All invalid input from outside gets an answer in plain words, and no listener notices it.

use crate::fan_out::wait_until;
use crate::service::{Heard, Service};
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;
use tungstenite::Message;

#[test]
fn unknown_paths_methods_and_origins_are_refused() {
    let service = Service::playing(&["--source", "exact:music"]);
    for (request, status, said) in [
        ("GET /nothing HTTP/1.1", "404", "There is nothing here"),
        ("GET /../Cargo.toml HTTP/1.1", "404", ""),
        ("POST / HTTP/1.1", "405", "Only GET and HEAD"),
        ("DELETE /api/status HTTP/1.1", "405", ""),
        ("GET /ws HTTP/1.1", "426", "speaks WebSocket"),
        ("GET /ws HTTP/1.1\r\nOrigin: http://evil.example", "403", "own page"),
        ("NONSENSE", "400", ""),
        ("GET /healthz HTTP/1.1", "200", "ok"),
    ] {
        let answer = service.http(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        assert!(answer.contains(said), "{request}: {answer}");
    }
}

#[test]
fn the_page_comes_with_its_types_caching_and_headers() {
    let service = Service::start(&["--source", "exact:music"]);
    let page = service.http("GET / HTTP/1.1");
    let head = page.split("\r\n\r\n").next().unwrap().to_lowercase();
    for line in [
        "content-type: text/html; charset=utf-8",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-embedder-policy: require-corp",
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "cache-control: no-cache",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let again = service.http(&format!("GET / HTTP/1.1\r\nIf-None-Match: {etag}"));
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    let script = service.http("GET /worklet.js HTTP/1.1\r\nAccept-Encoding: gzip").to_lowercase();
    assert!(script.contains("content-type: text/javascript") && script.contains("content-encoding: gzip"));
}

#[test]
fn what_a_listener_says_wrongly_ends_its_own_connection_only() {
    let service = Service::start(&["--source", "exact:counter"]);
    let mut bystander = service.listen();
    for (message, code, said) in [
        (Message::text("no json"), 1008, "not a message of this service"),
        (Message::text(r#"{"type":"dance"}"#), 1008, "unknown variant"),
        (Message::text(r#"{"type":"ping","id":-1}"#), 1008, ""),
        (Message::binary(vec![1, 2, 3]), 1003, "binary messages go from the service"),
        (Message::text("x".repeat(5000)), 1009, "4096 bytes"),
    ] {
        let mut rude = service.listen();
        rude.socket.send(message.clone()).unwrap();
        let (found, reason) = rude.close_reason();
        assert_eq!(found, code, "{message:?}: {reason}");
        assert!(reason.contains(said), "{message:?}: {reason}");
    }
    let mut chatty = service.listen();
    for id in 0..60 {
        if chatty.socket.send(Message::text(format!(r#"{{"type":"ping","id":{id}}}"#))).is_err() {
            break;
        }
    }
    assert_eq!(chatty.close_reason().0, 1008);

    let mut next = None;
    for _ in 0..500 {
        for record in bystander.records() {
            let Heard::Audio(place, _) = record else { continue };
            assert!(next.is_none_or(|next| next == place.seq), "the bystander lost nothing");
            next = Some(place.seq + 1);
        }
    }
}

#[test]
fn too_many_listeners_are_told_so() {
    let service = Service::start(&["--source", "exact:counter", "--listeners-max", "1"]);
    let mut first = service.listen();
    let stream = std::net::TcpStream::connect(service.address).unwrap();
    let (mut second, _) = tungstenite::client(format!("ws://{}/ws", service.address), stream).unwrap();
    let Message::Close(Some(frame)) = second.read().unwrap() else { panic!("it is refused") };
    assert_eq!(u16::from(frame.code), 1013);
    assert!(frame.reason.contains("are listening already"));
    first.records();
    assert_eq!(service.status()["listeners"]["refused"], 1);
}

/// Runs `synthwire` until it exits; returns whether it succeeded, and its output.
fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_synthwire")).args(arguments).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output.status.success(), said)
}

#[test]
fn bad_settings_are_named_with_file_and_line_and_the_service_goes_on_without_them() {
    let file = std::env::temp_dir().join(format!("synthwire-bad-{}.toml", std::process::id()));
    for (text, said) in [
        ("demo = true\nvolume = 11\n", ":2: there is no key \"volume\""),
        ("\nperiod_frames = 1000000\n", ":2: period_frames is 1000000 but must lie between 32 and 1024"),
        ("listen = 8080\n", ":1: listen wants an address"),
        ("demo = maybe\n", ":1: demo wants true or false"),
    ] {
        std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
        let service = Service::start(&["--source", "exact:music", "--config", file.to_str().unwrap()]);
        service.wait_for_log(said);
        wait_until("it lives", || service.http("GET /healthz HTTP/1.1").ends_with("ok"));
        let (_, words) = run(&["doctor", "--config", file.to_str().unwrap()]);
        assert!(words.contains(said), "{text:?}: {words}");
    }
    std::fs::remove_file(file).unwrap();
    let (succeeded, words) = run(&["serve", "--config", "/nowhere.toml"]);
    assert!(!succeeded && words.contains("/nowhere.toml"), "{words}");
    for arguments in [["serve", "--queue-ms=5"], ["serve", "--source=trumpet"], ["serve", "--listen=loud"]] {
        let (succeeded, words) = run(&arguments);
        assert!(!succeeded && !words.is_empty(), "{arguments:?}: {words}");
    }
}

#[test]
fn a_taken_port_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (succeeded, words) = run(&["serve", "--listen", &address, "--source", "demo"]);
    assert!(!succeeded && words.contains(&address) && words.contains("--listen"), "{words}");
}

#[test]
fn an_absent_device_is_waited_for_and_said_in_plain_words() {
    let service = Service::start(&["--device", "hw:CARD=Nowhere"]);
    let ear = service.listen();
    service.wait_for_log("cannot open");
    let source = &service.status()["source"];
    assert_eq!((&source["kind"], &source["state"]), (&"none".into(), &"waiting".into()));
    let notice = source["notice"].as_str().unwrap();
    assert!(notice.contains("hw:CARD=Nowhere") && notice.contains("synthwire devices"), "{notice}");
    drop(ear);
}
