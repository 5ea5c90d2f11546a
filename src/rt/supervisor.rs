//! Chooses a source, runs the capture thread on it, and starts again whenever it ends. Never real-time itself.
//!
//! The order of choice: the device named in the settings and no other; a synth of the family; the demo, if it is enabled
//! and no synth has played yet. Once a synth has played, its absence gives silence and a notice, never the demo. Every
//! change is announced once, as a [`SourceStatus`]. Every turn is counted, which shows others that the supervisor is alive.
//! A finished attempt to open a device is a turn, however it ended, and so is each look at a source that delivers.

use super::capture_loop::{CaptureLoop, Exit};
use super::counters::{Controls, Counters};
use super::ring::HandoffWriter;
use super::status::{Capture, SourceStatus, SourceView, State};
use super::thread::{RtRequest, STACK_BYTES, become_real_time, release};
use crate::core::cause::Cause;
use crate::core::layout::RATES;
use crate::core::timeline::Timeline;
use crate::error::{Error, Result};
use crate::plain::Plain;
use crate::source::SourceFault;
use crate::source::opening::{Kind, Opened, Opener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Interval between looks for an absent or busy device: sound returns within 2 s after the synth.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Interval between checks that a device which stalled and was reopened delivers.
const LOOK_FOR_SOUND: Duration = Duration::from_millis(10);

/// The parts a supervisor works with.
pub struct Supervisor {
    /// Opens sources.
    pub opener: Box<dyn Opener>,
    /// The real-time properties to request for the capture thread.
    pub rt: RtRequest,
    /// Counters that any thread may read.
    pub counters: Arc<Counters>,
    /// Requests from other threads.
    pub controls: Arc<Controls>,
    /// Called at every change of the status.
    pub announce: Box<dyn Fn(SourceStatus) + Send>,
    /// Called when the first attempt to open a device has ended.
    pub tried: Box<dyn FnOnce() + Send>,
}

/// Stops the supervisor.
pub struct SupervisorHandle {
    stop: Arc<AtomicBool>,
    controls: Arc<Controls>,
    thread: JoinHandle<()>,
}

impl SupervisorHandle {
    /// Ends capture and waits for it. A device that is being opened can block this for any length of time.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.controls.stop();
        self.thread.thread().unpark();
        let _ = self.thread.join();
    }
}

impl Supervisor {
    /// Runs the supervisor on its own thread until stopped; frames go into `handoff`.
    ///
    /// # Errors
    /// If the thread cannot be created.
    pub fn spawn(self, handoff: HandoffWriter) -> Result<SupervisorHandle> {
        let stop = Arc::new(AtomicBool::new(false));
        let controls = Arc::clone(&self.controls);
        let said = SourceStatus::unknown(controls.first_channel.load(Ordering::Relaxed) + 1);
        let run = Run { stop: Arc::clone(&stop), synth_played: false, said, supervisor: self };
        let thread = std::thread::Builder::new()
            .name("supervisor".into())
            .spawn(move || {
                let _abort = AbortOnPanic;
                run.until_stopped(handoff);
            })
            .map_err(|error| Error::new("cannot start the supervisor thread").because(error))?;
        Ok(SupervisorHandle { stop, controls, thread })
    }
}

/// The supervisor while it runs.
struct Run {
    supervisor: Supervisor,
    stop: Arc<AtomicBool>,
    synth_played: bool,
    /// The status announced last, so that the same status is not announced again.
    said: SourceStatus,
}

/// The parts that outlive a source.
struct StreamState {
    timeline: Timeline,
    handoff: HandoffWriter,
}

/// A running capture thread.
struct Session {
    thread: JoinHandle<(Exit, CaptureLoop)>,
    /// True once the capture thread has ended: set before the thread wakes the supervisor for the last time.
    over: Arc<AtomicBool>,
    kind: Kind,
    name: Plain,
    notice: Plain,
    capture: Capture,
}

impl Session {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Returns the source as listeners see it while it plays; `say()` sets the pair.
    fn view(&self) -> SourceView {
        SourceView {
            kind: self.kind,
            state: State::Playing,
            name: self.name.clone(),
            channels: self.capture.channels,
            rate_hz: self.capture.rate_hz.0,
            period_frames: self.capture.period_frames,
            first_channel: 1,
            notice: self.notice.clone(),
        }
    }
}

