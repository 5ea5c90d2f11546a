//! Checks the rules of the capture thread (`src/rt/mod.rs`): once it runs it allocates no memory, in Rust or
//! in C.
//!
//! The test program brings its own `malloc`. Calls from Rust and from alsa-lib both pass through it, and are
//! counted while the calling thread is watched. `make bench-rt` lists the system calls; it needs strace.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use synthwire::core::convert::SampleFormat;
use synthwire::core::layout::{DeviceAnswer, Layout};
use synthwire::core::timeline::Timeline;
use synthwire::rt::capture_loop::{CaptureLoop, Exit, Step};
use synthwire::rt::counters::{Controls, Counters};
use synthwire::rt::ring::{HandoffReader, handoff};
use synthwire::source::alsa::{AlsaSource, DeviceRequest};
use synthwire::source::demo::Demo;
use synthwire::source::paced::{PaceOptions, PacedSource};
use synthwire::source::{Clock, Ready, Source, SourceFault, Stamp};
use synthwire::units::{Hz, MonoNs};

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static COUNTED: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    if WATCHED.get() {
        COUNTED.set(COUNTED.get() + 1);
    }
}

mod counted {
    //! glibc's allocator under its public names, with a counter.
    use super::{c_int, c_void, count};

    unsafe extern "C" {
        fn __libc_malloc(size: usize) -> *mut c_void;
        fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
        fn __libc_realloc(old: *mut c_void, size: usize) -> *mut c_void;
        fn __libc_free(old: *mut c_void);
        fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    }

    // SAFETY (all of them): the arguments go unchanged to the function that glibc itself provides under this
    // name; counting uses only two thread-locals, which need neither memory nor a destructor.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
        count();
        unsafe { __libc_malloc(size) }
    }
    #[unsafe(no_mangle)]
    unsafe extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
        count();
        unsafe { __libc_calloc(number, size) }
    }
    #[unsafe(no_mangle)]
    unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
        count();
        unsafe { __libc_realloc(old, size) }
    }
    #[unsafe(no_mangle)]
    unsafe extern "C" fn free(old: *mut c_void) {
        if !old.is_null() {
            count();
        }
        unsafe { __libc_free(old) }
    }
    #[unsafe(no_mangle)]
    unsafe extern "C" fn posix_memalign(to: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
        count();
        let memory = unsafe { __libc_memalign(alignment, size) };
        unsafe { to.write(memory) };
        if memory.is_null() { 12 } else { 0 }
    }
    #[unsafe(no_mangle)]
    unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
        count();
        unsafe { __libc_memalign(alignment, size) }
    }
}

/// Allocations and frees of this thread while `work` ran.
fn counted<T>(work: impl FnOnce() -> T) -> (u64, T) {
    COUNTED.set(0);
    WATCHED.set(true);
    let result = work();
    WATCHED.set(false);
    (COUNTED.get(), result)
}

/// A device that shows every behaviour: frames, more frames than a period, overruns, suspends, silence.
struct Scripted {
    turn: u32,
    avail_frames: u32,
    now: MonoNs,
    memory: [u8; 8 * 3 * 512],
}

impl Scripted {
    fn new() -> Self {
        Self { turn: 0, avail_frames: 0, now: MonoNs(1), memory: [7; 8 * 3 * 512] }
    }
}

impl Source for Scripted {
    fn layout(&self) -> Layout {
        let answer = DeviceAnswer {
            rate_hz: 44_100,
            channels: 8,
            format: SampleFormat::S24Le3,
            period_frames: 128,
            buffer_frames: 8192,
        };
        Layout::new(answer).unwrap()
    }
    fn clock(&self) -> Clock {
        Clock::Crystal
    }
    fn start(&mut self) -> Result<(), SourceFault> {
        Ok(())
    }
    fn wait(&mut self) -> Ready {
        self.turn += 1;
        self.now.0 += 2_902_494;
        match self.turn % 97 {
            13 => return Ready::Fault(SourceFault::Xrun),
            29 => return Ready::Fault(SourceFault::Suspended),
            43 => return Ready::Timeout,
            _ => {}
        }
        self.avail_frames = if self.turn.is_multiple_of(7) { 300 } else { 128 };
        Ready::Frames(Stamp {
            at: self.now,
            avail_frames: self.avail_frames,
            delay_frames: self.avail_frames,
        })
    }
    fn read(&mut self, frames: u32, take: &mut dyn FnMut(&[u8])) -> Result<u32, SourceFault> {
        let now = frames.min(100).min(self.avail_frames); // the device's own ring wraps
        take(&self.memory[..now as usize * 24]);
        self.avail_frames -= now;
        Ok(now)
    }
    fn recover(&mut self, _: SourceFault) -> Result<(), SourceFault> {
        Ok(())
    }
}

