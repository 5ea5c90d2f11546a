//! Decides what goes to one listener next, and when: sound from the shared packets, with control messages in
//! between. No socket, no clock.
//!
//! In: the shared packets, the link's unsent and accepted bytes, and the time. Out: one [`Step`] after
//! another. Three bounds make "drop oldest" real: the packets that may wait here, the bytes the link may hold
//! unsent, and the age of the oldest unacknowledged byte. A message that was begun is finished before
//! anything else. After an overflow the next message is a note of the loss and the newest packet. Bytes,
//! framing and system calls belong elsewhere (`net::link`).

mod step;
mod turn;

pub use step::{MessageLimits, Sent, Sound, Step};

use super::ack_age::AckAge;
use super::adaptation::{Adaptation, ListenerFeedback, Serving, Stream};
use super::backlog::{Backlog, Cursor, Lost};
use super::cause::Cause;
use super::packetizer::Packet;
use super::wire::{self, ListenerNote};
use crate::units::{MonoNs, NS_PER_S};
use turn::{Begun, Room, Turn, Writing};

/// Interval at which a listener is told its queue's age, ns.
const NOTE_EVERY_NS: u64 = NS_PER_S;
/// Packets of usual size the link may hold unsent beyond one message.
const UNSENT_SPARE_PACKETS: usize = 1;
/// Ask how many bytes are unacknowledged only before every 16th write: the kernel takes much longer for this answer than
/// for the number of unsent bytes.
const ACKNOWLEDGED_EVERY: u32 = 16;
/// Maximum bytes of waiting control messages.
pub const CONTROL_BYTES_MAX: usize = 4096;
/// Messages of sound that may go before a waiting control message gets its turn.
pub const CONTROL_AFTER: u32 = 8;

/// The messages that a listener may get in each phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Control messages only: the hello goes first.
    Opening,
    /// The hello is queued; sound begins when it has been written.
    Opened,
    /// Sound and control messages.
    Playing,
    /// Control messages only: the goodbye.
    Closing,
    /// The link took nothing and has failed.
    Failed,
}

/// One listener's queue.
#[derive(Debug)]
pub struct SendQueue {
    /// The listener's number. It staggers the moments at which listeners' messages are due.
    number: u64,
    limits: MessageLimits,
    phase: Phase,
    cursor: Cursor,
    stream: Stream,
    adaptation: Adaptation,
    serving: Serving,
    begun: Option<Begun>,
    /// Bytes of waiting control messages.
    control_bytes: usize,
    /// Messages of sound that were sent while control messages waited.
    control_waited: u32,
    note_due: MonoNs,
    /// The time at which the sound of the due message was ready.
    due: Option<MonoNs>,
    /// Sound waits for room in the link.
    blocked: bool,
    /// The link took nothing at the last look.
    stalled: bool,
    /// Packets were dropped since the last message.
    overflowed: bool,
    packet_bytes: usize,
    /// Writes until we ask again how many bytes are unacknowledged.
    looks_left: u32,
    ack_age: AckAge,
    turn: Turn,
}

impl SendQueue {
    /// Creates the queue of the listener with this number, over a link with these limits.
    pub fn new(number: u64, stream: Stream, limits: MessageLimits) -> Self {
        let adaptation = Adaptation::new(stream);
        Self {
            number,
            limits,
            phase: Phase::Opening,
            cursor: Cursor::default(),
            stream,
            adaptation,
            serving: adaptation.serving(),
            begun: None,
            control_bytes: 0,
            control_waited: 0,
            note_due: MonoNs(0),
            due: None,
            blocked: false,
            stalled: false,
            overflowed: false,
            packet_bytes: packet_bytes(stream, limits),
            looks_left: 0,
            ack_age: AckAge::default(),
            turn: Turn::new(false),
        }
    }

    /// Records that the hello is queued: sound follows it.
    pub fn open(&mut self) {
        self.phase = Phase::Opened;
    }

    /// Stops sound: a goodbye follows.
    pub fn close(&mut self) {
        if self.phase != Phase::Failed {
            self.phase = Phase::Closing;
        }
    }

    /// Records that the link has failed: nothing more is written.
    pub fn fail(&mut self) {
        self.phase = Phase::Failed;
        (self.begun, self.control_bytes) = (None, 0);
    }

    /// Returns whether the link has failed.
    pub fn has_failed(&self) -> bool {
        self.phase == Phase::Failed
    }

    /// Returns how the listener is served.
    pub fn serving(&self) -> Serving {
        self.serving
    }

    /// Returns the listener's position among the shared packets.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Takes in the listener's report; returns whether the size of its messages changes.
    pub fn report(&mut self, facts: ListenerFeedback) -> bool {
        self.adaptation.report(facts);
        self.serve_anew()
    }

    /// Sets the least number of packets in a message; returns whether this listener's messages change.
    pub fn floor(&mut self, packets: u32) -> bool {
        self.adaptation.floor(packets);
        self.serve_anew()
    }

