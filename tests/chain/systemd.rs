//! The service as systemd sees it: readiness, status, watchdog, reload, and the socket that systemd passes.

use crate::fan_out::wait_until;
use crate::notify::Systemd;
use crate::service::{Ear, Heard, Service};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use synthwire::core::cause::Cause;
use synthwire::source::tone::{Pattern, exact_sample};

/// A separate folder for each test, removed after it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("synthwire-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn signal(service: &Service, signal: Signal) {
    kill(Pid::from_raw(service.child.id().cast_signed()), signal).unwrap();
}

#[test]
fn it_says_when_it_is_ready_what_it_plays_that_it_lives_and_when_it_ends() {
    let folder = Folder::new("notify");
    let systemd = Systemd::at(&folder.file("notify"));
    let environment = [("NOTIFY_SOCKET", &*folder.file("notify")), ("WATCHDOG_USEC", "4000000")];
    let service = Service::start_in(&environment, &["--source", "exact:music", "--channels", "8"]);
    let heard = systemd.wait_for("STATUS=Playing Exact test source, channels 1 and 2 of 8, ");
    if !heard.iter().any(|message| message.contains("READY=1")) {
        systemd.wait_for("READY=1"); // the source and the sending thread start in either order
    }
    systemd.wait_for("WATCHDOG=1");
    let _ear = service.listen();
    systemd.wait_for("to 1 listener");
    signal(&service, Signal::SIGTERM);
    systemd.wait_for("STOPPING=1");
}

/// The long queue serves the listeners below, which must not lose packets on a busy machine.
const PATIENT_QUEUE: [&str; 2] = ["--queue-ms", "2000"];

/// Listens until told to stop, and checks that every frame arrives in order, that each gap is named, and, if
/// `exactly`, each bit.
fn every_frame_in_order(mut ear: Ear, enough: &AtomicBool, exactly: bool) -> u64 {
    let (mut next, mut frames) = (None, 0);
    while frames == 0 || !enough.load(Relaxed) {
        for record in ear.records() {
            let place = match record {
                Heard::Audio(place, samples) => {
                    for (index, frame) in (place.frame_index..).zip(&samples).filter(|_| exactly) {
                        let exact = [0, 1].map(|channel| exact_sample(Pattern::Counter, index, channel));
                        assert_eq!(*frame, exact, "frame {index}");
                    }
                    frames += u64::from(place.frames);
                    place
                }
                Heard::Gap(place, cause) => {
                    // Only a stall of the machine loses frames here; a reload never does.
                    assert_eq!(cause, Cause::CaptureXrun.code(), "a gap at frame {}", place.frame_index);
                    place
                }
                Heard::Note(note) => {
                    assert_eq!(note.lost_packets, 0, "this listener reads as fast as it can");
                    continue;
                }
            };
            if let Some((seq, index)) = next {
                assert_eq!((place.seq, place.frame_index), (seq, index), "packets join up");
            }
            next = Some((place.seq + 1, place.frame_index + u64::from(place.frames)));
        }
    }
    frames
}

