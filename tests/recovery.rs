//! Scripted device faults: each one is counted, costs exactly its own frames, and the sound continues.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use std::collections::VecDeque;
use std::sync::Arc;
use synthwire::core::cause::Cause;
use synthwire::core::convert::SampleFormat;
use synthwire::core::layout::{DeviceAnswer, Layout};
use synthwire::core::timeline::Timeline;
use synthwire::rt::capture_loop::{CaptureLoop, Exit, Step};
use synthwire::rt::counters::{Controls, Counters};
use synthwire::rt::ring::{HandoffReader, Mark, What, handoff};
use synthwire::source::{Clock, Ready, Source, SourceFault, Stamp};
use synthwire::units::{Hz, MonoNs};

const PERIOD: u32 = 128;
const PERIOD_NS: u64 = 2_902_494;

/// The device's behaviour during one wait.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Delivers a period on time.
    Deliver,
    /// Lets time pass without delivering anything.
    Pass { periods: u64 },
    /// The device reports this fault.
    Fail(SourceFault),
    /// The device delivers a period, but this many frames before it are lost.
    LosePacket { frames: u64 },
    /// The device promises a period and fails while it is read.
    BreakInRead(SourceFault),
    /// The device delivers nothing within its time-out.
    Quiet,
}

/// A device that follows a script and counts its frames in the left channel.
struct Scripted {
    script: VecDeque<Act>,
    now: MonoNs,
    counter: u16,
    recovery: Result<(), SourceFault>,
    breaks: Option<SourceFault>,
    clock: Clock,
}

impl Source for Scripted {
    fn layout(&self) -> Layout {
        let answer = DeviceAnswer {
            rate_hz: 44_100,
            channels: 2,
            format: SampleFormat::S16Le,
            period_frames: PERIOD.into(),
            buffer_frames: 8192,
        };
        Layout::new(answer).unwrap()
    }
    fn clock(&self) -> Clock {
        self.clock
    }
    fn start(&mut self) -> Result<(), SourceFault> {
        Ok(())
    }
    fn wait(&mut self) -> Ready {
        loop {
            match self.script.pop_front().expect("the script is long enough") {
                Act::Pass { periods } => self.now.0 += periods * PERIOD_NS,
                Act::LosePacket { frames } => self.now.0 += Hz(44_100).duration_ns(frames),
                Act::Fail(fault) => return Ready::Fault(fault),
                Act::Quiet => return Ready::Timeout,
                act @ (Act::Deliver | Act::BreakInRead(_)) => {
                    self.breaks = if let Act::BreakInRead(fault) = act { Some(fault) } else { None };
                    self.now.0 += PERIOD_NS;
                    return Ready::Frames(Stamp { at: self.now, avail_frames: PERIOD, delay_frames: PERIOD });
                }
            }
        }
    }
    fn read(&mut self, frames: u32, take: &mut dyn FnMut(&[u8])) -> Result<u32, SourceFault> {
        if let Some(fault) = self.breaks.take() {
            return Err(fault);
        }
        let mut bytes = Vec::new();
        for _ in 0..frames {
            bytes.extend(self.counter.to_le_bytes());
            bytes.extend([0, 0]);
            self.counter = self.counter.wrapping_add(1);
        }
        take(&bytes);
        Ok(frames)
    }
    fn recover(&mut self, _: SourceFault) -> Result<(), SourceFault> {
        self.recovery
    }
}

struct Played {
    marks: Vec<Mark>,
    samples: Vec<i16>,
    steps: Vec<Step>,
    counters: Arc<Counters>,
}

/// Plays a script to its end.
fn play(script: impl IntoIterator<Item = Act>, recovery: Result<(), SourceFault>) -> Played {
    play_by(Clock::Crystal, script, recovery)
}

