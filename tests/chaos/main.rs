//! Tests that a listener receives every frame, bit for bit, while strangers attack the service in every way for
//! `CHAOS_S` seconds (default 25; `make test-hostile` takes 600).
//!
//! Attackers have their own addresses (127.0.0.2 and up), so that the limits apply to them and one attack
//! does not hide another. The test compares the answers that each attacker got with the service's counts; the
//! service's memory must not grow. A gap is excused only if the machine stalled for longer than the service
//! buffers sound; threads of the test watch for that (`witness`).

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

mod attacks;
#[allow(dead_code, reason = "the chain's tests use all of it")]
#[path = "../chain/service.rs"]
mod service;
mod witness;

use attacks::{ATTACKS, Findings};
use service::{Ear, Heard, Service};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use synthwire::core::wire::Place;
use synthwire::net::access::key::HashedKey;
use synthwire::source::tone::{Pattern, exact_sample};
use synthwire::units::NS_PER_S;
use witness::{Freeze, Witnesses, frozen_ns};

/// Maximum number of connections from one attacking address.
const PER_ADDRESS: &str = "60";
/// Maximum growth of a warm service's memory: allocators keep pages, and listeners' buffers come and go.
const GROWTH_BYTES_MAX: u64 = 6 * 1024 * 1024;

fn memory_bytes(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// The sound that the reference listener received.
#[derive(Debug, Default)]
struct Account {
    frames: u64,
    /// The gaps that the service announced, and their causes.
    gaps: Vec<(Place, u16)>,
}

/// Checks every frame until told to stop.
fn listen(mut ear: Ear, stop: &AtomicBool) -> Account {
    let (mut next, mut account) = (None, Account::default());
    while !stop.load(Relaxed) {
        for record in ear.records() {
            let place = match record {
                Heard::Audio(place, samples) => {
                    for (index, frame) in (place.frame_index..).zip(&samples) {
                        let exact = [0, 1].map(|channel| exact_sample(Pattern::Noise, index, channel));
                        assert_eq!(*frame, exact, "frame {index}");
                    }
                    account.frames += u64::from(place.frames);
                    place
                }
                Heard::Gap(place, cause) => {
                    account.gaps.push((place, cause));
                    place
                }
                Heard::Note(note) => {
                    assert_eq!(note.lost_packets, 0, "packets were forgotten for the reference listener");
                    continue;
                }
            };
            assert!(
                next.is_none_or(|next| next == (place.seq, place.frame_index)),
                "packets join up: {place:?}"
            );
            next = Some((place.seq + 1, place.frame_index + u64::from(place.frames)));
        }
    }
    account
}

/// The device and the hand-off to the fan-out thread hold 372 ms each. If the machine runs in every 300 ms,
/// stalls lose nothing.
const EXCUSING_NS: u64 = 300_000_000;
/// Maximum time by which a freeze may precede its gap.
const BEFORE_NS: u64 = 1_000_000_000;

/// The gaps that no freeze of the machine explains.
fn unexcused(gaps: &[(Place, u16)], freezes: &[Freeze]) -> Vec<(Place, u16)> {
    let excused = |place: &Place| {
        let until_ns = place.capture_ns + u64::from(place.frames) * NS_PER_S / 44_100 + BEFORE_NS;
        frozen_ns(freezes, (place.capture_ns.saturating_sub(BEFORE_NS), until_ns)) >= EXCUSING_NS
    };
    gaps.iter().filter(|(place, _)| !excused(place)).copied().collect()
}

/// Attacks in every way at once until the time is over; returns what each attacker was told.
fn attack(service: &Service, time: Duration) -> Vec<Findings> {
    let until = Instant::now() + time;
    let target = service.address;
    let attackers: Vec<_> = ATTACKS
        .iter()
        .enumerate()
        .map(|(number, attack)| thread::spawn(move || attack.run(target, number as u8 + 2, until)))
        .collect();
    attackers
        .into_iter()
        .map(|attacker| attacker.join().expect("an attacker has no faults of its own"))
        .collect()
}

/// Starts the service with the privileges of its unit: even its threads that are not real-time run before
/// ordinary programs, such as the attackers, which run on the same machine. Otherwise a sending thread would
/// wait for such a thread whenever it needs memory or a wake-up from it.
fn favoured(further: &[&str]) -> Service {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "renice -n -10 -p $$ >/dev/null 2>&1; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_synthwire"),
        "serve",
    ]);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--source",
        "exact:noise",
        "--queue-ms",
        "2000",
        "--listeners-max",
        "40",
    ]);
    command.args(["--connections-per-address", PER_ADDRESS]).args(further);
    let service = Service::started_by(command);
    service.wait_for_log(" INFO playing ");
    service
}

