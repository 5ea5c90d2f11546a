//! What goes out to one listener: sound from the shared packets, control messages between it, one after the other on one
//! connection.
//!
//! Bounds make "drop oldest" real: the listener's own queue (a place among the shared packets), what the kernel may hold unsent
//! (looked at before every write), for how long anything may stay unconfirmed, and the bytes of control messages. What was
//! begun is finished before anything else. A listener whose queue was full hears the newest packet first when its connection
//! takes something again. Nothing here waits; `fan_out` comes by with every packet.

use super::connection::Connection;
use super::packets::Packets;
use super::socket;
use crate::clock::mono_raw_now;
use crate::core::adaptation::{Adaptation, Facts, Serving, Stream};
use crate::core::backlog::Cursor;
use crate::core::cause::Cause;
use crate::core::unconfirmed::Unconfirmed;
use crate::core::wire::{self, ListenerNote};
use crate::core::ws_head::{HEAD_BYTES_MAX, PAYLOAD_BYTES_MAX, WsHead};
use crate::hub::Hub;
use crate::units::{MonoNs, NS_PER_S};
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

/// How often a listener is told its queue's age, ns.
const NOTE_EVERY_NS: u64 = NS_PER_S;
/// Packets of usual size the kernel may hold unsent beyond one message.
const UNSENT_SPARE_PACKETS: usize = 1;
/// After so many writes it is looked at for how long something has been under way.
const CONFIRMED_EVERY: u32 = 16;
/// Bytes of control messages that may wait.
const CONTROL_BYTES_MAX: usize = 4096;
/// So many messages of sound go before a control message that waits; then it is its turn.
const CONTROL_AFTER: u32 = 8;

/// What a line is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Only control messages: the hello goes first.
    Greeting,
    /// The hello has been said; sound begins when it is out.
    Greeted,
    /// Sound and control messages.
    Playing,
    /// Only control messages: the goodbye.
    Closing,
    /// The connection takes nothing any more.
    Broken,
}

/// The outgoing side of one listener's connection.
pub(super) struct Line {
    pub(super) connection: Connection,
    /// Its listener's number: messages of several packets are due at another one's moment.
    number: u64,
    phase: Phase,
    cursor: Cursor,
    stream: Stream,
    adaptation: Adaptation,
    serving: Serving,
    /// What is left of a message that has been begun.
    rest: VecDeque<Bytes>,
    /// When the sound in it was ready.
    rest_due: Option<MonoNs>,
    /// Whole WebSocket frames of control messages.
    control: BytesMut,
    /// Messages of sound that went while some waited.
    control_waited: u32,
    /// Who waits until control messages fit again, and who reads.
    control_waker: Option<Waker>,
    reader_waker: Option<Waker>,
    note_due: MonoNs,
    /// When the sound of the message that is due was ready.
    due: Option<MonoNs>,
    /// The kernel had no room for it.
    blocked: bool,
    /// At the last look the connection took nothing.
    stalled: bool,
    /// Something was forgotten since the last message.
    overflowed: bool,
    packet_bytes: usize,
    /// Until it is looked at what nobody has confirmed.
    looks_left: u32,
    unconfirmed: Unconfirmed,
}

impl Line {
    pub(super) fn new(connection: Connection, number: u64, stream: Stream) -> Self {
        let adaptation = Adaptation::new(stream);
        Self {
            connection,
            number,
            phase: Phase::Greeting,
            cursor: Cursor::default(),
            stream,
            adaptation,
            serving: adaptation.serving(),
            rest: VecDeque::new(),
            rest_due: None,
            control: BytesMut::new(),
            control_waited: 0,
            control_waker: None,
            reader_waker: None,
            note_due: MonoNs(0),
            due: None,
            blocked: false,
            stalled: false,
            overflowed: false,
            packet_bytes: bytes_of_packet(stream),
            looks_left: 0,
            unconfirmed: Unconfirmed::default(),
        }
    }

    /// The hello has been said: sound follows it.
    pub(super) fn greeted(&mut self) {
        self.phase = Phase::Greeted;
    }

