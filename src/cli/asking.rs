//! Lets the other commands ask the running service, at the address where `serve` of the same configuration answers.

use super::http_answer::HttpAnswer;
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

/// Maximum time for the service's answer.
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
    /// The service, which refuses: it does not know the host name in the request, or has another reason. Holds the HTTP status.
    Refuses(u16),
    /// The service, whose answer ended before it was whole.
    BrokeOff,
    /// A program that is not our service.
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
        let Some(answer) = HttpAnswer::of(bytes) else { return Self::Stranger };
        match serde_json::from_slice::<Value>(answer.came()) {
            // Behind a proxy the header is the proxy's.
            Ok(status) if answer.code == 200 && status["source"].is_object() => Self::Runs(status),
            _ => Self::without_content(&answer),
        }
    }

    /// Classifies an answer without the requested content: any web server may refuse, but only our service
    /// names itself.
    fn without_content(answer: &HttpAnswer<'_>) -> Self {
        match answer.code {
            _ if !answer.is_ours => Self::Stranger,
            200 if answer.whole().is_none() => Self::BrokeOff,
            200 => Self::Stranger,
            401 => Self::Locked,
            code => Self::Refuses(code),
        }
    }

    /// Returns the status.
    ///
    /// # Errors
    /// The reason why there is no status, and what to do.
    pub(super) fn status(self, place: &str) -> Result<Value> {
        match self {
            Self::Runs(status) => Ok(status),
            other => Err(other.refusal(place)),
        }
    }

    /// Returns the reason why the service did not give the answer, and what to do.
    fn refusal(self, place: &str) -> Error {
        match self {
            Self::Locked => Error::new(format!("the service at {place} has a listening key"))
                .try_this(format!("Put the key into the variable {KEY_VARIABLE}")),
            Self::Tls => Error::new(format!("{place} speaks HTTPS, and this asks over HTTP")).try_this(
                "Name the service's HTTP port with --address: on the machine itself that answers, too",
            ),
            Self::Refuses(code) => Error::new(format!("{place} refuses with HTTP status {code}"))
                .try_this("Name the service by its address or by a name it goes by, with --address"),
            Self::BrokeOff => Error::new(format!("the answer of the service at {place} broke off"))
                .try_this("Ask again; if it stays so, look at the service's log"),
            Self::Runs(_) | Self::Stranger => Error::new(format!("what answers at {place} is no Synthwire"))
                .try_this("Name the service's address with --address, or its configuration with --config"),
            Self::Nobody(why) => Error::new(format!("nothing answers at {place}")).because(why).try_this(
                "Start the service, or name its address with --address or its configuration with --config",
            ),
        }
    }
}

/// Returns where the service of this configuration answers over HTTP: on the socket that systemd opens for it; otherwise at the
/// address that it reports to use instead of `listen`; otherwise at `listen`. `is_systems` is true if nothing else was named,
/// so that the system's own service is meant; only that service uses systemd's socket and has a line in `systemctl status`.
pub(super) fn place(config: &Config, is_systems: bool) -> SocketAddr {
    let socket =
        || passed(&said(&["systemctl", "show", "synthwire.socket", "--property=ActiveState,Listen"]));
    let moved = || moved_to(&said(&["systemctl", "show", "synthwire.service", "--property=StatusText"]));
    let systems = is_systems.then(|| socket().or_else(moved)).flatten();
    from_here(systems.unwrap_or(config.listen))
}

/// Returns the address at which the service listens because `listen` could not be used (`ports::moved`).
fn moved_to(shown: &str) -> Option<SocketAddr> {
    shown.split_once("HTTP is at ")?.1.split_once(',')?.0.parse().ok()
}

/// Returns the address for HTTPS that the unit of the system's service gives on its command line, as the card's does.
pub(super) fn units_https() -> Option<SocketAddr> {
    https_of(&said(&["systemctl", "show", "synthwire.service", "--property=ExecStart"]))
}

/// Returns the HTTPS address in a command, as `systemctl show` prints it.
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

/// Returns the fingerprint of the certificate authority that the service asks listeners to trust.
///
/// # Errors
/// If the service has no authority, if another program answers, or if nothing answers.
pub(super) fn authority(config: &Config, place: SocketAddr) -> Result<Fingerprint> {
    let asked = ask_either(config, place, "/trust/synthwire.crt");
    let answer = asked.map_err(|why| ServiceAnswer::Nobody(why.to_string()).refusal(&place.to_string()))?;
    authority_in(&answer).map_err(|answer| match answer {
        ServiceAnswer::Refuses(404) => {
            Error::new(format!("the service at {place} offers no certificate of its own"))
                .try_this("Start it with --listen-tls; one that was given --cert has none of its own")
        }
        answer => answer.refusal(&place.to_string()),
    })
}

