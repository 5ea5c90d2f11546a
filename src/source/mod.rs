//! The sources of frames: one trait, and the faults a source may meet.
//!
//! The supervisor opens a source, and may allocate, log and block while doing so. The source then moves to the capture
//! thread, where [`Source::wait`], [`Source::read`] and [`Source::recover`] are real-time code: no allocation, no lock, no
//! log. Faults are values; nothing here decides what to do about them.

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

/// The kind of clock that paces a source. It decides whether frames that are fewer than expected count as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// A crystal, whose frequency never changes by more than a few ppm.
    Crystal,
    /// A sound server, which follows its current master clock, and may change the master.
    Server,
}

/// A source's position at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The time for which `avail_frames` holds.
    pub at: MonoNs,
    /// Frames that can be read now.
    pub avail_frames: u32,
    /// Frames between the first readable frame's capture and `at`; at least `avail_frames`.
    pub delay_frames: u32,
}

/// The result of [`Source::wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// At least one period can be read, or less at the end of a recording.
    Frames(Stamp),
    /// No frame came within the source's own time-out, and no fault is known.
    Timeout,
    /// The source reports a fault.
    Fault(SourceFault),
}

/// The faults that can occur while frames flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFault {
    /// The device overran its buffer (EPIPE): frames are lost, but the device can continue.
    Xrun,
    /// The device was suspended (ESTRPIPE) and can be resumed.
    Suspended,
    /// The device is gone (ENODEV and the like) and must be reopened.
    Gone,
    /// Another fault, by its errno; the device must be reopened.
    Io(i32),
    /// The recording has been played to its end.
    Ended,
    /// Its buffer is full as soon as it starts, like that of ALSA's `null`: reading it would take all of a CPU, until the kernel
    /// ends the service.
    NeverWaits,
}

/// A device or generator of interleaved frames.
pub trait Source: Send {
    /// Returns the layout of the source's frames, fixed from opening to closing.
    fn layout(&self) -> Layout;

    /// Returns the kind of clock that paces the frames.
    fn clock(&self) -> Clock;

    /// Starts to deliver. Called once on the capture thread before the first wait.
    ///
    /// # Errors
    /// The fault that kept the source from starting.
    fn start(&mut self) -> Result<(), SourceFault>;

    /// Blocks until one period can be read, a fault occurs, or the source's own time-out expires (a few periods, at least
    /// 20 ms).
    fn wait(&mut self) -> Ready;

    /// Passes up to `frames` frames, contiguous in memory, to `take` and consumes them. Returns their number, which may be
    /// smaller because a ring wraps, or 0 if there are none.
    ///
    /// # Errors
    /// The fault of the source. Then `take` was not called, or its frames do not count.
    fn read(&mut self, frames: u32, take: &mut dyn FnMut(&[u8])) -> Result<u32, SourceFault>;

    /// Recovers the source after [`SourceFault::Xrun`] or [`SourceFault::Suspended`].
    ///
    /// # Errors
    /// The fault that remains.
    fn recover(&mut self, fault: SourceFault) -> Result<(), SourceFault>;
}
