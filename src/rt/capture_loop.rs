//! The capture thread and its steps: wait, place, convert, hand over. Real-time code: see the rules in `rt`.
//!
//! In: a [`Source`]. Out: periods of all its channels and gaps in the hand-off, numbers in [`Counters`]. It does not choose
//! channels, and it neither opens or closes devices nor announces anything. A fault it cannot recover from ends it, and the
//! supervisor takes over.

#![deny(clippy::disallowed_types)]
#![deny(clippy::disallowed_macros)]
#![deny(clippy::disallowed_methods)]

use super::counters::{Controls, Counters};
use super::ring::{Area, HandoffWriter, Mark, What};
use crate::clock::mono_raw_now;
use crate::core::cause::Cause;
use crate::core::continuity::LossFinder;
use crate::core::layout::Layout;
use crate::core::timeline::{Span, Timeline};
use crate::source::{Clock, Ready, Source, SourceFault, Stamp};
use crate::units::MonoNs;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A source that delivers nothing for this long has stalled and is reopened. A synth streams always, played or not.
const STALLED_AFTER_NS: u64 = 500_000_000;

/// The result of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The step handed over this many periods.
    Periods(u32),
    /// No frames came.
    Idle,
    /// The source met this fault and continues.
    Recovered(SourceFault),
    /// The loop has ended.
    Ended(Exit),
}

/// The reason for which the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The loop was asked to stop.
    Stopped,
    /// The source cannot continue.
    Fault(SourceFault),
    /// The source gives neither frames nor an error.
    Stalled,
}

/// The state that the capture thread owns.
pub struct CaptureLoop {
    source: Box<dyn Source>,
    layout: Layout,
    clock: Clock,
    timeline: Timeline,
    /// True once the first period has been handed over, which begins a new timeline for the listeners.
    started: bool,
    finder: LossFinder,
    /// Frames taken since the source (re)started.
    delivered: u64,
    heard_from: MonoNs,
    /// Since when the source has been recovered repeatedly without delivering a frame.
    mending_since: Option<MonoNs>,
    handoff: HandoffWriter,
    counters: Arc<Counters>,
    controls: Arc<Controls>,
}

impl CaptureLoop {
    /// Puts the parts together. `timeline` continues from the source before, if there was one. Allocates.
    pub fn new(
        source: Box<dyn Source>,
        mut timeline: Timeline,
        mut handoff: HandoffWriter,
        counters: Arc<Counters>,
        controls: Arc<Controls>,
    ) -> Self {
        let layout = source.layout();
        timeline.runs_at(layout.rate());
        handoff.lay_out(&layout);
        Self {
            clock: source.clock(),
            source,
            layout,
            timeline,
            started: false,
            finder: LossFinder::new(layout.rate()),
            delivered: 0,
            heard_from: MonoNs(0),
            mending_since: None,
            handoff,
            counters,
            controls,
        }
    }

    /// Returns the memory to lock before the thread becomes real-time.
    pub fn ring_memory(&self) -> [Area; 2] {
        self.handoff.memory()
    }

    /// Starts the source.
    ///
    /// # Errors
    /// The fault that kept the source from starting.
    pub fn start(&mut self) -> Result<(), SourceFault> {
        self.heard_from = mono_raw_now();
        self.source.start()
    }

    /// Starts the source and steps until it ends.
    pub fn run(&mut self) -> Exit {
        if let Err(fault) = self.start() {
            return Exit::Fault(fault);
        }
        loop {
            if let Step::Ended(exit) = self.step() {
                self.say_that_it_ended();
                return exit;
            }
        }
    }

    /// Waits for the source once and acts on the result.
    pub fn step(&mut self) -> Step {
        if self.controls.stopping() {
            return Step::Ended(Exit::Stopped);
        }
        match self.source.wait() {
            Ready::Frames(stamp) if stamp.avail_frames > 0 => self.take(stamp),
            Ready::Frames(_) | Ready::Timeout => self.idle(),
            Ready::Fault(fault) => self.fault(fault),
        }
    }

    /// Returns the parts that outlive the source.
    pub fn into_parts(self) -> (Box<dyn Source>, Timeline, HandoffWriter) {
        (self.source, self.timeline, self.handoff)
    }

    fn say_that_it_ended(&mut self) {
        let ready = mono_raw_now();
        let span = Span { first: self.timeline.next(), frames: 0, capture: ready };
        self.handoff.mark(Mark { span, ready, what: What::End });
        self.handoff.wake();
    }

    fn take(&mut self, stamp: Stamp) -> Step {
        let woken = mono_raw_now();
        let late_ns = woken.since(stamp.at);
        self.counters.wake_late_ns_max.fetch_max(late_ns, Relaxed);
        self.counters.wake_late.add(late_ns);
        self.counters.delay_frames.store(u64::from(stamp.delay_frames), Relaxed);
        self.look_for_losses(stamp);

        let mut capture = stamp.at.minus(self.layout.rate().duration_ns(u64::from(stamp.delay_frames)));
        // Whole periods; only the end of a recording can be shorter.
        let period = self.layout.piece_frames().min(stamp.avail_frames).max(1);
        let periods = stamp.avail_frames / period;
        for _ in 0..periods {
            if let Err(fault) = self.period(period, capture) {
                self.handoff.wake();
                return self.fault(fault);
            }
            // Only frames that were read prove that a device works: a broken one may announce frames forever.
            self.heard_from = woken;
            self.mending_since = None;
            capture.0 += self.layout.rate().duration_ns(u64::from(period));
        }
        self.handoff.wake();
        Step::Periods(periods)
    }