/// Returns the fingerprint in an answer. The answer must be complete and the service's own, because users
/// compare and trust it.
fn authority_in(bytes: &[u8]) -> std::result::Result<Fingerprint, ServiceAnswer> {
    let Some(answer) = HttpAnswer::of(bytes) else { return Err(ServiceAnswer::of(bytes)) };
    let ours = (answer.is_ours && answer.code == 200).then(|| answer.whole()).flatten();
    ours.and_then(Fingerprint::of_certificate).ok_or_else(|| ServiceAnswer::without_content(&answer))
}

/// Returns whether the program that answers over HTTPS is the service; `None` if nothing answers.
pub(super) fn https(address: SocketAddr) -> Option<bool> {
    let answer = ask_secure(from_here(address), "/healthz").ok()?;
    Some(HttpAnswer::of(&answer).is_some_and(|answer| answer.is_ours))
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
    // Send the request in one piece. A server that answers after the first of several pieces and closes would
    // reset the connection, and its answer would be lost.
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
    fn a_service_that_listens_elsewhere_is_asked_there() {
        for at in ["127.0.0.1:40123", "[::1]:8080"] {
            let why = Error::new("cannot listen on 192.0.2.1:80");
            let words = crate::cli::ports::moved(at.parse().unwrap(), &why);
            let shown = format!("StatusText=Playing MODX, to 2 listeners. {words} Certificate: AB:CD.\n");
            assert_eq!(moved_to(&shown), at.parse().ok(), "{shown}");
        }
        for shown in ["", "StatusText=Playing MODX, to 2 listeners.\n", "StatusText=HTTP is at home, now\n"] {
            assert_eq!(moved_to(shown), None);
        }
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
            (b"HTTP/1.1 401 Unauthorized\r\nServer: synthwire/1\r\n\r\n{}", ServiceAnswer::Locked),
            (
                b"HTTP/1.1 421 Misdirected Request\r\nserver: synthwire/1\r\n\r\nno",
                ServiceAnswer::Refuses(421),
            ),
            (b"HTTP/1.1 401 Unauthorized\r\n\r\n{}", ServiceAnswer::Stranger),
            (b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\nno", ServiceAnswer::Stranger),
            (b"HTTP/1.1 503 Unavailable\r\n\r\n", ServiceAnswer::Stranger),
            (b"HTTP/1.1 301 Moved\r\nLocation: /synthwire/\r\n\r\n", ServiceAnswer::Stranger),
            (
                b"HTTP/1.1 200 OK\r\nServer: synthwire/1\r\nContent-Length: 90\r\n\r\n{\"source\":{",
                ServiceAnswer::BrokeOff,
            ),
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
            (ServiceAnswer::BrokeOff, "broke off"),
            (ServiceAnswer::Stranger, "no Synthwire"),
            (ServiceAnswer::Nobody("Connection refused".into()), "Connection refused"),
        ] {
            let error = answer.status("127.0.0.1:80").unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("127.0.0.1:80"), "{error}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_services_own_whole_certificate() {
        let made = rcgen::generate_simple_self_signed(vec!["synthwire.local".to_owned()]).unwrap();
        let der = made.cert.der().to_vec();
        let answer = |server: &str, code: u16, length: usize, body: &[u8]| {
            let head = format!("HTTP/1.1 {code} x\r\nServer: {server}\r\nContent-Length: {length}\r\n\r\n");
            authority_in(&[head.as_bytes(), body].concat())
        };
        let (ours, html) = ("synthwire/1", &b"<html></html>"[..]);
        assert_eq!(answer(ours, 200, der.len(), &der), Ok(Fingerprint::of(&der)));
        for (found, expected) in [
            (answer("nginx", 200, der.len(), &der), ServiceAnswer::Stranger),
            (answer("nginx", 200, html.len(), html), ServiceAnswer::Stranger),
            (answer(ours, 200, html.len(), html), ServiceAnswer::Stranger),
            (answer(ours, 200, 600, &der[..7]), ServiceAnswer::BrokeOff),
            (answer(ours, 404, 2, b"no"), ServiceAnswer::Refuses(404)),
            (authority_in(b"\x15\x03\x03\0\x02\x02\x32"), ServiceAnswer::Tls),
            (authority_in(b""), ServiceAnswer::Stranger),
        ] {
            assert_eq!(found, Err(expected));
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
