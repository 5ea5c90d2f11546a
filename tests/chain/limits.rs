//! Tests each limit at its boundary: the client's answer, and the name under which the service counts the
//! refusal.

use crate::service::{PATIENCE, Service};
use crate::slow_client::small_connection;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;
use tungstenite::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

fn counted(service: &Service, name: &str) -> u64 {
    service.status()["refusals"][name].as_u64().unwrap_or_else(|| panic!("no {name} among the refusals"))
}

#[test]
fn requests_that_are_too_much_are_told_so_and_counted_under_their_name() {
    let service = Service::start(&["--source", "exact:music"]);
    let many = "\r\nX: 1".repeat(70);
    for (request, status, name) in [
        (format!("GET /{} HTTP/1.1", "x".repeat(1100)), "414", "url_too_long"),
        (format!("GET / HTTP/1.1{many}"), "431", "head_too_long"),
        (format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20_000)), "431", "head_too_long"),
        ("TRACE / HTTP/1.1".into(), "405", "method"),
        ("CONNECT evil.example:80 HTTP/1.1".into(), "405", "method"),
        ("\u{1}\u{2}\u{3}".into(), "400", "head_unreadable"),
    ] {
        let before = counted(&service, name);
        let answer = service.http(&request);
        let start: String = request.chars().take(30).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{start}: {answer}");
        assert_eq!(counted(&service, name), before + 1, "{start}");
    }
}

#[test]
fn what_does_not_come_in_time_is_ended() {
    let service = Service::start(&["--source", "exact:music"]);
    let mut silent = TcpStream::connect(service.address).unwrap();
    let mut trickling = TcpStream::connect(service.address).unwrap();
    trickling.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    let mut half = TcpStream::connect(service.address).unwrap();
    let head = "POST /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20";
    half.write_all(format!("{head}\r\n\r\n{{").as_bytes()).unwrap();
    let mut said = Vec::new();
    silent.read_to_end(&mut said).unwrap();
    // A new byte must not restart the time-out.
    while trickling.write_all(b"X: 1\r\n").is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    half.read_to_end(&mut said).unwrap();
    assert!(said.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&said));
    assert!(counted(&service, "head_late") >= 2 && counted(&service, "body_late") == 1);
}

#[test]
fn one_address_has_so_many_connections_and_gets_them_back() {
    let service = Service::start(&["--source", "exact:music", "--connections-per-address", "3"]);
    let mut open: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(service.address).unwrap()).collect();
    let ear = service.listen();
    let mut answer = String::new();
    TcpStream::connect(service.address).unwrap().read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("too many connections"), "{answer}");
    drop((open.pop(), open.pop(), ear));
    // A new client is turned away until the places are free again, maybe before its request was read.
    let served = || {
        let mut stream = TcpStream::connect(service.address).unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
    };
    while !served() {}
    assert!(counted(&service, "connections_per_address") >= 1);
}

#[test]
fn what_breaks_the_protocol_is_closed_with_its_code_and_counted() {
    let service = Service::start(&["--source", "exact:music"]);
    let no_text = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    let continued_from_nothing = Frame::message(vec![1], OpCode::Data(Data::Continue), true);
    for (message, code, name) in [
        (Message::Frame(no_text), 1007, "message_no_text"),
        (Message::Frame(continued_from_nothing), 1002, "protocol_broken"),
        (Message::binary(vec![1]), 1003, "message_binary"),
        (Message::text("x".repeat(5000)), 1009, "message_too_long"),
        (Message::text("no json"), 1008, "message_unknown"),
    ] {
        let mut ear = service.listen();
        ear.socket.send(message).unwrap();
        assert_eq!((ear.close_reason().0, counted(&service, name)), (code, 1), "{name}");
    }
    let mut chatty = service.listen();
    for id in 0..60 {
        if chatty.socket.send(Message::text(format!(r#"{{"type":"ping","id":{id}}}"#))).is_err() {
            break;
        }
    }
    assert_eq!((chatty.close_reason().0, counted(&service, "messages_too_many")), (1008, 1));
}

/// The largest number of bytes that the kernel holds for one connection to this port of the service
/// (`/proc/net/tcp`).
fn kept_for_one(port: u16) -> u64 {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mine = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_ours = fields.get(1)?.ends_with(&format!(":{port:04X}"));
        let queue = fields.get(4)?.split_once(':')?.0;
        is_ours.then(|| u64::from_str_radix(queue, 16).unwrap())
    });
    mine.max().unwrap_or(0)
}

#[test]
fn whoever_asks_and_never_reads_costs_little_and_is_gone_in_seconds() {
    const RUDE: u64 = 30;
    let service = Service::start(&["--source", "exact:music"]);
    let mut ear = service.listen();
    ear.records();
    let asked = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(400);
    let rude: Vec<TcpStream> = (0..RUDE)
        .map(|_| {
            let mut stream = small_connection(service.address);
            stream.set_nonblocking(true).unwrap();
            let _ = stream.write(asked.as_bytes());
            stream
        })
        .collect();
    let (mut most, deadline) = (0, Instant::now() + PATIENCE);
    while counted(&service, "answer_not_taken") < RUDE {
        assert!(Instant::now() < deadline, "{} are gone", counted(&service, "answer_not_taken"));
        most = most.max(kept_for_one(service.address.port()));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    println!("the kernel kept {most} bytes for one of them at most");
    assert!((1..100_000).contains(&most), "{most} bytes for one");
    ear.records();
    drop(rude);
}
