//! Many listeners, some of them faulty: each is served separately, and none can disturb the others.

use crate::service::{Ear, Heard, PATIENCE, Service};
use crate::slow_client::{join_up, small_ear};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use synthwire::source::tone::{Pattern, exact_sample};

/// Number of healthy listeners; each must receive every frame.
const HEALTHY: usize = 40;
/// Number of frames that each listener receives.
const FRAMES: u64 = 8 * 44_100;
/// The queue is long enough for a machine that stalls now and then.
const QUEUE_MS: &str = "2000";

fn hear_exactly(mut ear: Ear, frames: u64) {
    let (mut next, mut heard) = (None, 0);
    while heard < frames {
        for record in ear.records() {
            assert!(join_up(&mut next, &record).is_none(), "a healthy listener loses nothing");
            let Heard::Audio(place, samples) = record else { continue };
            for (index, frame) in (place.frame_index..).zip(&samples) {
                assert_eq!(*frame, [0, 1].map(|channel| exact_sample(Pattern::Counter, index, channel)));
            }
            heard += u64::from(place.frames);
        }
    }
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn many_hear_every_frame_whatever_the_others_do() {
    let service = Service::playing(&["--source", "exact:counter", "--queue-ms", QUEUE_MS]);
    let stalled = small_ear(&service);
    let mut slow = small_ear(&service);
    let mut rude = service.listen();
    let mut vanishing = Some(service.listen());
    let healthy: Vec<Ear> = (0..HEALTHY).map(|_| service.listen()).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // The listener reads 64 kbit/s, about a twentieth of the rate it would need.
        scope.spawn(|| {
            let mut piece = [0; 800];
            while !done.load(Relaxed) && slow.socket.get_mut().read(&mut piece).is_ok_and(|read| read > 0) {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        scope.spawn(|| {
            let ping = tungstenite::Message::text(r#"{"type":"ping","id":1}"#);
            while rude.socket.send(ping.clone()).is_ok() {}
        });
        scope.spawn(|| drop(vanishing.take()));
        let ears: Vec<_> =
            healthy.into_iter().map(|ear| scope.spawn(move || hear_exactly(ear, FRAMES))).collect();
        for ear in ears {
            ear.join().expect("every frame came, in order and to the bit");
        }
        done.store(true, Relaxed);
    });
    drop(stalled);
    let status = service.status();
    let delays = &status["fan_out"]["capture_to_socket"];
    assert!(delays["messages"].as_u64().unwrap() > 0 && delays["p99_ms"].as_f64().unwrap() > 0.0, "{delays}");
    assert!(status["losses"]["queue_drop"]["events"].as_u64().unwrap() > 0, "the slow one lost something");
}

/// Bytes that the kernel holds for the other end of this connection, sent and unsent: the sixth column of
/// /proc/net/tcp (proc(5)).
fn held_by_the_service(stream: &TcpStream) -> usize {
    let port = |address: std::io::Result<std::net::SocketAddr>| format!("{:04X}", address.unwrap().port());
    let (ours, theirs) = (port(stream.local_addr()), port(stream.peer_addr()));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let fields = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let of_service = |fields: &Vec<String>| {
        fields.get(1).is_some_and(|local| local.ends_with(&theirs))
            && fields.get(2).is_some_and(|remote| remote.ends_with(&ours))
    };
    let line = table.lines().map(fields).find(of_service).expect("the connection is known to the kernel");
    usize::from_str_radix(line[4].split(':').next().unwrap(), 16).unwrap()
}

#[test]
fn a_stalled_reader_holds_three_packets_in_the_kernel_and_is_then_at_the_newest() {
    let service = Service::playing(&["--source", "exact:counter", STALL_QUEUE[0], STALL_QUEUE[1]]);
    stall_and_come_back(&service, small_ear(&service), |tcp| tcp, 0);
}

/// A short queue fills soon when a listener stalls.
pub(crate) const STALL_QUEUE: [&str; 2] = ["--queue-ms", "100"];

/// Size of a packet: WebSocket header, record header and samples.
pub(crate) const PACKET_BYTES: usize = 4 + 40 + 128 * 4;

/// A listener stops reading until its queue has long been full, then reads again. The kernel may hold three
/// packets for it, plus the `further_bytes` that its kind of connection has already accepted.
pub(crate) fn stall_and_come_back<S: Read + Write>(
    service: &Service,
    mut stalled: Ear<S>,
    tcp: impl Fn(&S) -> &TcpStream,
    further_bytes: usize,
) {
    stalled.records();
    let dropped = || service.status()["losses"]["queue_drop"]["events"].as_u64().unwrap();
    wait_until("its queue overflows", || dropped() > 500);
    let held = held_by_the_service(tcp(stalled.socket.get_ref()));
    // A loss note and a control message may be among them.
    assert!(
        held <= 3 * PACKET_BYTES + 200 + further_bytes,
        "the kernel holds {held} bytes for a listener that does not read"
    );

    let mut next = None;
    let after_loss = loop {
        let records = stalled.records();
        let lost = records.iter().any(|record| join_up(&mut next, record).is_some());
        if lost {
            break records;
        }
    };
    let [Heard::Note(note), Heard::Audio(place, _)] = &after_loss[..] else {
        panic!("the news of the loss and the newest packet, nothing older: {after_loss:?}");
    };
    assert_eq!(place.frame_index, note.frame_index + u64::from(note.lost_frames));
    assert!(service.status()["fan_out"]["caught_up"].as_u64().unwrap() > 0);
}

#[test]
fn what_the_kernel_takes_in_pieces_arrives_whole() {
    let service =
        Service::playing(&["--source", "exact:counter", "--chunk-frames", "2048", "--queue-ms", "300"]);
    let mut ear = small_ear(&service);
    let (mut next, mut messages) = (None, 0);
    while messages < 40 || service.status()["fan_out"]["partial_writes"] == 0 {
        std::thread::sleep(Duration::from_millis(60));
        for record in ear.records() {
            join_up(&mut next, &record);
            let Heard::Audio(place, samples) = record else { continue };
            for (index, frame) in (place.frame_index..).zip(&samples) {
                assert_eq!(*frame, [0, 1].map(|channel| exact_sample(Pattern::Counter, index, channel)));
            }
        }
        messages += 1;
        assert!(messages < 2000, "the kernel never took only a part of a message");
    }
}

#[test]
fn a_listener_that_reads_too_slowly_still_gets_its_answers() {
    let service = Service::playing(&["--source", "exact:counter", "--queue-ms", "1000"]);
    let mut ear = small_ear(&service);
    for id in 0..10 {
        ear.say(&json!({ "type": "ping", "id": id }).to_string());
        let mut sound_before = 0;
        loop {
            std::thread::sleep(Duration::from_millis(10)); // reads 100 of 344 messages a second
            match ear.message() {
                tungstenite::Message::Text(text) if text.contains("pong") => break,
                _ => sound_before += 1,
            }
            assert!(sound_before < 2000, "ping {id} is never answered");
        }
    }
}

#[test]
fn questions_of_a_listener_that_reads_no_answers_are_bounded() {
    let service = Service::playing(&["--source", "exact:counter", "--queue-ms", QUEUE_MS]);
    let mut deaf = small_ear(&service);
    let healthy = service.listen();
    let reader = std::thread::spawn(move || hear_exactly(healthy, FRAMES));
    let mut asked = 0;
    wait_until("its answers find no room", || {
        asked += 1;
        let _ = deaf.socket.send(tungstenite::Message::text(r#"{"type":"ping","id":1}"#));
        service.status()["fan_out"]["control_full"].as_u64().unwrap() > 0
    });
    println!("after {asked} questions");
    reader.join().expect("the other heard every frame");
}

#[test]
fn a_listener_whose_connection_takes_nothing_any_more_is_shed() {
    let service = Service::playing(&["--source", "exact:counter"]);
    let asleep = small_ear(&service);
    assert_eq!(service.status()["listeners"]["now"], 1);
    wait_until("the kernel gives it up", || service.status()["listeners"]["now"] == 0);
    drop(asleep);
}

#[test]
fn a_report_of_a_rough_network_makes_messages_longer_and_the_sound_goes_on() {
    let service = Service::playing(&["--source", "exact:counter", "--queue-ms", QUEUE_MS]);
    let mut ear = service.listen();
    let report = json!({ "type": "report", "mode": "auto", "target_ms": 90, "arrival_tail_ms": 100, "round_trip_ms": 4 });
    let (mut next, mut told, mut long_messages, mut reported) = (None, None, 0, Instant::now());
    ear.say(&report.to_string());
    while long_messages < 50 {
        if told.is_none() && reported.elapsed() > Duration::from_secs(1) {
            reported = Instant::now();
            ear.say(&report.to_string());
        }
        match ear.said() {
            crate::service::Said::Text(text) if text["type"] == "chunk" => {
                assert_eq!(text["why"], "network");
                told = Some(text["chunk_frames"].as_u64().unwrap());
            }
            crate::service::Said::Text(_) => {}
            crate::service::Said::Sound(records) => {
                let mut frames = 0;
                for record in &records {
                    assert!(join_up(&mut next, record).is_none(), "nothing is lost for it");
                    if let Heard::Audio(place, _) = record {
                        frames += u64::from(place.frames);
                    }
                }
                long_messages += u64::from(told == Some(frames));
            }
        }
    }
    assert_eq!(told, Some(512));
    let shown = &service.status()["listeners"]["reports"][0]["served"];
    assert_eq!((&shown["chunk_frames"], &shown["why"]), (&json!(512), &json!("network")));
}

#[test]
fn while_the_pages_are_flooded_nobody_loses_a_frame() {
    let service = Service::playing(&["--source", "exact:counter", "--queue-ms", QUEUE_MS]);
    let ear = service.listen();
    let done = Arc::new(AtomicBool::new(false));
    let floods: Vec<_> = (0..4)
        .map(|_| {
            let (address, done) = (service.address, Arc::clone(&done));
            std::thread::spawn(move || {
                let mut answered = 0;
                while !done.load(Relaxed) {
                    let Ok(mut stream) = TcpStream::connect(address) else { continue };
                    let _ =
                        write!(stream, "GET /api/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                    answered += u64::from(stream.read(&mut [0; 64]).is_ok_and(|read| read > 0));
                }
                answered
            })
        })
        .collect();
    hear_exactly(ear, FRAMES);
    done.store(true, Relaxed);
    let answered: u64 = floods.into_iter().map(|flood| flood.join().unwrap()).sum();
    println!("{answered} requests were answered meanwhile");
    assert!(answered > 100);
}