fn play_by(clock: Clock, script: impl IntoIterator<Item = Act>, recovery: Result<(), SourceFault>) -> Played {
    let script: VecDeque<Act> = script.into_iter().collect();
    let source = Scripted { script, now: MonoNs(1_000_000_000), counter: 0, recovery, breaks: None, clock };
    let waits =
        source.script.iter().filter(|act| !matches!(act, Act::Pass { .. } | Act::LosePacket { .. })).count();
    let (writer, mut reader) = handoff().unwrap();
    let counters = Arc::new(Counters::new());
    let timeline = Timeline::new(Hz(44_100));
    let mut capture = CaptureLoop::new(
        Box::new(source),
        timeline,
        writer,
        Arc::clone(&counters),
        Arc::new(Controls::default()),
    );
    let mut played = Played { marks: Vec::new(), samples: Vec::new(), steps: Vec::new(), counters };
    for _ in 0..waits {
        let step = capture.step();
        played.steps.push(step);
        collect(&mut reader, &mut played);
        if matches!(step, Step::Ended(_)) {
            break;
        }
    }
    played
}

fn collect(reader: &mut HandoffReader, played: &mut Played) {
    let Played { marks, samples, .. } = played;
    while reader.next(&mut |mark, (head, tail)| {
        marks.push(*mark);
        samples.extend(head.iter().chain(tail).step_by(2).map(|sample| (sample >> 16) as i16));
    }) {}
}

fn gaps(played: &Played) -> Vec<(Cause, u32)> {
    let gap = |mark: &Mark| match mark.what {
        What::Gap { cause, .. } => Some((cause, mark.span.frames)),
        What::Audio | What::Restart(_) | What::End => None,
    };
    played.marks.iter().filter_map(gap).collect()
}

fn periods(number: usize) -> impl Iterator<Item = Act> {
    std::iter::repeat_n(Act::Deliver, number)
}

#[test]
fn an_overrun_costs_the_time_it_took_and_no_order() {
    let overrun = [Act::Pass { periods: 10 }, Act::Fail(SourceFault::Xrun)];
    let played = play(periods(5).chain(overrun).chain(periods(5)), Ok(()));
    assert_eq!(gaps(&played), [(Cause::CaptureXrun, 10 * PERIOD)]);
    assert_eq!(played.counters.losses(Cause::CaptureXrun), (1, u64::from(10 * PERIOD)));
    assert!(
        played.samples.iter().zip(0_i16..).all(|(sample, count)| *sample == count),
        "every frame in order"
    );
    let last = played.marks.last().unwrap();
    assert_eq!(last.span.first.0 + u64::from(last.span.frames), 20 * 128, "the index followed the clock");
}

#[test]
fn a_period_that_breaks_while_it_is_read_is_part_of_the_hole() {
    let broken = [Act::BreakInRead(SourceFault::Xrun), Act::Pass { periods: 4 }];
    let played = play(periods(5).chain(broken).chain(periods(5)), Ok(()));
    assert_eq!(gaps(&played), [(Cause::CaptureXrun, 5 * PERIOD)]);
    let mut next = 0;
    for mark in played.marks.iter().filter(|mark| !matches!(mark.what, What::Restart(_))) {
        assert_eq!(mark.span.first.0, next, "{mark:?} joins on");
        next += u64::from(mark.span.frames);
    }
}

#[test]
fn a_device_that_breaks_whenever_it_is_mended_is_given_up() {
    let script = periods(1).chain(std::iter::repeat_n(Act::Fail(SourceFault::Xrun), 1_000_000)).collect();
    let broken = Scripted {
        script,
        now: MonoNs(1),
        counter: 0,
        recovery: Ok(()),
        breaks: None,
        clock: Clock::Crystal,
    };
    let (writer, _reader) = handoff().unwrap();
    let counters = Arc::new(Counters::new());
    let timeline = Timeline::new(Hz(44_100));
    let mut capture =
        CaptureLoop::new(Box::new(Pausing(broken)), timeline, writer, Arc::clone(&counters), Arc::default());
    assert_eq!(capture.run(), Exit::Stalled);
    assert_eq!(counters.losses(Cause::CaptureXrun).0, 1, "one overrun, however often it was mended");
}