/// Counts a turn while a capture thread runs, but only if that thread's number of steps is no longer `steps`; updates `steps`.
fn turn_beside(counters: &Counters, steps: &mut u64) {
    let now = counters.steps();
    if std::mem::replace(steps, now) != now {
        counters.turn();
    }
}

impl Run {
    fn until_stopped(mut self, handoff: HandoffWriter) {
        let mut kept = StreamState { timeline: Timeline::new(RATES[0]), handoff };
        let mut next: Option<Opened> = None;
        while !self.stopping() {
            let opened = match next.take() {
                Some(synth) => synth,
                None => match self.open() {
                    Some(opened) => opened,
                    None => continue,
                },
            };
            let periods_before = self.supervisor.counters.periods.load(Ordering::Relaxed);
            let device = opened.device.clone();
            let session = self.begin(opened, kept);
            if self.sounds(&session, periods_before) {
                self.playing(&session);
            }
            next = self.watch(&session);
            let view = session.view();
            let exit;
            (exit, kept) = end(session);
            if self.supervisor.counters.periods.load(Ordering::Relaxed) == periods_before && !self.stopping()
            {
                self.supervisor.opener.brought_nothing(&device);
            }
            self.turn();
            if next.is_some() {
                self.supervisor.counters.lost(Cause::SourceChange);
                kept.timeline.interrupt(Cause::SourceChange);
            } else {
                self.ended(view, exit);
            }
        }
    }

    /// Opens the chosen source; if there is none yet, announces that and pauses. Every device that refuses counts as
    /// a turn. So several devices that take seconds each do not look like one that never answers, and the service need not
    /// wait for all of them to count as started.
    fn open(&mut self) -> Option<Opened> {
        let Supervisor { opener, counters, tried, .. } = &mut self.supervisor;
        let mut is_over = || {
            counters.turn();
            std::mem::replace(tried, Box::new(|| ()))();
        };
        let opened = opener.open(self.synth_played, &mut is_over);
        is_over();
        let absent = match &opened {
            Ok(Some(_)) => return opened.ok().flatten(),
            Ok(None) => self.said.absent(None),
            Err(error) => self.said.absent(Some(error)),
        };
        self.say(absent);
        self.rest(LOOK_AGAIN);
        None
    }

