//! Tests the way from an exact source to a raw WebSocket: every frame arrives in order, bit for bit.

use crate::service::{Ear, Heard, PATIENCE, Service};
use serde_json::json;
use std::time::{Duration, Instant};
use synthwire::source::tone::{Pattern, exact_sample};

/// 30 s of sound, enough for every ring to wrap many times.
const FRAMES: u64 = 30 * 44_100;

#[test]
fn every_frame_arrives_in_order_to_the_bit() {
    let service = Service::start(&["--source", "exact:noise"]);
    let mut ear = service.listen();
    let expected = json!({"type": "hello", "wire_version": 1, "server_version": env!("CARGO_PKG_VERSION"),
        "format": "s16le", "rate_hz": 44_100, "channels": 2, "period_frames": 128, "chunk_frames": 128});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&ear.hello[key], value, "{key}");
    }
    let (mut next, mut frames, mut notes) = (None, 0, 0);
    while frames < FRAMES {
        for record in ear.records() {
            match record {
                Heard::Audio(place, samples) => {
                    if let Some((seq, index)) = next {
                        assert_eq!((place.seq, place.frame_index), (seq, index), "packets join up");
                    }
                    for (index, frame) in (place.frame_index..).zip(&samples) {
                        let exact = [0, 1].map(|channel| exact_sample(Pattern::Noise, index, channel));
                        assert_eq!(*frame, exact, "frame {index}");
                    }
                    assert!(place.ready_ns >= place.capture_ns);
                    next = Some((place.seq + 1, place.frame_index + u64::from(place.frames)));
                    frames += u64::from(place.frames);
                }
                Heard::Note(note) => {
                    notes += 1;
                    assert_eq!(note.lost_packets, 0, "this listener reads as fast as it can");
                }
                // A machine that stalls for 370 ms overruns the source; then a gap names the missing frames.
                Heard::Gap(place, _) => {
                    next = Some((place.seq + 1, place.frame_index + u64::from(place.frames)));
                }
            }
        }
    }
    assert!(notes >= 10, "a note a second: {notes}");
}

#[test]
fn the_heard_pair_changes_while_running() {
    let service = Service::playing(&["--source", "exact:music", "--channels", "8"]);
    let mut ear = service.listen();
    assert_eq!(ear.hello["source"]["channels"], 8);
    ear.say(r#"{"type":"set_pair","first_channel":5}"#);
    assert_eq!(ear.text("source")["source"]["first_channel"], 5);
    let mut switched = 0;
    let mut before = 0;
    while switched < 100 {
        for record in ear.records() {
            let Heard::Audio(place, samples) = record else { continue };
            let all = |first: u16| {
                let exact = |index| [first, first + 1].map(|c| exact_sample(Pattern::Music, index, c));
                (place.frame_index..).zip(&samples).all(|(index, frame)| *frame == exact(index))
            };
            if all(4) {
                switched += 1;
            } else {
                assert_eq!(switched, 0, "once changed, it stays");
                before += 1;
            }
        }
    }
    assert!(before < 1000, "the fade ends");

    ear.say(r#"{"type":"set_pair","first_channel":8}"#);
    let refused = ear.text("refused");
    assert_eq!(refused["about"], "set_pair");
    assert!(refused["reason"].as_str().unwrap().contains("the source has 8"), "{refused}");
}

#[test]
fn a_ping_is_answered_in_the_services_own_time() {
    let service = Service::start(&["--source", "exact:counter"]);
    let mut ear = service.listen();
    ear.say(r#"{"type":"ping","id":42}"#);
    let pong = ear.text("pong");
    assert_eq!(pong["id"], 42);
    let (received, sent) = (pong["received_ns"].as_u64().unwrap(), pong["sent_ns"].as_u64().unwrap());
    let now = synthwire::clock::mono_raw_now().0;
    assert!(received <= sent && sent <= now && now - received < 60_000_000_000, "{pong}");
}

#[test]
fn a_recording_is_played_once_and_said_to_be_over() {
    let file = std::env::temp_dir().join(format!("synthwire-pipeline-{}.wav", std::process::id()));
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&file, spec).unwrap();
    for index in 0..2 * 88_200 {
        wav.write_sample((index / 2 % 30_000) as i16).unwrap();
    }
    wav.finalize().unwrap();
    let service = Service::start(&["--source", &format!("wav:{}", file.display())]);
    let mut ear = service.listen();
    let mut last = 0;
    while last + 1 < 88_200 {
        for record in ear.records() {
            let Heard::Audio(place, samples) = record else { continue };
            last = place.frame_index + u64::from(place.frames) - 1;
            for (index, frame) in (place.frame_index..).zip(samples) {
                assert_eq!(frame, [(index % 30_000) as i16; 2], "frame {index}");
            }
        }
    }
    service.wait_for_log("played to its end");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn what_listeners_report_is_shown_and_their_glitches_stay_when_they_go() {
    let service = Service::playing(&["--source", "exact:counter"]);
    let empty = &service.status()["listeners"];
    assert_eq!((&empty["reports"], &empty["glitches"]), (&json!([]), &json!({})));
    // The pong shows that the service has read everything that was sent before the ping.
    let report = |ear: &mut Ear, level_ms: f64, late: u32| {
        let glitches = json!({ "network_late": late });
        ear.say(&json!({ "type": "report", "mode": "auto", "delay_ms": null, "level_ms": level_ms, "target_ms": 8.5,
            "glitches": glitches }).to_string());
        ear.say(r#"{"type":"ping","id":1}"#);
        ear.text("pong");
    };
    let (mut first, mut second) = (service.listen(), service.listen());
    report(&mut first, 9.25, 2);
    report(&mut first, 99.0, 99); // too soon: the report is ignored, but the listener stays connected
    report(&mut second, 7.0, 3);
    let said = json!({ "mode": "auto", "delay_ms": null, "level_ms": 9.25, "target_ms": 8.5,
        "arrival_tail_ms": null, "round_trip_ms": null, "glitches": { "network_late": 2 },
        "served": { "chunk_frames": 128, "queue_ms": 119, "why": "least_delay" } });
    let listeners = &service.status()["listeners"];
    assert_eq!((&listeners["reports"][0], &listeners["glitches"]), (&said, &json!({ "network_late": 5 })));

    std::thread::sleep(Duration::from_secs(1));
    report(&mut first, 9.5, 4);
    drop(first);
    let until = Instant::now() + PATIENCE;
    while service.status()["listeners"]["reports"].as_array().unwrap().len() > 1 {
        assert!(Instant::now() < until, "the listener that went is still shown");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(service.status()["listeners"]["glitches"], json!({ "network_late": 7 }));
}
