//! The sending side over a real connection: data that the kernel takes in pieces arrives complete and in
//! order.

use super::*;
use crate::core::layout::Layout;
use crate::core::packetizer::{Packetizer, Payload};
use crate::core::send_queue::{CONTROL_AFTER, CONTROL_BYTES_MAX};
use crate::core::timeline::Span;
use crate::core::wire::Record;
use crate::hub::{Hub, Sizes};
use crate::net::link::connection::Connection;
use crate::net::link::{Arrival, Shared, WebSocketArrival};
use crate::units::{FrameIndex, MonoNs};
use bytes::Bytes;
use socket2::{Domain, Socket, Type};
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const CONTROL: &[u8] = b"\x81\x03abc";
/// Bytes of one packet in its own message.
const PACKET_BYTES: usize = 4 + wire::HEAD_BYTES + 128 * wire::FRAME_BYTES;

/// A listener over a real connection, and its other end, whose kernel buffers little.
struct Bench {
    outgoing: Outgoing,
    far: Socket,
    heard: Vec<u8>,
    packets: Backlog<Packet>,
    packetizer: Packetizer,
    numbers: Arc<Numbers>,
    next: u64,
}

impl Bench {
    fn new() -> Self {
        let sizes = Sizes { queue_ms: 2000, chunk_frames: None, expected: Layout::expected(128) };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        far.set_recv_buffer_size(4096).unwrap();
        far.connect(&listener.local_addr().unwrap().into()).unwrap();
        far.set_nonblocking(true).unwrap();
        let (near, _) = listener.accept().unwrap();
        near.set_nodelay(true).unwrap();
        near.set_nonblocking(true).unwrap();
        let connection = Connection::Plain(TcpStream::from_std(near).unwrap());
        let arrival = Box::new(WebSocketArrival::over(connection, Bytes::new()));
        let (link, _) = arrival.settle(&Shared::default(), Some(46)).unwrap();
        let stream = sizes.stream(&Payload::int16(0, 2), &sizes.expected);
        let mut bench = Self {
            outgoing: Outgoing::new(link, 0, stream),
            far,
            heard: Vec::new(),
            packets: Backlog::new(stream.queue_packets_max() + 64),
            packetizer: Packetizer::new(Payload::int16(0, 2), stream.rate, 128),
            numbers: Hub::new(sizes, 1, Arc::default(), Arc::default()).numbers,
            next: 0,
        };
        bench.outgoing.queue.open();
        bench.serve();
        bench
    }

    fn push(&mut self, packets: usize) {
        for _ in 0..packets {
            let span = Span { first: FrameIndex(self.next), frames: 128, capture: MonoNs(0) };
            let backlog = &mut self.packets;
            self.packetizer
                .audio(span, mono_raw_now(), |out| out.fill(7), &mut |packet| backlog.push(packet));
            self.next += 128;
        }
    }

    fn serve(&mut self) {
        self.outgoing.serve(&self.packets, &self.numbers, false);
    }

    /// Continues only the message that was begun; returns whether it is complete.
    fn finish(&mut self) -> bool {
        count_lost(&self.numbers, self.outgoing.queue.begin(&self.packets, false));
        if self.outgoing.queue.next(&self.packets) != Step::Finish {
            return true;
        }
        let rest = self.outgoing.link.finish();
        let Some(sent) = self.outgoing.taken(rest).unwrap() else { return false };
        self.outgoing.sent(sent, &self.packets, &self.numbers);
        sent.is_whole
    }

    fn unsent(&mut self) -> usize {
        self.outgoing.link.unsent_bytes().unwrap().expect("without TLS nothing is in between")
    }

