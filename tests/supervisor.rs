//! The supervisor with scripted faulty devices: it keeps trying, its attempts are visible, and it counts as
//! alive.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use synthwire::clock::mono_raw_now;
use synthwire::core::convert::SampleFormat;
use synthwire::core::layout::{DeviceAnswer, Layout};
use synthwire::core::liveness::{Ill, Liveness, Seen, TURN_WITHIN_S};
use synthwire::error::{Error, Result};
use synthwire::rt::counters::{Controls, Counters};
use synthwire::rt::ring::{HandoffReader, What, handoff};
use synthwire::rt::supervisor::{Supervisor, SupervisorHandle};
use synthwire::rt::thread::RtRequest;
use synthwire::source::opening::{Kind, Opened, Opener};
use synthwire::source::{Clock, Ready, Source, SourceFault, Stamp};
use synthwire::units::{MonoNs, NS_PER_S};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// The fault of a device.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    /// The device cannot be opened.
    Shut,
    /// The device opens but cannot start.
    NoStart(SourceFault),
    /// The device starts, and returns this fault whenever it is asked for frames.
    Always(SourceFault),
    /// The device fails while it is read, and cannot recover.
    NoMend,
    /// The device starts but delivers nothing.
    Mute,
    /// The device claims to have this many frames but has none.
    Lies(u32),
}

struct Device(Flaw);

impl Source for Device {
    fn layout(&self) -> Layout {
        Layout::expected(128)
    }
    fn clock(&self) -> Clock {
        Clock::Crystal
    }
    fn start(&mut self) -> std::result::Result<(), SourceFault> {
        if let Flaw::NoStart(fault) = self.0 { Err(fault) } else { Ok(()) }
    }
    fn wait(&mut self) -> Ready {
        match self.0 {
            Flaw::Always(fault) => Ready::Fault(fault),
            Flaw::NoMend => Ready::Fault(SourceFault::Xrun),
            Flaw::Lies(frames) => {
                Ready::Frames(Stamp { at: mono_raw_now(), avail_frames: frames, delay_frames: frames })
            }
            _ => {
                std::thread::park_timeout(std::time::Duration::from_millis(20));
                Ready::Timeout
            }
        }
    }
    fn read(&mut self, _: u32, _: &mut dyn FnMut(&[u8])) -> std::result::Result<u32, SourceFault> {
        Ok(0)
    }
    fn recover(&mut self, fault: SourceFault) -> std::result::Result<(), SourceFault> {
        match self.0 {
            Flaw::NoMend => Err(SourceFault::Io(EIO)),
            Flaw::Always(_) => Err(fault),
            _ => Ok(()),
        }
    }
}

/// Opens the same device repeatedly, and reports each opening.
struct Again {
    flaw: Flaw,
    each: Sender<()>,
}

impl Opener for Again {
    fn open(&mut self, _: bool, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        let _ = self.each.send(());
        if let Flaw::Shut = self.flaw {
            return Err(Error::new("another program has it"));
        }
        Ok(Some(Opened { source: Box::new(Device(self.flaw)), ..nameless() }))
    }
}

fn nameless() -> Opened {
    Opened {
        source: Box::new(Device(Flaw::Mute)),
        kind: Kind::Synth,
        name: "Device".into(),
        device: "x".into(),
        path: "generator",
        notice: "".into(),
    }
}

/// Opens another device each time, which delivers some periods and dies. It reports each opening and waits
/// until the test permits it.
struct Other {
    opened: u8,
    each: Sender<()>,
    may: Receiver<()>,
}

/// The layouts of the devices, one after the other.
const LAYOUTS: [(u32, u32, SampleFormat, u64); 4] = [
    (44_100, 2, SampleFormat::S16Le, 128),
    (96_000, 128, SampleFormat::S24Le3, 256),
    (48_000, 1, SampleFormat::S32Le, 64),
    (44_100, 34, SampleFormat::S24Le, 441),
];
/// Periods that each device delivers.
const PERIODS: u32 = 20;

fn layout_of(opened: u8) -> Layout {
    let (rate_hz, channels, format, period_frames) = LAYOUTS[usize::from(opened) % LAYOUTS.len()];
    Layout::new(DeviceAnswer { rate_hz, channels, format, period_frames, buffer_frames: 8192 }).unwrap()
}

impl Opener for Other {
    fn open(&mut self, _: bool, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        let source = Dying { number: self.opened, layout: layout_of(self.opened), periods_left: PERIODS };
        self.opened += 1;
        let _ = self.each.send(());
        let _ = self.may.recv();
        Ok(Some(Opened { source: Box::new(source), ..nameless() }))
    }
}

/// Delivers frames in which every sample's upper byte is the device's number.
struct Dying {
    number: u8,
    layout: Layout,
    periods_left: u32,
}

