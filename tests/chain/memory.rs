//! State that outlives the service, read by another version: files of released versions, of newer ones, and
//! damaged files.

use crate::service::Service;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use synthwire::net::access::key::HashedKey;

/// The names of the files in the state folder.
const FILES: [&str; 4] = ["settings.json", "access.json", "authority.json", "leaf.json"];

/// A folder that is removed after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("synthwire-memory-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn start(&self, more: &[&str]) -> Service {
        let state = self.0.to_str().unwrap();
        let mut arguments = vec!["--source", "exact:music", "--state", state, "--listen-tls", "127.0.0.1:0"];
        arguments.extend(more);
        Service::playing(&arguments)
    }

    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.0.join(name)).unwrap()).unwrap()
    }

    /// The key of this device's authority, on which the trust of all listeners' devices depends.
    fn authority(&self) -> String {
        self.json("authority.json")["key"].as_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn code(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// The state folders of all released versions.
fn released() -> Vec<PathBuf> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/state");
    let mut found: Vec<_> = fs::read_dir(vectors).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_dir());
    assert!(!found.is_empty(), "no released version's files are kept");
    found
}

/// Checks that the service uses the keys, tokens, pair and authority of `folder`.
fn is_in_use(folder: &Folder, authority: &str, first_channel: u16, what: &str) {
    let service = folder.start(&[]);
    let get = |headers: &str| service.http(&format!("GET /api/status HTTP/1.1{headers}"));
    assert_eq!(code(&get("")), "401", "{what}: the key is needed");
    let status = get("\r\nAuthorization: Bearer open sesame");
    assert_eq!(code(&status), "200", "{what}: the key opens");
    assert!(status.contains("\"notices\":[]"), "{what}: {status}");
    let cookie = format!("\r\nCookie: synthwire_listening={}", "0f".repeat(32));
    assert_eq!(code(&get(&cookie)), "200", "{what}: a browser that was let in stays so");
    assert!(status.contains(&format!("\"first_channel\":{first_channel}")), "{what}: {status}");
    drop(service);
    assert_eq!(folder.authority(), authority, "{what}: the authority stays");
}

