//! Attacks by strangers. Each runs from its own address until its time is over, and records the answers it
//! got.

use crate::service::PATIENCE;
use socket2::{Domain, Socket, Type};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// The acts of an attacker and the answers to them.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) tries: u64,
    /// The refusals that the attacker got, by the name under which the service should count them.
    pub(crate) refusals: BTreeMap<&'static str, u64>,
}

impl Findings {
    fn refused(&mut self, name: &'static str) {
        *self.refusals.entry(name).or_default() += 1;
    }

    pub(crate) fn add(&mut self, more: &Self) {
        self.tries += more.tries;
        for (name, count) in &more.refusals {
            *self.refusals.entry(name).or_default() += count;
        }
    }
}

/// An attacker's address, and its target.
#[derive(Clone, Copy)]
struct Attacker {
    target: SocketAddr,
    from: Ipv4Addr,
}

impl Attacker {
    fn connect(self) -> Option<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.bind(&SocketAddr::from((self.from, 0)).into()).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        socket.connect(&self.target.into()).ok()?;
        Some(socket.into())
    }

    /// Sends these bytes and reads to the end; None if the connection was cut.
    fn ask(self, bytes: &[u8]) -> Option<String> {
        let mut stream = self.connect()?;
        stream.write_all(bytes).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    fn listen(self) -> Option<WebSocket<TcpStream>> {
        tungstenite::client(format!("ws://{}/ws", self.target), self.connect()?)
            .ok()
            .map(|(socket, _)| socket)
    }
}

/// A kind of attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// The limits that must have counted the attack, whether the attacker was told or not.
    pub(crate) counted: &'static [&'static str],
    /// Runs one round.
    round: fn(Attacker, &mut Findings),
}

impl Attack {
    /// Attacks from 127.0.0.`from` until the given time.
    pub(crate) fn run(&self, target: SocketAddr, from: u8, until: Instant) -> Findings {
        let attacker = Attacker { target, from: Ipv4Addr::new(127, 0, 0, from) };
        let mut found = Findings::default();
        while Instant::now() < until {
            (self.round)(attacker, &mut found);
            found.tries += 1;
        }
        found
    }
}

/// All attacks.
pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "slowloris", counted: &["head_late", "connections_per_address"], round: slowloris },
    Attack { name: "idle sockets", counted: &["head_late", "connections_per_address"], round: idle },
    Attack { name: "connection flood", counted: &[], round: flood },
    Attack { name: "garbage", counted: &["head_unreadable"], round: garbage },
    Attack { name: "foreign names and pages", counted: &["host_unknown", "origin_foreign"], round: foreign },
    Attack {
        name: "requests too large",
        counted: &["url_too_long", "head_too_long", "method"],
        round: too_large,
    },
    Attack { name: "half-open handshakes", counted: &[], round: half_open },
    Attack {
        name: "rude listeners",
        counted: &["message_unknown", "message_binary", "message_too_long"],
        round: rude,
    },
    Attack { name: "chatty listeners", counted: &["messages_too_many"], round: chatty },
    Attack { name: "stalled listeners", counted: &[], round: stalled },
    Attack { name: "writes", counted: &["body_unreadable", "body_too_long", "key_missing"], round: writes },
    Attack { name: "guessed keys", counted: &["key_wrong", "key_tries"], round: guesses },
    Attack { name: "connections from everywhere", counted: &["connections_total"], round: everywhere },
    Attack { name: "too many listeners", counted: &["listeners_full"], round: crowd },
];

/// Opens many connections that never finish their request.
fn slowloris(attacker: Attacker, _: &mut Findings) {
    let mut held: Vec<TcpStream> = (0..70).filter_map(|_| attacker.connect()).collect();
    for _ in 0..4 {
        for stream in &mut held {
            let _ = stream.write_all(b"X-Slow: 1\r\n");
        }
        sleep(Duration::from_millis(1400));
    }
}

/// Opens many connections that send nothing.
fn idle(attacker: Attacker, _: &mut Findings) {
    let held: Vec<TcpStream> = (0..70).filter_map(|_| attacker.connect()).collect();
    sleep(Duration::from_millis(5500));
    drop(held);
}

/// Opens and closes connections as fast as one thread can, some with a reset.
fn flood(attacker: Attacker, _: &mut Findings) {
    for number in 0..50 {
        let Some(mut stream) = attacker.connect() else { continue };
        if number % 2 == 0 {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
        if number % 3 == 0 {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)); // closes with a reset
        }
    }
    sleep(Duration::from_millis(50));
}

fn garbage(attacker: Attacker, found: &mut Findings) {
    for seed in 0..8_u64 {
        let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ found.tries;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8 | 0x80 // never a letter of a method
        })
        .take(300)
        .collect();
        if attacker.ask(&bytes).is_some_and(|answer| answer.starts_with("HTTP/1.1 400")) {
            found.refused("head_unreadable");
        }
    }
    sleep(Duration::from_millis(20));
}

