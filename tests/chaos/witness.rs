//! Detects whether the machine itself stalled. One thread per processor asks to be woken every millisecond,
//! with a priority above all threads of the service if permitted. When even this thread is late, nothing ran
//! on that processor.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use synthwire::clock::mono_raw_now;
use synthwire::rt::thread::{RtRequest, become_prompt};

/// Above the priority of the capture thread.
const PRIORITY: u8 = 80;
const WAKE_EVERY: Duration = Duration::from_millis(1);
/// Minimum lateness of a wake-up that counts as a freeze, ns.
const LATE_NS: u64 = 5_000_000;

/// Start and end of a stall of one processor, by the service's clock, ns.
pub(crate) type Freeze = (u64, u64);

/// The threads that watch the processors.
pub(crate) struct Witnesses {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Freeze>>>,
}

impl Witnesses {
    /// Starts one thread per processor.
    pub(crate) fn begin() -> Self {
        let stop = Arc::<AtomicBool>::default();
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let watch = |processor| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || watch(processor, &stop))
        };
        let threads = (0..processors).map(watch).collect();
        Self { stop, threads }
    }

    /// Stops the threads and returns the freezes they saw.
    pub(crate) fn end(self) -> Vec<Freeze> {
        self.stop.store(true, Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().expect("it only sleeps")).collect()
    }
}

fn watch(processor: usize, stop: &AtomicBool) -> Vec<Freeze> {
    let mut only = CpuSet::new();
    let _ = only.set(processor).and_then(|()| sched_setaffinity(Pid::from_raw(0), &only));
    become_prompt(RtRequest { priority: PRIORITY, cpu: None }); // a refusal here affects the service, too
    let (mut freezes, mut last) = (Vec::new(), mono_raw_now());
    while !stop.load(Relaxed) {
        thread::sleep(WAKE_EVERY);
        let now = mono_raw_now();
        if now.since(last) > LATE_NS {
            freezes.push((last.0, now.0));
        }
        last = now;
    }
    freezes
}

/// Returns the time for which the most affected processor was frozen within a time span, ns.
pub(crate) fn frozen_ns(freezes: &[Freeze], (from_ns, to_ns): (u64, u64)) -> u64 {
    let within = |&(began, ended): &Freeze| ended.min(to_ns).saturating_sub(began.max(from_ns));
    freezes.iter().map(within).max().unwrap_or(0)
}