    /// No more sound: a goodbye follows.
    pub(super) fn closing(&mut self) {
        if self.phase != Phase::Broken {
            self.phase = Phase::Closing;
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.phase == Phase::Broken
    }

    pub(super) fn serving(&self) -> Serving {
        self.serving
    }

    /// The listener has reported; whether the frames of its messages change.
    pub(super) fn adapt(&mut self, facts: Facts) -> bool {
        self.adaptation.report(facts);
        self.serve_anew()
    }

    /// Messages must hold so many packets now; whether this listener's change.
    pub(super) fn floor(&mut self, packets: u32) -> bool {
        self.adaptation.floor(packets);
        self.serve_anew()
    }

    /// The stream is another: of another rate, no more of it goes to who was told the one before.
    pub(super) fn lay_out(&mut self, stream: Stream) {
        if self.stream.rate != stream.rate && matches!(self.phase, Phase::Greeted | Phase::Playing) {
            self.closing();
        }
        self.stream = stream;
        self.packet_bytes = bytes_of_packet(stream);
        self.adaptation.lay_out(stream);
        self.serving = self.adaptation.serving();
    }

    fn serve_anew(&mut self) -> bool {
        let before = std::mem::replace(&mut self.serving, self.adaptation.serving());
        before.chunk_packets != self.serving.chunk_packets
    }

    /// Who reads is to be woken when the line breaks.
    pub(super) fn reader(&mut self, waker: &Waker) {
        if !self.reader_waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.reader_waker = Some(waker.clone());
        }
    }

    /// Takes whole frames of control messages; false when they do not fit, and `waker` is woken when they may.
    pub(super) fn control(&mut self, frames: &[u8], waker: &Waker, hub: &Hub) -> bool {
        if !self.control.is_empty() && self.control.len() + frames.len() > CONTROL_BYTES_MAX {
            hub.fan_out.control_full.fetch_add(1, Relaxed);
            self.control_waker = Some(waker.clone());
            return false;
        }
        self.control.extend_from_slice(frames);
        true
    }

    /// Whether to come by again soon, packet or not.
    pub(super) fn has_pending(&self) -> bool {
        let pending = !self.rest.is_empty() || !self.control.is_empty() || self.blocked;
        pending && self.phase != Phase::Broken
    }

