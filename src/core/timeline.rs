//! Gives every captured frame its index and time, and turns interruptions into gaps of the right length.
//!
//! In: how many frames came, and when the first of them was captured. Out: a [`Place`] for them and, after an interruption,
//! the length of the hole before them. The index follows the clock across a hole, so a listener's delay is the same after
//! it as before.

use super::cause::Cause;
use crate::units::{FrameIndex, Hz, MonoNs};

/// The position of a run of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of the first frame.
    pub first: FrameIndex,
    /// Number of frames.
    pub frames: u32,
    /// Capture time of the first frame.
    pub capture: MonoNs,
}

/// A hole before a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The frames that never came.
    pub span: Span,
    /// The cause of the hole.
    pub cause: Cause,
}

/// One stream's running count.
#[derive(Debug)]
pub struct Timeline {
    rate: Hz,
    next: FrameIndex,
    /// Capture time expected for the next frame; `None` before the first period.
    next_capture: Option<MonoNs>,
    interrupted: Option<Cause>,
}

impl Timeline {
    /// Creates a timeline that begins at index 0.
    pub fn new(rate: Hz) -> Self {
        Self { rate, next: FrameIndex(0), next_capture: None, interrupted: None }
    }

    /// Sets the rate of a newly opened source.
    pub fn runs_at(&mut self, rate: Hz) {
        self.rate = rate;
    }

    /// Records that frames are missing before the next span. The first cause stays, unless it is an overrun: that may be
    /// the first sign of a device being unplugged.
    pub fn interrupt(&mut self, cause: Cause) {
        if self.interrupted.is_none_or(|first| first == Cause::CaptureXrun) {
            self.interrupted = Some(cause);
        }
    }

    /// Withdraws the span placed last, which was not read after all: its frames become part of the next hole.
    pub fn take_back(&mut self, span: Span) {
        self.next = span.first;
        self.next_capture = Some(span.capture);
    }

    /// Returns the index of the next frame.
    pub fn next(&self) -> FrameIndex {
        self.next
    }

    /// Places `frames` frames, the first captured at `capture`. Returns their span, and the hole before them if
    /// [`Self::interrupt`] announced one.
    pub fn place(&mut self, frames: u32, capture: MonoNs) -> (Option<Hole>, Span) {
        let hole = self.interrupted.take().and_then(|cause| self.hole(cause, capture));
        let span = Span { first: self.next, frames, capture };
        self.advance(frames, capture);
        (hole, span)
    }

    fn hole(&mut self, cause: Cause, capture: MonoNs) -> Option<Hole> {
        let began = self.next_capture?;
        let frames = u32::try_from(self.rate.frames_in(capture.since(began))).unwrap_or(u32::MAX);
        if frames == 0 {
            return None;
        }
        let span = Span { first: self.next, frames, capture: began };
        self.next = self.next.plus(u64::from(frames));
        Some(Hole { span, cause })
    }

    fn advance(&mut self, frames: u32, capture: MonoNs) {
        self.next = self.next.plus(u64::from(frames));
        self.next_capture = Some(MonoNs(capture.0 + self.rate.duration_ns(u64::from(frames))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Hz = Hz(44_100);
    const MS: u64 = 1_000_000;

    #[test]
    fn frames_follow_each_other_whatever_the_stamps_say() {
        let mut timeline = Timeline::new(RATE);
        let (_, first) = timeline.place(128, MonoNs(5 * MS));
        let (hole, second) = timeline.place(128, MonoNs(9 * MS));
        assert_eq!((first.first, second.first, hole), (FrameIndex(0), FrameIndex(128), None));
    }

    #[test]
    fn a_hole_is_as_long_as_the_clock_says() {
        let mut timeline = Timeline::new(RATE);
        timeline.place(441, MonoNs(0));
        timeline.interrupt(Cause::CaptureXrun);
        timeline.interrupt(Cause::DeviceGone);
        timeline.interrupt(Cause::SourceChange);
        let (hole, span) = timeline.place(441, MonoNs(110 * MS));
        let expected = Span { first: FrameIndex(441), frames: 4410, capture: MonoNs(10 * MS) };
        assert_eq!(hole, Some(Hole { span: expected, cause: Cause::DeviceGone }));
        assert_eq!(span.first, FrameIndex(4851));
    }

    #[test]
    fn an_interruption_before_the_first_frame_is_no_hole() {
        let mut timeline = Timeline::new(RATE);
        timeline.interrupt(Cause::DeviceGone);
        assert_eq!(timeline.place(128, MonoNs(MS)).0, None);
    }
}
