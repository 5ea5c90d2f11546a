//! Lets the other commands ask the running service, at the address where `serve` of the same configuration answers.

use super::programs::said;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::plain::Plain;
use crate::tls::fingerprint::Fingerprint;
use crate::tls::ourselves;
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer that is read: the status of two thousand listeners.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The environment variable for the listening key, if one is set; command lines are visible to all users.
pub(super) const KEY_VARIABLE: &str = "SYNTHWIRE_KEY";
/// The first byte of a TLS alert (RFC 8446, 5.1), which an HTTPS port sends to a client that speaks HTTP.
const TLS_ALERT: u8 = 21;

/// The answer from an address.
#[derive(Debug, PartialEq)]
pub(super) enum ServiceAnswer {
    /// The service, with its status.
    Runs(Value),
    /// The service, which needs the listening key.
    Locked,
    /// An HTTPS port.
    Tls,
    /// The service, which refuses: it does not know the name it was asked by, or for another reason. Holds the HTTP status.
    Refuses(u16),
    /// Another program.
    Stranger,
    /// No answer, for this reason.
    Nobody(String),
}

impl ServiceAnswer {
    /// Recognises an HTTP answer to `/api/status`. Pure.
    pub(super) fn of(bytes: &[u8]) -> Self {
        if bytes.first() == Some(&TLS_ALERT) {
            return Self::Tls;
        }
        let text = String::from_utf8_lossy(bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return Self::Stranger };
        let code = head.strip_prefix("HTTP/1.").and_then(|head| head.split(' ').nth(1)?.parse().ok());
        match (code, serde_json::from_str::<Value>(body)) {
            (Some(200), Ok(status)) if status["source"].is_object() => Self::Runs(status),
            (Some(401), _) => Self::Locked,
            (Some(200) | None, _) => Self::Stranger,
            (Some(code), _) => Self::Refuses(code),
        }
    }

    /// Returns the status.
    ///
    /// # Errors
    /// Why there is none, with what to do.
    pub(super) fn status(self, place: &str) -> Result<Value> {
        let error = match self {
            Self::Runs(status) => return Ok(status),
            Self::Locked => Error::new(format!("the service at {place} has a listening key"))
                .try_this(format!("Put the key into the variable {KEY_VARIABLE}")),
            Self::Tls => Error::new(format!("{place} speaks HTTPS, and this asks over HTTP")).try_this(
                "Name the service's HTTP port with --address: on the machine itself that answers, too",
            ),
            Self::Refuses(code) => Error::new(format!("{place} refuses with HTTP status {code}"))
                .try_this("Name the service by its address or by a name it goes by, with --address"),
            Self::Stranger => Error::new(format!("what answers at {place} is no Synthwire"))
                .try_this("Name the service's address with --address, or its configuration with --config"),
            Self::Nobody(why) => Error::new(format!("nothing answers at {place}")).because(why).try_this(
                "Start the service, or name its address with --address or its configuration with --config",
            ),
        };
        Err(error)
    }
}

/// Returns where the service of this configuration answers over HTTP: on the socket that systemd opens for it, else at
/// `listen`. `is_systems` tells that nothing else was named, so the system's own service is meant; only that service uses
/// systemd's socket.
pub(super) fn place(config: &Config, is_systems: bool) -> SocketAddr {
    let socket =
        || passed(&said(&["systemctl", "show", "synthwire.socket", "--property=ActiveState,Listen"]));
    from_here(if is_systems { socket().unwrap_or(config.listen) } else { config.listen })
}

/// Returns the address for HTTPS that the unit of the system's service gives on its command line, as the card's does.
pub(super) fn units_https() -> Option<SocketAddr> {
    https_of(&said(&["systemctl", "show", "synthwire.service", "--property=ExecStart"]))
}

/// That, by what `systemctl show` says of the command.
fn https_of(shown: &str) -> Option<SocketAddr> {
    let mut words = shown.split_once("argv[]=")?.1.split(" ;").next()?.split_whitespace();
    let word = words.find(|word| word.starts_with("--listen-tls"))?;
    word.strip_prefix("--listen-tls=").or_else(|| words.next())?.parse().ok()
}

/// Returns the address of a socket that systemd holds open, from the output of `systemctl show`.
fn passed(shown: &str) -> Option<SocketAddr> {
    let value = |key: &str| shown.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let stream = value("Listen")?.strip_suffix(" (Stream)")?;
    (value("ActiveState") == Some("active")).then_some(())?;
    stream.parse().ok()
}

/// Returns the address as reached from this machine, because "all addresses" is not a destination.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Asks the service of this configuration for its status, over HTTP, and if nothing answers there, over HTTPS.
pub(super) fn status(config: &Config, place: SocketAddr) -> ServiceAnswer {
    ask_either(config, place, "/api/status")
        .map_or_else(|why| ServiceAnswer::Nobody(why.to_string()), |bytes| ServiceAnswer::of(&bytes))
}

/// Asks for the status at `address`, a name or an address with its port, over HTTP alone.
pub(super) fn status_at(address: &str) -> ServiceAnswer {
    let asked = reached(address).and_then(|stream| converse(stream, address, "/api/status"));
    asked.map_or_else(|why| ServiceAnswer::Nobody(why.to_string()), |bytes| ServiceAnswer::of(&bytes))
}