    fn look_for_losses(&mut self, stamp: Stamp) {
        let lost = self.finder.observe(stamp.at, self.delivered + u64::from(stamp.avail_frames));
        self.counters.set_drift_ppm(self.finder.drift_ppm());
        if lost > 0 && self.clock == Clock::Crystal {
            self.counters.lost(Cause::UsbLoss);
            self.counters.lost_frames(Cause::UsbLoss, lost);
            let span = Span { first: self.timeline.next(), frames: lost, capture: stamp.at };
            self.handoff.mark(Mark {
                span,
                ready: stamp.at,
                what: What::Gap { cause: Cause::UsbLoss, past: true },
            });
        }
    }

    /// Moves one period from the source into the hand-off; drops and counts it if there is no room.
    fn period(&mut self, frames: u32, capture: MonoNs) -> Result<(), SourceFault> {
        let (hole, span) = self.timeline.place(frames, capture);
        if let Some(hole) = hole {
            self.counters.lost_frames(hole.cause, hole.span.frames);
            if self.started {
                let what = What::Gap { cause: hole.cause, past: false };
                self.handoff.mark(Mark { span: hole.span, ready: mono_raw_now(), what });
            }
        }
        if !std::mem::replace(&mut self.started, true) {
            let span = Span { frames: 0, ..span };
            self.handoff.mark(Mark { span, ready: mono_raw_now(), what: What::Restart(self.layout) });
        }
        let Self { source, handoff, layout, .. } = self;
        let format = layout.format();
        let read = if let Some(mut slot) = handoff.period(frames) {
            let read = read_whole(source.as_mut(), frames, &mut |bytes| {
                let mut left = bytes;
                slot.fill((bytes.len() / layout.frame_bytes()) as u32, |part| {
                    let (now, later) = left.split_at(part.len() * format.bytes_per_sample());
                    format.convert(now, part);
                    left = later;
                });
            });
            if read.is_ok() {
                slot.commit(span, mono_raw_now());
            }
            read
        } else {
            let read = read_whole(source.as_mut(), frames, &mut |_| ());
            if read.is_ok() {
                handoff.drop_newest(span);
                self.counters.lost(Cause::HandoffFull);
                self.counters.lost_frames(Cause::HandoffFull, frames);
            }
            read
        };
        if let Err(fault) = read {
            self.timeline.take_back(span);
            return Err(fault);
        }
        self.delivered += u64::from(frames);
        self.counters.periods.fetch_add(1, Relaxed);
        self.counters.frames.fetch_add(u64::from(frames), Relaxed);
        Ok(())
    }

    fn idle(&mut self) -> Step {
        self.counters.timeouts.fetch_add(1, Relaxed);
        if mono_raw_now().since(self.heard_from) < STALLED_AFTER_NS {
            return Step::Idle;
        }
        self.stalled()
    }

    fn stalled(&mut self) -> Step {
        self.interrupt(Cause::DeviceGone);
        Step::Ended(Exit::Stalled)
    }

    /// Marks that frames are missing from here on, unless the source has not delivered any yet.
    fn interrupt(&mut self, cause: Cause) {
        if self.started {
            self.counters.lost(cause);
        }
        self.timeline.interrupt(cause);
    }

    fn fault(&mut self, fault: SourceFault) -> Step {
        let mendable = matches!(fault, SourceFault::Xrun | SourceFault::Suspended);
        if !mendable {
            self.interrupt(Cause::DeviceGone);
            return Step::Ended(Exit::Fault(fault));
        }
        let now = mono_raw_now();
        match self.mending_since {
            // A device that fails again after each recovery has stalled, too.
            Some(since) if now.since(since) > STALLED_AFTER_NS => return self.stalled(),
            Some(_) => {}
            None => {
                self.mending_since = Some(now);
                let overrun = fault == SourceFault::Xrun;
                self.interrupt(if overrun { Cause::CaptureXrun } else { Cause::DeviceGone });
            }
        }
        self.finder.restart();
        self.delivered = 0;
        match self.source.recover(fault) {
            // A remaining fault shows at the next wait.
            Ok(()) | Err(SourceFault::Xrun | SourceFault::Suspended) => Step::Recovered(fault),
            Err(worse) => self.fault(worse),
        }
    }
}

/// Reads exactly `frames` frames, in as many parts as the source's memory requires.
fn read_whole(source: &mut dyn Source, frames: u32, take: &mut dyn FnMut(&[u8])) -> Result<(), SourceFault> {
    let mut left = frames;
    while left > 0 {
        match source.read(left, take)? {
            0 => return Err(SourceFault::Xrun), // it promised more: its pointer has moved in the meantime
            read => left -= read,
        }
    }
    Ok(())
}