#[test]
fn a_suspend_is_mended_in_place() {
    let asleep = [Act::Fail(SourceFault::Suspended), Act::Pass { periods: 3 }];
    let played = play(periods(2).chain(asleep).chain(periods(2)), Ok(()));
    assert_eq!(gaps(&played), [(Cause::DeviceGone, 3 * PERIOD)]);
    assert!(played.steps.contains(&Step::Recovered(SourceFault::Suspended)));
}

#[test]
fn a_device_that_is_gone_ends_the_loop_and_says_how() {
    for fault in [SourceFault::Gone, SourceFault::Io(5)] {
        let played = play(periods(2).chain([Act::Fail(fault)]), Ok(()));
        assert_eq!(played.steps.last(), Some(&Step::Ended(Exit::Fault(fault))));
    }
    let played = play(periods(2).chain([Act::Fail(SourceFault::Xrun)]), Err(SourceFault::Gone));
    assert_eq!(
        played.steps.last(),
        Some(&Step::Ended(Exit::Fault(SourceFault::Gone))),
        "gone while recovering"
    );
}

#[test]
fn a_device_that_only_stands_still_is_given_up_after_a_while() {
    let (writer, _reader) = handoff().unwrap();
    let quiet = Scripted {
        script: std::iter::repeat_n(Act::Quiet, 1_000_000).collect(),
        now: MonoNs(1),
        counter: 0,
        recovery: Ok(()),
        breaks: None,
        clock: Clock::Crystal,
    };
    let counters = Arc::new(Counters::new());
    let timeline = Timeline::new(Hz(44_100));
    let mut capture =
        CaptureLoop::new(Box::new(Pausing(quiet)), timeline, writer, Arc::clone(&counters), Arc::default());
    assert_eq!(capture.run(), Exit::Stalled);
    assert!(counters.timeouts.load(std::sync::atomic::Ordering::Relaxed) > 1, "it was given some time");
}

/// A scripted device whose wait takes some time, as a real device's does.
struct Pausing(Scripted);

impl Source for Pausing {
    fn layout(&self) -> Layout {
        self.0.layout()
    }
    fn clock(&self) -> Clock {
        self.0.clock()
    }
    fn start(&mut self) -> Result<(), SourceFault> {
        self.0.start()
    }
    fn wait(&mut self) -> Ready {
        std::thread::park_timeout(std::time::Duration::from_millis(20));
        self.0.wait()
    }
    fn read(&mut self, frames: u32, take: &mut dyn FnMut(&[u8])) -> Result<u32, SourceFault> {
        self.0.read(frames, take)
    }
    fn recover(&mut self, fault: SourceFault) -> Result<(), SourceFault> {
        self.0.recover(fault)
    }
}

#[test]
fn lost_usb_packets_are_found_by_the_clock_alone() {
    let lost = [Act::LosePacket { frames: 44 }];
    let played = play(periods(4_000).chain(lost).chain(periods(2_000)), Ok(()));
    let (events, frames) = played.counters.losses(Cause::UsbLoss);
    assert_eq!(events, 1);
    assert!(frames.abs_diff(44) <= 1, "{frames} frames");
    let past = |mark: &&Mark| matches!(mark.what, What::Gap { cause: Cause::UsbLoss, past: true });
    assert_eq!(played.marks.iter().filter(past).count(), 1);
    assert!(
        played.samples.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "the timeline is not moved"
    );
}

#[test]
fn what_a_sound_server_is_behind_its_rate_is_no_loss() {
    let behind = [Act::LosePacket { frames: 44 }];
    let played = play_by(Clock::Server, periods(4_000).chain(behind).chain(periods(2_000)), Ok(()));
    assert_eq!(played.counters.losses(Cause::UsbLoss), (0, 0));
    assert_eq!(gaps(&played), []);
}
