//! Our own simulated card (card.c): every format alone, no mmap, overruns, suspends, unplugging, each with
//! its true loss.

use crate::folder::Folder;
use crate::ledger::Ledger;
use crate::notify::Systemd;
use crate::service::{Ear, Heard, Said, Service};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;
use synthwire::core::convert::SampleFormat;
use synthwire::core::liveness::TURN_WITHIN_S;

const SECOND: u64 = 44_100;
/// A pause longer than the 186 ms that the device's ring holds.
const STANDSTILL: Duration = Duration::from_millis(400);

/// Interval at which the service looks for a missing device.
const LOOKS_AGAIN: Duration = Duration::from_millis(500);

/// The path of the plugin, which is built once for all tests.
fn driver() -> &'static str {
    static BUILT: LazyLock<String> = LazyLock::new(|| {
        let library = format!("{}/libsynthcard.so", env!("CARGO_TARGET_TMPDIR"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alsa_path/card.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-DPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", &library])
            .arg(source)
            .arg("-lasound")
            .output()
            .expect(
                "there is a C compiler: 'scripts/packages.sh test' installs it (packages gcc, libc6-dev)",
            );
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "card.c needs alsa's headers (package libasound2-dev): {said}");
        library
    });
    &BUILT
}

/// A simulated card and the switches that break it.
struct Card {
    folder: Folder,
}

impl Card {
    /// Creates a card that offers only this format, channel count and access mode.
    fn with(format: &str, channels: u16, access: &str) -> Self {
        Self::offering(&format!("format {format} channels {channels} access {access}"))
    }

    /// Creates a card that offers what `offer` says, in the plugin's own notation.
    fn offering(offer: &str) -> Self {
        let (folder, library) = (Folder::new(), driver());
        folder.define(&format!(
            "pcm_type.synthcard {{ lib \"{library}\" }}\n\
             pcm.card {{ type synthcard folder \"{}\" {offer} }}",
            folder.file("")
        ));
        Self { folder }
    }

    fn service(&self, arguments: &[&str]) -> Service {
        self.folder.service(&[], &[&["--device", "card"], arguments].concat())
    }

    /// Starts a service that plays this card and a listener; returns them with the listener's ledger after
    /// half a second.
    fn playing(&self, arguments: &[&str]) -> (Service, Ear, Ledger) {
        let service = self.service(arguments);
        service.wait_for_log(" INFO playing ");
        let mut ear = service.listen();
        let mut ledger = Ledger::default();
        ledger.listen_for(SECOND / 2, &mut ear);
        ledger.restarts = 0; // the listener may or may not have been there for the first record
        (service, ear, ledger)
    }
}

/// Returns the losses that the status reports for this cause: events and frames.
fn losses(service: &Service, cause: &str) -> (u64, u64) {
    let loss = &service.status()["losses"][cause];
    (loss["events"].as_u64().unwrap(), loss["frames"].as_u64().unwrap())
}

#[test]
fn each_format_alone_is_found_and_arrives_to_the_bit() {
    for format in SampleFormat::ALL {
        let card = Card::with(format.name(), 2, "mmap");
        let (service, mut ear, mut ledger) = card.playing(&[]);
        ledger.listen_for(SECOND, &mut ear);
        let capture = &service.status()["capture"];
        assert_eq!((&capture["format"], &capture["path"]), (&format.name().into(), &"plugin_mmap".into()));
        println!("{}: {} frames to the bit, gaps {:?}", format.name(), ledger.frames, ledger.gaps);
    }
}

#[test]
fn a_card_of_eight_channels_is_opened_with_all_of_them_in_every_period() {
    for period in ["32", "128", "1024"] {
        let card = Card::with("S24_3LE", 8, "mmap");
        let (service, mut ear, mut ledger) = card.playing(&["--period-frames", period]);
        ledger.listen_for(SECOND / 2, &mut ear);
        let capture = &service.status()["capture"];
        assert_eq!(capture["channels"], 8);
        assert_eq!(capture["period_frames"].to_string(), period);
    }
}

#[test]
fn cards_of_any_width_are_opened_with_all_they_have_and_any_pair_can_be_chosen() {
    for (channels, pairs) in [(34_u16, [1_u16, 33]), (64, [17, 63]), (128, [1, 127])] {
        let card = Card::with("S32_LE", channels, "mmap");
        for first_channel in pairs {
            let service = card.service(&["--first-channel", &first_channel.to_string()]);
            service.wait_for_log(" INFO playing ");
            let mut ledger = Ledger::of_pair((first_channel - 1) / 2);
            ledger.listen_for(SECOND / 4, &mut service.listen());
            let status = service.status();
            assert_eq!(status["capture"]["channels"], channels);
            assert_eq!(status["source"]["first_channel"], first_channel);
        }
    }
}

