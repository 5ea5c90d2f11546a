//! A generator that behaves like a device: frames arrive at their due time, and are lost if nobody fetches them.
//!
//! In: a [`Generator`], which computes frames from their index. Out: a [`Source`] with the timing, the buffer and the
//! overrun of a sound card, so that tests exercise everything behind it as in real use. Due times are absolute on
//! `CLOCK_MONOTONIC_RAW`: lateness never adds up, and a frame's index tells when it was due.
//!
//! `clock_nanosleep` cannot sleep on that clock, so each sleep aims at the same moment on `CLOCK_MONOTONIC`, computed anew
//! each time. NTP adjusts the one against the other by at most 500 ppm, which is 1.5 µs in a period of 128 frames. If the
//! thread wakes early, it sleeps again.
//!
//! After construction nothing here allocates, locks or logs; its only system call is `clock_nanosleep`. Sounds (tone, wav,
//! demo) and scripted faults (tests) belong elsewhere.

use super::{Clock, Ready, Source, SourceFault, Stamp};
use crate::clock::mono_raw_now;
use crate::core::convert::SampleFormat;
use crate::core::layout::{BUFFER_FRAMES, DeviceAnswer, Layout, RATES, Unplayable};
use crate::units::{ChannelCount, Hz, MonoNs, NS_PER_S};
use nix::errno::Errno;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};
use std::time::Duration;

/// The base of `skew_ppm`.
const PARTS: i64 = 1_000_000;

/// Computes sound as fast as requested.
pub trait Generator: Send {
    /// Returns the number of interleaved channels; it never changes.
    fn channels(&self) -> ChannelCount;

    /// Returns the frames per second of the generator; they never change.
    fn rate(&self) -> Hz {
        RATES[0]
    }

    /// Fills `out` with whole interleaved frames, the first of which is number `first_frame` since the start.
    ///
    /// From call to call `first_frame` grows; it jumps where frames were lost. Real-time code: no allocation, no lock, no
    /// log.
    fn render(&mut self, first_frame: u64, out: &mut [i16]);

    /// Returns the generator's length in frames; `None` if it never ends.
    fn length_frames(&self) -> Option<u64> {
        None
    }
}

impl<G: Generator + ?Sized> Generator for Box<G> {
    fn channels(&self) -> ChannelCount {
        (**self).channels()
    }
    fn rate(&self) -> Hz {
        (**self).rate()
    }
    fn render(&mut self, first_frame: u64, out: &mut [i16]) {
        (**self).render(first_frame, out);
    }
    fn length_frames(&self) -> Option<u64> {
        (**self).length_frames()
    }
}

/// The clock of a paced source; tests bring their own.
pub trait PaceClock: Send {
    /// Returns the current time.
    fn now(&self) -> MonoNs;
    /// Waits until `due` or later; returns earlier only if the machine cannot sleep at all.
    fn sleep_until(&self, due: MonoNs);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl PaceClock for SystemClock {
    fn now(&self) -> MonoNs {
        mono_raw_now()
    }

    fn sleep_until(&self, due: MonoNs) {
        loop {
            // Read this clock first: a delay between the two readings then makes the sleep end early, never late.
            let Ok(slewed) = clock_gettime(ClockId::CLOCK_MONOTONIC) else { return };
            let left_ns = due.since(mono_raw_now());
            if left_ns == 0 {
                return;
            }
            let wake = slewed + Duration::from_nanos(left_ns).into();
            match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &wake) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }
}

/// The behaviour of a paced source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceOptions {
    /// The nominal rate of the source.
    pub rate: Hz,
    /// Excess speed of the simulated crystal, in parts per million; -100 000 to 100 000.
    pub skew_ppm: i32,
    /// Frames between two wake-ups.
    pub period_frames: u32,
    /// Number of frames that the source buffers for a late reader.
    pub ring_frames: u32,
    /// The sample format: every format carries the generator's Int16 exactly.
    pub format: SampleFormat,
}

impl Default for PaceOptions {
    /// Returns exactly 44 100 Hz, 128 frames, [`BUFFER_FRAMES`], Int16.
    fn default() -> Self {
        Self {
            rate: Hz(44_100),
            skew_ppm: 0,
            period_frames: 128,
            ring_frames: BUFFER_FRAMES,
            format: SampleFormat::S16Le,
        }
    }
}

