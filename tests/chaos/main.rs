//! One listener hears every frame to the bit while everything a stranger can do is done to the service, for
//! `CHAOS_S` seconds (25 without it; `make test-hostile` takes 600).
//!
//! Attackers come from addresses of their own (127.0.0.2 and on), so that the limits hold for them and one attack does not
//! hide another. What each was told is compared with what the service counted; its memory must not grow.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

mod attacks;
#[allow(dead_code, reason = "the chain's tests use all of it")]
#[path = "../chain/service.rs"]
mod service;

use attacks::{ATTACKS, Told};
use service::{Ear, Heard, Service};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use synthwire::net::access::key::HashedKey;
use synthwire::source::tone::{Pattern, exact_sample};

/// Connections one attacking address may have.
const PER_ADDRESS: &str = "60";
/// What a warm service may grow by: allocators keep pages, listeners' buffers come and go.
const GROWTH_BYTES_MAX: u64 = 6 * 1024 * 1024;

fn memory_bytes(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// What the reference listener heard.
#[derive(Debug, Default)]
struct Account {
    frames: u64,
    /// Named by the service as its own device's: the whole machine stood still.
    gap_frames: u64,
}

/// Checks every frame until it is told to stop.
fn listen(mut ear: Ear, stop: &AtomicBool) -> Account {
    let (mut next, mut account) = (None, Account::default());
    while !stop.load(Relaxed) {
        for record in ear.records() {
            let (place, gap) = match record {
                Heard::Audio(place, samples) => {
                    for (index, frame) in (place.frame_index..).zip(&samples) {
                        let exact = [0, 1].map(|channel| exact_sample(Pattern::Noise, index, channel));
                        assert_eq!(*frame, exact, "frame {index}");
                    }
                    (place, false)
                }
                Heard::Gap(place, _) => (place, true),
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
            *(if gap { &mut account.gap_frames } else { &mut account.frames }) += u64::from(place.frames);
        }
    }
    account
}

/// Attacks in every way at once, until the time is over; what each was told.
fn attack(service: &Service, time: Duration) -> Vec<Told> {
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

/// Waits until nobody but the reference listener and the asking is left.
fn wait_for_quiet(service: &Service) {
    while service.status()["listeners"]["connections"].as_u64().unwrap() > 2 {
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_listener_hears_nothing_of_what_strangers_do() {
    // make hands it on empty where nobody has set it.
    let wished = std::env::var("CHAOS_S").ok().filter(|text| !text.is_empty());
    let seconds: u64 = wished.map_or(25, |text| text.parse().expect("CHAOS_S is a number"));
    let settings = std::env::temp_dir().join(format!("synthwire-chaos-{}.toml", std::process::id()));
    let key = HashedKey::of("the owner's key", [7; 16]).unwrap();
    std::fs::write(&settings, format!("settings_key = {:?}\n", key.as_str())).unwrap();
    let service = Service::playing(&[
        "--config",
        settings.to_str().unwrap(),
        "--source",
        "exact:noise",
        "--queue-ms",
        "2000",
        "--listeners-max",
        "40",
        "--connections-per-address",
        PER_ADDRESS,
    ]);
    std::fs::remove_file(settings).unwrap();
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
    let refusals = service.status()["refusals"].clone();
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
    assert!(account.frames > seconds * 44_100 / 2, "it played all the time: {account:?}");
    assert!(grown < GROWTH_BYTES_MAX, "memory grew by {grown} bytes");
}