#[test]
fn what_every_released_version_kept_is_used_and_so_is_what_a_newer_one_makes_of_it() {
    for version in released() {
        let folder = Folder::new("released");
        for name in FILES {
            fs::copy(version.join(name), folder.0.join(name)).unwrap();
        }
        let authority = folder.authority();
        is_in_use(&folder, &authority, 1, &version.display().to_string());

        // A newer version has run here: it left another format and unknown fields.
        for name in FILES {
            let mut file = folder.json(name);
            file["format"] = 7.into();
            file["of_tomorrow"] = serde_json::json!({"deep": [1, 2]});
            fs::write(folder.0.join(name), file.to_string()).unwrap();
        }
        is_in_use(&folder, &authority, 1, "fallen back from a newer version");
        let service = folder.start(&[]);
        let body = r#"{"first_channel":1}"#;
        let request = format!(
            "POST /api/settings HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Authorization: Bearer open sesame\r\nConnection: close\r\n\r\n{body}",
            service.address,
            body.len()
        );
        let before = fs::metadata(folder.0.join("settings.json")).unwrap().modified().unwrap();
        assert_eq!(code(&service.http_with(&request)), "204");
        while fs::metadata(folder.0.join("settings.json")).unwrap().modified().unwrap() == before {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        for name in FILES {
            let file = folder.json(name);
            assert_eq!((&file["format"], &file["of_tomorrow"]["deep"][1]), (&7.into(), &2.into()), "{name}");
        }
    }
}

#[test]
fn the_settings_of_a_newer_version_are_used_and_kept() {
    let folder = Folder::new("newer");
    fs::write(folder.0.join("settings.json"), r#"{"first_channel":1,"volume":1}"#).unwrap();
    let service = folder.start(&[]);
    assert_eq!(service.status()["notices"], serde_json::json!([]));
    assert_eq!(folder.json("settings.json")["volume"], 1);
}

#[test]
fn nothing_in_the_state_folder_keeps_the_service_from_starting() {
    let whole = r#"{"format":99,"further":true}"#;
    for content in [Some(""), Some("\0\0\0\0"), Some("{"), Some("[1]"), Some(whole), None] {
        let folder = Folder::new("odd");
        for name in FILES {
            match content {
                Some(content) => fs::write(folder.0.join(name), content).unwrap(),
                None => fs::create_dir(folder.0.join(name)).unwrap(),
            }
        }
        let service = folder.start(&[]);
        assert_eq!(code(&service.http("GET / HTTP/1.1")), "200", "{content:?}");
        let is_open = content == Some(whole);
        let status = service.http("GET /api/status HTTP/1.1");
        assert_eq!(
            code(&status),
            if is_open { "200" } else { "401" },
            "damaged keys stay closed: {content:?}"
        );
        let access = service.http("GET /api/access HTTP/1.1");
        assert_eq!(access.contains("remove access.json"), !is_open, "{content:?}: {access}");
        drop(service);
        let authority = fs::read_to_string(folder.0.join("authority.json")).ok();
        assert_eq!(authority.as_deref(), content, "no authority is made in the place of another");
    }
}

/// A data partition as the card's first program finds it, with files of the service and of that program;
/// `init` repairs it.
fn repaired(name: &str, how: &str, missing: &[&str]) -> (Folder, String) {
    let folder = Folder::new(name);
    let (state, config) = (folder.0.join("synthwire"), folder.0.join("etc/synthwire"));
    fs::create_dir_all(&config).unwrap();
    fs::create_dir(&state).unwrap();
    fs::write(config.join("synthwire.toml"), "# nothing\n").unwrap();
    drop(start_on(&folder));
    let lost = folder.0.join("lost+found");
    fs::create_dir(&lost).unwrap();
    for name in missing {
        let place = if *name == "synthwire.toml" { &config } else { &state };
        fs::rename(place.join(name), lost.join(name)).unwrap();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/image/initramfs/lost");
    let output = std::process::Command::new("sh")
        .args(["-euc", ". \"$0\"; close_lost \"$1\" \"$2\"", script, folder.0.to_str().unwrap(), how])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (folder, String::from_utf8(output.stdout).unwrap().replace('\n', " ").trim().to_owned())
}

fn start_on(partition: &Folder) -> Service {
    let place = |path: &str| partition.0.join(path).to_str().unwrap().to_owned();
    let (state, config) = (place("synthwire"), place("etc/synthwire/synthwire.toml"));
    Service::playing(&[
        "--source",
        "exact:music",
        "--state",
        &state,
        "--listen-tls",
        "127.0.0.1:0",
        "--config",
        &config,
    ])
}

#[test]
fn what_a_repair_of_the_cards_partition_took_away_opens_no_door_and_replaces_no_authority() {
    let all = ["synthwire.toml", "access.json", "authority.json", "leaf.json"];
    for (how, missing, lost, is_open) in [
        ("preened", &[][..], "", true),
        ("repaired", &[], "", true),
        ("preened", &["access.json"], "access.json", false),
        ("preened", &["access.json", "authority.json"], "authority.json access.json", false),
        ("preened", &["authority.json"], "authority.json", true),
        ("preened", &["leaf.json"], "", true),
        ("preened", &all[1..], "", true), // power was lost before the service had ever started
        ("repaired", &["access.json"], "access.json", false),
        ("repaired", &["synthwire.toml"], "synthwire.toml", false),
        ("repaired", &all, "synthwire.toml authority.json access.json", false),
    ] {
        let what = format!("{how} {missing:?}");
        let (partition, said) = repaired("repaired", how, missing);
        assert_eq!(said, lost, "{what}");
        let service = start_on(&partition);
        assert_eq!(code(&service.http("GET / HTTP/1.1")), "200", "{what}");
        let status = service.http("GET /api/status HTTP/1.1");
        assert_eq!(code(&status), if is_open { "200" } else { "401" }, "{what}");
        let access = service.http("GET /api/access HTTP/1.1");
        assert_eq!(access.contains("synthwire.toml on the card"), !is_open, "{what}: {access}");
        drop(service);
        let authority = fs::read_to_string(partition.0.join("synthwire/authority.json")).unwrap();
        assert_eq!(
            authority.is_empty(),
            lost.contains("authority.json"),
            "{what}: none is made in its place"
        );
    }
}

#[test]
fn an_authority_that_cannot_be_used_is_replaced_when_somebody_asks_for_it() {
    let folder = Folder::new("asked");
    fs::write(folder.0.join("authority.json"), "{").unwrap();
    let service = folder.start(&[]);
    assert!(service.status()["notices"].to_string().contains("authority.json"));
    assert_eq!(service.status()["authority_lacking"], true);
    let [page, file] =
        ["GET /trust HTTP/1.1", "GET /trust/synthwire.crt HTTP/1.1"].map(|get| service.http(get));
    assert!(page.contains("<p >The certificate that phones"), "nobody is told: {page}");
    assert!(page.contains("<span hidden>There are two ways"), "a way is promised that is not there: {page}");
    assert!(file.contains("no certificate of its own that lasts"), "{file}");
    let ask = || {
        code(&service.http_with(&format!(
            "POST /api/authority HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}",
            service.address
        )))
        .to_owned()
    };
    assert_eq!((ask(), ask()), ("204".into(), "400".into()), "a good one stays");
    let status = service.status();
    assert_eq!((&status["notices"], &status["authority_lacking"]), (&serde_json::json!([]), &false.into()));
    let page = service.http("GET /trust HTTP/1.1");
    assert!(
        page.contains("<p hidden>The certificate that phones") && page.contains("<span >There are two ways")
    );
    assert_eq!(fs::read_to_string(folder.0.join("authority.json.damaged")).unwrap(), "{");
    assert!(folder.authority().contains("PRIVATE KEY"));
}

#[test]
fn a_configuration_with_mistakes_or_of_a_newer_version_has_a_page_that_says_so() {
    let folder = Folder::new("config");
    let config = folder.0.join("synthwire.toml");
    fs::write(&config, "volume = 3\nqueue_ms = 100\ndscp = 99\nlisteners_max = \"many\"\n").unwrap();
    let service = folder.start(&["--config", config.to_str().unwrap()]);
    let notices = service.status()["notices"].to_string();
    for said in [":1: there is no key", ":3: dscp is 99", ":4: listeners_max wants"] {
        assert!(notices.contains(said), "{said}: {notices}");
    }
    drop(service);
    fs::write(&config, b"\xff\xfel\0i\0s\0t\0e\0n\0e\0r\0s\0_\0m\0a\0x\0=\x007\0").unwrap();
    let service = folder.start(&["--config", config.to_str().unwrap()]);
    assert_eq!(service.status()["listeners"]["max"], 7, "saved by Notepad as Unicode");
    drop(service);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fs::write(&config, format!("listen_tls = \"{}\"\n", taken.local_addr().unwrap())).unwrap();
    let own = ["--source", "exact:music", "--state", folder.0.to_str().unwrap()];
    let service = Service::start(&[&own[..], &["--config", config.to_str().unwrap()]].concat());
    let notices = service.status()["notices"].to_string();
    assert!(notices.contains("HTTPS is off until") && notices.contains("ss -ltnp"), "{notices}");
    drop(service);
    fs::write(&config, "listening_key = hunter2hunter2\n").unwrap();
    let service = folder.start(&["--config", config.to_str().unwrap()]);
    assert_eq!(code(&service.http("GET /api/status HTTP/1.1")), "401", "a key that was meant locks");
}

/// The service with this configuration file and no `--listen`, so that the file's `listen` counts.
fn with_file(text: &str, name: &str, variables: &[(&str, &str)]) -> Service {
    let file = std::env::temp_dir().join(format!("synthwire-lines-{name}-{}.toml", std::process::id()));
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_synthwire"));
    command.args(["serve", "--source", "exact:music", "--config"]).arg(&file);
    command.env_remove("STATE_DIRECTORY").envs(variables.iter().copied());
    let service = Service::started_by(command);
    fs::remove_file(file).unwrap();
    service
}

#[test]
fn an_address_in_the_file_that_cannot_be_had_leaves_a_page_for_this_machine_that_names_the_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    // 192.0.2.0/24 belongs to no network (RFC 5737).
    for (listen, said) in [
        (
            taken.as_str(),
            "Another program has this port ('ss -ltnp' names it): end it, or choose another with",
        ),
        ("192.0.2.1:8080", "Choose an address of this machine ('ip address' lists them) with"),
    ] {
        let service = with_file(&format!("listen = \"{listen}\"\n"), "listen", &[]);
        assert!(service.address.ip().is_loopback(), "{}", service.address);
        let notices = service.status()["notices"].to_string();
        let remedy = format!("{said} 'listen' in {}", std::env::temp_dir().display());
        let begins = format!("HTTP is at {}, for this machine alone, until", service.address);
        assert!(notices.contains(&begins) && notices.contains(&remedy), "{notices}");
    }
}

#[test]
fn a_state_folder_of_the_file_that_cannot_be_had_leaves_the_units_and_closes_the_door() {
    let folder = Folder::new("units");
    let units = folder.0.to_str().unwrap();
    let key = HashedKey::of("band's key", [5; 16]).unwrap();
    let named = "state = \"/proc/none\"\n";
    for (text, variables, kept) in [
        (named.to_owned(), vec![("STATE_DIRECTORY", units)], format!("is kept in {units} until")),
        (named.to_owned(), vec![], "Nothing is remembered until".to_owned()),
        (format!("{named}listening_key = \"{}\"\n", key.as_str()), vec![], String::new()),
    ] {
        let service = with_file(&format!("{text}listen = \"127.0.0.1:0\"\n"), "state", &variables);
        let line = service.wait_for_log("cannot use the state folder /proc/none: ");
        assert!(line.contains(&kept), "{line}");
        assert!(line.contains("Name one with 'state' in /"), "{line}");
        let status = |headers: &str| service.http(&format!("GET /api/status HTTP/1.1{headers}"));
        assert_eq!(code(&status("")), "401", "there may have been a key: {text}");
        let access = service.http("GET /api/access HTTP/1.1");
        assert!(access.contains("cannot be used") && access.contains("or correct its 'state'"), "{access}");
        let opened = status("\r\nAuthorization: Bearer band's key");
        let is_configured = text.contains("listening_key");
        assert_eq!(code(&opened), if is_configured { "200" } else { "401" }, "{text}");
        assert!(!is_configured || opened.contains("cannot use the state folder"), "{opened}");
    }
}

#[test]
fn https_of_the_file_goes_on_without_the_state_folder_it_names_and_says_so_where_there_is_none() {
    let folder = Folder::new("https");
    let text = "state = \"/proc/none\"\nlisten = \"127.0.0.1:0\"\nlisten_tls = \"127.0.0.1:0\"\n";
    let service = with_file(text, "https", &[("STATE_DIRECTORY", folder.0.to_str().unwrap())]);
    service.wait_for_log("open https://");
    assert!(folder.authority().contains("PRIVATE KEY"));
    drop(service);
    let none = [("HOME", ""), ("XDG_STATE_HOME", "")];
    let service = with_file(text, "https", &none);
    let line = service.wait_for_log("HTTPS is off until");
    assert!(line.contains("there is no folder to keep this device's certificate in"), "{line}");
}

#[test]
fn one_port_for_http_and_https_is_named_as_such_and_no_other_program_is_blamed() {
    let folder = Folder::new("one-port");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!("listen = \"{free}\"\nlisten_tls = \"{free}\"\n");
    let service = with_file(&text, "one-port", &[("STATE_DIRECTORY", folder.0.to_str().unwrap())]);
    let notices = service.status()["notices"].to_string();
    let said = format!(
        "HTTPS is off until the configuration is mended and the service restarted: HTTP and HTTPS cannot both be at {free}"
    );
    assert!(notices.contains(&said) && !notices.contains("Another program"), "{notices}");
}
