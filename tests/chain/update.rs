//! A bundle that arrives over the network: accepted completely, or refused with a named reason. Installing it
//! is not the service's job (`make test-update` tests that); here a folder stands for the system's updater.

use crate::service::Service;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use synthwire::net::access::key::HashedKey;
use synthwire::update::BUNDLE_BYTES_MAX;

/// A state folder, an updater's folder and a configuration. All are removed when the value is dropped.
struct Device(PathBuf);

impl Device {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("synthwire-update-chain-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("updater")).unwrap();
        let device = Self(path);
        device.says(r#"{"state":"idle"}"#);
        // If a key is set, the result does not depend on how long ago the test machine was switched on.
        let key = HashedKey::of("owner's key", [5; 16]).unwrap();
        let text = format!("settings_key = {:?}\n", key.as_str());
        std::fs::write(device.path("synthwire.toml"), text).unwrap();
        device
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn says(&self, text: &str) {
        let (new, said) = (self.path("updater/new"), self.path("updater/state.json"));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, said).unwrap();
    }

    fn start(&self, more: &[&str]) -> Service {
        let (state, updater) = (self.path("state"), self.path("updater"));
        let config = self.path("synthwire.toml");
        let mut arguments =
            vec!["--source", "exact:music", "--state", &state, "--updater", &updater, "--config", &config];
        arguments.extend(more);
        Service::start(&arguments)
    }

    /// The update files in the state folder.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join("state")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("update")).collect()
    }

    fn kept(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.0.join("state").join(name)).ok()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn head(service: &Service, path: &str, headers: &str, length: u64) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n",
        service.address
    )
}

const OWNER: &str = "Authorization: Bearer owner's key\r\n";
const TYPE: &str = "Content-Type: application/vnd.rauc\r\n";
const BUNDLE: &str = "Content-Type: application/vnd.rauc\r\nAuthorization: Bearer owner's key\r\n";

fn send(service: &Service, headers: &str, bundle: &[u8]) -> String {
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.write_all(head(service, "/api/update", headers, bundle.len() as u64).as_bytes()).unwrap();
    let _ = stream.write_all(bundle); // the refusal may come before the end
    answer(stream)
}

