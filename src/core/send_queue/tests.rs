//! Tests the queue against a simulated link: it holds bytes, takes a part of a message, takes nothing, or stalls.

#![allow(clippy::disallowed_methods, reason = "packets are shared bytes")]

use super::*;
use crate::units::Hz;
use bytes::Bytes;
use std::collections::VecDeque;

const STREAM: Stream =
    Stream { number: 0, rate: Hz(44_100), packet_frames: 128, payload_bytes: 512, queue_ms: 250 };
const LIMITS: MessageLimits = MessageLimits { head_bytes_max: 4, payload_bytes_max: 65_535 };
const RECORD_BYTES: usize = wire::HEAD_BYTES + 128 * wire::FRAME_BYTES;
/// Maximum bytes the link's own buffer takes.
const LINK_BYTES_MAX: usize = 9000;
/// Packets that may come between two turns.
const SPARE_PACKETS: usize = 64;
const MS: u64 = NS_PER_S / 1000;

/// A generator that gives the same numbers for the same seed (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end
    }

    fn one_in(&mut self, end: u64) -> bool {
        self.below(end) == 0
    }
}

/// A link that keeps all accepted bytes until it is drained.
#[derive(Default)]
struct Link {
    /// Bytes not sent yet, and bytes not acknowledged, which include the former.
    unsent: usize,
    unacknowledged: usize,
    /// Bytes left of a message it took in part.
    begun: usize,
    /// True if the link takes nothing.
    is_shut: bool,
}

impl Link {
    /// Takes as much of a message as there is room for; returns `None` if that is nothing.
    fn take(&mut self, bytes: usize) -> Option<Sent> {
        let room = if self.is_shut { 0 } else { LINK_BYTES_MAX - self.unsent };
        let taken = bytes.min(room);
        if taken == 0 {
            return None;
        }
        self.unsent += taken;
        self.unacknowledged += taken;
        self.begun = bytes - taken;
        Some(Sent { bytes: taken, is_whole: taken == bytes })
    }

    fn drain(&mut self, bytes: usize) {
        self.unsent -= bytes.min(self.unsent);
    }

    fn acknowledge(&mut self, bytes: usize) {
        self.unacknowledged -= bytes.min(self.unacknowledged - self.unsent);
    }
}

/// A listener, its link, and everything the far end must be able to rely on.
struct World {
    packets: Backlog<Packet>,
    queue: SendQueue,
    link: Link,
    now: MonoNs,
    /// The next frame at the source, and at the far end.
    next: u64,
    heard: u64,
    lost: u64,
    told: u64,
    sounds: usize,
    /// Sizes in bytes of the waiting control messages, and messages of sound since the first of them came.
    control: VecDeque<usize>,
    sounds_since_control: u32,
    overtaken: bool,
    is_closed: bool,
}

impl World {
    fn new(number: u64) -> Self {
        Self {
            packets: Backlog::new(STREAM.queue_packets_max() + SPARE_PACKETS),
            queue: SendQueue::new(number, STREAM, LIMITS),
            link: Link::default(),
            now: MonoNs(NS_PER_S),
            next: 0,
            heard: 0,
            lost: 0,
            told: 0,
            sounds: 0,
            control: VecDeque::new(),
            sounds_since_control: 0,
            overtaken: false,
            is_closed: false,
        }
    }

    /// Returns a world whose listener is past its hello.
    fn playing(number: u64) -> Self {
        let mut world = Self::new(number);
        world.queue.open();
        world.turn(false);
        world.heard = world.next;
        world
    }

    fn push(&mut self, packets: u64) {
        for _ in 0..packets {
            let record = Bytes::from_static(&[7; RECORD_BYTES]);
            let packet = Packet {
                record,
                stream: 0,
                rate: Hz(44_100),
                frame_index: self.next,
                frames: 128,
                ready: self.now,
            };
            self.packets.push(packet);
            self.next += 128;
        }
    }

    fn say(&mut self, bytes: usize) {
        let waiting: usize = self.control.iter().sum();
        let fits = waiting == 0 || waiting + bytes <= CONTROL_BYTES_MAX;
        assert_eq!(self.queue.take_control(bytes), fits, "{bytes} bytes while {waiting} wait");
        if fits {
            if self.control.is_empty() {
                self.sounds_since_control = 0;
            }
            self.control.push_back(bytes);
        }
    }

