//! HTTPS from outside: the page's socket over TLS, refusals, and a clock message which may only renew the
//! certificate.

use super::fan_out::{PACKET_BYTES, STALL_QUEUE, stall_and_come_back};
use super::service::{Ear, PATIENCE, Service};
use super::slow_client::small_connection;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use synthwire::net::access::key::HashedKey;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::client::IntoClientRequest;

/// A number of half-open handshakes greater than the service accepts at once.
const HALF_OPEN: usize = 80;
const HANDSHAKES_PER_ADDRESS: usize = 8;

type Stream = StreamOwned<ClientConnection, TcpStream>;

struct Secure {
    service: Service,
    address: SocketAddr,
    authority: CertificateDer<'static>,
    state: PathBuf,
}

impl Secure {
    fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    fn start_with(name: &str, further: &[&str]) -> Self {
        let state = std::env::temp_dir().join(format!("synthwire-{name}-{}", std::process::id()));
        let folder = state.to_str().unwrap();
        let arguments = ["--source", "exact:counter", "--listen-tls", "127.0.0.1:0", "--state", folder];
        let service = Service::start(&[&arguments, further].concat());
        let line = service.wait_for_log("network open https://");
        let address = line.split("https://").nth(1).unwrap().trim_end_matches('/').parse().unwrap();
        let mut plain = TcpStream::connect(service.address).unwrap();
        write!(
            plain,
            "GET /trust/synthwire.crt HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            service.address
        )
        .unwrap();
        let mut answer = Vec::new();
        plain.read_to_end(&mut answer).unwrap();
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let authority = CertificateDer::from(answer[head + 4..].to_vec());
        Self { service, address, authority, state }
    }

    /// Connects a client that trusts only this authority.
    fn connect(&self, name: &str) -> Stream {
        self.connect_over(TcpStream::connect(self.address).unwrap(), name)
    }

