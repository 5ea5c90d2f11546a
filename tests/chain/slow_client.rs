//! A listener that does not read harms itself alone, and hears the present again as soon as it reads.

use crate::service::{Ear, Heard, Service};
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use synthwire::clock::mono_raw_now;

/// How long it does not read: many times what its queue holds.
const ASLEEP: Duration = Duration::from_secs(6);
/// Sound younger than this is the present.
const PRESENT_NS: u64 = 300_000_000;
/// What its queue holds: much more than a busy machine keeps the healthy listener waiting.
const QUEUE_MS: u64 = 1000;

/// A connection of which the other end's kernel keeps little.
pub(crate) fn small_connection(to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// A listener whose own kernel keeps little for it.
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

    // First what its own kernel had kept for it, then the news of what was lost, then the present.
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
    // It may have lost more since it was last looked at; a packet that was never lost is never counted.
    assert!(counted("events") >= u64::from(lost.packets), "the status counts what the listener was told");
    assert_eq!(counted("frames"), counted("events") * 128);
}

#[derive(Default)]
pub(crate) struct Lost {
    pub(crate) packets: u32,
    pub(crate) frames: u32,
}

/// Checks that a record joins the one before it, through a note that names the loss between them if there is one.
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