    /// Carries out the queue's steps until it has no more.
    fn turn(&mut self, hurry: bool) -> usize {
        self.lost += u64::from(self.queue.begin(&self.packets, hurry).frames);
        let most = self.queue.serving().queue_packets;
        let waiting = self.packets.waiting(&self.queue.cursor);
        assert!(self.queue.phase != Phase::Playing || waiting <= most, "{waiting} packets wait, {most} may");
        let before = self.sounds;
        for step in 0.. {
            assert!(step < 16, "a turn ends");
            match self.queue.next(&self.packets) {
                Step::Wait => break,
                Step::AskUnsent => _ = self.queue.unsent(Some(self.link.unsent)),
                Step::AskUnacknowledged => {
                    self.queue.unacknowledged(self.link.unacknowledged, self.now);
                }
                Step::Finish => {
                    assert!(self.link.begun > 0, "nothing was begun");
                    self.answer(self.link.begun);
                }
                Step::Sound(sound) => self.sound(sound),
                Step::Control { overtakes } => self.say_all(overtakes),
            }
        }
        assert!(self.sounds <= before + 1, "a turn has one message of sound");
        self.sounds - before
    }

    /// Asserts that a new message may begin: no other is in progress, and little is unsent.
    fn may_begin(&self) {
        assert_eq!(self.link.begun, 0, "what was begun is finished first");
        let most = (self.queue.serving().chunk_packets as usize + 1) * (RECORD_BYTES + 4);
        assert!(self.link.unsent <= most, "{} bytes are unsent, {most} may be", self.link.unsent);
    }

    fn answer(&mut self, bytes: usize) -> bool {
        let Some(sent) = self.link.take(bytes) else {
            self.queue.refused();
            return false;
        };
        self.queue.sent(&self.packets, sent, self.now);
        true
    }

    fn sound(&mut self, sound: Sound) {
        assert!(!self.is_closed, "no sound after the goodbye");
        self.may_begin();
        self.lost += u64::from(sound.skipped.map_or(0, |skipped| skipped.frames));
        assert_eq!(sound.bytes, sound.packets * RECORD_BYTES);
        let note = sound.is_noted.then(|| self.queue.note(&self.packets, self.now));
        let first = self.packets.from(&self.queue.cursor).next().expect("there is sound").frame_index;
        let noted_bytes = if sound.is_noted { wire::HEAD_BYTES } else { 0 };
        if !self.answer(4 + noted_bytes + sound.bytes) {
            return;
        }
        if let Some(note) = note {
            assert_eq!(note.frame_index, self.heard, "it tells of what comes next");
            self.heard += u64::from(note.lost_frames);
            self.told += u64::from(note.lost_frames);
        }
        assert_eq!(first, self.heard, "in order, and nothing is missing untold");
        self.heard += 128 * sound.packets as u64;
        self.sounds += 1;
        self.overtaken = false;
        if !self.control.is_empty() {
            self.sounds_since_control += 1;
            assert!(self.sounds_since_control <= CONTROL_AFTER, "control messages starve");
        }
    }

    fn say_all(&mut self, overtakes: bool) {
        self.may_begin();
        assert!(!(overtakes && self.overtaken), "sound starves");
        let bytes: usize = self.control.iter().sum();
        assert!(bytes > 0, "there is nothing to say");
        if self.answer(bytes) {
            self.control.clear();
            self.overtaken |= overtakes;
        }
    }