    /// Whether nothing can be written to it, by no fault of ours.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled || matches!(self.phase, Phase::Closing | Phase::Broken)
    }

    /// Whether sound waits for its message to be full.
    pub(super) fn is_gathering(&self, packets: &Packets) -> bool {
        self.phase == Phase::Playing && packets.waiting(&self.cursor) > 0
    }

    /// Forgets what no longer fits the queue, and writes what is due and fits the kernel. `hurry`: no packet has come for a
    /// while, so what there is makes a message.
    pub(super) fn serve(&mut self, packets: &Packets, hub: &Hub, hurry: bool) {
        if self.phase == Phase::Broken {
            return;
        }
        if self.phase == Phase::Playing {
            self.forget(packets, self.serving.queue_packets, hub);
        }
        match self.write(packets, hub, hurry) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stalled = true,
            Err(_) => self.break_off(),
        }
    }

    fn break_off(&mut self) {
        self.phase = Phase::Broken;
        self.rest.clear();
        self.control.clear();
        for waker in [self.control_waker.take(), self.reader_waker.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    fn forget(&mut self, packets: &Packets, most: usize, hub: &Hub) {
        let gone = packets.keep(&mut self.cursor, most);
        if gone.packets > 0 {
            self.overflowed = true;
            hub.totals.queue_drop_packets.fetch_add(u64::from(gone.packets), Relaxed);
            hub.totals.queue_drop_frames.fetch_add(u64::from(gone.frames), Relaxed);
        }
    }

    /// First what was begun, then sound, then control messages; after so much sound, a control message first.
    fn write(&mut self, packets: &Packets, hub: &Hub, hurry: bool) -> io::Result<()> {
        self.write_rest(hub)?;
        let sound = self.is_sound_due(packets, hurry);
        if (!sound && self.control.is_empty()) || !self.has_room(sound, hub)? {
            return Ok(());
        }
        if sound && !self.control.is_empty() && self.control_waited >= CONTROL_AFTER {
            hub.fan_out.control_first.fetch_add(1, Relaxed);
            self.write_control(hub)?;
            if !self.rest.is_empty() || !self.has_room(sound, hub)? {
                return Ok(());
            }
        }
        if sound {
            self.write_sound(packets, hub)?;
            self.control_waited += u32::from(!self.control.is_empty());
        }
        if self.control.is_empty() || !self.rest.is_empty() || (sound && !self.has_room(false, hub)?) {
            return Ok(());
        }
        self.write_control(hub)
    }

    /// Whether the kernel may be given more. Sound that finds no room is looked at again soon.
    fn has_room(&mut self, sound: bool, hub: &Hub) -> io::Result<bool> {
        let room = self.connection.is_passed_on()? && self.kernel_has_room();
        self.stalled = !room;
        if sound {
            self.blocked = !room;
            hub.fan_out.blocked.fetch_add(u64::from(!room), Relaxed);
        }
        Ok(room)
    }

    /// What the kernel has not sent is asked each time; what nobody has confirmed only now and then, unless it has grown old: that
    /// takes much longer.
    fn kernel_has_room(&mut self) -> bool {
        let tcp = self.connection.tcp();
        let few_bytes = (self.serving.chunk_packets as usize + UNSENT_SPARE_PACKETS) * self.packet_bytes;
        if socket::unsent_bytes(tcp) > few_bytes {
            return false;
        }
        self.looks_left = self.looks_left.saturating_sub(1);
        if self.looks_left > 0 {
            return true;
        }
        let unacknowledged = socket::unacknowledged_bytes(tcp);
        if unacknowledged <= few_bytes {
            self.unconfirmed.nothing();
        } else {
            let age_ns = self.unconfirmed.age_ns(unacknowledged, mono_raw_now());
            if age_ns > u64::from(self.serving.unacknowledged_ms) * NS_PER_S / 1000 {
                return false;
            }
        }
        self.looks_left = CONFIRMED_EVERY;
        true
    }

    fn is_sound_due(&mut self, packets: &Packets, hurry: bool) -> bool {
        if self.phase == Phase::Greeted && self.control.is_empty() {
            self.phase = Phase::Playing;
            self.cursor = packets.end();
        }
        if self.phase != Phase::Playing {
            return false;
        }
        let chunk = self.serving.chunk_packets as usize;
        let waiting = packets.waiting(&self.cursor);
        // Each listener's messages are due at its own packet, so that they do not all come at once.
        let its_turn = (packets.count() + self.number).is_multiple_of(chunk as u64);
        if waiting == 0 || !(its_turn || hurry || self.blocked || waiting >= 2 * chunk) {
            return false;
        }
        if self.due.is_none() {
            let completing = packets.from(&self.cursor).nth(waiting.min(chunk) - 1);
            self.due = completing.map(|packet| packet.ready);
        }
        true
    }

    fn write_rest(&mut self, hub: &Hub) -> io::Result<()> {
        while let Some(part) = self.rest.front_mut() {
            let written = self.connection.send(&[IoSlice::new(part)])?;
            self.unconfirmed.written(written);
            part.advance(written);
            if !part.is_empty() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.rest.pop_front();
        }
        if let Some(due) = self.rest_due.take() {
            hub.fan_out.written(mono_raw_now().since(due));
        }
        Ok(())
    }

    fn write_control(&mut self, hub: &Hub) -> io::Result<()> {
        let written = self.connection.send(&[IoSlice::new(&self.control)])?;
        self.unconfirmed.written(written);
        self.control.advance(written);
        if !self.control.is_empty() {
            let rest = self.control.split().freeze();
            self.begin_rest([rest], hub);
        }
        self.control_waited = 0;
        if let Some(waker) = self.control_waker.take() {
            waker.wake();
        }
        Ok(())
    }

    /// Writes one message of everything that waits, as far as a message may go, with a note before it when one is due.
    fn write_sound(&mut self, packets: &Packets, hub: &Hub) -> io::Result<()> {
        if std::mem::take(&mut self.overflowed) {
            self.forget(packets, 1, hub);
            self.overflowed = false;
            self.due = packets.newest().map(|packet| packet.ready);
            hub.fan_out.caught_up.fetch_add(1, Relaxed);
        }
        let message = self.gather(packets);
        let written = match message.send(&mut self.connection) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked = true;
                self.overflowed = self.cursor.lost().is_some();
                return Err(error);
            }
            written => written?,
        };
        self.unconfirmed.written(written);
        hub.fan_out.messages.fetch_add(1, Relaxed);
        let due = self.due.take();
        let packets_sent = message.packets;
        hub.totals.queue_packets.add(packets.waiting(&self.cursor) as u64);
        hub.totals.bytes.fetch_add((message.own.len() + message.shared.len()) as u64, Relaxed);
        let noted = !message.own.is_empty();
        if written < message.own.len() + message.shared.len() {
            self.rest_due = due;
            self.begin_rest([message.own, message.shared], hub);
            self.skip(written);
        } else if let Some(due) = due {
            let age_ns = mono_raw_now().since(due);
            hub.fan_out.written(age_ns);
            hub.totals.queue_age.add(age_ns);
        }
        if noted {
            self.note_due = MonoNs(mono_raw_now().0 + NOTE_EVERY_NS);
            self.cursor.told();
        }
        packets.advance(&mut self.cursor, packets_sent);
        // What did not fit the message is due at once.
        self.blocked = packets.waiting(&self.cursor) > 0;
        hub.totals.messages.fetch_add(1, Relaxed);
        Ok(())
    }

    /// The next message: a note when something was lost or one is due, and what waits.
    fn gather(&self, packets: &Packets) -> Message {
        let lost = self.cursor.lost();
        let first = packets.from(&self.cursor).next();
        let note = first.filter(|first| lost.is_some() || first.ready >= self.note_due).map(|first| {
            let now = mono_raw_now();
            wire::listener(&ListenerNote {
                cause: lost.map_or(0, |_| Cause::QueueDrop.code()),
                lost_packets: lost.map_or(0, |lost| lost.packets),
                lost_frames: lost.map_or(0, |lost| lost.frames),
                frame_index: lost.map_or(first.frame_index, |lost| lost.frame_index),
                queue_age_ns: now.since(first.ready),
                sent_ns: now.0,
                ..ListenerNote::default()
            })
        });
        // Room is left for a note in any case: with and without one, listeners have messages in common.
        let (mut taken, mut bytes) = (0, 0);
        for packet in packets.from(&self.cursor).take(wire::RECORDS_MAX - 1) {
            let more = bytes + packet.record().len();
            if more > PAYLOAD_BYTES_MAX - wire::HEAD_BYTES {
                break;
            }
            (taken, bytes) = (taken + 1, more);
        }
        Message::new(note, packets.message(&self.cursor, taken, bytes), taken)
    }

    /// The kernel took only a part: the rest goes before anything else.
    fn begin_rest(&mut self, parts: impl IntoIterator<Item = Bytes>, hub: &Hub) {
        hub.fan_out.partial_writes.fetch_add(1, Relaxed);
        self.rest.extend(parts);
    }

    /// Takes from the rest what was written already.
    fn skip(&mut self, mut bytes: usize) {
        while let Some(part) = self.rest.front_mut() {
            let skipped = bytes.min(part.len());
            part.advance(skipped);
            bytes -= skipped;
            if !part.is_empty() {
                return;
            }
            self.rest.pop_front();
        }
    }
}