impl Source for Dying {
    fn layout(&self) -> Layout {
        self.layout
    }
    fn clock(&self) -> Clock {
        Clock::Server
    }
    fn start(&mut self) -> std::result::Result<(), SourceFault> {
        Ok(())
    }
    fn wait(&mut self) -> Ready {
        let Some(left) = self.periods_left.checked_sub(1) else { return Ready::Fault(SourceFault::Gone) };
        self.periods_left = left;
        let frames = self.layout.period_frames();
        Ready::Frames(Stamp { at: mono_raw_now(), avail_frames: frames, delay_frames: frames })
    }
    fn read(&mut self, frames: u32, take: &mut dyn FnMut(&[u8])) -> std::result::Result<u32, SourceFault> {
        let mut bytes = vec![0; frames as usize * self.layout.frame_bytes()];
        for sample in bytes.chunks_exact_mut(self.layout.format().bytes_per_sample()) {
            self.layout.format().store(i16::from(self.number) << 8, sample);
        }
        take(&bytes);
        Ok(frames)
    }
    fn recover(&mut self, fault: SourceFault) -> std::result::Result<(), SourceFault> {
        Err(fault)
    }
}

/// Two devices: the first opens but is faulty, the second plays. The opening of the second is reported.
struct Two {
    flaw: Flaw,
    is_set_back: bool,
    second: Sender<()>,
}

impl Opener for Two {
    fn open(&mut self, _: bool, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        if !self.is_set_back {
            return Ok(Some(Opened {
                source: Box::new(Device(self.flaw)),
                device: "first".into(),
                ..nameless()
            }));
        }
        let _ = self.second.send(());
        let source = Dying { number: 1, layout: layout_of(0), periods_left: PERIODS };
        Ok(Some(Opened { source: Box::new(source), device: "second".into(), ..nameless() }))
    }

    fn brought_nothing(&mut self, device: &str) {
        assert_eq!(device, "first", "the second has played");
        self.is_set_back = true;
    }
}

struct Running {
    supervisor: SupervisorHandle,
    counters: Arc<Counters>,
    is_tried: Arc<AtomicBool>,
    reader: HandoffReader,
}

fn run(opener: Box<dyn Opener>) -> Running {
    let (writer, reader) = handoff().unwrap();
    let counters = Arc::new(Counters::new());
    let is_tried = Arc::new(AtomicBool::new(false));
    let tried = Arc::clone(&is_tried);
    let supervisor = Supervisor {
        opener,
        rt: RtRequest { priority: 0, cpu: None },
        counters: Arc::clone(&counters),
        controls: Arc::new(Controls::default()),
        announce: Box::new(|_| ()),
        tried: Box::new(move || tried.store(true, Relaxed)),
    };
    Running { supervisor: supervisor.spawn(writer).unwrap(), counters, is_tried, reader }
}

fn opens_of(flaw: Flaw) -> (Running, Receiver<()>) {
    let (each, opens) = channel();
    (run(Box::new(Again { flaw, each })), opens)
}

#[test]
fn a_device_that_is_no_good_is_tried_again_and_again_and_each_attempt_is_a_turn() {
    std::thread::scope(|scope| {
        for flaw in [
            Flaw::Shut,
            Flaw::NoStart(SourceFault::Io(EIO)),
            Flaw::NoStart(SourceFault::Io(ENOSPC)),
            Flaw::NoStart(SourceFault::Gone),
            Flaw::NoStart(SourceFault::Xrun),
            Flaw::Always(SourceFault::Xrun),
            Flaw::Always(SourceFault::Suspended),
            Flaw::Always(SourceFault::Io(EIO)),
            Flaw::Always(SourceFault::Gone),
            Flaw::NoMend,
            Flaw::Mute,
            Flaw::Lies(0),
            Flaw::Lies(128),
            Flaw::Lies(u32::MAX),
        ] {
            scope.spawn(move || {
                let (running, opens) = opens_of(flaw);
                // Looks between two attempts as an observer would, however much real time lies between them.
                let mut life = Liveness::default();
                for attempt in 0..5 {
                    opens.recv().unwrap();
                    if attempt < 2 {
                        continue; // the first device is finished when the second has begun
                    }
                    let turns = running.counters.turns.load(Relaxed);
                    assert!(turns >= attempt, "{flaw:?}: {turns} turns before attempt {attempt}");
                    assert!(running.is_tried.load(Relaxed), "{flaw:?}");
                    let seen = Seen { turns, sender_turns: attempt, ..Seen::default() };
                    assert_eq!(life.look(seen, MonoNs(attempt * 2 * NS_PER_S)), None, "{flaw:?}");
                }
                running.supervisor.stop();
            });
        }
    });
}

