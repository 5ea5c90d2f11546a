//! What goes out to one listener: sound from the shared packets, control messages between it, one after the other on one
//! connection.
//!
//! Three bounds make "drop oldest" real: the listener's own queue (a place among the shared packets), what the kernel may hold
//! unsent and for how long anything may stay unconfirmed (looked at before every write), and the bytes of control messages. What
//! was begun is finished before anything else. A listener whose queue was full hears the newest packet first when its connection
//! takes something again. Nothing here waits; `fan_out` comes by with every packet.

use super::connection::Connection;
use super::socket;
use crate::clock::mono_raw_now;
use crate::core::adaptation::{Adaptation, Facts, Serving, Stream};
use crate::core::backlog::{Backlog, Cursor};
use crate::core::cause::Cause;
use crate::core::packetizer::Packet;
use crate::core::wire::{self, ListenerNote};
use crate::core::ws_head::{PAYLOAD_BYTES_MAX, WsHead};
use crate::hub::Hub;
use crate::units::{MonoNs, NS_PER_S};
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

/// How often a listener is told its queue's age, ns.
const NOTE_EVERY_NS: u64 = NS_PER_S;
/// Packets of usual size the kernel may hold unsent.
const UNSENT_PACKETS_MAX: usize = 2;
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
    /// Something was forgotten since the last message.
    overflowed: bool,
    unsent_bytes_max: usize,
    unconfirmed: Unconfirmed,
}