#[test]
fn a_reload_applies_what_it_can_without_a_gap_and_says_what_waits() {
    let folder = Folder::new("reload");
    let (file, systemd) = (folder.file("synthwire.toml"), Systemd::at(&folder.file("notify")));
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("");
    let arguments = [["--config", &file], ["--source", "exact:counter"], PATIENT_QUEUE].concat();
    let service = Service::start_in(&[("NOTIFY_SOCKET", &folder.file("notify"))], &arguments);
    service.wait_for_log(" INFO playing ");

    let enough = Arc::new(AtomicBool::new(false));
    let (ear, told) = (service.listen(), Arc::clone(&enough));
    let listener = std::thread::spawn(move || every_frame_in_order(ear, &told, true));
    for round in 0..20 {
        write(&format!("listeners_max = {}\nperiod_frames = 64\n", 10 + round));
        signal(&service, Signal::SIGHUP);
        let said = service.wait_for_log("read the configuration again: ");
        assert!(said.ends_with("in effect now: listeners_max; at the next start: period_frames"), "{said}");
        let answer = systemd.wait_for("RELOADING=1").pop().unwrap();
        let began: u64 =
            answer.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap().parse().unwrap();
        assert!(began > 0);
        systemd.wait_for("READY=1");
        assert_eq!(service.status()["listeners"]["max"], 10 + round);
        assert_eq!(service.status()["stream"]["period_frames"], 128, "this waits for the next start");
    }

    write("queue_ms = 5\n");
    signal(&service, Signal::SIGHUP);
    let said = service.wait_for_log("the configuration was not taken");
    assert!(said.contains("synthwire.toml:1: queue_ms is 5 but must lie between 10 and 2000"), "{said}");
    systemd.wait_for("STATUS=Configuration not taken: ");
    assert_eq!(service.status()["listeners"]["max"], 29, "the one before stays in effect");
    enough.store(true, Relaxed);
    assert!(listener.join().expect("no gap") > 0);
}

#[test]
fn a_reload_moves_the_pair_for_everybody_and_leaves_one_that_a_listener_chose() {
    let folder = Folder::new("pair");
    let file = folder.file("synthwire.toml");
    let reload = |service: &Service, text: &str| {
        std::fs::write(&file, text).unwrap();
        signal(service, Signal::SIGHUP);
        service.wait_for_log("read the configuration again: ");
    };
    std::fs::write(&file, "").unwrap();
    let state = folder.file("state");
    let source = ["--source", "exact:counter", "--channels", "8"];
    let arguments = [&source[..], &PATIENT_QUEUE, &["--config", &file, "--state", &state]].concat();
    let service = Service::playing(&arguments);
    let enough = Arc::new(AtomicBool::new(false));
    let (ear, told) = (service.listen(), Arc::clone(&enough));
    let listener = std::thread::spawn(move || every_frame_in_order(ear, &told, false));
    let mut other = service.listen();
    reload(&service, "first_channel = 3\n");
    assert_eq!(other.text("source")["source"]["first_channel"], 3);
    reload(&service, "first_channel = 31\n");
    assert_eq!(other.text("source")["source"]["first_channel"], 7, "the last pair of eight channels");
    other.say(r#"{"type":"set_pair","first_channel":5}"#);
    assert_eq!(other.text("source")["source"]["first_channel"], 5);
    reload(&service, "first_channel = 31\nlisteners_max = 100\n");
    assert_eq!(service.status()["source"]["first_channel"], 5);
    // The later change wins, also at the next start: first the page's choice is kept, now the new setting is.
    reload(&service, "first_channel = 2\n");
    assert_eq!(service.status()["source"]["first_channel"], 2);
    let kept = || std::fs::read_to_string(Path::new(&state).join("settings.json")).unwrap_or_default();
    while !kept().contains("\"first_channel\": 2") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    enough.store(true, Relaxed);
    assert!(listener.join().expect("no gap") > 0);
}

#[test]
fn the_socket_that_systemd_passes_is_used_and_any_other_refused() {
    // Passes the socket as systemd does: as descriptor 3, with environment variables that give its name and
    // the process.
    const PASS: &str =
        "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http; exec \"$@\"";
    let passing = |socket: OwnedFd| {
        let mut command = Command::new("sh");
        command.args(["-c", PASS, "sh", env!("CARGO_BIN_EXE_synthwire"), "serve", "--listen", "192.0.2.1:1"]);
        command.args(["--source", "exact:music"]).stdin(Stdio::from(socket));
        command
    };
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let service = Service::started_by(passing(socket.into()));
    assert_eq!(service.address, address);
    wait_until("it answers there", || service.http("GET /healthz HTTP/1.1").ends_with("ok"));

    let (wrong, _other) = UnixDatagram::pair().unwrap();
    let refused = passing(wrong.into()).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("cannot listen on the socket 'http'"), "{said}");
}