fn foreign(attacker: Attacker, found: &mut Findings) {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: close\r\n";
    for (host, origin, code, name) in [
        ("evil.example", "http://evil.example", "421", "host_unknown"),
        ("localhost", "http://evil.example", "403", "origin_foreign"),
        ("localhost", "null", "403", "origin_foreign"),
    ] {
        let request = format!("GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n{upgrade}\r\n");
        let answer = attacker.ask(request.as_bytes()).unwrap_or_default();
        if answer.starts_with(&format!("HTTP/1.1 {code}")) {
            found.refused(name);
        }
    }
    sleep(Duration::from_millis(20));
}

fn too_large(attacker: Attacker, found: &mut Findings) {
    for (request, code, name) in [
        (format!("GET /{} HTTP/1.1\r\nHost: localhost", "x".repeat(3000)), "414", "url_too_long"),
        (format!("GET / HTTP/1.1\r\nHost: localhost{}", "\r\nX: 1".repeat(100)), "431", "head_too_long"),
        ("DELETE / HTTP/1.1\r\nHost: localhost".into(), "405", "method"),
    ] {
        let answer =
            attacker.ask(format!("{request}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap_or_default();
        if answer.starts_with(&format!("HTTP/1.1 {code}")) {
            found.refused(name);
        }
    }
    sleep(Duration::from_millis(20));
}

/// Breaks off handshakes at any point, and drops sockets right after a complete one.
fn half_open(attacker: Attacker, _: &mut Findings) {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        attacker.target
    );
    for cut in [1, 20, 60, request.len() - 2, request.len()] {
        let Some(mut stream) = attacker.connect() else { continue };
        let _ = stream.write_all(&request.as_bytes()[..cut]);
        if cut % 2 == 0 {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }
    sleep(Duration::from_millis(30));
}

/// Reads until the connection closes, and returns the close code.
fn close_code(socket: &mut WebSocket<TcpStream>) -> Option<u16> {
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

fn rude(attacker: Attacker, found: &mut Findings) {
    for (message, code, name) in [
        (Message::text("no json"), 1008, "message_unknown"),
        (Message::binary(vec![1, 2, 3]), 1003, "message_binary"),
        (Message::text("x".repeat(5000)), 1009, "message_too_long"),
    ] {
        let Some(mut socket) = attacker.listen() else { continue };
        if socket.send(message).is_ok() && close_code(&mut socket) == Some(code) {
            found.refused(name);
        }
    }
    sleep(Duration::from_millis(20));
}

fn chatty(attacker: Attacker, found: &mut Findings) {
    let Some(mut socket) = attacker.listen() else { return };
    for id in 0..500 {
        if socket.send(Message::text(format!(r#"{{"type":"ping","id":{id}}}"#))).is_err() {
            break;
        }
    }
    if close_code(&mut socket) == Some(1008) {
        found.refused("messages_too_many");
    }
}

/// Connects listeners that stop reading; some of them disappear.
fn stalled(attacker: Attacker, _: &mut Findings) {
    let held: Vec<_> = (0..8).filter_map(|_| attacker.listen()).collect();
    sleep(Duration::from_millis(2500));
    drop(held);
}

/// Connects more listeners than there are places.
fn crowd(attacker: Attacker, found: &mut Findings) {
    let mut held = Vec::new();
    for _ in 0..50 {
        let Some(mut socket) = attacker.listen() else { continue };
        match socket.read() {
            Ok(Message::Close(Some(frame))) if u16::from(frame.code) == 1013 => {
                found.refused("listeners_full");
            }
            _ => held.push(socket),
        }
    }
    sleep(Duration::from_millis(300));
}

fn post(attacker: Attacker, path: &str, body: &str) -> Option<String> {
    attacker.ask(
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    )
}

fn writes(attacker: Attacker, found: &mut Findings) {
    let long = format!("{:1100}", "{}");
    for (path, body, said, name) in [
        ("/api/access/enter", "{", "nothing that can be set", "body_unreadable"),
        ("/api/access/enter", long.as_str(), "At most", "body_too_long"),
        ("/api/settings", r#"{"first_channel":1}"#, "settings key first", "key_missing"),
    ] {
        if post(attacker, path, body).is_some_and(|answer| answer.contains(said)) {
            found.refused(name);
        }
    }
    sleep(Duration::from_millis(20));
}

fn guesses(attacker: Attacker, found: &mut Findings) {
    let body = format!(r#"{{"purpose":"settings","key":"guess {}"}}"#, found.tries);
    let answer = post(attacker, "/api/access/enter", &body).unwrap_or_default();
    match () {
        () if answer.contains("This key is wrong") => found.refused("key_wrong"),
        () if answer.contains("tried too often") => found.refused("key_tries"),
        () => {}
    }
    sleep(Duration::from_millis(20));
}

/// Opens more connections than the service accepts in total, from so many addresses that each has only a few.
fn everywhere(attacker: Attacker, _: &mut Findings) {
    let [.., last] = attacker.from.octets();
    let from = |number: u8| Attacker { from: Ipv4Addr::new(127, 0, last, number), ..attacker };
    let held: Vec<_> =
        (1..80).flat_map(|number| (0..5).filter_map(move |_| from(number).connect())).collect();
    sleep(Duration::from_millis(300));
    drop(held);
    sleep(Duration::from_millis(700));
}
