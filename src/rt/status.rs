//! The status of the source, as data and in words. Pure: the supervisor announces it, the hub passes it on.

use super::capture_loop::Exit;
use super::thread::RtState;
use crate::error::Error;
use crate::plain::Plain;
use crate::source::SourceFault;
use crate::source::opening::Kind;
use crate::units::{ChannelCount, Hz};
use serde::{Deserialize, Serialize};

/// The source as listeners see it: the `source` object of `docs/ref/wire-format.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceView {
    /// The kind of the source.
    pub kind: Kind,
    /// The state of the source.
    pub state: State,
    /// The source's name for people; "" if unknown.
    pub name: Plain,
    /// Number of channels; 0 if unknown.
    pub channels: u16,
    /// Frames per second; 0 if unknown.
    pub rate_hz: u32,
    /// Frames that the source delivers at once; 0 if unknown.
    pub period_frames: u32,
    /// First channel of the pair that is sent, from 1.
    pub first_channel: u16,
    /// A plain sentence; "" if all is well.
    pub notice: Plain,
}

impl SourceView {
    /// Sets the pair that begins with channel `wanted`, from 0, or the last pair if there is no such channel.
    pub fn name_pair(&mut self, wanted: u16) {
        let last_pair = ChannelCount::new(self.channels.into()).map_or(wanted, ChannelCount::last_pair);
        self.first_channel = wanted.min(last_pair) + 1;
    }

    /// Returns the view of no source.
    fn none() -> Self {
        Self {
            kind: Kind::None,
            state: State::Waiting,
            name: Plain::default(),
            channels: 0,
            rate_hz: 0,
            period_frames: 0,
            first_channel: 1,
            notice: Plain::default(),
        }
    }
}

/// The state of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Frames flow.
    Playing,
    /// No frames since the service started.
    Waiting,
    /// The source played, but is gone.
    Lost,
    /// The source is present but delivers nothing.
    Stalled,
    /// The source was a recording that has been played to its end.
    Ended,
}

/// The facts about the source, for listeners and for the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// The part listeners see.
    pub source: SourceView,
    /// The device's part; `None` while no device is open.
    pub capture: Option<Capture>,
}

/// The device, and the way in which its frames are captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capture {
    /// The PCM or generator.
    pub device: Plain,
    /// The way of reading it: `kernel_mmap`, `plugin_mmap`, `emulated_mmap`, `converted_by_plug` or `generator`.
    pub path: &'static str,
    /// ALSA's name of the sample format.
    pub format: &'static str,
    /// Frames per second.
    pub rate_hz: Hz,
    /// Channels in a frame.
    pub channels: u16,
    /// Frames between two wake-ups.
    pub period_frames: u32,
    /// The real-time properties its thread got.
    pub real_time: RtState,
}

impl SourceStatus {
    /// Returns the status before we looked for any source.
    pub fn unknown(first_channel: u16) -> Self {
        let source =
            SourceView { first_channel, notice: "Looking for the synth.".into(), ..SourceView::none() };
        Self { source, capture: None }
    }

    /// Returns the status after the source ended with this exit.
    #[must_use]
    pub fn after(&self, exit: Exit) -> Self {
        let name = &self.source.name;
        let (state, notice) = match exit {
            Exit::Stopped => (self.source.state, String::new()),
            // What was noticed of the recording still holds, and a short one ends before anybody has read it.
            Exit::Fault(SourceFault::Ended) => {
                let said = [&*self.source.notice, &format!("{name} has been played to its end.")];
                (State::Ended, said.join(" ").trim_start().to_owned())
            }
            Exit::Fault(SourceFault::NeverWaits) => (
                State::Stalled,
                format!(
                    "{name} cannot be captured from: it never waits for sound, as ALSA's 'null' does not. Name another device; \
                     'synthwire devices' lists them."
                ),
            ),
            Exit::Fault(_) => (
                State::Lost,
                format!(
                    "{name} is gone. Check its cable and that it is switched on; sound returns automatically."
                ),
            ),
            Exit::Stalled => (
                State::Stalled,
                format!(
                    "{name} is connected but sends nothing. Switch it off and on; sound returns automatically."
                ),
            ),
        };
        Self { source: SourceView { state, notice: notice.into(), ..self.source.clone() }, capture: None }
    }