    /// Reads until the begun message is complete and the kernel has sent everything.
    fn drain(&mut self) {
        let mut piece = [0; 2048];
        for _ in 0..10_000 {
            while let Ok(read) = self.far.read(&mut piece) {
                self.heard.extend_from_slice(&piece[..read]);
            }
            if self.finish() && self.unsent() == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("the connection stands still");
    }

    /// Returns the messages received: the number of records of each message of sound, 0 for a control message.
    fn messages(&self) -> Vec<usize> {
        let (mut messages, mut rest, mut next) = (Vec::new(), &self.heard[..], 0);
        while !rest.is_empty() {
            if rest.starts_with(CONTROL) {
                messages.push(0);
                rest = &rest[CONTROL.len()..];
                continue;
            }
            let (head, length) = match rest[..4] {
                [0x82, 126, high, low] => (4, usize::from(high) << 8 | usize::from(low)),
                [0x82, length, ..] => (2, usize::from(length)),
                _ => panic!("no message begins with {:?}", &rest[..4]),
            };
            let Some(payload) = rest.get(head..head + length) else { break };
            let records = wire::parse(payload).unwrap();
            for record in &records {
                match record {
                    Record::Audio(place, _) => {
                        assert_eq!(place.frame_index, next);
                        next += 128;
                    }
                    Record::Listener(note) => next += u64::from(note.lost_frames),
                    Record::Gap(..) => panic!("nothing is missing"),
                }
            }
            messages.push(records.len());
            rest = &rest[head + length..];
        }
        messages
    }
}

fn in_runtime(test: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { test() });
}

#[test]
fn control_waits_for_sound_but_not_for_ever_and_neither_breaks_the_other() {
    in_runtime(|| {
        let mut bench = Bench::new();
        assert!(bench.outgoing.control(CONTROL, Waker::noop(), &bench.numbers));
        for round in 0..=CONTROL_AFTER {
            assert_eq!(
                bench.numbers.fan_out.messages.load(Relaxed),
                u64::from(round),
                "so much sound leaves the kernel no room for more"
            );
            bench.push(40);
            bench.serve();
            bench.drain();
        }
        bench.serve();
        bench.drain();
        let messages = bench.messages();
        let control = messages.iter().position(|records| *records == 0).expect("it went out");
        assert_eq!(control, CONTROL_AFTER as usize, "{messages:?}");
        assert_eq!(bench.numbers.fan_out.control_first.load(Relaxed), 1);
        assert!(bench.numbers.fan_out.partial_writes.load(Relaxed) > 0, "the kernel took messages in pieces");
    });
}

#[test]
fn a_queue_that_was_full_begins_again_at_the_newest_packet() {
    in_runtime(|| {
        let mut bench = Bench::new();
        let most = bench.outgoing.queue.serving().queue_packets;
        for _ in 0..most + 300 {
            bench.push(1);
            bench.serve();
            assert!(bench.packets.waiting(bench.outgoing.queue.cursor()) <= most);
        }
        assert!(bench.outgoing.queue.is_pending() && bench.outgoing.queue.is_stalled(), "nobody reads");
        let (unsent, unacknowledged) = (bench.unsent(), bench.outgoing.link.unacknowledged_bytes());
        assert!(0 < unsent && unsent <= unacknowledged, "{unsent} unsent of {unacknowledged}");
        assert!(unsent <= 3 * PACKET_BYTES + wire::HEAD_BYTES, "{unsent} bytes are kept by the kernel");
        bench.drain();
        bench.serve();
        bench.drain();
        let messages = bench.messages();
        assert_eq!(messages.last(), Some(&2), "the note and the newest: {messages:?}");
        assert_eq!(bench.packets.waiting(bench.outgoing.queue.cursor()), 0);
        assert_eq!(bench.numbers.fan_out.caught_up.load(Relaxed), 1);
    });
}

#[test]
fn control_messages_that_find_no_room_are_counted() {
    in_runtime(|| {
        let mut bench = Bench::new();
        let frames = [0; CONTROL_BYTES_MAX];
        assert!(bench.outgoing.control(&frames, Waker::noop(), &bench.numbers), "one of any size is taken");
        assert!(!bench.outgoing.control(CONTROL, Waker::noop(), &bench.numbers));
        assert_eq!(bench.numbers.fan_out.control_full.load(Relaxed), 1);
    });
}
