//! HTTP according to RFC 9110, 9112 and 6455, tested on the real program: requests in, status and headers
//! out.

use crate::fan_out::wait_until;
use crate::service::Service;

const UP: &str = "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: h2c, websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const JSON: &str =
    "Content-Type: Application/JSON; charset=UTF-8\r\nContent-Length: 19\r\nConnection: close\r\n";
const WISH: &str = r#"{"first_channel":1}"#;

/// A request, the start of the expected status line, and header lines in lower case; '!' marks a line that
/// must be absent.
struct Case {
    request: String,
    status: &'static str,
    head: &'static [&'static str],
}

fn case(request: impl Into<String>, status: &'static str, head: &'static [&'static str]) -> Case {
    Case { request: request.into(), status, head }
}

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n")
}

fn socket(lines: &str) -> String {
    format!("GET /ws HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

fn post(lines: &str) -> String {
    format!("POST /api/settings HTTP/1.1\r\n{lines}\r\n{WISH}")
}

/// Starts a service that plays and is healthy. Until then it accepts no pair, and `/healthz` answers 503.
fn serve() -> Service {
    let service = Service::playing(&["--source", "exact:music", "--name", "synth.example.org"]);
    wait_until("it lives", || service.http("GET /healthz HTTP/1.1").ends_with("ok"));
    service
}

fn check(service: &Service, cases: impl IntoIterator<Item = Case>) {
    for Case { request, status, head } in cases {
        let answer = if status == "101" { service.head_of(&request) } else { service.http_with(&request) };
        let read = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(read.split(' ').nth(1) == Some(status), "{request}\n{answer}");
        for line in head {
            let wanted = line.strip_prefix('!');
            let there = read.lines().any(|found| found.starts_with(wanted.unwrap_or(line)));
            assert_eq!(there, wanted.is_none(), "{line} in\n{request}\n{read}");
        }
    }
}

#[test]
fn a_request_says_whom_it_means() {
    let service = serve();
    check(
        &service,
        [
            case("GET /healthz HTTP/1.0\r\n\r\n", "200", &[]),
            case("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", "400", &[]),
            case(
                "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "400",
                &[],
            ),
            case("GET /healthz HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\nConnection: close\r\n\r\n", "200", &[]),
            case("GET /healthz HTTP/1.1\r\nHost: localhost:\r\nConnection: close\r\n\r\n", "200", &[]),
            case("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "421", &[]),
            case(
                "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "421",
                &[],
            ),
            case(
                "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "200",
                &[],
            ),
        ],
    );
}

#[test]
fn a_method_is_answered_or_the_right_ones_are_named() {
    let service = serve();
    check(
        &service,
        [
            case(
                "OPTIONS /api/settings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "405",
                &["allow: post", "!access-control"],
            ),
            case(
                "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "405",
                &["allow: get, head"],
            ),
            case(get("/api/settings", ""), "405", &["allow: post"]),
            case(
                "HEAD /main.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "200",
                &["etag: ", "content-length: "],
            ),
        ],
    );
}

#[test]
fn what_a_browser_knows_and_takes_is_asked() {
    let service = serve();
    let tag = |lines: &str| {
        let answer = service.http_with(&get("/main.js", lines));
        answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned()
    };
    let (plain, packed) = (tag(""), tag("Accept-Encoding: gzip\r\n"));
    assert_ne!(plain, packed, "a strong tag is of one form's bytes");
    let known = |lines: String| get("/main.js", &lines);
    check(
        &service,
        [
            case(
                get("/main.js", "Accept-Encoding: gzip;q=0\r\n"),
                "200",
                &["!content-encoding", "vary: accept-encoding"],
            ),
            case(get("/main.js", "Accept-Encoding: identity;q=0, *\r\n"), "200", &["content-encoding: gzip"]),
            case(get("/main.js", "Accept-Encoding: identity;q=0\r\n"), "406", &[]),
            case(known(format!("If-None-Match: W/{plain}\r\n")), "304", &["etag: ", "vary: accept-encoding"]),
            case(known(format!("If-None-Match: \"other\", {plain}\r\n")), "304", &[]),
            case(known("If-None-Match: *\r\n".into()), "304", &[]),
            case(known(format!("If-None-Match: {packed}\r\n")), "200", &[]),
            case(known(format!("If-None-Match: W/{packed}\r\nAccept-Encoding: gzip\r\n")), "304", &[]),
            case(get("/main.js", "Range: bytes=0-9\r\n"), "200", &["!content-range"]),
        ],
    );
}

#[test]
fn a_socket_is_opened_for_our_own_pages() {
    let service = serve();
    let v13 = "Sec-WebSocket-Version: 13\r\n";
    check(
        &service,
        [
            case(socket(UP), "426", &["sec-websocket-version: 13", "upgrade: websocket"]),
            case(socket(&format!("{UP}Sec-WebSocket-Version: 8\r\n")), "426", &["sec-websocket-version: 13"]),
            case(
                socket(&format!("{UP}{v13}Origin: http://localhost:80\r\n")),
                "101",
                &["sec-websocket-accept: "],
            ),
            case(socket(&format!("{UP}{v13}Origin: https://localhost\r\n")), "101", &[]), // a local proxy without headers
            case(
                socket(&format!("{UP}{v13}Origin: https://localhost\r\nX-Forwarded-Proto: http\r\n")),
                "403",
                &[],
            ),
            case(
                socket(&format!("{UP}{v13}Origin: http://localhost\r\nX-Forwarded-Proto: https\r\n")),
                "403",
                &[],
            ),
            case(socket(&format!("{UP}{v13}Origin: https://synth.example.org\r\n")), "101", &[]),
            case(socket(&format!("{UP}{v13}Origin: https://synth.example.org:8443\r\n")), "403", &[]),
            case(
                socket(&format!(
                    "{UP}{v13}Origin: https://evil.example\r\nX-Forwarded-Host: evil.example\r\n"
                )),
                "421",
                &[],
            ),
            case(socket(&format!("{UP}{v13}Origin: http://localhost:8080\r\n")), "403", &[]),
        ],
    );
}

#[test]
fn only_our_own_page_writes() {
    let service = serve();
    check(
        &service,
        [
            case(post(&format!("Host: localhost\r\n{JSON}")), "204", &[]),
            case(post(&format!("Host: localhost\r\nOrigin: http://localhost\r\n{JSON}")), "204", &[]),
            case(post(&format!("Host: localhost\r\nOrigin: http://evil.example\r\n{JSON}")), "403", &[]),
            case(format!("POST /api/settings HTTP/1.0\r\n{JSON}\r\n{WISH}"), "400", &[]),
        ],
    );
}

#[test]
fn a_cookie_is_for_encrypted_connections_where_the_visitors_is_one() {
    let state = std::env::temp_dir().join(format!("synthwire-semantics-{}", std::process::id()));
    let keep = |trusted: &[&str]| {
        Service::start(&[&["--source", "exact:music", "--state", state.to_str().unwrap()], trusted].concat())
    };
    let enter = |service: &Service, lines: &str| {
        let body = r#"{"purpose":"listening","key":"band's key"}"#;
        let answer = service.http_with(&format!(
            "POST /api/access/enter HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{lines}Connection: close\r\n\r\n{body}",
            body.len()
        ));
        answer
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .map(|cookie| cookie.ends_with("; Secure"))
    };
    let key = synthwire::net::access::key::HashedKey::of("band's key", [5; 16]).unwrap();
    let config = std::env::temp_dir().join(format!("synthwire-semantics-{}.toml", std::process::id()));
    let text = format!("listening_key = {:?}\n", key.as_str());
    std::fs::write(&config, &text).unwrap();
    let service = keep(&["--config", config.to_str().unwrap()]);
    assert_eq!(enter(&service, ""), Some(false));
    assert_eq!(enter(&service, "X-Forwarded-Proto: https\r\n"), Some(true));
    assert_eq!(enter(&service, "Forwarded: for=203.0.113.7;proto=https\r\n"), Some(true));
    drop(service);
    std::fs::write(&config, format!("{text}trusted_proxies = []\n")).unwrap();
    let service = keep(&["--config", config.to_str().unwrap()]);
    assert_eq!(enter(&service, "X-Forwarded-Proto: https\r\n"), Some(false), "nobody is believed");
    drop(service);
    let _ = (std::fs::remove_file(config), std::fs::remove_dir_all(state));
}