fn bytes_of_packet(stream: Stream) -> usize {
    HEAD_BYTES_MAX + wire::HEAD_BYTES + stream.packet_frames as usize * wire::FRAME_BYTES
}

/// One message that is about to be written.
struct Message {
    /// Head and note, where there is a note.
    own: Bytes,
    /// The records, and the head where there is no note.
    shared: Bytes,
    packets: usize,
}

impl Message {
    fn new(note: Option<[u8; wire::HEAD_BYTES]>, shared: Bytes, packets: usize) -> Self {
        let Some(note) = note else { return Self { own: Bytes::new(), shared, packets } };
        let records = shared.slice(WsHead::length_of(&shared)..);
        let head = WsHead::binary(note.len() + records.len());
        Self { own: Bytes::from([head.as_bytes(), &note].concat()), shared: records, packets }
    }

    /// Gives the kernel pointers to the bytes; how many of them it took.
    fn send(&self, connection: &mut Connection) -> io::Result<usize> {
        if self.own.is_empty() {
            connection.send(&[IoSlice::new(&self.shared)])
        } else {
            connection.send(&[IoSlice::new(&self.own), IoSlice::new(&self.shared)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::layout::Layout;
    use crate::core::packetizer::Packetizer;
    use crate::core::timeline::Span;
    use crate::core::wire::Record;
    use crate::hub::{Controls, Counters, Sizes};
    use crate::units::FrameIndex;
    use socket2::{Domain, Socket, Type};
    use std::io::Read;
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::net::TcpStream;

    const CONTROL: &[u8] = b"\x81\x03abc";

    /// A line over a real connection, and the other end of it, whose kernel takes little.
    struct Bench {
        line: Line,
        far: Socket,
        heard: Vec<u8>,
        packets: Packets,
        packetizer: Packetizer,
        hub: Arc<Hub>,
        next: u64,
    }

    impl Bench {
        fn new() -> Self {
            let sizes = Sizes {
                listeners_max: 1,
                queue_ms: 2000,
                chunk_frames: None,
                expected: Layout::expected(128),
            };
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let far = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            far.set_recv_buffer_size(4096).unwrap();
            far.connect(&listener.local_addr().unwrap().into()).unwrap();
            far.set_nonblocking(true).unwrap();
            let (near, _) = listener.accept().unwrap();
            near.set_nodelay(true).unwrap();
            near.set_nonblocking(true).unwrap();
            let connection = Connection::Plain(TcpStream::from_std(near).unwrap());
            socket::prepare(connection.tcp(), Some(46)).unwrap();
            let stream = sizes.stream(&sizes.expected);
            let mut bench = Self {
                line: Line::new(connection, 0, stream),
                far,
                heard: Vec::new(),
                packets: Packets::new(stream.queue_packets_max() + 64),
                packetizer: Packetizer::new(128),
                hub: Hub::new(sizes, Arc::new(Counters::new()), Arc::new(Controls::default())),
                next: 0,
            };
            bench.line.greeted();
            bench.serve();
            bench
        }

        fn push(&mut self, packets: usize) {
            for _ in 0..packets {
                let span = Span { first: FrameIndex(self.next), frames: 128, capture: MonoNs(0) };
                let backlog = &mut self.packets;
                self.packetizer
                    .audio(span, mono_raw_now(), (&[7; 256], &[]), &mut |packet| backlog.push(packet));
                self.next += 128;
            }
        }

        fn serve(&mut self) {
            self.line.serve(&self.packets, &self.hub, false);
        }

        /// Reads until what was begun is out and the kernel has room again.
        fn drain(&mut self) {
            let mut piece = [0; 2048];
            for _ in 0..10_000 {
                while let Ok(read) = self.far.read(&mut piece) {
                    self.heard.extend_from_slice(&piece[..read]);
                }
                let done = self.line.write_rest(&self.hub).is_ok();
                if done && self.line.kernel_has_room() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            panic!("the connection stands still");
        }

        /// The messages heard: how many records each of sound had, 0 for a control message.
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
            assert!(bench.line.control(CONTROL, Waker::noop(), &bench.hub));
            for round in 0..=CONTROL_AFTER {
                assert_eq!(
                    bench.line.control_waited, round,
                    "so much sound leaves the kernel no room for more"
                );
                bench.push(40);
                bench.serve();
                bench.drain();
            }
            bench.drain();
            let messages = bench.messages();
            let control = messages.iter().position(|records| *records == 0).expect("it went out");
            assert_eq!(control, CONTROL_AFTER as usize, "{messages:?}");
            assert_eq!(bench.hub.fan_out.control_first.load(Relaxed), 1);
            assert!(bench.hub.fan_out.partial_writes.load(Relaxed) > 0, "the kernel took messages in pieces");
        });
    }

    #[test]
    fn a_queue_that_was_full_begins_again_at_the_newest_packet() {
        in_runtime(|| {
            let mut bench = Bench::new();
            let most = bench.line.serving().queue_packets;
            for _ in 0..most + 300 {
                bench.push(1);
                bench.serve();
                assert!(bench.packets.waiting(&bench.line.cursor) <= most);
            }
            assert!(bench.line.blocked, "nobody reads");
            let tcp = bench.line.connection.tcp();
            let (unsent, unacknowledged) = (socket::unsent_bytes(tcp), socket::unacknowledged_bytes(tcp));
            assert!(0 < unsent && unsent <= unacknowledged, "{unsent} unsent of {unacknowledged}");
            assert!(
                unsent <= 3 * bench.line.packet_bytes + wire::HEAD_BYTES,
                "{unsent} bytes are kept by the kernel"
            );
            bench.drain();
            bench.serve();
            bench.drain();
            let messages = bench.messages();
            assert_eq!(messages.last(), Some(&2), "the note and the newest: {messages:?}");
            assert_eq!(bench.packets.waiting(&bench.line.cursor), 0);
            assert_eq!(bench.hub.fan_out.caught_up.load(Relaxed), 1);
        });
    }

    #[test]
    fn control_messages_that_find_no_room_are_counted() {
        in_runtime(|| {
            let mut bench = Bench::new();
            let frames = [0; CONTROL_BYTES_MAX];
            assert!(bench.line.control(&frames, Waker::noop(), &bench.hub), "one of any size is taken");
            assert!(!bench.line.control(CONTROL, Waker::noop(), &bench.hub));
            assert_eq!(bench.hub.fan_out.control_full.load(Relaxed), 1);
        });
    }
}