#[test]
fn one_channel_is_heard_on_both_sides() {
    for access in ["mmap", "rw"] {
        let card = Card::with("S16_LE", 1, access);
        let service = card.service(&["--first-channel", "7"]);
        service.wait_for_log(" INFO playing ");
        let mut ear = service.listen();
        let mut frames = 0;
        while frames < SECOND / 2 {
            let Said::Sound(records) = ear.said() else { continue };
            for record in records {
                let Heard::Audio(_, samples) = record else { continue };
                assert!(samples.iter().all(|[left, right]| left == right));
                frames += samples.len() as u64;
            }
        }
        let status = service.status();
        assert_eq!(
            (&status["capture"]["channels"], &status["source"]["first_channel"]),
            (&1.into(), &1.into())
        );
    }
}

#[test]
fn a_card_without_the_instruments_rate_plays_at_its_own() {
    for rate in [48_000, 88_200, 96_000] {
        let card = Card::offering(&format!("rate {rate}"));
        let (service, mut ear, mut ledger) = card.playing(&[]);
        ledger.listen_for(SECOND, &mut ear);
        let status = service.status();
        assert_eq!(status["capture"]["rate_hz"], rate);
        assert_eq!(status["stream"]["rate_hz"], rate);
        assert_eq!(status["source"]["rate_hz"], rate);
        assert_eq!(service.listen().hello["rate_hz"], rate, "who comes later is told");
    }
}

#[test]
fn a_rate_that_is_not_played_is_refused_with_a_way_out_and_plug_converts_where_it_is_named() {
    let card = Card::offering("rate 32000");
    let service = card.service(&[]);
    service.wait_for_log("it runs at 32000 Hz");
    let source = service.status()["source"].clone();
    let notice = source["notice"].as_str().unwrap();
    assert!(notice.contains("44100, 48000, 88200 or 96000 Hz") && notice.contains("plug:card"), "{notice}");
    assert!(!notice.contains("endpoint"), "{notice}");
    drop(service);
    let service = card.folder.service(&[], &["--device", "plug:card"]);
    service.wait_for_log(" INFO playing ");
    let capture = service.status()["capture"].clone();
    assert_eq!(
        (&capture["rate_hz"], &capture["path"]),
        (&44_100.into(), &"converted_by_plug".into()),
        "{capture}"
    );
}

#[test]
fn the_period_the_card_insists_on_is_what_records_hello_and_queues_go_by() {
    for (period, record) in [(1024_u32, 1024_u32), (2205, 735), (480, 480)] {
        let card = Card::offering(&format!("period {period}"));
        let (service, mut ear, mut ledger) = card.playing(&[]);
        ledger.listen_for(SECOND, &mut ear);
        let status = service.status();
        assert_eq!(status["capture"]["period_frames"], period, "{status}");
        assert_eq!(
            (&status["stream"]["period_frames"], &status["stream"]["chunk_frames"]),
            (&period.into(), &record.into())
        );
        let hello = &service.listen().hello;
        assert_eq!((&hello["period_frames"], &hello["chunk_frames"]), (&period.into(), &record.into()));
    }
}

#[test]
fn a_period_that_no_queue_could_hold_is_refused_in_words() {
    let card = Card::offering("period 16384");
    let service = card.service(&[]);
    service.wait_for_log("it wakes every 16384 frames, and 1 to 8192 can be taken at once");
    assert_eq!(service.status()["source"]["state"], "waiting");
}

#[test]
fn a_card_of_more_channels_than_are_played_is_refused_in_words() {
    let card = Card::offering("channels 130");
    let service = card.service(&[]);
    service.wait_for_log("it has 130 channels, and 1 to 128 can be played");
    assert_eq!(service.status()["source"]["state"], "waiting");
}

#[test]
fn a_card_without_mmap_goes_through_plug_in_order() {
    for format in ["S32_LE", "S16_LE"] {
        let card = Card::with(format, 2, "rw");
        let (service, mut ear, mut ledger) = card.playing(&[]);
        ledger.listen_for(5 * SECOND, &mut ear);
        let capture = &service.status()["capture"];
        assert_eq!(capture["path"], "emulated_mmap", "{capture}");
        println!("without mmap, {format}: {} frames to the bit, gaps {:?}", ledger.frames, ledger.gaps);
    }
}

#[test]
fn an_overrun_is_announced_at_its_true_length_and_playing_goes_on() {
    for access in ["mmap", "rw"] {
        let card = Card::with("S32_LE", 2, access);
        let (service, mut ear, mut ledger) = card.playing(&[]);
        let pid = Pid::from_raw(service.child.id().cast_signed());
        for _ in 0..3 {
            kill(pid, Signal::SIGSTOP).unwrap();
            std::thread::sleep(STANDSTILL);
            kill(pid, Signal::SIGCONT).unwrap();
            ledger.listen_for(SECOND / 2, &mut ear);
        }
        let (events, frames) = losses(&service, "capture_xrun");
        println!("{access}: {events} overruns, {frames} frames; the books: {:?}", ledger.gaps);
        let (gaps, announced, _) = ledger.gaps["capture_xrun"];
        assert!(gaps >= 3, "each standstill overran: {gaps}");
        assert_eq!((events, frames), (u64::from(gaps), announced), "one truth for all");
        assert_eq!(ledger.restarts, 0, "an overrun is a hole in the same timeline");
    }
}

