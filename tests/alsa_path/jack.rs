//! MMAP over `plug{jack}` on a dummy jackd: minutes of frames, and a jackd that starts late, disappears and
//! returns.

use crate::folder::Folder;
use crate::jack_server::{Feeder, Server, turn};
use crate::ledger::Ledger;
use crate::service::Service;
use std::time::Instant;

/// Length of the long test in minutes; `SYNTHWIRE_ALSA_MINUTES` can make it longer.
const MINUTES: u64 = 3;
const FRAMES_PER_MINUTE: u64 = 60 * 44_100;
/// Frames per jackd cycle. When the machine stalls, jackd skips whole cycles for a late client, and logs
/// that.
const CYCLE_FRAMES: i64 = 64;
const SECOND: u64 = 44_100;

/// Creates a folder whose configuration has the PCM `synth`: jack behind `plug`, connected to the feeder's
/// ports.
fn jack_folder() -> Folder {
    let folder = Folder::new();
    folder.define(
        "pcm.graph { type jack name synth capture_ports { 0 feed:left 1 feed:right } playback_ports { } }\n\
         pcm.synth { type plug slave.pcm graph }",
    );
    folder
}

fn service(folder: &Folder) -> Service {
    let name = folder.name();
    let environment = [("JACK_DEFAULT_SERVER", name.as_str()), ("JACK_NO_START_SERVER", "1")];
    folder.service(&environment, &["--device", "synth"])
}

/// Seconds of processor time that the service has used.
fn cpu_s(service: &Service) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", service.child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0 // USER_HZ is 100 on all common Linux systems
}

#[test]
fn minutes_of_jack_arrive_in_order_to_the_bit() {
    let _turn = turn();
    let minutes = std::env::var("SYNTHWIRE_ALSA_MINUTES")
        .map_or(MINUTES, |text| text.parse().expect("SYNTHWIRE_ALSA_MINUTES is a whole number"));
    let folder = jack_folder();
    let _server = Server::start(&folder.name());
    let feeder = Feeder::start(&folder.name());
    let service = service(&folder);
    service.wait_for_log(" INFO playing ");

    let mut ear = service.listen();
    let mut ledger = Ledger::default();
    ledger.cycles_may_be_skipped(CYCLE_FRAMES);
    ledger.listen_for(SECOND, &mut ear);
    let capture = &service.status()["capture"];
    assert_eq!(capture["device"], "synth");
    assert_eq!(capture["path"], "plugin_mmap", "{capture}");
    assert_eq!((&capture["rate_hz"], &capture["channels"]), (&44_100.into(), &2.into()), "{capture}");
    assert_eq!((&capture["format"], &capture["period_frames"]), (&"S32_LE".into(), &128.into()), "{capture}");

    let (began, cpu_began, behind) = (Instant::now(), cpu_s(&service), feeder.behind());
    ledger.listen_for(minutes * FRAMES_PER_MINUTE, &mut ear);
    let fell_behind = feeder.behind() - behind;
    let percent = 100.0 * (cpu_s(&service) - cpu_began) / began.elapsed().as_secs_f64();

    let status = service.status();
    let stream = &status["stream"];
    println!("plug{{jack}}: {} frames in order to the bit; jack gave {}", ledger.frames, feeder.frames());
    println!("gaps (number, frames announced, frames missing by the device's count): {:?}", ledger.gaps);
    println!("usb_loss (frames the device is behind its own clock): {} found", ledger.found_later);
    println!("of {fell_behind} that jack fell behind, late {} times", feeder.late());
    println!("the service with one listener: {percent:.2} % of a core ({} build)", build());
    println!("stream: {stream}\nlosses: {}", status["losses"]);
    println!("cycles jackd left our plugin out of: {}", ledger.skipped_cycles);
    assert!(
        ledger.skipped_cycles.cast_unsigned() <= feeder.late(),
        "{} cycles are missing unannounced, jackd itself was late only {} times",
        ledger.skipped_cycles,
        feeder.late()
    );
    let held = ledger.gaps.values().map(|(_, frames, _)| frames).sum::<u64>();
    let said = |cause: &str| status["losses"][cause]["frames"].as_u64().unwrap();
    assert_eq!(said("capture_xrun") + said("device_gone") + said("handoff_full"), held, "one truth for all");
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "test" } else { "release" }
}

#[test]
fn jack_comes_late_crashes_and_comes_back_and_nobody_restarts_anything() {
    let _turn = turn();
    let folder = jack_folder();
    let service = service(&folder);
    let mut ear = service.listen();
    service.wait_for_log("cannot open");
    assert_eq!(service.status()["source"]["state"], "waiting");

    // jackd starts late: the service plays as soon as jackd is there.
    let server = Server::start(&folder.name());
    let feeder = Feeder::start(&folder.name());
    service.wait_for_log(" INFO playing ");
    let mut ledger = Ledger::default();
    ledger.listen_for(SECOND, &mut ear);
    assert_eq!((ledger.restarts, ledger.gaps.len()), (1, 0), "a first sound is no gap");

    // jackd disappears. The jack plugin returns no error, so the service first sees a standstill; then the
    // device cannot be opened.
    server.crash();
    drop(feeder);
    let said = loop {
        let source = ledger.listen_for_source(&mut ear);
        if source["state"] == "lost" {
            break source;
        }
    };
    assert!(said["notice"].as_str().unwrap().contains("returns automatically"), "{said}");

    // jackd returns: the same listener hears sound again, after a gap that the service counts.
    let _server = Server::start(&folder.name());
    let _feeder = Feeder::start(&folder.name());
    service.wait_for_log(" INFO playing ");
    ledger.count_begins_anew();
    ledger.listen_for(SECOND, &mut ear);
    assert_eq!(ledger.restarts, 2, "a new timeline");
    let loss = &service.status()["losses"]["device_gone"];
    println!("jackd back: {loss}");
    assert!(loss["frames"].as_u64().unwrap() > 0 && loss["events"] == 1, "{loss}");
    assert_eq!(service.status()["source"]["state"], "playing");
}
