//! A running process can still be stuck: what the watchdog, `/healthz`, the status and the metrics say when a
//! part of the service stalls.

use crate::fan_out::wait_until;
use crate::notify::Systemd;
use crate::service::{Ear, PATIENCE, Service};
use crate::slow_client::small_ear;
use crate::systemd::Folder;
use crate::thread::{FORBIDDEN, Held, Watched, number_of};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;
use synthwire::core::liveness::Ill;

/// systemd's watchdog interval; the service must send several keep-alives in it.
const WATCHDOG_US: &str = "1000000";
/// Three times as long: a healthy service would have sent a dozen keep-alives.
const SILENCE: Duration = Duration::from_secs(3);

/// Starts a service as systemd does, and waits until it is ready.
fn watched(name: &str, arguments: &[&str]) -> (Folder, Systemd, Service) {
    watched_in(&[], name, arguments)
}

/// The same as `watched`, with these variables added to its environment.
fn watched_in(variables: &[(&str, &str)], name: &str, arguments: &[&str]) -> (Folder, Systemd, Service) {
    let folder = Folder::new(name);
    let systemd = Systemd::at(&folder.file("notify"));
    let notify = folder.file("notify");
    let environment = [&[("NOTIFY_SOCKET", &*notify), ("WATCHDOG_USEC", WATCHDOG_US)], variables].concat();
    let service = Service::start_in(&environment, arguments);
    (folder, systemd, service)
}

/// A sound device whose opening hangs in the kernel while it is broken: alsa-lib opens a pipe that has no
/// writer. The device never plays, because its definition also needs a card that does not exist.
struct SickDevice {
    pipe: String,
    configuration: String,
}

impl SickDevice {
    const DEVICE: [&str; 2] = ["--device", "sick"];

    fn new(folder: &Folder) -> Self {
        let (pipe, configuration) = (folder.file("pipe"), folder.file("asound.conf"));
        let text = format!(
            "pcm.sick {{ type multi
                slaves.a {{ pcm {{ type file, slave.pcm {{ type null }}, file \"/dev/null\", infile \"{pipe}\" }}, channels 1 }}
                slaves.b {{ pcm {{ type hw, card 99 }}, channels 1 }}
                bindings.0 {{ slave a, channel 0 }}
                bindings.1 {{ slave b, channel 0 }} }}\n"
        );
        std::fs::write(&configuration, text).unwrap();
        Self { pipe, configuration }
    }

    fn environment(&self) -> [(&str, &str); 1] {
        [("ALSA_CONFIG_PATH", &self.configuration)]
    }

    fn falls_ill(&self) {
        mkfifo(Path::new(&self.pipe), Mode::S_IRWXU).unwrap();
    }

    /// Lets one hanging open call return; nothing is written.
    fn lets_go(&self) {
        drop(OpenOptions::new().write(true).open(&self.pipe).unwrap());
    }
}

fn health(service: &Service) -> String {
    service.http("GET /healthz HTTP/1.1")
}

fn is_alive(service: &Service) -> bool {
    health(service).starts_with("HTTP/1.1 200")
}

/// Every interface gives the same reason, and the watchdog gets no keep-alive.
fn says_why(systemd: &Systemd, service: &Service, ill: Ill) {
    let said = service.wait_for_log("systemd's watchdog is not fed until that is over");
    assert!(said.contains(ill.words()), "{said}");
    systemd.wait_for(&format!("STATUS={}", ill.words()));
    let answer = health(service);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with(ill.words()), "{answer}");
    let status = service.status();
    assert_eq!((&status["ill"], &status["notices"][0]), (&ill.name().into(), &ill.words().into()));
    let metrics = service.http("GET /metrics HTTP/1.1");
    for line in ["synthwire_alive 0\n", &format!("synthwire_ill{{cause=\"{}\"}} 1\n", ill.name())] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    let heard = systemd.hear_for(SILENCE);
    assert!(heard.iter().all(|message| !message.contains("WATCHDOG=1")), "{heard:?}");
}

fn is_over(systemd: &Systemd, service: &Service) {
    systemd.wait_for("WATCHDOG=1");
    wait_until("it is alive again", || is_alive(service));
    assert!(service.http("GET /metrics HTTP/1.1").contains("synthwire_alive 1\n"));
}

#[test]
fn a_frozen_fan_out_is_no_life_whether_anybody_listens_or_not() {
    std::thread::scope(|scope| {
        for listens in [false, true] {
            scope.spawn(move || {
                let name = if listens { "frozen-heard" } else { "frozen" };
                let (_folder, systemd, service) = watched(name, &["--source", "exact:music"]);
                let _ear = listens.then(|| service.listen());
                systemd.wait_for("WATCHDOG=1");
                wait_until("it is alive", || is_alive(&service));
                let held = Held::still(number_of(&service, "fan-out"));
                says_why(&systemd, &service, Ill::SenderStopped);
                drop(held);
                is_over(&systemd, &service);
            });
        }
    });
}

#[test]
fn a_frozen_capture_thread_is_no_life() {
    let (_folder, systemd, service) = watched("frozen-capture", &["--source", "exact:music"]);
    service.wait_for_log(" INFO playing ");
    let held = Held::still(number_of(&service, "capture"));
    says_why(&systemd, &service, Ill::SourceKept);
    drop(held);
    is_over(&systemd, &service);
}

#[test]
fn a_wedged_main_thread_feeds_nobody() {
    let (_folder, systemd, service) = watched("wedged", &["--source", "exact:music"]);
    systemd.wait_for("WATCHDOG=1");
    let held = Held::still(service.child.id().cast_signed());
    systemd.hear_for(Duration::from_millis(100)); // messages from before
    let heard = systemd.hear_for(SILENCE);
    assert!(heard.is_empty(), "{heard:?}");
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", service.address).unwrap();
    assert!(stream.read(&mut [0]).is_err(), "nobody answers");
    drop(held);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 1);
    is_over(&systemd, &service);
}