    fn connect_over(&self, tcp: TcpStream, name: &str) -> Stream {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp)
    }

    fn handshakes(&self, what: &str) -> u64 {
        self.service.status()["tls_handshakes"][what].as_u64().unwrap()
    }

    fn until(&self, what: &str, reached: impl Fn(u64) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !reached(self.handshakes(what)) {
            assert!(Instant::now() < deadline, "{what} stays {}", self.handshakes(what));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

#[test]
fn a_listener_over_tls_hears_the_same_as_anybody() {
    let secure = Secure::start("wss");
    for name in ["localhost", "127.0.0.1"] {
        let url = format!("wss://{name}:{}/ws", secure.address.port());
        let (mut socket, _) = tungstenite::client(url, secure.connect(name)).expect("the service upgrades");
        let hello = socket.read().unwrap().into_text().unwrap();
        assert!(hello.contains(r#""type":"hello""#), "{hello}");
        let mut sound = 0;
        while sound < 100 {
            sound += usize::from(socket.read().unwrap().is_binary());
        }
        socket.close(None).unwrap();
    }
    assert_eq!(secure.handshakes("done"), 2);
    assert_eq!(secure.handshakes("failed"), 0);
}

#[test]
fn a_stalled_listener_over_tls_holds_three_packets_and_a_record_and_is_then_at_the_newest() {
    /// Number of bytes that TLS adds to each record: header, type and tag.
    const RECORD_BYTES: usize = 5 + 1 + 16;
    let secure = Secure::start_with("stalled", &STALL_QUEUE);
    secure.service.wait_for_log(" INFO playing ");
    let tls = secure.connect_over(small_connection(secure.address), "localhost");
    let stalled = Ear::asking(format!("wss://localhost:{}/ws", secure.address.port()), tls);
    // A record that was started is finished, even if its sound is dropped meanwhile.
    let further_bytes = 4 * RECORD_BYTES + PACKET_BYTES;
    stall_and_come_back(&secure.service, stalled, |tls| &tls.sock, further_bytes);
}

#[test]
fn over_tls_the_key_is_asked_for_and_what_stands_for_it_never_travels_in_the_open() {
    let key = HashedKey::of("band's key", [5; 16]).unwrap();
    let file = std::env::temp_dir().join(format!("synthwire-wss-key-{}.toml", std::process::id()));
    std::fs::write(&file, format!("listening_key = {:?}\n", key.as_str())).unwrap();
    let secure = Secure::start_with("wss-key", &["--config", file.to_str().unwrap()]);
    std::fs::remove_file(file).unwrap();
    let url = format!("wss://localhost:{}/ws", secure.address.port());
    let refused = tungstenite::client(&url, secure.connect("localhost")).unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");

    let body = r#"{"purpose":"listening","key":"band's key"}"#;
    let mut tls = secure.connect("localhost");
    write!(
        tls,
        "POST /api/access/enter HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).unwrap();
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");

    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Cookie", cookie.split(';').next().unwrap().parse().unwrap());
    let (mut socket, _) =
        tungstenite::client(request, secure.connect("localhost")).expect("the key is shown");
    assert!(socket.read().unwrap().into_text().unwrap().contains(r#""type":"hello""#));
}

/// Connects from one of this machine's loopback addresses.
fn from(last: u8, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, last], 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// Returns whether the service answers over this connection.
fn is_served(mut tls: Stream) -> bool {
    let asked = tls.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answer = [0; 15];
    asked.is_ok() && tls.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 200 OK"
}

#[test]
fn a_page_that_came_by_plain_http_opens_no_socket_over_tls() {
    let secure = Secure::start("scheme");
    let port = secure.address.port();
    for (origin, opens) in [
        (format!("https://localhost:{port}"), true),
        (format!("http://localhost:{port}"), false),
        ("http://localhost".to_owned(), false),
        ("https://localhost".to_owned(), false),
    ] {
        let mut request = format!("wss://localhost:{port}/ws").into_client_request().unwrap();
        request.headers_mut().insert("Origin", origin.parse().unwrap());
        let opened = tungstenite::client(request, secure.connect("localhost"));
        assert_eq!(opened.is_ok(), opens, "{origin}");
    }
}

#[test]
fn one_address_that_stands_still_keeps_nobody_else_out_and_loses_its_places_in_time() {
    let secure = Secure::start("half-open");
    let mut ear = secure.service.listen();
    ear.records();
    let idle: Vec<TcpStream> = (0..HALF_OPEN).map(|_| from(1, secure.address)).collect();
    secure.until("waiting", |waiting| waiting == (HALF_OPEN - HANDSHAKES_PER_ADDRESS) as u64);
    assert_eq!(secure.handshakes("now"), HANDSHAKES_PER_ADDRESS as u64);
    for last in 2..12 {
        assert!(is_served(secure.connect_over(from(last, secure.address), "localhost")), "127.0.0.{last}");
    }
    secure.until("late", |late| late >= HANDSHAKES_PER_ADDRESS as u64);
    drop(idle);
    secure.until("waiting", |waiting| waiting == 0);
    let mut noise = TcpStream::connect(secure.address).unwrap();
    let failed = secure.handshakes("failed");
    noise.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap(); // plain HTTP on the HTTPS port
    secure.until("failed", |now| now > failed);
    assert!(is_served(secure.connect("localhost")), "there is room again");
    ear.records();
}

#[test]
fn many_phones_behind_one_address_all_get_in() {
    /// A number of phones greater than the total number of places.
    const PHONES: usize = 100;
    let secure = Secure::start("phones");
    let phones: Vec<Stream> =
        (0..PHONES).map(|_| secure.connect_over(from(7, secure.address), "localhost")).collect();
    let served: Vec<_> =
        phones.into_iter().map(|phone| std::thread::spawn(move || is_served(phone))).collect();
    let served = served.into_iter().map(|served| served.join().unwrap());
    assert_eq!(served.filter(|served| *served).count(), PHONES);
    assert_eq!(secure.handshakes("refused"), 0);
}

#[test]
fn a_name_that_no_certificate_of_ours_can_hold_leads_to_one_that_it_does() {
    let secure = Secure::start_with("router", &["--name", "synth.lan", "--name", "synth.home.arpa"]);
    let port = secure.address.port();
    let leads_to = |name: &str| {
        let page = secure
            .service
            .http_with(&format!("GET /trust HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"));
        let link = page.split("href=\"https://").nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
        link.split(['/', '"']).next().unwrap_or_default().to_owned()
    };
    let router = leads_to("synth.lan");
    assert!(router.ends_with(&format!(".local:{port}")), "{router}");
    for name in ["localhost", "synth.home.arpa", "127.0.0.1"] {
        assert_eq!(leads_to(name), format!("{name}:{port}"));
    }
}

#[test]
fn a_clock_is_told_by_our_own_page_only_and_garbage_is_refused() {
    let secure = Secure::start("clock");
    let tell = |query: &str, more: &str| {
        let request = format!("POST /trust/clock{query} HTTP/1.1\r\nContent-Length: 0{more}");
        secure.service.http(&request).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(tell("?unix_s=1900000000", ""), "HTTP/1.1 200 OK");
    assert_eq!(tell("?unix_s=soon", ""), "HTTP/1.1 400 Bad Request");
    assert_eq!(tell("", ""), "HTTP/1.1 400 Bad Request");
    assert_eq!(tell("?unix_s=1900000000", "\r\nOrigin: http://evil.example"), "HTTP/1.1 403 Forbidden");
    let without = Service::start(&["--source", "exact:counter"]);
    let answer = without.http("POST /trust/clock?unix_s=1900000000 HTTP/1.1\r\nContent-Length: 0");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[test]
fn mistakes_with_a_certificate_from_elsewhere_end_the_start_with_a_remedy() {
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_synthwire"))
            .args(["serve", "--source", "exact:counter", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    for (arguments, said) in [
        (&["--cert", "a.pem"][..], "cert needs key beside it"),
        (&["--cert", "a.pem", "--key", "b.pem"], "cert is for HTTPS"),
        (&["--listen-tls", "127.0.0.1:0", "--state", "/proc/none"], "Name one with --state"),
    ] {
        let error = run(arguments);
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn a_certificate_from_elsewhere_that_cannot_be_used_ends_no_start_and_is_told_everywhere() {
    let files = ["--cert", "/nowhere/cert.pem", "--key", "/proc"];
    let secure = Secure::start_with("stand-in", &files);
    let said = "HTTPS goes on with a certificate of this device's own: cannot read /nowhere/cert.pem: ";
    secure.service.wait_for_log(said);
    let status = secure.service.status();
    let notices = status["notices"].as_array().unwrap();
    assert!(notices.iter().any(|notice| notice.as_str().unwrap().starts_with(said)), "{notices:?}");
    let mut stream = secure.connect("localhost");
    stream.write_all(b"GET /trust/check HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let doctor = |listen: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_synthwire"));
        let output = command.args(["doctor", "--listen", listen, "--listen-tls", "127.0.0.1:0"]).args(files);
        String::from_utf8(output.output().unwrap().stdout).unwrap()
    };
    let running = doctor(&secure.service.address.to_string());
    assert!(running.contains(&format!("warn  device: {said}")), "{running}");
    let alone = doctor("127.0.0.1:0");
    assert!(alone.contains("warn  certificate: cannot read /nowhere/cert.pem: "), "{alone}");
}

#[test]
fn doctor_and_soak_know_an_https_port_for_what_it_is() {
    let secure = Secure::start("known");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_synthwire"));
        let output = command.args(arguments).env_remove("SYNTHWIRE_KEY").output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let (plain, tls) = (secure.service.address.to_string(), secure.address.to_string());
    let said = run(&["soak", "1s", "--address", &tls]);
    assert!(said.contains("speaks HTTPS") && said.contains("--address"), "{said}");
    let said = run(&["doctor", "--listen", &plain, "--listen-tls", &tls]);
    assert!(said.contains(&format!("good  HTTPS port: {tls} is the service's")), "{said}");
    let fingerprint = synthwire::tls::fingerprint::Fingerprint::of(&secure.authority);
    assert!(said.contains(&format!("good  authority: its fingerprint is {fingerprint}\n")), "{said}");
    // If nothing answers over HTTP, the command asks over HTTPS.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = run(&["doctor", "--listen", &nobody, "--listen-tls", &tls]);
    assert!(said.contains("good  sound card: the service plays Exact test source"), "{said}");
}
