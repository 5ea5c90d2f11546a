//! The device: answers the host's requests, plays its frames, and carries out a test's commands.
//!
//! In: [`Request`]s, [`Command`]s, the time (the host's monotonic clock, ns). Out: bytes of replies, and when
//! the next one is due.
//! Connecting and disconnecting is done elsewhere; the device only learns that a host is new.

use crate::clock::{Clock, RATE_HZ};
use crate::control::Command;
use crate::descriptors::{Description, Stream};
use crate::isochronous::Schedule;
use crate::midi;
use crate::signal::Signal;
use crate::usbip::{self, Packet, Request, Submit};
use std::collections::VecDeque;
use std::fmt;

/// The status of a transfer that the device does not understand: it stalls the endpoint.
const EPIPE: i32 = -32;
/// The status of a lost packet.
const EXDEV: i32 = -18;
/// The status of a transfer that the host has cancelled.
const ECONNRESET: i32 = -104;
/// Direction bit of an endpoint: to the host.
const IN: u8 = 0x80;
/// Maximum number of MIDI transfers that wait for notes; the driver uses 7.
const MIDI_WAITING_MAX: usize = 64;
/// Maximum number of notes that wait for the host.
const MIDI_QUEUE_MAX: usize = 256;
/// Maximum number of MIDI bytes from the host that are kept for the test: the last ones.
const MIDI_HEARD_MAX: usize = 64;

/// The complete instrument.
pub struct Device {
    description: Description,
    clock: Clock,
    signal: Signal,
    capture: Option<Running>,
    playback: Option<Running>,
    stalled: bool,
    drop_packets: u32,
    midi_waiting: VecDeque<Submit>,
    midi_queue: VecDeque<[u8; 4]>,
    counts: Counts,
}

/// A stream that is switched on.
struct Running {
    stream: Stream,
    schedule: Schedule,
    /// The first frame that was not yet sent to the host; `None` before the first packet.
    next_frame: Option<u64>,
}