/// Waits until only the reference listener and this query are connected.
fn wait_for_quiet(service: &Service) {
    while service.status()["listeners"]["connections"].as_u64().unwrap() > 2 {
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_listener_hears_nothing_of_what_strangers_do() {
    // make passes an empty value if the variable is not set.
    let wished = std::env::var("CHAOS_S").ok().filter(|text| !text.is_empty());
    let seconds: u64 = wished.map_or(25, |text| text.parse().expect("CHAOS_S is a number"));
    let settings = std::env::temp_dir().join(format!("synthwire-chaos-{}.toml", std::process::id()));
    let key = HashedKey::of("the owner's key", [7; 16]).unwrap();
    std::fs::write(&settings, format!("settings_key = {:?}\n", key.as_str())).unwrap();
    let service = favoured(&["--config", settings.to_str().unwrap()]);
    std::fs::remove_file(settings).unwrap();
    let witnesses = Witnesses::begin();
    let stop = Arc::new(AtomicBool::new(false));
    let reference = {
        let (ear, stop) = (service.listen(), Arc::clone(&stop));
        thread::spawn(move || listen(ear, &stop))
    };

    let mut told = attack(&service, Duration::from_secs(seconds / 5).max(Duration::from_secs(3)));
    wait_for_quiet(&service);
    let warm = memory_bytes(&service);
    for (sum, more) in told.iter_mut().zip(attack(&service, Duration::from_secs(seconds - seconds / 5))) {
        sum.add(&more);
    }
    wait_for_quiet(&service);
    let grown = memory_bytes(&service).saturating_sub(warm);

    stop.store(true, Relaxed);
    let account = reference.join().expect("the reference listener heard every frame");
    let freezes = witnesses.end();
    let longest_ms = frozen_ns(&freezes, (0, u64::MAX)) / 1_000_000;
    println!("the machine stood still {} times, for {longest_ms} ms at most", freezes.len());
    let status = service.status();
    println!("the fan-out thread: {}", status["fan_out"]);
    let refusals = &status["refusals"];
    println!("heard {account:?}; memory {warm} bytes and {grown} more; counted {refusals}");
    for (attack, told) in ATTACKS.iter().zip(&told) {
        println!("{}: {told:?}", attack.name);
        assert!(told.tries > 0, "{} tried nothing", attack.name);
        for (refusal, heard) in &told.refusals {
            let counted = refusals[*refusal].as_u64().unwrap();
            assert!(
                counted >= *heard && *heard > 0,
                "{}: told {heard} times {refusal}, counted {counted}",
                attack.name
            );
        }
        for refusal in attack.counted {
            assert!(refusals[*refusal].as_u64().unwrap() > 0, "{}: {refusal} was never counted", attack.name);
        }
    }
    let missing = unexcused(&account.gaps, &freezes);
    assert!(missing.is_empty(), "what is missing, by place and cause: {missing:?}");
    let gap_frames: u64 = account.gaps.iter().map(|(place, _)| u64::from(place.frames)).sum();
    assert!(account.frames + gap_frames > seconds * 44_100 * 99 / 100, "it played all the time: {account:?}");
    assert!(grown < GROWTH_BYTES_MAX, "memory grew by {grown} bytes");
}
