//! The commands with a server that is not ours, and with wrong arguments: their messages, and what they leave
//! untouched.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

/// Answers every request with these bytes until the test ends.
fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    address
}

fn run(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synthwire"));
    let output = command.args(arguments).env_remove("SYNTHWIRE_KEY").output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn no_fingerprint_is_written_of_anything_but_the_services_certificate() {
    let boot = std::env::temp_dir().join(format!("synthwire-fingerprint-{}", std::process::id()));
    std::fs::create_dir_all(&boot).unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ours = "HTTP/1.1 200 OK\r\nServer: synthwire/0.1.0\r\nContent-Length: 600\r\n\r\n0123456";
    let alert = "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{32}";
    for (place, said) in [
        (answering("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"), "is no Synthwire"),
        (answering("HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n0123456"), "is no Synthwire"),
        (answering(ours), "broke off"),
        (answering(alert), "speaks HTTPS"),
        (
            answering("HTTP/1.1 404 Not Found\r\nServer: synthwire/0.1.0\r\n\r\n"),
            "offers no certificate of its own",
        ),
        (nobody, "nothing answers at"),
    ] {
        let (well, words) =
            run(&["fingerprint", "--listen", &place.to_string(), "--boot", boot.to_str().unwrap()]);
        assert!(!well && words.contains(said), "{said}: {words}");
        assert_eq!(std::fs::read_dir(&boot).unwrap().count(), 0, "{said}: the card stays as it was");
    }
    std::fs::remove_dir(&boot).unwrap();
}

#[test]
fn a_web_server_that_refuses_is_not_the_service() {
    for answer in [
        "HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
    ] {
        let place = answering(answer).to_string();
        let (well, said) = run(&["doctor", "--listen", &place]);
        assert!(!well && said.contains("BAD   port: another program answers at "), "{answer}: {said}");
        assert!(!said.contains("service has it"), "{answer}: {said}");
        let (well, said) = run(&["soak", "1s", "--address", &format!("http://{place}/")]);
        assert!(!well && said.contains("is no Synthwire"), "{answer}: {said}");
    }
    let (_, said) = run(&[
        "doctor",
        "--listen",
        &answering("HTTP/1.1 421 x\r\nServer: synthwire/0.1.0\r\n\r\n").to_string(),
    ]);
    assert!(said.contains("refuses with HTTP status 421"), "{said}");
}

#[test]
fn a_mistake_is_repeated_without_what_would_act_on_a_terminal() {
    for (arguments, said) in [
        (&["serve", "--listen", "\u{1b}]0;x\u{7}"][..], "error: invalid value ''"),
        (&["\u{1b}[31mred\u{9b}2J"], "red"),
        (&["soak", "1h", "--address", "\u{7}host"], "the port is missing"),
    ] {
        let (well, words) = run(arguments);
        assert!(!well && words.contains(said), "{words}");
        assert!(!words.chars().any(|letter| letter.is_control() && letter != '\n'), "{words:?}");
    }
    let (well, help) = run(&["--help"]);
    assert!(well && help.contains("Usage: synthwire") && help.contains("\n  soak "), "{help}");
    assert!(run(&["--version"]).0);
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    let folder = std::env::temp_dir().join(format!("synthwire-named-pipe-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pipe = folder.join("pipe").display().to_string();
    nix::unistd::mkfifo(pipe.as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (arguments, remedy) in [
        (vec!["doctor", "--config", &pipe], "Check the path given with --config"),
        (vec!["serve", "--config", &pipe], "Check the path given with --config"),
        (vec!["update", &pipe], "Check the path: it has to name the file of an update"),
    ] {
        let (well, said) = run(&arguments);
        assert!(!well && said.contains("it is no file") && said.contains(remedy), "{arguments:?}: {said}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