/// Counts of events since the device was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames sent to the host.
    pub sent_frames: u64,
    /// Packets that were lost at a test's command.
    pub dropped_packets: u64,
    /// Frames in those packets.
    pub dropped_frames: u64,
    /// Frames made while streaming that found no transfer: the host was late, or the device stalled.
    pub skipped_frames: u64,
    /// Bytes of sound that the host has played.
    pub played_bytes: u64,
    /// The last MIDI bytes that the host has sent.
    pub midi_heard: VecDeque<u8>,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent_frames, dropped_packets, dropped_frames, skipped_frames, played_bytes, midi_heard } =
            self;
        write!(
            f,
            "sent_frames={sent_frames} dropped_packets={dropped_packets} dropped_frames={dropped_frames} "
        )?;
        write!(f, "skipped_frames={skipped_frames} played_bytes={played_bytes} midi_heard=")?;
        midi_heard.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Device {
    /// A device that is switched on now, but not connected.
    pub fn new(description: Description, now_ns: u64) -> Self {
        Self {
            description,
            clock: Clock::new(now_ns),
            signal: Signal::Counter,
            capture: None,
            playback: None,
            stalled: false,
            drop_packets: 0,
            midi_waiting: VecDeque::new(),
            midi_queue: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// The device was connected or disconnected: everything that a host had started is over.
    pub fn new_host(&mut self) {
        (self.capture, self.playback) = (None, None);
        self.midi_waiting.clear();
        self.midi_queue.clear();
    }

    /// Carries out a test's command, as far as the device is concerned; returns the answer.
    ///
    /// # Errors
    /// A sentence that says why it is impossible.
    pub fn obey(&mut self, command: &Command, now_ns: u64) -> Result<String, String> {
        match command {
            Command::Play(signal) => self.signal = *signal,
            Command::Ppm(ppm) => self.clock.set_ppm(*ppm, now_ns),
            Command::Stall => self.stalled = true,
            Command::Resume => {
                self.stalled = false;
                for running in self.capture.iter_mut().chain(&mut self.playback) {
                    running.schedule.go_on(now_ns);
                }
            }
            Command::Drop(packets) => self.drop_packets += packets,
            Command::Midi(message) => {
                let packet = midi::packet(message).ok_or("only whole channel messages are sent")?;
                if self.midi_queue.len() >= MIDI_QUEUE_MAX {
                    return Err("the host does not fetch its notes".into());
                }
                self.midi_queue.push_back(packet);
            }
            Command::Status => {
                let streaming = u8::from(self.capture.is_some());
                return Ok(format!(
                    "streaming={streaming} frame={} {}",
                    self.clock.frame_at(now_ns),
                    self.counts
                ));
            }
            Command::Attach | Command::Detach | Command::Quit => return Err("not the device's part".into()),
        }
        Ok(String::new())
    }

    /// Handles a request. Replies that are ready at once go to `out`; the others come from [`Self::advance`].
    pub fn take(&mut self, request: Request, now_ns: u64, out: &mut Vec<u8>) {
        match request {
            Request::Unlink { seqnum, transfer } => {
                let status = if self.forget(transfer) { ECONNRESET } else { 0 };
                usbip::reply_unlink(seqnum, status, out);
            }
            Request::Submit(submit) if submit.endpoint == 0 => self.control(&submit, out),
            Request::Submit(submit) => self.transfer(submit, now_ns, out),
        }
    }

    /// Returns when [`Self::advance`] has something to do; `None` if only a request or a command can change
    /// anything.
    pub fn due_ns(&self) -> Option<u64> {
        let running = if self.stalled { None } else { Some([&self.capture, &self.playback]) };
        running?.into_iter().flatten().filter_map(|running| running.schedule.due_ns()).min()
    }

    /// Writes the replies that are due to `out`.
    pub fn advance(&mut self, now_ns: u64, out: &mut Vec<u8>) {
        while !self.midi_queue.is_empty()
            && let Some(submit) = self.midi_waiting.pop_front()
        {
            let fitting = (submit.length / 4).min(self.midi_queue.len());
            let packets: Vec<u8> = self.midi_queue.drain(..fitting).flatten().collect();
            usbip::reply(submit.seqnum, 0, packets.len(), &packets, out);
        }
        if self.stalled {
            return;
        }
        while let Some((submit, began_ns)) = self.capture.as_mut().and_then(|it| it.schedule.pop(now_ns)) {
            self.send(&submit, began_ns, out);
        }
        while let Some((submit, _)) = self.playback.as_mut().and_then(|it| it.schedule.pop(now_ns)) {
            let whole = |packet: &Packet| Packet { actual: packet.length, ..*packet };
            let packets: Vec<Packet> = submit.packets.iter().map(whole).collect();
            self.counts.played_bytes += submit.data.len() as u64;
            usbip::reply_packets(submit.seqnum, &packets, &[], out);
        }
    }

    /// Fills one transfer's packets with the frames made in their time.
    fn send(&mut self, submit: &Submit, began_ns: u64, out: &mut Vec<u8>) {
        let Some(Running { stream, next_frame, .. }) = &mut self.capture else { return };
        let frame_bytes = stream.channels * stream.sample_bytes;
        let mut data = Vec::new();
        let mut packets = submit.packets.clone();
        for (number, packet) in packets.iter_mut().enumerate() {
            let from_ns = began_ns + number as u64 * stream.interval_ns;
            let first = self.clock.frame_at(from_ns);
            let room = (packet.length as usize).min(stream.packet_bytes_max) / frame_bytes;
            let end = self.clock.frame_at(from_ns + stream.interval_ns).min(first + room as u64);
            // By this calculation a crystal whose speed was just changed may have made a frame twice.
            let first = first.max(next_frame.unwrap_or(first));
            self.counts.skipped_frames += first - next_frame.unwrap_or(first);
            *next_frame = Some(end.max(first));
            let frames = end.saturating_sub(first);
            if self.drop_packets > 0 {
                self.drop_packets -= 1;
                self.counts.dropped_packets += 1;
                self.counts.dropped_frames += frames;
                packet.status = EXDEV;
                continue;
            }
            self.counts.sent_frames += frames;
            packet.actual = (frames as usize * frame_bytes) as u32;
            for frame in first..first + frames {
                for channel in 0..stream.channels {
                    push_sample(self.signal.sample(frame, channel), stream.sample_bytes, &mut data);
                }
            }
        }
        usbip::reply_packets(submit.seqnum, &packets, &data, out);
    }

    /// A transfer on an endpoint other than 0.
    fn transfer(&mut self, submit: Submit, now_ns: u64, out: &mut Vec<u8>) {
        let endpoint = submit.endpoint | if submit.is_in { IN } else { 0 };
        let stream = [&mut self.capture, &mut self.playback]
            .into_iter()
            .flatten()
            .find(|running| running.stream.endpoint == endpoint);
        let refused = if let Some(running) = stream {
            running.schedule.push(submit, now_ns).err()
        } else if !self.description.midi_endpoints.contains(&endpoint) {
            Some(submit)
        } else if !submit.is_in {
            self.counts.midi_heard.extend(midi::bytes(&submit.data));
            let too_many = self.counts.midi_heard.len().saturating_sub(MIDI_HEARD_MAX);
            self.counts.midi_heard.drain(..too_many);
            usbip::reply(submit.seqnum, 0, submit.data.len(), &[], out);
            None
        } else if self.midi_waiting.len() < MIDI_WAITING_MAX {
            self.midi_waiting.push_back(submit);
            None
        } else {
            Some(submit)
        };
        if let Some(Submit { seqnum, packets, .. }) = refused {
            if packets.is_empty() {
                usbip::reply(seqnum, EPIPE, 0, &[], out);
            } else {
                let lost = |packet: &Packet| Packet { status: EXDEV, ..*packet };
                usbip::reply_packets(seqnum, &packets.iter().map(lost).collect::<Vec<_>>(), &[], out);
            }
        }
    }

    /// Forgets a transfer; returns whether it existed.
    fn forget(&mut self, transfer: u32) -> bool {
        let waiting = self.midi_waiting.len();
        self.midi_waiting.retain(|submit| submit.seqnum != transfer);
        let streams = [&mut self.capture, &mut self.playback].into_iter().flatten();
        self.midi_waiting.len() < waiting
            || streams.into_iter().any(|running| running.schedule.remove(transfer))
    }

    /// Handles a control transfer: standard requests, and those of the UAC2 clock source.
    fn control(&mut self, submit: &Submit, out: &mut Vec<u8>) {
        let [kind, request, value_low, value_high, index_low, index_high, ..] = submit.setup;
        let answer = match (kind, request) {
            (0x80, GET_DESCRIPTOR) => self.description.descriptor(value_high, value_low),
            (0x80..=0x82, GET_STATUS) => Some(vec![(kind & 1) ^ 1, 0]), // the device itself is self-powered
            (0x80, GET_CONFIGURATION) => Some(vec![1]),
            (0x81, GET_INTERFACE) => Some(vec![self.alternate(index_low)]),
            (0x01, SET_INTERFACE) => self.set_interface(index_low, value_low).then(Vec::new),
            (0x00, SET_CONFIGURATION) | (0x00..=0x02, CLEAR_FEATURE) => Some(Vec::new()),
            (0xa1, CUR | RANGE) if self.description.clock_sources.contains(&index_high) => {
                clock_says(request, value_high)
            }
            // Any rate is accepted but changes nothing, because the device offers only one.
            (0x21, CUR) if self.description.clock_sources.contains(&index_high) => Some(Vec::new()),
            _ => None,
        };
        match answer {
            Some(mut bytes) if submit.is_in => {
                bytes.truncate(submit.length);
                usbip::reply(submit.seqnum, 0, bytes.len(), &bytes, out);
            }
            Some(_) => usbip::reply(submit.seqnum, 0, submit.data.len(), &[], out),
            None => usbip::reply(submit.seqnum, EPIPE, 0, &[], out),
        }
    }

    fn alternate(&self, interface: u8) -> u8 {
        let streams = [&self.capture, &self.playback].into_iter().flatten();
        streams
            .map(|running| running.stream)
            .find(|stream| stream.interface == interface)
            .map_or(0, |s| s.alternate)
    }

    /// Switches a stream on or off; returns whether this setting exists.
    fn set_interface(&mut self, interface: u8, alternate: u8) -> bool {
        for place in [&mut self.capture, &mut self.playback] {
            if place.as_ref().is_some_and(|running| running.stream.interface == interface) {
                *place = None;
            }
        }
        let wanted = |stream: &&Stream| stream.interface == interface && stream.alternate == alternate;
        let Some(stream) = self.description.streams.iter().find(wanted).copied() else {
            return alternate == 0;
        };
        let place = if stream.endpoint & IN != 0 { &mut self.capture } else { &mut self.playback };
        *place = Some(Running { stream, schedule: Schedule::new(stream.interval_ns), next_frame: None });
        true
    }
}

const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const GET_DESCRIPTOR: u8 = 6;
const GET_CONFIGURATION: u8 = 8;
const SET_CONFIGURATION: u8 = 9;
const GET_INTERFACE: u8 = 10;
const SET_INTERFACE: u8 = 11;
/// UAC2 requests: CUR is a control's value, RANGE (next line) its possible values.
const CUR: u8 = 1;
const RANGE: u8 = 2;

/// The clock source's answers about its frequency (control 1) and validity (control 2).
fn clock_says(request: u8, control: u8) -> Option<Vec<u8>> {
    let rate = RATE_HZ.to_le_bytes();
    match (request, control) {
        (CUR, 1) => Some(rate.to_vec()),
        (RANGE, 1) => Some([&[1, 0], &rate[..], &rate, &[0; 4]].concat()),
        (CUR, 2) => Some(vec![1]),
        _ => None,
    }
}

/// Writes the sample to the highest bytes of its place, because PCM is left-justified.
fn push_sample(sample: i16, sample_bytes: usize, data: &mut Vec<u8>) {
    data.extend(std::iter::repeat_n(0, sample_bytes.saturating_sub(2)));
    data.extend_from_slice(&sample.to_le_bytes());
}

#[cfg(test)]
mod tests;