fn answer(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(crate::service::PATIENCE)).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn code(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn refused(service: &Service, name: &str) -> u64 {
    service.status()["refusals"][name].as_u64().unwrap()
}

/// Waits until another thread of the service has done its work.
fn until(what: impl Fn() -> bool) {
    for _ in 0..600 {
        if what() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("it never comes");
}

#[test]
fn a_bundle_arrives_byte_for_byte_and_the_next_waits_until_it_is_taken() {
    let device = Device::new("whole");
    let service = device.start(&[]);
    assert_eq!(service.status()["update"]["state"], "idle");
    let noise = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
    let bundle: Vec<u8> = b"hsqs".iter().copied().chain(noise).collect();
    assert_eq!(code(&send(&service, BUNDLE, &bundle)), "204");
    assert_eq!(device.kept("update.raucb").unwrap(), bundle);
    assert_eq!(code(&send(&service, BUNDLE, b"hsqs, another")), "409");
    assert_eq!(refused(&service, "update_busy"), 1);
}

#[test]
fn what_the_updater_says_is_in_the_status() {
    let device = Device::new("says");
    let service = device.start(&[]);
    device.says(r#"{"state":"refused","version":"","reason":"signature","detail":"openssl"}"#);
    let update = &service.status()["update"];
    assert_eq!(update["state"], "refused");
    assert_eq!(update["bytes_max"], BUNDLE_BYTES_MAX);
    assert!(update["words"].as_str().unwrap().starts_with("The update was refused: it is not signed by"));
    device.says("damaged");
    assert!(service.status()["update"].is_null());
}

#[test]
fn a_bundle_that_breaks_off_leaves_nothing_behind() {
    let device = Device::new("cut");
    let service = device.start(&[]);
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.write_all(head(&service, "/api/update", BUNDLE, 1_000_000).as_bytes()).unwrap();
    stream.write_all(&[b"hsqs".as_slice(), &vec![7; 400_000]].concat()).unwrap();
    until(|| service.status()["update"]["percent"].as_u64().is_some_and(|percent| percent >= 30));
    assert_eq!(service.status()["update"]["state"], "receiving");
    let other = send(&service, BUNDLE, b"hsqs");
    assert_eq!(code(&other), "409", "one at a time: {other}");
    stream.shutdown(Shutdown::Write).unwrap();
    drop(stream);
    until(|| service.status()["update"]["state"] == "idle");
    assert_eq!(device.left(), Vec::<String>::new());
    assert_eq!(refused(&service, "update_cut_off"), 1);
    assert_eq!(code(&send(&service, BUNDLE, b"hsqs, whole")), "204", "the next one is taken");
}

#[test]
fn a_bundle_has_a_largest_size_that_is_told_before_it_is_sent_and_kept_when_it_is_not() {
    let device = Device::new("long");
    let service = device.start(&[]);
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.write_all(head(&service, "/api/update", BUNDLE, BUNDLE_BYTES_MAX + 1).as_bytes()).unwrap();
    let said = answer(stream);
    assert_eq!(code(&said), "413", "{said}");
    assert!(said.contains("An update has at most 209715200 bytes."), "{said}");
    assert_eq!(refused(&service, "update_too_long"), 1);

    // A chunked upload without a length, from a client that never finishes.
    let mut stream = TcpStream::connect(service.address).unwrap();
    let request =
        head(&service, "/api/update", BUNDLE, 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    stream.write_all(request.as_bytes()).unwrap();
    let piece = [b"100000\r\nhsqs".as_slice(), &vec![0; 0xf_fffc], b"\r\n"].concat();
    let pieces = (0..1000).take_while(|_| stream.write_all(&piece).is_ok()).count() as u64;
    assert!(pieces >= BUNDLE_BYTES_MAX / 0x10_0000, "{pieces}");
    until(|| refused(&service, "update_too_long") == 2);
    until(|| service.status()["update"]["state"] == "idle");
    assert_eq!(device.left(), Vec::<String>::new());
}

#[test]
fn who_may_not_update_changes_nothing_and_is_counted() {
    let device = Device::new("locked");
    let service = device.start(&[]);
    device.says(r#"{"state":"waiting","version":"2"}"#);
    let restart = |headers: &str| service.http_with(&head(&service, "/api/update/restart", headers, 0));
    let json = "Content-Type: application/json\r\n";
    let owner = OWNER;
    for (name, expected, headers) in [
        ("key_missing", "401", String::new()),
        ("key_wrong", "401", "Authorization: Bearer a stranger's\r\n".into()),
        ("origin_foreign", "403", format!("{owner}Origin: http://elsewhere.example\r\n")),
    ] {
        assert_eq!(code(&send(&service, &format!("{TYPE}{headers}"), b"hsqs, bundle")), expected, "{name}");
        assert_eq!(refused(&service, name), 1);
        assert_eq!(code(&restart(&format!("{json}{headers}"))), expected, "{name}");
        assert_eq!(refused(&service, name), 2);
    }
    for form in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let answer = send(&service, &format!("Content-Type: {form}\r\n{owner}"), b"bundle");
        assert_eq!(code(&answer), "400", "{form}");
        assert_eq!(code(&restart(&format!("Content-Type: {form}\r\n{owner}"))), "400", "{form}");
    }
    assert_eq!((device.kept("update.raucb"), device.kept("update.restart")), (None, None));

    let own = format!("{owner}Origin: http://{}\r\n", service.address);
    assert_eq!(code(&restart(&format!("{json}{own}"))), "204");
    assert_eq!(device.kept("update.restart").unwrap(), b"");
    assert_eq!(code(&send(&service, &format!("{TYPE}{own}"), b"hsqs, bundle")), "204");
}

#[test]
fn without_an_updater_or_a_waiting_update_it_says_so() {
    let device = Device::new("none");
    let service = device.start(&[]);
    let json = format!("Content-Type: application/json\r\n{OWNER}");
    let restart = || service.http_with(&head(&service, "/api/update/restart", &json, 0));
    assert_eq!(code(&restart()), "409");
    assert_eq!(refused(&service, "update_none_waiting"), 1);
    std::fs::remove_file(device.path("updater/state.json")).unwrap();
    assert!(service.status()["update"].is_null());
    assert_eq!(code(&restart()), "501");
    assert_eq!(code(&send(&service, BUNDLE, b"bundle")), "501");
    assert_eq!(refused(&service, "update_impossible"), 2);
}

#[test]
fn junk_is_refused_by_its_first_bytes_and_the_next_good_one_is_taken() {
    let device = Device::new("junk");
    let service = device.start(&[]);
    // The length of the whole bundle is announced, but the service reads little more than its beginning.
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.write_all(head(&service, "/api/update", BUNDLE, BUNDLE_BYTES_MAX).as_bytes()).unwrap();
    stream.write_all(&vec![0; 300_000]).unwrap();
    let said = answer(stream);
    assert_eq!(code(&said), "400", "{said}");
    assert!(said.contains("This file is no update."), "{said}");
    for junk in [b"".as_slice(), b"hsq", b"PK\x03\x04, an archive"] {
        assert_eq!(code(&send(&service, BUNDLE, junk)), "400", "{junk:?}");
    }
    assert_eq!(refused(&service, "update_no_bundle"), 4);
    assert_eq!(device.left(), Vec::<String>::new());
    assert_eq!(code(&send(&service, BUNDLE, b"hsqs, good")), "204");
}

#[test]
fn what_is_left_in_the_way_before_a_start_keeps_nobody_from_updating() {
    let device = Device::new("way");
    let state = device.0.join("state");
    std::fs::create_dir_all(state.join("update.raucb/deep")).unwrap();
    std::fs::write(state.join("update.part"), b"half of one").unwrap();
    std::os::unix::fs::symlink("/nowhere", state.join("update-any.raucb")).unwrap();
    let service = device.start(&[]);
    assert_eq!(code(&send(&service, BUNDLE, b"hsqs, good")), "204");
    assert_eq!(device.left(), ["update.raucb"]);
    assert_eq!(device.kept("update.raucb").unwrap(), b"hsqs, good");
}

#[test]
fn an_older_version_is_for_the_holder_of_the_settings_key() {
    let device = Device::new("older");
    let service = device.start(&[]);
    let send_any = |headers: &str| {
        let head = head(&service, "/api/update?age=any", headers, 4);
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream.write_all(format!("{head}hsqs").as_bytes()).unwrap();
        answer(stream)
    };
    assert_eq!(code(&send_any(TYPE)), "401");
    assert_eq!(code(&send_any(BUNDLE)), "204");
    assert_eq!(device.left(), ["update-any.raucb"], "the updater knows by its name what was wished");
}

#[test]
fn without_a_key_only_the_first_minutes_after_power_up_are_for_updates() {
    let device = Device::new("keyless");
    std::fs::write(device.path("synthwire.toml"), "").unwrap();
    let service = device.start(&[]);
    device.says(r#"{"state":"waiting","version":"2"}"#);
    let access: serde_json::Value =
        serde_json::from_str(service.http("GET /api/access HTTP/1.1").split_once("\r\n\r\n").unwrap().1)
            .unwrap();
    let is_soon = access["first_key_s_left"].as_u64().unwrap() > 0;
    let json = "Content-Type: application/json\r\n";
    let restart = service.http_with(&head(&service, "/api/update/restart", json, 0));
    let taken = send(&service, TYPE, b"hsqs");
    let any = service.http_with(&head(&service, "/api/update?age=any", TYPE, 0));
    assert_eq!(code(&any), "403", "never without a key: {any}");
    for answer in [restart, taken] {
        assert_eq!(code(&answer), if is_soon { "204" } else { "403" }, "{answer}");
        assert!(is_soon || answer.contains("Switch it off and on again"), "{answer}");
    }
}