/// A [`Source`] that plays a [`Generator`] in real time.
pub struct PacedSource<G, C = SystemClock> {
    generator: G,
    clock: C,
    layout: Layout,
    pace: Pace,
    /// Frames handed out or lost so far, which is the index of the next one.
    next_frame: u64,
    /// Frames that were due when we last looked.
    due_frames: u64,
    overrun: bool,
    samples: Vec<i16>,
    bytes: Vec<u8>,
}

impl<G: Generator> PacedSource<G> {
    /// Creates a source that plays `generator` by the machine's clock.
    ///
    /// # Errors
    /// If no layout has these values, as with any device.
    ///
    /// # Panics
    /// If the crystal's error exceeds the documented range.
    pub fn new(generator: G, options: PaceOptions) -> Result<Self, Unplayable> {
        Self::with_clock(generator, options, SystemClock)
    }
}

impl<G: Generator, C: PaceClock> PacedSource<G, C> {
    /// Creates a source that plays `generator` by `clock`.
    ///
    /// # Errors
    /// As [`PacedSource::new`].
    ///
    /// # Panics
    /// As [`PacedSource::new`].
    pub fn with_clock(generator: G, options: PaceOptions, clock: C) -> Result<Self, Unplayable> {
        let PaceOptions { rate, skew_ppm, period_frames, ring_frames, format } = options;
        assert!(skew_ppm.abs() <= 100_000, "a crystal is off by {skew_ppm} ppm, 100 000 are possible");
        let layout = Layout::new(DeviceAnswer {
            rate_hz: rate.0,
            channels: generator.channels().get().into(),
            format,
            period_frames: period_frames.into(),
            buffer_frames: ring_frames.into(),
        })?;
        let samples = period_frames as usize * usize::from(layout.channels().get());
        Ok(Self {
            generator,
            clock,
            layout,
            pace: Pace::new(rate, skew_ppm),
            next_frame: 0,
            due_frames: 0,
            overrun: false,
            samples: vec![0; samples],
            bytes: vec![0; samples * format.bytes_per_sample()],
        })
    }

    fn length_frames(&self) -> u64 {
        self.generator.length_frames().unwrap_or(u64::MAX)
    }
}

impl<G: Generator, C: PaceClock> Source for PacedSource<G, C> {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn clock(&self) -> Clock {
        Clock::Crystal
    }

    fn start(&mut self) -> Result<(), SourceFault> {
        self.pace.start(self.clock.now(), self.next_frame);
        Ok(())
    }

    fn wait(&mut self) -> Ready {
        let length_frames = self.length_frames();
        if self.next_frame >= length_frames {
            return Ready::Fault(SourceFault::Ended);
        }
        let wanted = self.next_frame + u64::from(self.layout.period_frames());
        self.clock.sleep_until(self.pace.due_at(wanted.min(length_frames)));
        self.due_frames = self.pace.frames_due(self.clock.now()).min(length_frames).max(self.next_frame);
        let avail_frames = self.due_frames - self.next_frame;
        if self.overrun || avail_frames > u64::from(self.layout.buffer_frames()) {
            self.overrun = true;
            return Ready::Fault(SourceFault::Xrun);
        }
        if avail_frames == 0 {
            return Ready::Timeout;
        }
        let avail_frames = avail_frames as u32;
        // The time at which the last due frame was complete: less than a frame ago, unless the recording has ended.
        let at = self.pace.due_at(self.due_frames);
        Ready::Frames(Stamp { at, avail_frames, delay_frames: avail_frames })
    }

    fn read(&mut self, frames: u32, take: &mut dyn FnMut(&[u8])) -> Result<u32, SourceFault> {
        if self.overrun {
            return Err(SourceFault::Xrun);
        }
        let due = self.due_frames - self.next_frame;
        let frames = frames.min(self.layout.period_frames()).min(u32::try_from(due).unwrap_or(u32::MAX));
        if frames == 0 {
            return Ok(0);
        }
        let size = self.layout.format().bytes_per_sample();
        let count = frames as usize * usize::from(self.layout.channels().get());
        let samples = self.samples.get_mut(..count).unwrap_or_default();
        let bytes = self.bytes.get_mut(..count * size).unwrap_or_default();
        self.generator.render(self.next_frame, samples);
        for (sample, bytes) in samples.iter().zip(bytes.chunks_exact_mut(size)) {
            self.layout.format().store(*sample, bytes);
        }
        take(bytes);
        self.next_frame += u64::from(frames);
        Ok(frames)
    }