#[test]
fn a_device_that_keeps_the_supervisor_is_no_life_until_it_lets_go() {
    let folder = Folder::new("kept");
    let device = SickDevice::new(&folder);
    let (_folder, systemd, service) = watched_in(&device.environment(), "kept-notify", &SickDevice::DEVICE);
    systemd.wait_for("READY=1"); // the device was tried and is missing
    systemd.wait_for("WATCHDOG=1");
    device.falls_ill();
    says_why(&systemd, &service, Ill::SourceKept);
    // The pipe opens, and the device is refused because of its missing card: one attempt.
    device.lets_go();
    systemd.wait_for("WATCHDOG=1");
}

#[test]
fn ready_is_who_has_looked_for_a_source_once() {
    let folder = Folder::new("untried");
    let device = SickDevice::new(&folder);
    device.falls_ill();
    let (_folder, systemd, service) =
        watched_in(&device.environment(), "untried-notify", &SickDevice::DEVICE);
    let before = systemd.wait_for(&format!("STATUS={}", Ill::Untried.words()));
    let answer = health(&service);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with(Ill::Untried.words()), "{answer}");
    let meanwhile = systemd.hear_for(SILENCE);
    let all = || before.iter().chain(&meanwhile);
    assert!(
        all().all(|said| !said.contains("READY=1") && !said.contains("WATCHDOG=1")),
        "{before:?} {meanwhile:?}"
    );
    device.lets_go();
    systemd.wait_for("READY=1");
    wait_until("it is alive", || is_alive(&service));
}

#[test]
fn a_listener_whose_own_network_stands_still_is_nobody_elses_death() {
    let (_folder, systemd, service) = watched("deaf", &["--source", "exact:music", "--queue-ms", "100"]);
    let mut deaf = small_ear(&service);
    deaf.records();
    // The loss takes far longer than a healthy service may need to send sound: 344 packets are dropped per
    // second.
    let dropped = || service.status()["losses"]["queue_drop"]["events"].as_u64().unwrap();
    wait_until("ten seconds of its sound are dropped", || dropped() > 10 * 344);
    assert!(is_alive(&service));
    systemd.hear_for(Duration::from_millis(1));
    systemd.wait_for("WATCHDOG=1");
    assert!(is_alive(&service));
    drop::<Ear>(deaf);
}

#[test]
fn whatever_a_listener_asks_for_the_thread_that_sends_touches_no_file_and_makes_no_thread() {
    let folder = Folder::new("forbidden");
    let state = folder.file("state");
    let service = Service::playing(&["--source", "exact:counter", "--channels", "8", "--state", &state]);
    let mut ear = service.listen();
    let watched = Watched::from_now_on(number_of(&service, "fan-out"));
    let settings = Path::new(&state).join("settings.json");
    let kept = || std::fs::read_to_string(&settings).unwrap_or_default();
    for first_channel in [3, 5, 7] {
        ear.say(&format!(r#"{{"type":"set_pair","first_channel":{first_channel}}}"#));
        assert_eq!(ear.text("source")["source"]["first_channel"], first_channel);
        ear.say(r#"{"type":"report","mode":"auto","glitches":{"network_late":2}}"#);
        wait_until("it is written down", || kept().contains(&format!("\"first_channel\": {first_channel}")));
    }
    ear.say(r#"{"type":"set_pair","first_channel":8}"#);
    assert!(ear.text("refused")["reason"].as_str().unwrap().contains("no pair"));
    drop(service.listen());
    let calls = watched.calls();
    let done: Vec<&str> =
        FORBIDDEN.iter().filter(|(_, number)| calls.contains(number)).map(|(name, _)| *name).collect();
    assert!(done.is_empty(), "{done:?}");
}
