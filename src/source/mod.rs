//! Where frames come from: one trait, and the faults a source may meet.
//!
//! A source is opened by the supervisor (it may allocate, log and take its time there), then moves to the capture
//! thread, where [`Source::wait`], [`Source::read`] and [`Source::recover`] are real-time code: no allocation, no lock,
//! no log. Faults are values; nothing here decides what to do about them.

pub mod alsa;
pub mod demo;
pub mod discover;
pub mod opening;
pub mod paced;
mod preference;
pub mod riff;
pub mod tone;
pub mod wav;

use crate::core::layout::Layout;
use crate::units::MonoNs;

/// What paces a source: whether frames that are short of its clock were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// One crystal, whose pace never changes by more than a few ppm.
    Crystal,
    /// A sound server, which keeps the time of whoever is its master just now, and changes it.
    Server,
}

/// Where the source stands at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When `avail_frames` was true.
    pub at: MonoNs,
    /// Frames that can be read now.
    pub avail_frames: u32,
    /// Frames between the first readable frame's capture and `at`; at least `avail_frames`.
    pub delay_frames: u32,
}

/// What [`Source::wait`] came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// At least one period can be read; less only at the end of a recording.
    Frames(Stamp),
    /// Nothing came within the source's own time-out, and nothing is known to be wrong.
    Timeout,
    /// The source says what is wrong.
    Fault(SourceFault),
}

/// What can go wrong while frames flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFault {
    /// The device overran its buffer (EPIPE): frames are lost, the device can go on.
    Xrun,
    /// The device was suspended (ESTRPIPE) and can be resumed.
    Suspended,
    /// The device is gone (ENODEV and the like) and must be opened anew.
    Gone,
    /// Anything else, by its errno; the device must be opened anew.
    Io(i32),
    /// The recording has been played to its end.
    Ended,
}

/// A device or generator of interleaved frames.
pub trait Source: Send {
    /// What it delivers, fixed from opening to closing.
    fn layout(&self) -> Layout;

    /// Who counts the frames out.
    fn clock(&self) -> Clock;

    /// Begins to deliver. Called once on the capture thread before the first wait.
    ///
    /// # Errors
    /// The fault that kept it from starting.
    fn start(&mut self) -> Result<(), SourceFault>;

    /// Blocks until one period can be read, the source's own time-out (a few periods, at least 20 ms) or a fault.
    fn wait(&mut self) -> Ready;

    /// Hands up to `frames` frames, contiguous in memory, to `take` and consumes them. May hand fewer (a ring wraps);
    /// returns how many, 0 when there are none.
    ///
    /// # Errors
    /// The fault met; then `take` was not called or its frames do not count.
    fn read(&mut self, frames: u32, take: &mut dyn FnMut(&[u8])) -> Result<u32, SourceFault>;

    /// Brings the source back after [`SourceFault::Xrun`] or [`SourceFault::Suspended`].
    ///
    /// # Errors
    /// The fault that remains.
    fn recover(&mut self, fault: SourceFault) -> Result<(), SourceFault>;
}
