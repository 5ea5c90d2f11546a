//! The sending side of one listener: carries out its queue's steps on its link, and counts.
//!
//! The queue decides (`core::send_queue`), the link carries (`link`). Nothing here blocks; `fan_out` calls it for every
//! packet.

use super::link::{Link, Message};
use crate::clock::mono_raw_now;
use crate::core::adaptation::Stream;
use crate::core::backlog::{Backlog, Lost};
use crate::core::packetizer::Packet;
use crate::core::send_queue::{SendQueue, Sent, Sound, Step};
use crate::core::wire;
use crate::hub::numbers::Numbers;
use bytes::BytesMut;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Waker;

/// The sending side of one listener.
pub(super) struct Outgoing {
    queue: SendQueue,
    link: Box<dyn Link>,
    /// Whole frames of waiting control messages.
    control: BytesMut,
    /// The writer waiting for room for control messages, and the reader waiting for input.
    control_waker: Option<Waker>,
    reader_waker: Option<Waker>,
}

impl Outgoing {
    pub(super) fn new(link: Box<dyn Link>, number: u64, stream: Stream) -> Self {
        let queue = SendQueue::new(number, stream, link.limits());
        Self { queue, link, control: BytesMut::new(), control_waker: None, reader_waker: None }
    }

    pub(super) fn queue(&self) -> &SendQueue {
        &self.queue
    }

    pub(super) fn queue_mut(&mut self) -> &mut SendQueue {
        &mut self.queue
    }

    /// Registers the reader to be woken when the link fails.
    pub(super) fn wake_reader(&mut self, waker: &Waker) {
        if !self.reader_waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.reader_waker = Some(waker.clone());
        }
    }

    /// Accepts whole frames of control messages. Returns false if they do not fit; `waker` is then woken when they may.
    pub(super) fn control(&mut self, frames: &[u8], waker: &Waker, numbers: &Numbers) -> bool {
        let fits = self.queue.take_control(frames.len());
        if fits {
            self.control.extend_from_slice(frames);
        } else {
            numbers.fan_out.control_full.fetch_add(1, Relaxed);
            self.control_waker = Some(waker.clone());
        }
        fits
    }

    /// Drops packets that no longer fit the queue, and writes messages that are due and fit the link. With
    /// `hurry`, no packet has come for a while, so the waiting packets make a message even if it is not full.
    pub(super) fn serve(&mut self, packets: &Backlog<Packet>, numbers: &Numbers, hurry: bool) {
        if !self.queue.has_failed() && self.write(packets, numbers, hurry).is_err() {
            self.fail();
        }
    }

    fn fail(&mut self) {
        self.queue.fail();
        self.control.clear();
        for waker in [self.control_waker.take(), self.reader_waker.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    fn write(&mut self, packets: &Backlog<Packet>, numbers: &Numbers, hurry: bool) -> io::Result<()> {
        count_lost(numbers, self.queue.begin(packets, hurry));
        loop {
            match self.queue.next(packets) {
                Step::Wait => return Ok(()),
                Step::AskUnsent => {
                    let unsent = self.link.unsent_bytes()?;
                    count_if(&numbers.fan_out.blocked, self.queue.unsent(unsent));
                }
                Step::AskUnacknowledged => {
                    let blocked = self.queue.unacknowledged(self.link.unacknowledged_bytes(), mono_raw_now());
                    count_if(&numbers.fan_out.blocked, blocked);
                }
                Step::Finish => {
                    let rest = self.link.finish();
                    if let Some(sent) = self.taken(rest)? {
                        self.sent(sent, packets, numbers);
                    }
                }
                Step::Sound(sound) => self.send(sound, packets, numbers)?,
                Step::Control { overtakes } => self.send_control(overtakes, packets, numbers)?,
            }
        }
    }

    fn send(&mut self, sound: Sound, packets: &Backlog<Packet>, numbers: &Numbers) -> io::Result<()> {
        count_lost(numbers, sound.skipped.unwrap_or_default());
        let note = sound.is_noted.then(|| wire::listener(&self.queue.note(packets, mono_raw_now())));
        let Sound { packets: count, bytes, .. } = sound;
        let cursor = self.queue.cursor();
        let waiting = packets.waiting(cursor);
        let sent = self.link.send(&Message { note, backlog: packets, cursor, packets: count, bytes });
        let Some(sent) = self.taken(sent)? else { return Ok(()) };
        if let Some(age_ns) = self.sent(sent, packets, numbers) {
            numbers.totals.queue_age.add(age_ns);
        }
        numbers.fan_out.messages.fetch_add(1, Relaxed);
        count_if(&numbers.fan_out.partial_writes, !sent.is_whole);
        count_if(&numbers.fan_out.caught_up, sound.skipped.is_some());
        numbers.totals.messages.fetch_add(1, Relaxed);
        numbers.totals.bytes.fetch_add((note.map_or(0, |note| note.len()) + bytes) as u64, Relaxed);
        numbers.totals.queue_packets.add(waiting as u64);
        Ok(())
    }

    fn send_control(
        &mut self,
        overtakes: bool,
        packets: &Backlog<Packet>,
        numbers: &Numbers,
    ) -> io::Result<()> {
        count_if(&numbers.fan_out.control_first, overtakes);
        let sent = self.link.send_control(&mut self.control);
        let Some(sent) = self.taken(sent)? else { return Ok(()) };
        count_if(&numbers.fan_out.partial_writes, !sent.is_whole);
        self.sent(sent, packets, numbers);
        if let Some(waker) = self.control_waker.take() {
            waker.wake();
        }
        Ok(())
    }

    /// Returns the bytes that the link took; if it took nothing, reports that to the queue and returns
    /// `None`.
    fn taken(&mut self, sent: io::Result<Sent>) -> io::Result<Option<Sent>> {
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.queue.refused();
                Ok(None)
            }
            sent => sent.map(Some),
        }
    }

    /// Reports the taken bytes to the queue. If that completes a message of sound, returns how long the
    /// message had waited.
    fn sent(&mut self, sent: Sent, packets: &Backlog<Packet>, numbers: &Numbers) -> Option<u64> {
        let now = mono_raw_now();
        let age_ns = now.since(self.queue.sent(packets, sent, now)?);
        numbers.fan_out.written(age_ns);
        Some(age_ns)
    }
}

/// Counts a rare event. Without the condition, adding zero would cost as much as adding one.
fn count_if(counter: &AtomicU64, happened: bool) {
    if happened {
        counter.fetch_add(1, Relaxed);
    }
}

fn count_lost(numbers: &Numbers, lost: Lost) {
    if lost.packets > 0 {
        numbers.totals.queue_drop_packets.fetch_add(u64::from(lost.packets), Relaxed);
        numbers.totals.queue_drop_frames.fetch_add(u64::from(lost.frames), Relaxed);
    }
}

#[cfg(test)]
mod tests;