    /// Continues with the frame due now, as a restarted device does; the frames before it are lost.
    fn recover(&mut self, fault: SourceFault) -> Result<(), SourceFault> {
        match fault {
            SourceFault::Xrun => {
                let due = self.pace.frames_due(self.clock.now());
                self.next_frame = due.min(self.length_frames()).max(self.next_frame);
                self.due_frames = self.next_frame;
                self.overrun = false;
                Ok(())
            }
            SourceFault::Suspended
            | SourceFault::Gone
            | SourceFault::Io(_)
            | SourceFault::Ended
            | SourceFault::NeverWaits => Err(fault),
        }
    }
}

/// A rate and a start time, which determine when each frame is due, in exact integers.
#[derive(Clone, Copy, Debug)]
struct Pace {
    begin: MonoNs,
    begin_frame: u64,
    /// Frames per million seconds.
    micro_hz: u64,
}

impl Pace {
    /// Nanoseconds in a million seconds.
    const SPAN_NS: u128 = NS_PER_S as u128 * PARTS as u128;

    fn new(rate: Hz, skew_ppm: i32) -> Self {
        let micro_hz = i64::from(rate.0) * (PARTS + i64::from(skew_ppm));
        Self { begin: MonoNs(0), begin_frame: 0, micro_hz: micro_hz as u64 }
    }

    /// Sets the time at which `frame` begins to `now`.
    fn start(&mut self, now: MonoNs, frame: u64) {
        self.begin = now;
        self.begin_frame = frame;
    }

    /// Returns the first nanosecond at which `frames` frames are complete.
    fn due_at(&self, frames: u64) -> MonoNs {
        let since_begin = u128::from(frames.saturating_sub(self.begin_frame));
        let ns = (since_begin * Self::SPAN_NS).div_ceil(u128::from(self.micro_hz));
        MonoNs(self.begin.0.saturating_add(u64::try_from(ns).unwrap_or(u64::MAX)))
    }

