//! The supervisor on devices that are no good, scripted: it goes on trying, says so by its turns, and counts as alive.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use synthwire::clock::mono_raw_now;
use synthwire::core::layout::Layout;
use synthwire::core::liveness::{Ill, Liveness, Seen, TURN_WITHIN_S};
use synthwire::error::{Error, Result};
use synthwire::rt::counters::{Controls, Counters};
use synthwire::rt::ring::{HandoffReader, handoff};
use synthwire::rt::supervisor::{Open, Supervisor, SupervisorHandle};
use synthwire::rt::thread::RtWish;
use synthwire::source::opening::{Kind, Opened};
use synthwire::source::{Clock, Ready, Source, SourceFault, Stamp};
use synthwire::units::{MonoNs, NS_PER_S};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// How a device is no good.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    /// It cannot be opened.
    Shut,
    /// It opens and cannot start.
    NoStart(SourceFault),
    /// It starts, and says this whenever it is asked for frames.
    Always(SourceFault),
    /// It cannot be mended either.
    NoMend,
    /// It starts and says nothing.
    Mute,
    /// It says that there are so many frames, and there are none.
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

/// Opens the same device again and again, and says so each time.
struct Opener {
    flaw: Flaw,
    each: Sender<()>,
}

impl Open for Opener {
    fn open(&mut self, _: bool, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        let _ = self.each.send(());
        if let Flaw::Shut = self.flaw {
            return Err(Error::new("another program has it"));
        }
        let source = Box::new(Device(self.flaw));
        Ok(Some(Opened {
            source,
            kind: Kind::Synth,
            name: "Device".into(),
            device: "x".into(),
            path: "generator",
            notice: "".into(),
        }))
    }
    fn synth(&mut self, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        Ok(None)
    }
}

struct Running {
    supervisor: SupervisorHandle,
    counters: Arc<Counters>,
    is_tried: Arc<AtomicBool>,
    _reader: HandoffReader,
}

fn run(opener: Box<dyn Open>) -> Running {
    let (writer, reader) = handoff().unwrap();
    let counters = Arc::new(Counters::new());
    let is_tried = Arc::new(AtomicBool::new(false));
    let tried = Arc::clone(&is_tried);
    let supervisor = Supervisor {
        opener,
        rt: RtWish { priority: 0, cpu: None },
        counters: Arc::clone(&counters),
        controls: Arc::new(Controls::default()),
        announce: Box::new(|_| ()),
        tried: Box::new(move || tried.store(true, Relaxed)),
    };
    Running { supervisor: supervisor.spawn(writer).unwrap(), counters, is_tried, _reader: reader }
}

fn opens_of(flaw: Flaw) -> (Running, Receiver<()>) {
    let (each, opens) = channel();
    (run(Box::new(Opener { flaw, each })), opens)
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
                // As an observer would: a look between two attempts, whatever the time between them really was.
                let mut life = Liveness::default();
                for attempt in 0..5 {
                    opens.recv().unwrap();
                    if attempt < 2 {
                        continue; // the first is over when the second has begun
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

/// Opens nothing: so many times it hangs until it is let go.
struct Hanging(Arc<Barrier>, u32);

impl Open for Hanging {
    fn open(&mut self, _: bool, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        if let Some(left) = self.1.checked_sub(1) {
            self.1 = left;
            self.0.wait();
            self.0.wait();
        }
        Ok(None)
    }
    fn synth(&mut self, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
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
    barrier.wait(); // let go; and at once it hangs again
    barrier.wait();
    assert!(running.is_tried.load(Relaxed) && running.counters.turns.load(Relaxed) == 1);
    // The stop waits for the device as long as it likes.
    let letting_go = std::thread::spawn(move || barrier.wait());
    running.supervisor.stop();
    letting_go.join().unwrap();
}

/// So many synths, each of which takes its time and refuses.
struct Refusing(Arc<Barrier>, u32);

impl Open for Refusing {
    fn open(&mut self, _: bool, refused: &mut dyn FnMut()) -> Result<Option<Opened>> {
        for _ in 0..std::mem::take(&mut self.1) {
            self.0.wait();
            refused();
            self.0.wait();
        }
        Ok(None)
    }
    fn synth(&mut self, _: &mut dyn FnMut()) -> Result<Option<Opened>> {
        Ok(None)
    }
}

#[test]
fn each_synth_that_refuses_is_a_turn_and_the_start_waits_for_the_first_alone() {
    const SYNTHS: u32 = 4;
    let barrier = Arc::new(Barrier::new(2));
    let running = run(Box::new(Refusing(Arc::clone(&barrier), SYNTHS)));
    let mut life = Liveness::default();
    // Each takes 8 s, less than is taken for a device that keeps its thread; together they take more.
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
