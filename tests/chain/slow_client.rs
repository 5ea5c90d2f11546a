//! A listener that does not read harms only itself, and gets current sound again as soon as it reads.

use crate::service::{Ear, Heard, Service};
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use synthwire::clock::mono_raw_now;

/// Time for which the listener does not read: many times the length of its queue.
const ASLEEP: Duration = Duration::from_secs(6);
/// Age below which sound counts as current.
const PRESENT_NS: u64 = 300_000_000;
/// Length of the listener's queue: much longer than a busy machine delays a healthy listener.
const QUEUE_MS: u64 = 1000;

/// A connection with a small receive buffer in the client's kernel.
pub(crate) fn small_connection(to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// A listener with a small receive buffer in its own kernel.
pub(crate) fn small_ear(service: &Service) -> Ear {
    Ear::over(small_connection(service.address))
}

#[test]
fn stalled_client_never_delays_the_others() {
    let service = Service::start(&["--source", "exact:counter", "--queue-ms", &QUEUE_MS.to_string()]);
    let mut stalled = small_ear(&service);
    let healthy = service.listen();
    let reader = std::thread::spawn(move || listen_without_loss(healthy));

    std::thread::sleep(ASLEEP);

    // First the listener gets the contents of its kernel's buffer, then the loss note, then current sound.
    let (mut next, mut lost, mut stale_frames) = (None, Lost::default(), 0);
    loop {
        let mut present = false;
        for record in stalled.records() {
            if let Heard::Audio(place, _) = &record {
                let age_ns = mono_raw_now().0 - place.capture_ns;
                present = age_ns < PRESENT_NS;
                stale_frames += if present { 0 } else { u64::from(place.frames) };
            }
            if let Some(more) = join_up(&mut next, &record) {
                lost.packets += more.packets;
                lost.frames += more.frames;
            }
        }
        if present && lost.packets > 0 {
            break;
        }
    }
    let in_ms = |frames: u64| frames * 1000 / 44_100;
    let (lost_ms, stale_ms) = (in_ms(u64::from(lost.frames)), in_ms(stale_frames));
    println!("asleep {ASLEEP:?}: {lost_ms} ms forgotten, {stale_ms} ms of the past heard");
    assert!(lost_ms > 4_000, "most of {ASLEEP:?} was forgotten, not kept: {lost_ms} ms");
    assert_eq!(lost.frames, lost.packets * 128);

    let checked = reader.join().unwrap();
    assert!(checked > 44_100, "the healthy listener heard {checked} frames without loss");
    let status = service.status();
    let counted = |what: &str| status["losses"]["queue_drop"][what].as_u64().unwrap();
    // More packets may have been lost since the last look, but the count never includes a packet that was not
    // lost.
    assert!(counted("events") >= u64::from(lost.packets), "the status counts what the listener was told");
    assert_eq!(counted("frames"), counted("events") * 128);
}

#[derive(Default)]
pub(crate) struct Lost {
    pub(crate) packets: u32,
    pub(crate) frames: u32,
}

/// Checks that a record follows the one before it, and that a note names any loss between them.
pub(crate) fn join_up(next: &mut Option<(u32, u64)>, record: &Heard) -> Option<Lost> {
    match record {
        Heard::Audio(place, _) | Heard::Gap(place, _) => {
            if let Some(expected) = *next {
                assert_eq!((place.seq, place.frame_index), expected, "a jump nothing explains");
            }
            *next = Some((place.seq.wrapping_add(1), place.frame_index + u64::from(place.frames)));
            None
        }
        Heard::Note(note) if note.lost_packets > 0 => {
            if let Some((seq, index)) = next {
                assert_eq!(note.frame_index, *index, "the loss begins where the sound ended");
                *seq = seq.wrapping_add(note.lost_packets);
                *index += u64::from(note.lost_frames);
            }
            Some(Lost { packets: note.lost_packets, frames: note.lost_frames })
        }
        Heard::Note(_) => None,
    }
}

fn listen_without_loss(mut ear: Ear) -> u64 {
    let (mut next, mut frames) = (None, 0);
    while frames < 7 * 44_100 {
        for record in ear.records() {
            if let Heard::Audio(place, _) = &record {
                frames += u64::from(place.frames);
            }
            assert!(join_up(&mut next, &record).is_none(), "the healthy listener lost nothing");
        }
    }
    frames
}