#[test]
fn a_card_that_suspends_plays_again_after_it_wakes() {
    let card = Card::with("S24_3LE", 2, "mmap");
    let (service, mut ear, mut ledger) = card.playing(&[]);
    card.folder.switch("suspended", true);
    std::thread::sleep(STANDSTILL);
    card.folder.switch("suspended", false);
    ledger.listen_for(SECOND, &mut ear);
    println!("suspended: {:?}", ledger.gaps);
    assert_eq!(losses(&service, "device_gone").0, 1);
    assert_eq!(service.status()["source"]["state"], "playing");
}

/// Breaks the card with these switches, expects this state and message, repairs the card and checks the
/// ledger.
fn breaks_and_comes_back(switches: &[&str], state: &str, words: &str) {
    let card = Card::with("S32_LE", 2, "mmap");
    let (service, mut ear, mut ledger) = card.playing(&[]);
    for switch in switches {
        card.folder.switch(switch, true);
    }
    let said = ledger.listen_for_source(&mut ear);
    assert_eq!(said["state"], state, "{said}");
    assert!(said["notice"].as_str().unwrap().contains(words), "{said}");
    std::thread::sleep(2 * LOOKS_AGAIN); // it looks again and again and logs nothing new
    for switch in switches {
        card.folder.switch(switch, false);
    }
    assert_eq!(ledger.listen_for_source(&mut ear)["state"], "playing", "the next that is said");
    ledger.listen_for(SECOND, &mut ear);
    let (events, frames) = losses(&service, "device_gone");
    println!("{switches:?}: {events} loss of {frames} frames; the books: {:?}", ledger.gaps);
    assert_eq!((events, frames), (1, ledger.gaps["restart"].1), "one truth for all");
    assert_eq!(ledger.restarts, 1, "a new timeline");
}

#[test]
fn a_pulled_plug_is_said_once_and_the_same_listener_hears_it_come_back() {
    breaks_and_comes_back(&["absent", "unplugged"], "lost", "is gone");
}

#[test]
fn a_silent_card_is_said_once_and_the_same_listener_hears_it_come_back() {
    breaks_and_comes_back(&["silent"], "stalled", "is connected but sends nothing");
}

#[test]
fn a_card_that_went_silent_and_cannot_be_opened_any_more_is_gone() {
    let card = Card::with("S32_LE", 2, "mmap");
    let (_service, mut ear, mut ledger) = card.playing(&[]);
    card.folder.switch("absent", true);
    card.folder.switch("silent", true);
    let states = [(); 2].map(|()| ledger.listen_for_source(&mut ear)["state"].clone());
    assert_eq!(states, ["stalled", "lost"]);
}

#[test]
fn a_busy_card_is_named_with_what_to_do_and_taken_when_it_is_free() {
    let card = Card::with("S32_LE", 2, "mmap");
    card.folder.switch("busy", true);
    let service = card.service(&[]);
    service.wait_for_log("cannot open");
    let source = service.status()["source"].clone();
    let notice = source["notice"].as_str().unwrap();
    assert_eq!(source["state"], "waiting");
    assert!(notice.contains("'card'") && notice.contains("fuser") && notice.contains("busy"), "{notice}");
    card.folder.switch("busy", false);
    service.wait_for_log(" INFO playing ");
}

/// The service keeps trying a card that opens but does not work. The service stays alive for longer than
/// opening a device may take, and it plays once the card is repaired.
fn is_tried_on_and_on(switch: &str) {
    let card = Card::with("S32_LE", 2, "mmap");
    card.folder.switch(switch, true);
    let notify = card.folder.file("notify");
    let systemd = Systemd::at(&notify);
    // systemd waits 4 s; the service must send its keep-alive four times in that time, once a second.
    let environment = [("NOTIFY_SOCKET", &*notify), ("WATCHDOG_USEC", "4000000")];
    let service = card.folder.service(&environment, &["--device", "card"]);
    systemd.wait_for("READY=1");
    for _ in 0..TURN_WITHIN_S + 5 {
        systemd.wait_for("WATCHDOG=1");
    }
    let health = service.http("GET /healthz HTTP/1.1");
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    println!("{switch}: {}", service.status()["source"]);
    card.folder.switch(switch, false);
    service.wait_for_log(" INFO playing ");
}

#[test]
fn a_card_that_cannot_start_for_an_error_is_tried_on_and_on() {
    is_tried_on_and_on("broken");
}

#[test]
fn a_card_that_cannot_start_for_want_of_room_on_the_bus_is_tried_on_and_on() {
    is_tried_on_and_on("full");
}

#[test]
fn a_card_that_overruns_for_ever_is_tried_on_and_on() {
    is_tried_on_and_on("overrun");
}