impl Line {
    pub(super) fn new(connection: Connection, number: u64, stream: Stream) -> Self {
        let adaptation = Adaptation::new(stream);
        let packet_bytes = wire::HEAD_BYTES + stream.packet_frames as usize * wire::FRAME_BYTES;
        Self {
            connection,
            number,
            phase: Phase::Greeting,
            cursor: Cursor::default(),
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
            overflowed: false,
            unsent_bytes_max: UNSENT_PACKETS_MAX * packet_bytes,
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

    /// Whether sound waits for its message to be full.
    pub(super) fn is_gathering(&self, packets: &Backlog<Packet>) -> bool {
        self.phase == Phase::Playing && packets.waiting(&self.cursor) > 0
    }

    /// Forgets what no longer fits the queue, and writes what is due and fits the kernel. `hurry`: no packet has come for a
    /// while, so what there is makes a message.
    pub(super) fn serve(&mut self, packets: &Backlog<Packet>, hub: &Hub, hurry: bool) {
        if self.phase == Phase::Broken {
            return;
        }
        if self.phase == Phase::Playing {
            self.forget(packets, self.serving.queue_packets, hub);
        }
        match self.write(packets, hub, hurry) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => self.break_off(),
            _ => {}
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

    fn forget(&mut self, packets: &Backlog<Packet>, most: usize, hub: &Hub) {
        let gone = packets.keep(&mut self.cursor, most);
        if gone.packets > 0 {
            self.overflowed = true;
            hub.totals.queue_drop_packets.fetch_add(u64::from(gone.packets), Relaxed);
            hub.totals.queue_drop_frames.fetch_add(u64::from(gone.frames), Relaxed);
        }
    }

    /// First what was begun, then sound, then control messages; after so much sound, a control message first.
    fn write(&mut self, packets: &Backlog<Packet>, hub: &Hub, hurry: bool) -> io::Result<()> {
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
        }
        if self.control.is_empty() || !self.rest.is_empty() {
            return Ok(());
        }
        if sound && !self.has_room(false, hub)? {
            self.control_waited += 1;
            return Ok(());
        }
        self.write_control(hub)
    }

    /// Whether the kernel may be given more. Sound that finds no room is looked at again soon.
    fn has_room(&mut self, sound: bool, hub: &Hub) -> io::Result<bool> {
        let room = self.connection.is_passed_on()? && self.kernel_has_room();
        if sound {
            self.blocked = !room;
            hub.fan_out.blocked.fetch_add(u64::from(!room), Relaxed);
        }
        Ok(room)
    }

    fn kernel_has_room(&mut self) -> bool {
        let tcp = self.connection.tcp();
        let unacknowledged = socket::unacknowledged_bytes(tcp);
        // What nobody has confirmed includes what was not sent: with a healthy listener this is the only question.
        if unacknowledged <= self.unsent_bytes_max {
            self.unconfirmed.nothing();
            return true;
        }
        let age_ns = self.unconfirmed.age_ns(unacknowledged, mono_raw_now());
        age_ns <= u64::from(self.serving.unacknowledged_ms) * NS_PER_S / 1000
            && socket::unsent_bytes(tcp) <= self.unsent_bytes_max
    }

    fn is_sound_due(&mut self, packets: &Backlog<Packet>, hurry: bool) -> bool {
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
    fn write_sound(&mut self, packets: &Backlog<Packet>, hub: &Hub) -> io::Result<()> {
        if std::mem::take(&mut self.overflowed) {
            self.forget(packets, 1, hub);
            self.overflowed = false;
            hub.fan_out.caught_up.fetch_add(1, Relaxed);
        }
        let Some(first) = packets.from(&self.cursor).next() else { return Ok(()) };
        let now = mono_raw_now();
        let lost = self.cursor.lost();
        let note = (lost.is_some() || now >= self.note_due).then(|| {
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
        let note = note.as_ref().map_or(&[][..], |note| &note[..]);
        let (taken, payload_bytes) = self.message_of(packets, note.len());
        let (written, whole_bytes) = if taken == 1 && note.is_empty() {
            (self.connection.send(&[IoSlice::new(&first.message)]), first.message.len())
        } else {
            let head = WsHead::binary(payload_bytes);
            let mut parts = [IoSlice::new(&[]); wire::RECORDS_MAX + 1];
            parts[0] = IoSlice::new(head.as_bytes());
            parts[1] = IoSlice::new(note);
            let from = 1 + usize::from(!note.is_empty());
            for (part, packet) in parts[from..].iter_mut().zip(packets.from(&self.cursor).take(taken)) {
                *part = IoSlice::new(packet.record());
            }
            (self.connection.send(&parts[..from + taken]), head.as_bytes().len() + payload_bytes)
        };
        let written = match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked = true;
                // What was forgotten stays so: the newest goes first next time, too.
                self.overflowed = lost.is_some();
                return Err(error);
            }
            written => written?,
        };
        self.unconfirmed.written(written);
        if written < whole_bytes {
            self.rest_due = self.due;
            let head = WsHead::binary(payload_bytes);
            let first_part = Bytes::from([head.as_bytes(), note].concat());
            let records = packets.from(&self.cursor).take(taken).map(Packet::record_bytes);
            let parts: Vec<Bytes> = std::iter::once(first_part).chain(records).collect();
            self.begin_rest(parts, hub);
            self.skip(written);
        } else if let Some(due) = self.due {
            hub.fan_out.written(mono_raw_now().since(due));
        }
        if !note.is_empty() {
            self.note_due = MonoNs(now.0 + NOTE_EVERY_NS);
        }
        self.due = None;
        self.cursor.told();
        packets.advance(&mut self.cursor, taken);
        // What did not fit a message is due at once.
        self.blocked = packets.waiting(&self.cursor) > 0;
        hub.totals.messages.fetch_add(1, Relaxed);
        Ok(())
    }

    /// How many of the waiting packets go into one message, and how many bytes it then has, `note_bytes` among them.
    fn message_of(&self, packets: &Backlog<Packet>, note_bytes: usize) -> (usize, usize) {
        let (mut taken, mut bytes) = (0, note_bytes);
        let records_max = wire::RECORDS_MAX - usize::from(note_bytes > 0);
        for packet in packets.from(&self.cursor).take(records_max) {
            let more = bytes + packet.record().len();
            if taken > 0 && more > PAYLOAD_BYTES_MAX {
                break;
            }
            (taken, bytes) = (taken + 1, more);
        }
        (taken, bytes)
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

/// For how long at least something has been under way: one mark, renewed whenever all that was under way at it is confirmed.
#[derive(Debug, Default)]
struct Unconfirmed {
    mark: Option<Mark>,
}

#[derive(Debug)]
struct Mark {
    at: MonoNs,
    /// Written since: what is under way beyond that was so then.
    written: usize,
}

impl Unconfirmed {
    fn nothing(&mut self) {
        self.mark = None;
    }

    fn written(&mut self, bytes: usize) {
        if let Some(mark) = &mut self.mark {
            mark.written += bytes;
        }
    }

    fn age_ns(&mut self, unacknowledged: usize, now: MonoNs) -> u64 {
        match &self.mark {
            Some(mark) if unacknowledged > mark.written => now.since(mark.at),
            _ => {
                self.mark = Some(Mark { at: now, written: 0 });
                0
            }
        }
    }
}