    fn serve_anew(&mut self) -> bool {
        let before = std::mem::replace(&mut self.serving, self.adaptation.serving());
        before.chunk_packets != self.serving.chunk_packets
    }

    /// Adopts a changed stream. If its rate differs, a listener that was told the old rate gets no more of it.
    pub fn lay_out(&mut self, stream: Stream) {
        if self.stream.rate != stream.rate && matches!(self.phase, Phase::Opened | Phase::Playing) {
            self.close();
        }
        self.stream = stream;
        self.packet_bytes = packet_bytes(stream, self.limits);
        self.adaptation.lay_out(stream);
        self.serving = self.adaptation.serving();
    }

    /// Accepts control messages of this many bytes; returns false when they do not fit. A single message may have any size.
    pub fn take_control(&mut self, bytes: usize) -> bool {
        let fits = self.control_bytes == 0 || self.control_bytes + bytes <= CONTROL_BYTES_MAX;
        if fits {
            self.control_bytes += bytes;
        }
        fits
    }

    /// Returns whether the caller should come back soon, even without a new packet.
    pub fn is_pending(&self) -> bool {
        let blocked = self.blocked && self.phase == Phase::Playing;
        (self.begun.is_some() || self.control_bytes > 0 || blocked) && self.phase != Phase::Failed
    }

    /// Returns whether the link takes nothing, through no fault of ours.
    pub fn is_stalled(&self) -> bool {
        self.stalled || matches!(self.phase, Phase::Closing | Phase::Failed)
    }

    /// Returns whether sound waits for its message to be full.
    pub fn is_gathering(&self, packets: &Backlog<Packet>) -> bool {
        self.phase == Phase::Playing && packets.waiting(&self.cursor) > 0
    }

    /// Begins a turn: drops packets that no longer fit the queue, and returns the loss. With `hurry`, no
    /// packet has come for a while, so the waiting packets make a message even if it is not full.
    pub fn begin(&mut self, packets: &Backlog<Packet>, hurry: bool) -> Lost {
        self.turn = Turn::new(hurry);
        if self.phase != Phase::Playing {
            return Lost::default();
        }
        let lost = packets.keep(&mut self.cursor, self.serving.queue_packets);
        self.overflowed |= lost.packets > 0;
        lost
    }

    /// Returns what to do next: finish what was begun, then sound, then control messages. After [`CONTROL_AFTER`] messages
    /// of sound, control messages go first.
    pub fn next(&mut self, packets: &Backlog<Packet>) -> Step {
        if self.turn.is_over {
            return Step::Wait;
        }
        if self.begun.is_some() {
            self.turn.writing = Writing::Rest;
            return Step::Finish;
        }
        let sound = self.turn.sound.unwrap_or_else(|| self.is_sound_due(packets));
        self.turn.sound = Some(sound);
        let control = self.control_bytes > 0;
        if !sound && !control {
            self.turn.is_over = true;
            return Step::Wait;
        }
        match self.turn.room {
            Room::Unknown => return Step::AskUnsent,
            Room::FewUnsent => return Step::AskUnacknowledged,
            Room::Yes => {}
        }
        if control && (!sound || self.control_waited >= CONTROL_AFTER) {
            self.turn.writing = Writing::Control;
            return Step::Control { overtakes: sound };
        }
        let sound = self.gather(packets);
        self.turn.writing = Writing::Sound(sound);
        Step::Sound(sound)
    }

    fn is_sound_due(&mut self, packets: &Backlog<Packet>) -> bool {
        if self.phase == Phase::Opened && self.control_bytes == 0 {
            self.phase = Phase::Playing;
            self.cursor = packets.end();
        }
        if self.phase != Phase::Playing {
            return false;
        }
        let chunk = self.serving.chunk_packets as usize;
        let waiting = packets.waiting(&self.cursor);
        // Each listener's messages are due at a different packet, so that the thread need not send all of them at once.
        let its_turn = (packets.count() + self.number).is_multiple_of(chunk as u64);
        if waiting == 0 || !(its_turn || self.turn.hurry || self.blocked || waiting >= 2 * chunk) {
            return false;
        }
        if self.due.is_none() {
            let completing = packets.from(&self.cursor).nth(waiting.min(chunk) - 1);
            self.due = completing.map(|packet| packet.ready);
        }
        true
    }

    /// Returns the next message: all waiting packets that fit it.
    fn gather(&mut self, packets: &Backlog<Packet>) -> Sound {
        let skipped = std::mem::take(&mut self.overflowed).then(|| {
            self.due = packets.newest().map(|packet| packet.ready);
            packets.keep(&mut self.cursor, 1)
        });
        let first = packets.from(&self.cursor).next();
        let is_noted =
            first.is_some_and(|first| self.cursor.lost().is_some() || first.ready >= self.note_due);
        // Always leave room for a note. Then listeners with and without one can share the rest of the message.
        let (mut taken, mut bytes) = (0, 0);
        for packet in packets.from(&self.cursor).take(wire::RECORDS_MAX - 1) {
            let more = bytes + packet.record.len();
            if taken > 0 && more > self.limits.payload_bytes_max - wire::HEAD_BYTES {
                break;
            }
            (taken, bytes) = (taken + 1, more);
        }
        Sound { packets: taken, bytes, is_noted, skipped }
    }