    /// Returns how many frames are complete at `now`.
    fn frames_due(&self, now: MonoNs) -> u64 {
        let frames = u128::from(now.since(self.begin)) * u128::from(self.micro_hz) / Self::SPAN_NS;
        self.begin_frame.saturating_add(u64::try_from(frames).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Channel 0 counts frames, channel 1 counts backwards.
    struct Counter(Option<u64>);

    impl Generator for Counter {
        fn channels(&self) -> ChannelCount {
            ChannelCount::STEREO
        }
        fn render(&mut self, first_frame: u64, out: &mut [i16]) {
            for (frame, out) in (first_frame..).zip(out.chunks_exact_mut(2)) {
                out.copy_from_slice(&[frame as i16, !(frame as i16)]);
            }
        }
        fn length_frames(&self) -> Option<u64> {
            self.0
        }
    }

    /// A clock that moves only by sleeping and by being set.
    #[derive(Clone, Default)]
    struct TestClock(Arc<AtomicU64>);

    impl TestClock {
        fn pass(&self, ns: u64) {
            self.0.fetch_add(ns, Ordering::Relaxed);
        }
    }

    impl PaceClock for TestClock {
        fn now(&self) -> MonoNs {
            MonoNs(self.0.load(Ordering::Relaxed))
        }
        fn sleep_until(&self, due: MonoNs) {
            self.0.fetch_max(due.0, Ordering::Relaxed);
        }
    }

    fn source(options: PaceOptions, length: Option<u64>) -> (PacedSource<Counter, TestClock>, TestClock) {
        let clock = TestClock::default();
        clock.pass(5_000_000_000);
        let mut source = PacedSource::with_clock(Counter(length), options, clock.clone()).unwrap();
        source.start().unwrap();
        (source, clock)
    }

    /// Reads as much as a wait allows; returns the counter's value in each frame.
    fn read_all(source: &mut PacedSource<Counter, TestClock>, mut frames: u32) -> Vec<i16> {
        let mut heard = Vec::new();
        while frames > 0 {
            let mut take = |bytes: &[u8]| {
                for frame in bytes.chunks_exact(4) {
                    heard.push(i16::from_le_bytes([frame[0], frame[1]]));
                }
            };
            match source.read(frames, &mut take).unwrap() {
                0 => break,
                read => frames -= read,
            }
        }
        heard
    }

    #[test]
    fn frames_come_when_their_time_has_come() {
        let (mut source, clock) = source(PaceOptions::default(), None);
        for period in 1..=1_000_u64 {
            let Ready::Frames(stamp) = source.wait() else { panic!("period {period} has frames") };
            assert_eq!((stamp.avail_frames, stamp.delay_frames), (128, 128));
            assert_eq!(stamp.at, clock.now());
            let ideal_ns = 5_000_000_000 + Hz(44_100).duration_ns(period * 128);
            assert!(stamp.at.0 - ideal_ns <= 1, "{} is due at {ideal_ns}", stamp.at.0);
            assert_eq!(read_all(&mut source, 128)[0], ((period - 1) * 128) as i16);
            clock.pass(period * 1_000);
        }
    }

    #[test]
    fn nothing_is_handed_out_twice_or_before_its_time() {
        let (mut source, _) = source(PaceOptions::default(), None);
        assert_eq!(source.read(128, &mut |_| panic!("nothing is due")), Ok(0));
        source.wait();
        assert_eq!(read_all(&mut source, 1_000).len(), 128);
    }

    #[test]
    fn a_late_reader_catches_up_in_order() {
        let (mut source, clock) = source(PaceOptions::default(), None);
        clock.pass(150_000_000);
        let Ready::Frames(stamp) = source.wait() else { panic!("150 ms fit the ring") };
        assert_eq!(stamp.avail_frames, 6_615);
        assert_eq!(read_all(&mut source, stamp.avail_frames), (0..6_615).collect::<Vec<i16>>());
    }

    #[test]
    fn a_reader_too_late_overruns_and_goes_on_with_what_is_due() {
        let (mut source, clock) = source(PaceOptions::default(), None);
        clock.pass(400_000_000);
        assert_eq!(source.wait(), Ready::Fault(SourceFault::Xrun));
        assert_eq!(source.wait(), Ready::Fault(SourceFault::Xrun), "until it is told to recover");
        assert_eq!(source.read(128, &mut |_| panic!("lost")), Err(SourceFault::Xrun));
        source.recover(SourceFault::Xrun).unwrap();
        assert!(matches!(source.wait(), Ready::Frames(_)));
        assert_eq!(read_all(&mut source, 128)[0], 17_640, "400 ms of frames are lost, no more and no less");
        assert_eq!(source.recover(SourceFault::Gone), Err(SourceFault::Gone));
    }

    #[test]
    fn a_recording_ends_with_its_last_frame() {
        let (mut source, _) = source(PaceOptions::default(), Some(200));
        let mut heard = Vec::new();
        while let Ready::Frames(stamp) = source.wait() {
            heard.extend(read_all(&mut source, stamp.avail_frames));
        }
        assert_eq!(heard, (0..200).collect::<Vec<i16>>());
        assert_eq!(source.wait(), Ready::Fault(SourceFault::Ended));
    }

    #[test]
    fn a_fast_crystal_brings_more_frames_a_second() {
        let (mut source, clock) = source(PaceOptions { skew_ppm: 200, ..PaceOptions::default() }, None);
        let mut frames = 0;
        while clock.now() < MonoNs(105_000_000_000) {
            let Ready::Frames(stamp) = source.wait() else { panic!("frames") };
            frames += read_all(&mut source, stamp.avail_frames).len();
        }
        assert!((4_410_882..4_410_882 + 128).contains(&frames), "{frames} frames in 100 s");
    }

    #[test]
    fn every_format_carries_the_same_samples() {
        for format in SampleFormat::ALL {
            let (mut source, _) = source(PaceOptions { format, ..PaceOptions::default() }, None);
            assert_eq!(source.layout().format(), format);
            source.wait();
            let mut out = [0; 256];
            source.read(128, &mut |bytes| assert_eq!(format.convert(bytes, &mut out), 256)).unwrap();
            assert!(
                (0..128).zip(out.chunks_exact(2)).all(|(n, frame)| frame == [n << 16, !n << 16]),
                "{}",
                format.name()
            );
        }
    }

    #[test]
    fn the_machines_clock_is_never_early() {
        let clock = SystemClock;
        let due = MonoNs(clock.now().0 + 300_000);
        clock.sleep_until(due);
        assert!(clock.now() >= due);
    }

    proptest! {
        #[test]
        fn a_frame_is_due_at_the_nanosecond_it_is_due(frames in 0_u64..1 << 44, skew_ppm in -100_000..=100_000_i32) {
            let mut pace = Pace::new(Hz(44_100), skew_ppm);
            pace.start(MonoNs(123), 0);
            let due = pace.due_at(frames);
            prop_assert_eq!(pace.frames_due(due), frames);
            if frames > 0 {
                prop_assert_eq!(pace.frames_due(due.minus(1)), frames - 1);
            }
        }
    }
}