    /// Announces that the source has ended. `source` is the source as listeners saw it while it played, or would have seen it.
    fn ended(&mut self, source: SourceView, exit: Exit) {
        tracing::debug!("capture ended: {exit:?}");
        self.say(SourceStatus { source, capture: None }.after(exit));
        match exit {
            Exit::Stopped => {}
            // No source follows a recording, so wait here until the service stops.
            Exit::Fault(SourceFault::Ended) => {
                while !self.stopping() {
                    self.rest(LOOK_AGAIN);
                    self.turn();
                }
            }
            // Pause before reopening a device that fails as soon as it is opened.
            Exit::Fault(_) | Exit::Stalled => self.rest(LOOK_AGAIN),
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn turn(&self) {
        self.supervisor.counters.turn();
    }

    fn rest(&self, time: Duration) {
        if !self.stopping() {
            std::thread::park_timeout(time);
        }
    }

    /// Starts the capture thread.
    fn begin(&self, opened: Opened, kept: StreamState) -> Session {
        let Supervisor { counters, controls, rt, .. } = &self.supervisor;
        controls.allow();
        if self.stopping() {
            controls.stop(); // stop() may have been called just before allow()
        }
        let layout = opened.source.layout();
        let mut capture_loop = CaptureLoop::new(
            opened.source,
            kept.timeline,
            kept.handoff,
            Arc::clone(counters),
            Arc::clone(controls),
        );
        let supervisor = std::thread::current();
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let wish = *rt;
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let numbers = Arc::clone(counters);
        let thread =
            std::thread::Builder::new().name("capture".into()).stack_size(STACK_BYTES).spawn(move || {
                let _abort = AbortOnPanic;
                numbers.capture_thread.store(nix::unistd::gettid().as_raw(), Ordering::Relaxed);
                let _ = tell.send(become_real_time(wish, &capture_loop.ring_memory()));
                let exit = capture_loop.run();
                is_over.store(true, Ordering::Release);
                supervisor.unpark();
                (exit, capture_loop)
            });
        match thread {
            Ok(thread) => {
                let capture = Capture {
                    device: opened.device,
                    path: opened.path,
                    format: layout.format().name(),
                    rate_hz: layout.rate(),
                    channels: layout.channels().get(),
                    period_frames: layout.period_frames(),
                    real_time: told.recv().unwrap_or_default(),
                };
                Session { thread, over, kind: opened.kind, name: opened.name, notice: opened.notice, capture }
            }
            Err(error) => give_up(&format!("cannot start the capture thread: {error}")),
        }
    }

    /// Returns whether the source delivers, that is, whether its first period has arrived. Otherwise a device that opens
    /// but stays silent would be announced as playing and stalled in turns.
    fn sounds(&self, session: &Session, periods_before: u64) -> bool {
        let mut steps = self.supervisor.counters.steps();
        while !session.is_over() && !self.stopping() {
            if self.supervisor.counters.periods.load(Ordering::Relaxed) > periods_before {
                return true;
            }
            std::thread::park_timeout(LOOK_FOR_SOUND);
            turn_beside(&self.supervisor.counters, &mut steps);
        }
        false
    }

    /// Waits for the capture thread to end. Ends the demo itself when a synth can be opened in its place.
    fn watch(&mut self, session: &Session) -> Option<Opened> {
        let mut steps = self.supervisor.counters.steps();
        while !session.is_over() && !self.stopping() {
            std::thread::park_timeout(LOOK_AGAIN);
            let Supervisor { opener, counters, .. } = &mut self.supervisor;
            turn_beside(counters, &mut steps);
            if session.kind != Kind::Demo {
                continue;
            }
            match opener.synth(&mut || turn_beside(counters, &mut steps)) {
                Ok(None) => self.say(self.said.noticing(None)),
                Ok(synth) => {
                    self.supervisor.controls.stop();
                    return synth;
                }
                Err(error) => self.say(self.said.noticing(Some(&error))),
            }
        }
        None
    }

    fn playing(&mut self, session: &Session) {
        self.synth_played |= session.kind == Kind::Synth;
        self.say(SourceStatus { source: session.view(), capture: Some(session.capture.clone()) });
        let Capture { device, path, format, rate_hz, channels, period_frames, real_time } = &session.capture;
        for refusal in &real_time.refusals {
            tracing::warn!("{refusal}");
        }
        let scheduling = match real_time.fifo_priority {
            Some(priority) => format!("SCHED_FIFO {priority}"),
            None => "without real-time priority".to_owned(),
        };
        tracing::info!(
            device = &**device,
            channels,
            period_frames,
            "playing {} ({device}): {channels} channels {format} at {} Hz, periods of {period_frames}, {path}, {scheduling}",
            session.name,
            rate_hz.0,
        );
    }

    /// Announces the status, if it is new, to the log and to listeners.
    fn say(&mut self, mut status: SourceStatus) {
        // A listener may have changed the pair since the last announcement.
        let wanted = self.supervisor.controls.first_channel.load(Ordering::Relaxed);
        status.source.name_pair(wanted);
        if self.said == status {
            return;
        }
        (self.supervisor.announce)(status.clone());
        if !status.source.notice.is_empty() {
            tracing::warn!("{}", status.source.notice);
        }
        self.said = status;
    }
}

/// Ends the thread and takes back the parts that outlive it. The source is closed here, where that may take
/// time.
fn end(session: Session) -> (Exit, StreamState) {
    let Ok((exit, capture_loop)) = session.thread.join() else { give_up("the capture thread panicked") };
    let (source, timeline, handoff) = capture_loop.into_parts();
    release(&handoff.memory());
    drop(source);
    (exit, StreamState { timeline, handoff })
}

/// Without a capture thread the service is useless but looks healthy, so end it and let systemd restart it.
fn give_up(why: &str) -> ! {
    tracing::error!("{why}: the service ends, to be started again");
    std::process::exit(1)
}

/// Ends the process on a panic of the capture thread or its supervisor: systemd restarts it, and the journal holds the
/// reason.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