    /// Lets the link take everything until nothing is left to write.
    fn settle(&mut self) {
        self.link.is_shut = false;
        for _ in 0..1000 {
            self.link.drain(usize::MAX);
            self.link.acknowledge(usize::MAX);
            self.turn(true);
            if !self.queue.is_pending() && !self.queue.is_gathering(&self.packets) {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

/// Runs a listener's life as the seed decides.
fn live(seed: u64) {
    let mut numbers = Numbers(seed);
    let mut world = World::new(numbers.below(20));
    world.say(200);
    world.queue.open();
    world.push(numbers.below(4));
    world.settle();
    world.turn(false);
    world.heard = world.next; // sound begins when the hello has been written, with the packets that come then
    for _ in 0..600 {
        world.now.0 += numbers.below(20) * MS;
        match numbers.below(12) {
            0..=3 => world.push(1),
            4 => world.push(numbers.below(SPARE_PACKETS as u64 + 1)), // a burst
            5 => world.say(1 + numbers.below(900) as usize),
            6 => world.link.is_shut = numbers.one_in(3),
            7 | 8 => world.link.drain(numbers.below(3000) as usize),
            9 => world.link.acknowledge(numbers.below(6000) as usize),
            10 => {
                world.link.drain(usize::MAX);
                world.link.acknowledge(usize::MAX);
            }
            _ => {
                let ms = Some(numbers.below(300) as f64);
                let facts = ListenerFeedback {
                    target_ms: ms,
                    arrival_tail_ms: ms,
                    round_trip_ms: ms,
                    ..ListenerFeedback::default()
                };
                world.queue.report(facts);
            }
        }
        let hurry = numbers.one_in(10);
        world.turn(hurry);
    }
    if numbers.one_in(3) {
        world.queue.close();
        world.is_closed = true;
        world.say(100);
        world.push(3);
        world.settle();
        assert!(world.control.is_empty(), "the goodbye goes out");
        return;
    }
    world.settle();
    assert_eq!(world.heard, world.next, "everything went, or was told to be lost");
    assert_eq!(world.told, world.lost, "every lost frame is told once");
    assert!(world.control.is_empty() && world.link.begun == 0);
    world.queue.fail();
    world.push(20);
    assert_eq!(world.queue.next(&world.packets), Step::Wait, "nothing after a failure");
    assert_eq!(world.turn(true), 0);
}

#[test]
fn whatever_the_link_does_the_far_end_can_follow_and_the_bounds_hold() {
    for seed in 0..500 {
        println!("seed {seed}");
        live(seed);
    }
}

#[test]
fn control_messages_wait_for_eight_messages_of_sound_and_no_longer() {
    let mut world = World::playing(0);
    world.say(300);
    let mut order = Vec::new();
    for _ in 0..=CONTROL_AFTER {
        world.link.drain(usize::MAX);
        world.link.acknowledge(usize::MAX);
        world.push(12); // one message, after which there is no more room
        order.push((world.turn(false), world.control.is_empty()));
    }
    let before = order.iter().take_while(|(_, said)| !said).count();
    assert_eq!(before, CONTROL_AFTER as usize, "{order:?}");
}

#[test]
fn after_an_overflow_the_next_message_is_a_note_and_the_newest_packet() {
    let mut world = World::playing(0);
    world.link.is_shut = true;
    for _ in 0..world.queue.serving().queue_packets + 50 {
        world.push(1);
        world.turn(false);
    }
    assert!(world.queue.is_pending() && world.queue.is_stalled());
    world.link.is_shut = false;
    assert_eq!(world.turn(false), 1);
    assert_eq!((world.heard, world.told), (world.next, world.next - 128));
}

#[test]
fn what_does_not_fit_a_message_follows_without_waiting_for_a_packet() {
    let mut world = World::playing(0);
    let most = wire::RECORDS_MAX as u64 - 1;
    world.push(most + 7);
    assert_eq!(world.turn(false), 1);
    assert_eq!(world.heard, most * 128);
    assert!(world.queue.is_pending(), "the rest is due at once");
    world.settle();
    assert_eq!(world.heard, world.next);
}

#[test]
fn what_nobody_acknowledges_is_not_added_to_for_ever() {
    let mut world = World::playing(0);
    let (mut sounds, mut last) = (0, 0);
    for packet in 0..1000 {
        world.now.0 += 3 * MS;
        world.push(1);
        world.link.drain(usize::MAX); // the kernel sends everything, but no acknowledgement comes
        if world.turn(false) > 0 {
            (sounds, last) = (sounds + 1, packet);
        }
    }
    let most = world.queue.serving().unacknowledged_ms / 3 + 2 * ACKNOWLEDGED_EVERY;
    assert!(sounds <= most && last < 1000 - 100, "{sounds} messages, {most} may be, the last at {last}");
    world.link.acknowledge(usize::MAX);
    assert_eq!(world.turn(false), 1, "and it goes on once something does");
}

#[test]
fn another_rate_ends_the_sound_and_another_packet_size_does_not() {
    for (rate, plays) in [(44_100, true), (48_000, false)] {
        let mut world = World::playing(0);
        world.queue.lay_out(Stream { rate: Hz(rate), packet_frames: 64, ..STREAM });
        world.push(1);
        assert_eq!(world.turn(false) == 1, plays, "{rate}");
    }
}
