//! Access control of the real program: who is let in, and what may be changed from the network.

use crate::service::Service;
use socket2::{Domain, Socket, Type};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use synthwire::net::access::key::{HashedKey, Workspace};

/// A folder or file that is removed after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("synthwire-door-{name}-{}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0).or_else(|_| std::fs::remove_file(&self.0));
    }
}

fn code(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn post(service: &Service, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    service.http_with(&format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n{body}",
        service.address
    ))
}

/// Writes a configuration with both keys.
fn locked(scratch: &Scratch) {
    let key = |key: &str| HashedKey::of(key, [5; 16]).unwrap().as_str().to_owned();
    let text = format!("listening_key = {:?}\nsettings_key = {:?}\n", key("band's key"), key("owner's key"));
    std::fs::write(&scratch.0, text).unwrap();
}

#[test]
fn names_and_pages_from_elsewhere_are_refused_and_counted() {
    let service = Service::start(&["--source", "exact:music", "--name", "synth.lan"]);
    let get = |path: &str, host: &str, more: &str| {
        service.http_with(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n"))
    };
    let upgrade =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let socket = |origin: &str| {
        let headers = format!("{upgrade}Origin: {origin}\r\n").replace("Connection: close\r\n", "");
        service.http_with(&format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\n{headers}\r\n",
            service.address
        ))
    };
    assert_eq!(code(&get("/", "synth.lan", "")), "200");
    for path in ["/", "/api/status", "/ws", "/healthz", "/api/access"] {
        let answer = get(path, "evil.example", "");
        assert!(
            code(&answer) == "421" && answer.contains(&format!("http://{}/", service.address)),
            "{path}: {answer}"
        );
    }
    assert_eq!(code(&socket("http://evil.example")), "403");
    assert_eq!(code(&socket("null")), "403");
    let foreign = "Origin: http://evil.example\r\n";
    assert_eq!(code(&post(&service, "/api/settings", foreign, r#"{"first_channel":1}"#)), "403");
    assert_eq!(
        code(&post(&service, "/api/access/key", foreign, r#"{"purpose":"settings","key":"x"}"#)),
        "403"
    );
    let refusals = &service.status()["refusals"];
    assert_eq!(
        (&refusals["host_unknown"], &refusals["origin_foreign"]),
        (&5.into(), &4.into()),
        "{refusals}"
    );
}

#[test]
fn a_proxy_of_ours_passes_on_the_address_it_was_reached_by_and_others_need_it_among_the_names() {
    let scratch = Scratch::new("addresses");
    std::fs::write(&scratch.0, "trusted_proxies = []\nnames = [\"[2001:db8::1]\"]\n").unwrap();
    let no_proxy = ["--source", "exact:music", "--config", scratch.path()];
    let (behind, direct) = (Service::start(&["--source", "exact:music"]), Service::start(&no_proxy));
    for (host, is_name) in [
        ("203.0.113.7", false),
        ("203.0.113.7:8443", false),
        ("[2001:db8::1]", true),
        ("[2001:DB8:0::1]:8443", true),
        ("[2001:db8::2]", false),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(code(&behind.http_with(&request)), "200", "{host}");
        assert_eq!(code(&direct.http_with(&request)), if is_name { "200" } else { "421" }, "{host}");
    }
}

#[test]
fn without_a_key_anybody_changes_what_has_a_name_and_nothing_else() {
    let scratch = Scratch::new("settings");
    let arguments = ["--source", "exact:music", "--state", scratch.path()];
    let service = Service::playing(&arguments);
    for (body, expected) in [
        (r#"{"first_channel":1}"#, "204"),
        (r#"{"first_channel":99}"#, "400"),
        (r#"{"listen":"0.0.0.0:80"}"#, "400"),
        (r#"{"listening_key":null}"#, "400"),
        ("first_channel=1", "400"),
        (&format!("{{\"first_channel\":{}1}}", " ".repeat(2000)), "413"),
    ] {
        let answer = post(&service, "/api/settings", "", body);
        assert_eq!(code(&answer), expected, "{body}: {answer}");
    }
    let form = service.http_with(&format!(
        "POST /api/settings HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: 19\r\nConnection: close\r\n\r\n{{\"first_channel\":1}}",
        service.address
    ));
    assert_eq!(code(&form), "400", "what a form can send is not taken");
    let invited = service.http_with(&format!(
        "POST /api/settings HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\
         Expect: 100-continue\r\nConnection: close\r\n\r\n",
        service.address
    ));
    assert_eq!(code(&invited), "413", "a body that is too long is not invited: {invited}");
    for path in ["/", "/api/status", "/ws", "/settings.json"] {
        assert_eq!(code(&post(&service, path, "", "{}")), "405", "{path}");
    }
    // The settings file appears a second after the change; the next start uses it.
    let file = scratch.0.join("settings.json");
    while !file.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"first_channel\": 1"));
    drop(service);
    std::fs::write(&file, r#"{"first_channel":0}"#).unwrap();
    let service = Service::playing(&arguments);
    let notice = service.status()["notices"].to_string();
    assert!(notice.contains("settings.json") && notice.contains("choose again"), "{notice}");
}

#[test]
fn where_keys_are_set_nothing_is_heard_seen_or_changed_without_them() {
    let scratch = Scratch::new("keys.toml");
    locked(&scratch);
    let service = Service::playing(&["--source", "exact:music", "--config", scratch.path()]);
    let get = |path: &str, more: &str| service.http(&format!("GET {path} HTTP/1.1{more}"));
    for path in ["/api/status", "/ws"] {
        let answer = get(path, "");
        assert!(code(&answer) == "401" && answer.contains("www-authenticate"), "{path}: {answer}");
    }
    assert_eq!(code(&get("/", "")), "200", "the page that asks for the key");
    let access = get("/api/access", "");
    assert!(access.contains(r#""listening":{"set":true,"shown":false,"may_set":false}"#), "{access}");
    assert!(!access.contains("argon2"), "{access}");

    let enter = |purpose: &str, key: &str| {
        post(&service, "/api/access/enter", "", &format!(r#"{{"purpose":"{purpose}","key":"{key}"}}"#))
    };
    assert_eq!(code(&enter("listening", "not the key")), "401");
    let answer = enter("listening", "band's key");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains("band"), "{cookie}");
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let status = get("/api/status", &format!("\r\n{}", cookie.trim_end()));
    assert_eq!(code(&status), "200");
    assert!(!status.contains("argon2") && !status.contains("band's key"));
    let denied = post(&service, "/api/settings", &cookie, r#"{"first_channel":1}"#);
    assert!(code(&denied) == "401" && denied.contains("settings key"), "{denied}");

    let owner = "Authorization: Bearer owner's key\r\n";
    assert_eq!(code(&post(&service, "/api/settings", owner, r#"{"first_channel":1}"#)), "204");
    assert_eq!(code(&get("/api/status", &format!("\r\n{}", owner.trim_end()))), "200");
    let locked = post(&service, "/api/access/key", owner, r#"{"purpose":"listening","key":null}"#);
    assert!(code(&locked) == "403" && locked.contains("configuration file"), "{locked}");

    // A listener who may not change the channels gets a refusal and continues to hear the sound.
    let mut ear = service.listen_with(&[("Cookie", cookie.trim_start_matches("Cookie: ").trim_end())]);
    ear.say(r#"{"type":"set_pair","first_channel":1}"#);
    assert!(ear.text("refused")["reason"].as_str().unwrap().contains("settings key"));
    ear.records();

    let guesses: Vec<String> = (0..8).map(|n| enter("settings", &format!("guess {n}"))).collect();
    let last = guesses.last().unwrap();
    assert!(code(last) == "429" && last.contains("retry-after: "), "{last}");
}

#[test]
fn a_right_key_passes_every_time_beside_wrong_ones_from_sixty_addresses() {
    let scratch = Scratch::new("flood.toml");
    locked(&scratch);
    let service = Service::start(&["--source", "exact:music", "--config", scratch.path()]);
    let address = service.address;
    let ask = |last: u8, key: &str| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 1, last], 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        let head = format!("GET /api/status HTTP/1.1\r\nHost: {address}\r\nConnection: close");
        write!(stream, "{head}\r\nAuthorization: Bearer {key}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        code(&answer).to_owned()
    };
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for last in 1..=60 {
            scope.spawn({
                let (ask, over) = (&ask, &over);
                move || {
                    while !over.load(Relaxed) {
                        let refused = ask(last, "not the key");
                        assert!(refused == "401" || refused == "429", "{refused}");
                    }
                }
            });
        }
        let passed: Vec<String> = (0..32).map(|_| ask(200, "band's key")).collect();
        over.store(true, Relaxed);
        assert!(passed.iter().all(|code| code == "200"), "{passed:?}");
    });
}

#[test]
fn a_key_goes_into_the_configuration_hashed() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_synthwire"))
        .arg("key")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"open sesame\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let hashed = HashedKey::parse(String::from_utf8(output.stdout).unwrap().trim()).unwrap();
    assert!(hashed.is("open sesame", &mut Workspace::default()));

    let scratch = Scratch::new("plain.toml");
    std::fs::write(&scratch.0, "listening_key = \"open sesame\"\n").unwrap();
    let service = Service::playing(&["--source", "exact:music", "--config", scratch.path()]);
    let words = service.wait_for_log("cannot use listening_key");
    assert!(words.contains("synthwire key") && !words.contains("sesame"), "a key is not repeated: {words}");
    let closed = service.http("GET /api/status HTTP/1.1\r\nAuthorization: Bearer open sesame");
    assert_eq!(code(&closed), "401", "what is no hashed key opens nothing");
    let access = service.http("GET /api/access HTTP/1.1");
    assert!(access.contains("a key in the configuration cannot be understood"), "{access}");
}