    /// Returns the note that goes before the next packets, written at `now`.
    pub fn note(&self, packets: &Backlog<Packet>, now: MonoNs) -> ListenerNote {
        let lost = self.cursor.lost();
        let first = packets.from(&self.cursor).next();
        let next_frame = first.map_or(0, |first| first.frame_index);
        ListenerNote {
            stream: self.stream.number,
            cause: lost.map_or(0, |_| Cause::QueueDrop.code()),
            lost_packets: lost.map_or(0, |lost| lost.packets),
            lost_frames: lost.map_or(0, |lost| lost.frames),
            frame_index: lost.map_or(next_frame, |lost| lost.frame_index),
            queue_age_ns: first.map_or(0, |first| now.since(first.ready)),
            sent_ns: now.0,
        }
    }

    /// Notes how many bytes the link holds unsent; `None` if it accepts nothing before it has passed them on.
    /// Returns whether that blocks sound.
    pub fn unsent(&mut self, bytes: Option<usize>) -> bool {
        if bytes.is_none_or(|bytes| bytes > self.few_bytes()) {
            return self.no_room();
        }
        self.looks_left = self.looks_left.saturating_sub(1);
        if self.looks_left > 0 {
            self.has_room();
        } else {
            self.turn.room = Room::FewUnsent;
        }
        false
    }

    /// Takes in how many bytes are unacknowledged, sent or not. Returns whether that blocks sound.
    pub fn unacknowledged(&mut self, bytes: usize, now: MonoNs) -> bool {
        if bytes <= self.few_bytes() {
            self.ack_age.nothing();
        } else if self.ack_age.age_ns(bytes, now)
            > u64::from(self.serving.unacknowledged_ms) * NS_PER_S / 1000
        {
            return self.no_room();
        }
        self.looks_left = ACKNOWLEDGED_EVERY;
        self.has_room();
        false
    }

    /// Returns the bytes of one message and a little more.
    fn few_bytes(&self) -> usize {
        (self.serving.chunk_packets as usize + UNSENT_SPARE_PACKETS) * self.packet_bytes
    }

    fn has_room(&mut self) {
        self.turn.room = Room::Yes;
        self.stalled = false;
        if self.turn.sound == Some(true) {
            self.blocked = false;
        }
    }

    fn no_room(&mut self) -> bool {
        let sound = self.turn.sound == Some(true);
        self.turn.is_over = true;
        self.stalled = true;
        self.blocked |= sound;
        sound
    }

    /// Records the bytes that the link took. If that completes a message of sound, returns when that sound
    /// was ready.
    pub fn sent(&mut self, packets: &Backlog<Packet>, sent: Sent, now: MonoNs) -> Option<MonoNs> {
        self.ack_age.written(sent.bytes);
        self.turn.room = Room::Unknown;
        let ready = match self.turn.writing {
            Writing::Rest => self.begun.take().and_then(|begun| begun.ready),
            Writing::Control => {
                (self.control_bytes, self.control_waited) = (0, 0);
                None
            }
            Writing::Sound(sound) => {
                self.sound_went(packets, sound, now);
                self.due.take()
            }
        };
        if sent.is_whole {
            return ready;
        }
        self.begun = Some(Begun { ready });
        self.turn.is_over = true;
        self.stalled |= self.turn.writing == Writing::Rest;
        None
    }

    fn sound_went(&mut self, packets: &Backlog<Packet>, sound: Sound, now: MonoNs) {
        self.turn.sound = Some(false);
        if sound.is_noted {
            self.note_due = MonoNs(now.0 + NOTE_EVERY_NS);
            self.cursor.told();
        }
        packets.advance(&mut self.cursor, sound.packets);
        // Packets that did not fit the message are due at once.
        self.blocked = packets.waiting(&self.cursor) > 0;
        self.control_waited += u32::from(self.control_bytes > 0);
    }

    /// Records that the link took nothing.
    pub fn refused(&mut self) {
        self.turn.is_over = true;
        self.stalled = true;
        if matches!(self.turn.writing, Writing::Sound(_)) {
            self.blocked = true;
            self.overflowed = self.cursor.lost().is_some();
        }
    }
}

/// Returns the bytes of a packet of usual size, sent as a message of its own.
fn packet_bytes(stream: Stream, limits: MessageLimits) -> usize {
    limits.head_bytes_max + wire::HEAD_BYTES + stream.payload_bytes
}

#[cfg(test)]
mod tests;