/// A started capture loop on `source`, with its reader and its counters.
fn capture(source: Box<dyn Source>) -> (CaptureLoop, HandoffReader, Arc<Counters>, Arc<Controls>) {
    let (writer, reader) = handoff().unwrap();
    let (counters, controls) = (Arc::new(Counters::new()), Arc::new(Controls::default()));
    let timeline = Timeline::new(Hz(44_100));
    let capture = CaptureLoop::new(source, timeline, writer, Arc::clone(&counters), Arc::clone(&controls));
    (capture, reader, counters, controls)
}

fn drain(reader: &mut HandoffReader) {
    while reader.next(&mut |_, _| ()) {}
}

#[test]
fn the_counter_sees_rust_and_c() {
    let (rust, boxed) = counted(|| std::hint::black_box(Box::new(5)));
    assert_eq!(rust, 1, "{boxed}");
    // alsa-lib allocates when it opens a device. This call shows that such allocations are counted; without
    // that, the test below proves nothing.
    let (in_c, pcm) = counted(|| alsa::PCM::new("null", alsa::Direction::Capture, true));
    assert!(in_c > 10, "{in_c} allocations in opening a PCM");
    drop(pcm);
}

#[test]
fn no_step_of_the_capture_loop_allocates_whatever_the_device_does() {
    let (mut capture, mut reader, counters, controls) = capture(Box::new(Scripted::new()));
    for round in 0..2_000_u32 {
        controls.first_channel.store((round / 50 % 7) as u16, Relaxed);
        let (allocations, step) = counted(|| capture.step());
        assert_eq!(allocations, 0, "round {round}: {step:?}");
        assert!(!matches!(step, Step::Ended(_)), "round {round}: {step:?}");
        if round % 1_000 < 500 {
            drain(&mut reader); // otherwise it fills up, and periods are dropped
        }
    }
    let causes = ["capture_xrun", "device_gone", "handoff_full"];
    for cause in synthwire::core::cause::Cause::ALL {
        if causes.contains(&cause.name()) {
            assert!(counters.losses(cause).0 > 0, "the script met {}", cause.name());
        }
    }
    controls.stop();
    let (allocations, step) = counted(|| capture.step());
    assert_eq!((allocations, step), (0, Step::Ended(Exit::Stopped)));
}

#[test]
fn the_demo_plays_without_allocating() {
    let source = PacedSource::new(Demo::new(), PaceOptions::default()).unwrap();
    let (mut capture, mut reader, _, controls) = capture(Box::new(source));
    let stopper = std::thread::spawn(move || {
        for _ in 0..400 {
            std::thread::park_timeout(std::time::Duration::from_millis(5));
            drain(&mut reader);
        }
        controls.stop();
    });
    let (allocations, exit) = counted(|| capture.run());
    assert_eq!((allocations, exit), (0, Exit::Stopped));
    stopper.join().unwrap();
}

#[test]
fn alsa_lib_itself_does_not_allocate_while_frames_flow() {
    // The null PCM has no pace, which makes the test harder; all of its path is alsa-lib's own mmap code. The service refuses it for
    // that, but it has started all the same.
    let source = AlsaSource::open("null", DeviceRequest { period_frames: 128, channels: Some(2) }).unwrap();
    let (mut capture, mut reader, counters, _) = capture(Box::new(source));
    assert_eq!(capture.start(), Err(SourceFault::NeverWaits));
    for round in 0..2_000 {
        let (allocations, step) = counted(|| capture.step());
        assert_eq!(allocations, 0, "round {round}: {step:?}");
        drain(&mut reader);
    }
    assert!(counters.periods.load(Relaxed) > 1_000);
}