/// Connects to the first reachable address of a name.
fn reached(address: &str) -> io::Result<TcpStream> {
    let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Returns why the service is not alive, in its own words; `None` if it is alive.
pub(super) fn ill(config: &Config, place: SocketAddr) -> Option<Plain> {
    let answer = ask_either(config, place, "/healthz").unwrap_or_default();
    if answer.starts_with(b"HTTP/1.1 200 ") {
        return None;
    }
    let words = String::from_utf8_lossy(&answer);
    Some(Plain::of(words.split_once("\r\n\r\n").map_or("", |(_, words)| words)))
}

/// Returns the fingerprint of the certificate authority that the service offers on its first-contact page, if it has one.
pub(super) fn authority(place: SocketAddr) -> Option<Fingerprint> {
    let answer =
        ask(place, "/trust/synthwire.crt").ok().filter(|answer| answer.starts_with(b"HTTP/1.1 200 "))?;
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    Some(Fingerprint::of(&answer[head + 4..]))
}

/// Returns whether something answers over HTTPS.
pub(super) fn speaks_https(address: SocketAddr) -> bool {
    ask_secure(from_here(address), "/healthz").is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 "))
}

/// Asks over HTTP, or over HTTPS if that is configured and HTTP does not answer.
fn ask_either(config: &Config, place: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let plain = ask(place, path);
    let is_http = plain.as_ref().is_ok_and(|answer| answer.first() != Some(&TLS_ALERT));
    match config.listen_tls.filter(|_| !is_http) {
        Some(secure) => ask_secure(from_here(secure), path).or(plain),
        None => plain,
    }
}

fn ask(address: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    converse(connect(address)?, &address.to_string(), path)
}

fn ask_secure(address: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    converse(ourselves::secured(connect(address)?)?, &address.to_string(), path)
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn converse(mut stream: impl Read + Write, host: &str, path: &str) -> io::Result<Vec<u8>> {
    let key = std::env::var(KEY_VARIABLE).ok().map_or_else(String::new, |key| authorization(&key));
    // In one piece: a server that answers after the first of several pieces and closes would reset the connection, and its
    // answer would be lost.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{key}Connection: close\r\n\r\n");
    let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
    match sent.and(read) {
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

/// Returns the header with a key, which may be a sentence in any language; empty if no header can hold it.
fn authorization(key: &str) -> String {
    if key.is_empty() || key.chars().any(char::is_control) {
        return String::new();
    }
    format!("Authorization: Bearer {key}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_address_of_https_is_read_off_the_units_command() {
        for (words, expected) in [
            ("serve --listen-tls [::]:443 --capture-cpu 3", Some("[::]:443")),
            ("serve --listen-tls=0.0.0.0:443", Some("0.0.0.0:443")),
            ("serve", None),
            ("serve --listen-tls", None),
        ] {
            let shown = format!(
                "ExecStart={{ path=/usr/bin/synthwire ; argv[]=/usr/bin/synthwire {words} ; ignore_errors=no ; pid=1 }}\n"
            );
            assert_eq!(https_of(&shown).map(|address| address.to_string()).as_deref(), expected, "{words}");
        }
        assert_eq!(https_of(""), None);
    }

    #[test]
    fn a_key_of_several_words_is_shown_and_no_line_is_broken() {
        for key in ["a word for the band", "für die Band", "open"] {
            assert_eq!(authorization(key), format!("Authorization: Bearer {key}\r\n"));
        }
        for key in ["", "open\r\nHost: other", "open\u{85}"] {
            assert_eq!(authorization(key), "", "{key:?}");
        }
    }

    #[test]
    fn an_answer_is_told_from_what_only_looks_like_one() {
        for (bytes, expected) in [
            (&b"\x15\x03\x03\0\x02\x02\x32"[..], ServiceAnswer::Tls),
            (b"HTTP/1.1 401 Unauthorized\r\n\r\n{}", ServiceAnswer::Locked),
            (b"HTTP/1.1 421 Misdirected Request\r\n\r\nno", ServiceAnswer::Refuses(421)),
            (b"HTTP/1.1 200 OK\r\n\r\n<html>", ServiceAnswer::Stranger),
            (b"HTTP/1.1 200 OK\r\n\r\n{\"uptime_s\":1}", ServiceAnswer::Stranger),
            (b"HTTP/1.1", ServiceAnswer::Stranger),
            (b"SSH-2.0-OpenSSH_9.2\r\n", ServiceAnswer::Stranger),
            (b"", ServiceAnswer::Stranger),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"source\":{}}", ServiceAnswer::Runs(json!({"source": {}}))),
        ] {
            assert_eq!(ServiceAnswer::of(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
        for (answer, said) in [
            (ServiceAnswer::Tls, "speaks HTTPS"),
            (ServiceAnswer::Locked, KEY_VARIABLE),
            (ServiceAnswer::Refuses(421), "421"),
            (ServiceAnswer::Stranger, "no Synthwire"),
            (ServiceAnswer::Nobody("Connection refused".into()), "Connection refused"),
        ] {
            let error = answer.status("127.0.0.1:80").unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("127.0.0.1:80"), "{error}");
        }
    }

    #[test]
    fn the_place_is_systemds_socket_where_it_is_open_else_listen_and_can_be_gone_to() {
        let open = "Listen=[::]:80 (Stream)\nActiveState=active\n";
        assert_eq!(passed(open), Some("[::]:80".parse().unwrap()));
        for shown in [
            "",
            "Listen=[::]:80 (Stream)\nActiveState=inactive\n",
            "ActiveState=active\n",
            "Listen=/run/x (Stream)\nActiveState=active",
        ] {
            assert_eq!(passed(shown), None, "{shown}");
        }
        for (address, gone_to) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:80", "[::1]:80"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(from_here(address.parse().unwrap()), gone_to.parse().unwrap());
        }
    }
}