#[test]
fn a_device_that_brings_nothing_is_set_back_and_one_that_played_is_not() {
    for flaw in [Flaw::NoStart(SourceFault::Io(ENOSPC)), Flaw::Always(SourceFault::Io(EIO)), Flaw::Mute] {
        let (second, opens) = channel();
        let running = run(Box::new(Two { flaw, is_set_back: false, second }));
        for _ in 0..3 {
            opens.recv().unwrap_or_else(|_| panic!("{flaw:?}: the supervisor has ended"));
        }
        running.supervisor.stop();
    }
}

#[test]
fn every_frame_of_a_device_that_dies_arrives_however_the_next_is_laid_out() {
    let (each, opens) = channel();
    let (let_it, may) = channel();
    let Running { supervisor, mut reader, .. } = run(Box::new(Other { opened: 0, each, may }));
    let mut heard: Vec<(Layout, u64)> = Vec::new();
    opens.recv().unwrap();
    for _ in 0..3 {
        // Nothing is read until two devices have died. Then everything that both left is read, and only then
        // is the next one opened.
        for _ in 0..2 {
            let_it.send(()).unwrap();
            opens.recv().unwrap();
        }
        while reader.next(&mut |mark, (head, tail)| match mark.what {
            What::Restart(layout) => heard.push((layout, 0)),
            What::Audio => {
                let number = i32::try_from(heard.len() - 1).unwrap();
                let (layout, frames) = heard.last_mut().unwrap();
                let channels = usize::from(layout.channels().get());
                assert_eq!(head.len() + tail.len(), mark.span.frames as usize * channels);
                let own = |sample: &i32| *sample == number << 24;
                assert!(head.iter().chain(tail).all(own), "device {number}");
                *frames += u64::from(mark.span.frames);
            }
            What::Gap { .. } | What::End => {}
        }) {}
    }
    drop(let_it);
    supervisor.stop();
    assert_eq!(heard.len(), 6);
    for (number, heard) in (0..).zip(heard) {
        let layout = layout_of(number);
        assert_eq!(heard, (layout, u64::from(PERIODS * layout.period_frames())), "device {number}");
    }
}

/// An opener whose first calls hang until the test releases them.
struct Hanging(Arc<Barrier>, u32);

impl Opener for Hanging {
    fn open(&mut self, _: bool, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        if let Some(left) = self.1.checked_sub(1) {
            self.1 = left;
            self.0.wait();
            self.0.wait();
        }
        Ok(None)
    }
}

#[test]
fn a_device_that_keeps_the_supervisor_is_no_attempt_until_it_lets_go() {
    let barrier = Arc::new(Barrier::new(2));
    let running = run(Box::new(Hanging(Arc::clone(&barrier), 2)));
    barrier.wait();
    let mut life = Liveness::default();
    for s in 0..=TURN_WITHIN_S + 2 {
        let seen =
            Seen { turns: running.counters.turns.load(Relaxed), sender_turns: s + 1, ..Seen::default() };
        assert_eq!(life.look(seen, MonoNs(s * NS_PER_S)), Some(Ill::Untried));
    }
    assert!(!running.is_tried.load(Relaxed));
    barrier.wait(); // released, and the next call hangs at once
    barrier.wait();
    assert!(running.is_tried.load(Relaxed) && running.counters.turns.load(Relaxed) == 1);
    // The stop waits for the device for as long as the device takes.
    let letting_go = std::thread::spawn(move || barrier.wait());
    running.supervisor.stop();
    letting_go.join().unwrap();
}

/// A number of synths, each of which takes some time and then refuses.
struct Refusing(Arc<Barrier>, u32);

impl Opener for Refusing {
    fn open(&mut self, _: bool, refused: &mut dyn FnMut()) -> Result<Option<Opened>> {
        for _ in 0..std::mem::take(&mut self.1) {
            self.0.wait();
            refused();
            self.0.wait();
        }
        Ok(None)
    }
}

#[test]
fn each_synth_that_refuses_is_a_turn_and_the_start_waits_for_the_first_alone() {
    const SYNTHS: u32 = 4;
    let barrier = Arc::new(Barrier::new(2));
    let running = run(Box::new(Refusing(Arc::clone(&barrier), SYNTHS)));
    let mut life = Liveness::default();
    // Each synth takes 8 s, less than the limit for a stuck device; together they take longer than the limit.
    for refused in 1..=u64::from(SYNTHS) {
        barrier.wait();
        barrier.wait();
        assert!(running.is_tried.load(Relaxed));
        let seen =
            Seen { turns: running.counters.turns.load(Relaxed), sender_turns: refused, ..Seen::default() };
        assert_eq!(life.look(seen, MonoNs(refused * 8 * NS_PER_S)), None);
    }
    running.supervisor.stop();
}