    /// Returns the status when nothing can be opened, with the reason if there is one. A source that played or stalled is
    /// lost; the notice then names the reason only if something blocks the device, not if it is merely absent.
    #[must_use]
    pub fn absent(&self, why: Option<&Error>) -> Self {
        let blocked = why.is_some_and(|error| !error.says_absent());
        if blocked && self.source.kind != Kind::None {
            let lost = self.after(Exit::Fault(SourceFault::Gone));
            return lost.noticing(why);
        }
        if self.source.state == State::Stalled {
            return self.after(Exit::Fault(SourceFault::Gone));
        }
        if self.source.kind != Kind::None {
            return Self { capture: None, ..self.clone() };
        }
        if why.is_some() {
            return Self { capture: None, ..self.noticing(why) };
        }
        let nothing = "No synth found. Connect its USB TO HOST socket to this device and switch it on.";
        Self { source: SourceView { notice: nothing.into(), ..self.source.clone() }, capture: None }
    }

    /// Returns the same status with this error as its notice, or without a notice.
    #[must_use]
    pub fn noticing(&self, error: Option<&Error>) -> Self {
        let notice = error.map_or_else(Plain::default, Plain::from);
        Self { source: SourceView { notice, ..self.source.clone() }, capture: self.capture.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing() -> SourceStatus {
        let source = SourceView {
            kind: Kind::Synth,
            state: State::Playing,
            name: "MONTAGE".into(),
            channels: 8,
            ..SourceView::none()
        };
        SourceStatus { source, capture: None }
    }

    #[test]
    fn a_synth_that_has_gone_stays_gone_in_the_same_words() {
        let gone = playing().after(Exit::Fault(SourceFault::Gone));
        assert_eq!(gone.source.state, State::Lost);
        assert!(gone.source.notice.starts_with("MONTAGE is gone."));
        assert_eq!(gone.absent(Some(&Error::new("there is none").absent())), gone);
        let taken = gone.absent(Some(&Error::new("another program has it")));
        assert_eq!((taken.source.state, &*taken.source.notice), (State::Lost, "another program has it."));
        let stalled = playing().after(Exit::Stalled);
        assert_eq!(stalled.source.state, State::Stalled);
        assert_eq!(stalled.absent(None), gone, "connected is what it no longer is");
    }

    #[test]
    fn a_device_that_never_waits_is_refused_in_words() {
        let never = playing().after(Exit::Fault(SourceFault::NeverWaits)).source;
        assert!(never.notice.contains("never waits for sound") && never.notice.contains("synthwire devices"));
    }

    #[test]
    fn what_was_noticed_of_a_recording_is_still_said_when_it_has_ended() {
        let mut recording = playing();
        recording.source.name = "take.wav".into();
        let ended = |status: &SourceStatus| status.after(Exit::Fault(SourceFault::Ended)).source.notice;
        assert_eq!(ended(&recording), "take.wav has been played to its end.");
        recording.source.notice = "It was never finished.".into();
        assert_eq!(ended(&recording), "It was never finished. take.wav has been played to its end.");
    }

    #[test]
    fn what_never_played_is_waited_for_with_the_reason() {
        let unknown = SourceStatus::unknown(3);
        assert!(unknown.absent(None).source.notice.starts_with("No synth found."));
        let busy = unknown.absent(Some(&Error::new("cannot open hw:1").try_this("End the other program")));
        assert_eq!(busy.source.notice, "cannot open hw:1. End the other program.");
        assert_eq!((busy.source.state, busy.source.first_channel), (State::Waiting, 3));
    }
}
