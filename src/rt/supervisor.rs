//! Chooses a source, runs the capture thread on it, and begins again whenever it ends. Never real-time itself.
//!
//! The choice, in this order: the device that was named and no other; a synth of the family; the demo, where it is wanted
//! and no synth has played yet. Once a synth has played, its absence is silence and a notice, never the demo.
//! Every change is announced once, as a [`SourceStatus`].

use super::capture_loop::{CaptureLoop, Exit};
use super::counters::{Controls, Counters};
use super::ring::HandoffWriter;
use super::thread::{RtState, RtWish, STACK_BYTES, become_real_time};
use crate::core::cause::Cause;
use crate::core::timeline::Timeline;
use crate::error::{Error, Result};
use crate::source::SourceFault;
use crate::source::opening::{Kind, Opened, Opener};
use crate::units::Hz;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often an absent or busy device is looked for: the sound is back within 2 s of the synth.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a listener is told of the source: the `source` object of `docs/wire-format.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceView {
    /// What it is.
    pub kind: Kind,
    /// How it is.
    pub state: State,
    /// What a person calls it; "" when unknown.
    pub name: String,
    /// Channels it has; 0 when unknown.
    pub channels: u16,
    /// First channel heard, from 1.
    pub first_channel: u16,
    /// One plain sentence; "" when all is well.
    pub notice: String,
}

/// How the source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Frames flow.
    Playing,
    /// None since the start.
    Waiting,
    /// It was playing and is gone.
    Lost,
    /// It is there, but stands still.
    Stalled,
}

/// All that is known of the source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceStatus {
    /// The listener's part.
    pub source: SourceView,
    /// The device's part; `None` while nothing is open.
    pub capture: Option<Capture>,
}

/// How frames are captured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Capture {
    /// The PCM or generator.
    pub device: String,
    /// How it is read: `kernel_mmap`, `plugin_mmap`, `emulated_mmap` or `generator`.
    pub path: &'static str,
    /// ALSA's name of the sample format.
    pub format: &'static str,
    /// Frames per second.
    pub rate_hz: Hz,
    /// Channels in a frame.
    pub channels: u16,
    /// Frames between two wake-ups.
    pub period_frames: u32,
    /// How real-time its thread is.
    pub real_time: RtState,
}

impl SourceStatus {
    /// Before anything was looked for.
    pub fn unknown(first_channel: u16) -> Self {
        let source = SourceView {
            kind: Kind::None,
            state: State::Waiting,
            name: String::new(),
            channels: 0,
            first_channel,
            notice: "Looking for the synth.".to_owned(),
        };
        Self { source, capture: None }
    }
}

/// What the supervisor works with.
pub struct Supervisor {
    /// Opens sources.
    pub opener: Opener,
    /// How real-time the capture thread should be.
    pub rt: RtWish,
    /// Numbers for everybody.
    pub counters: Arc<Counters>,
    /// Wishes from everybody.
    pub controls: Arc<Controls>,
    /// Told of every change.
    pub announce: Box<dyn Fn(SourceStatus) + Send>,
}

/// Ends the supervisor.
pub struct SupervisorHandle {
    stop: Arc<AtomicBool>,
    controls: Arc<Controls>,
    thread: JoinHandle<()>,
}

impl SupervisorHandle {
    /// Ends capture and waits for it.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.controls.stop();
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("the supervisor of the capture thread panicked");
        }
    }
}

impl Supervisor {
    /// Runs on a thread of its own until stopped; frames go into `handoff`.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn spawn(self, handoff: HandoffWriter) -> Result<SupervisorHandle> {
        let stop = Arc::new(AtomicBool::new(false));
        let controls = Arc::clone(&self.controls);
        let run = Run { stop: Arc::clone(&stop), synth_played: false, last: None, supervisor: self };
        let thread = std::thread::Builder::new()
            .name("supervisor".into())
            .spawn(move || run.until_stopped(handoff))
            .map_err(|error| Error::new("cannot start the supervisor thread").because(error))?;
        Ok(SupervisorHandle { stop, controls, thread })
    }
}

/// The supervisor while it runs.
struct Run {
    supervisor: Supervisor,
    stop: Arc<AtomicBool>,
    synth_played: bool,
    /// The last thing announced: said once, not every time it is found again.
    last: Option<SourceStatus>,
}

/// What outlives a source.
struct Kept {
    timeline: Timeline,
    handoff: HandoffWriter,
}

/// A capture thread at work.
struct Session {
    thread: JoinHandle<(Exit, CaptureLoop)>,
    kind: Kind,
    name: String,
    capture: Capture,
}

impl Run {
    fn until_stopped(mut self, handoff: HandoffWriter) {
        let mut kept = Kept { timeline: Timeline::new(Hz(44_100)), handoff };
        let mut next: Option<Opened> = None;
        while !self.stopping() {
            let found = match next.take() {
                Some(synth) => Ok(Some(synth)),
                None => self.supervisor.opener.open(self.synth_played),
            };
            let opened = match found {
                Ok(Some(opened)) => opened,
                Ok(None) => {
                    self.absent(String::new());
                    self.rest();
                    continue;
                }
                Err(error) => {
                    self.absent(error.to_string());
                    self.rest();
                    continue;
                }
            };
            let Some(session) = self.begin(opened, kept) else { return };
            self.playing(&session);
            next = self.watch(&session);
            let taken_over = next.is_some();
            let Some((exit, parts)) = end(session) else { return };
            kept = parts;
            kept.timeline.interrupt(if taken_over { Cause::SourceChange } else { Cause::DeviceGone });
            if !taken_over && exit == Exit::Fault(SourceFault::Ended) {
                self.wait_for_stop();
            }
            if !taken_over {
                self.ended(exit);
            }
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn rest(&self) {
        if !self.stopping() {
            std::thread::park_timeout(LOOK_AGAIN);
        }
    }

    /// Starts the capture thread; `None` when there can be no thread any more.
    fn begin(&self, opened: Opened, kept: Kept) -> Option<Session> {
        let Supervisor { counters, controls, rt, .. } = &self.supervisor;
        controls.allow();
        if self.stopping() {
            controls.stop(); // stop() may have been called just before allow()
        }
        let shape = opened.source.shape();
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
        let thread =
            std::thread::Builder::new().name("capture".into()).stack_size(STACK_BYTES).spawn(move || {
                let _abort = AbortOnPanic;
                let _ = tell.send(become_real_time(wish, &capture_loop.ring_memory()));
                let exit = capture_loop.run();
                supervisor.unpark();
                (exit, capture_loop)
            });
        match thread {
            Ok(thread) => {
                let capture = Capture {
                    device: opened.device,
                    path: opened.path,
                    format: shape.format.name(),
                    rate_hz: shape.rate,
                    channels: shape.channels,
                    period_frames: shape.period_frames,
                    real_time: told.recv().unwrap_or_default(),
                };
                Some(Session { thread, kind: opened.kind, name: opened.name, capture })
            }
            Err(error) => {
                tracing::error!(
                    "cannot start the capture thread ({error}): the service plays nothing until restarted"
                );
                None
            }
        }
    }

    /// Waits for the capture thread to end; ends the demo itself when a synth can be opened in its place.
    fn watch(&self, session: &Session) -> Option<Opened> {
        while !session.thread.is_finished() {
            std::thread::park_timeout(LOOK_AGAIN);
            if self.stopping() {
                self.supervisor.controls.stop();
            } else if session.kind == Kind::Demo
                && let Some(synth) = self.supervisor.opener.synth()
            {
                self.supervisor.controls.stop();
                return Some(synth);
            }
        }
        None
    }

    fn wait_for_stop(&self) {
        tracing::info!("the recording has been played to its end");
        while !self.stopping() {
            std::thread::park();
        }
    }

    fn playing(&mut self, session: &Session) {
        self.synth_played |= session.kind == Kind::Synth;
        let Capture { device, path, format, rate_hz, channels, period_frames, real_time } = &session.capture;
        for refusal in &real_time.refusals {
            tracing::warn!("{refusal}");
        }
        let scheduling = match real_time.fifo_priority {
            Some(priority) => format!("SCHED_FIFO {priority}"),
            None => "without real-time priority".to_owned(),
        };
        tracing::info!(
            "playing {} ({device}): {channels} channels {format} at {} Hz, periods of {period_frames}, {path}, {scheduling}",
            session.name,
            rate_hz.0,
        );
        let capture = Some(session.capture.clone());
        self.say(session.kind, State::Playing, &session.name, *channels, String::new(), capture);
    }

    fn ended(&mut self, exit: Exit) {
        let Some(last) = self.last.clone() else { return };
        let name = last.source.name;
        let (state, notice) = match exit {
            Exit::Stopped => return,
            Exit::Stalled => (
                State::Stalled,
                format!(
                    "{name} is connected but sends nothing. Switch it off and on; the sound comes back by itself."
                ),
            ),
            Exit::Fault(fault) => {
                tracing::warn!("capture from {name} ended: {fault:?}");
                (
                    State::Lost,
                    format!(
                        "{name} is gone. Check its cable and that it is switched on; the sound comes back by itself."
                    ),
                )
            }
        };
        self.say(last.source.kind, state, &name, last.source.channels, notice, None);
    }

    /// Nothing could be opened: waiting if nothing ever was, else lost with the notice it already has.
    fn absent(&mut self, why: String) {
        let (kind, state, name, channels) = match &self.last {
            Some(last) if last.source.kind != Kind::None => {
                let state = if last.source.state == State::Stalled { State::Stalled } else { State::Lost };
                (last.source.kind, state, last.source.name.clone(), last.source.channels)
            }
            _ => (Kind::None, State::Waiting, String::new(), 0),
        };
        let notice = match (&self.last, why.is_empty()) {
            (_, false) => why,
            (Some(last), true) if kind != Kind::None => last.source.notice.clone(),
            _ => "No synth found. Connect its USB TO HOST socket to this device and switch it on.".to_owned(),
        };
        self.say(kind, state, &name, channels, notice, None);
    }

    fn say(
        &mut self,
        kind: Kind,
        state: State,
        name: &str,
        channels: u16,
        notice: String,
        capture: Option<Capture>,
    ) {
        let first = self.supervisor.controls.first_channel.load(Ordering::Relaxed);
        let first_channel = first.min(channels.max(2) - 2) + 1;
        let source = SourceView { kind, state, name: name.to_owned(), channels, first_channel, notice };
        let status = SourceStatus { source, capture };
        if self.last.as_ref() == Some(&status) {
            return;
        }
        if !status.source.notice.is_empty() {
            tracing::warn!("{}", status.source.notice);
        }
        (self.supervisor.announce)(status.clone());
        self.last = Some(status);
    }
}

/// Ends the thread and takes back what outlives it; the source is closed here, where that may take its time.
fn end(session: Session) -> Option<(Exit, Kept)> {
    match session.thread.join() {
        Ok((exit, capture_loop)) => {
            let (source, timeline, handoff) = capture_loop.into_parts();
            drop(source);
            Some((exit, Kept { timeline, handoff }))
        }
        Err(_) => None,
    }
}

/// A panic on the capture thread ends the process: systemd starts it anew, and the journal holds the reason.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
