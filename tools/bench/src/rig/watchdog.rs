//! The watchdog: one thread per processor asks, at the highest priority, to be woken every millisecond, and
//! notes when the machine failed to do so. While it runs it allocates and writes nothing; the notes are read
//! at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use listening::freeze::{Freeze, LATE_MS};

use super::process::make_real_time;

const TICK_NS: u64 = 1_000_000;
/// A priority above all that the service and the rig use.
const PRIORITY: i32 = 90;
/// Maximum number of freezes noted per processor; a run with more is void in any case.
const NOTES_MAX: usize = 65_536;

/// The running watchdog.
pub struct Watchdog {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Freeze>>>,
    /// True if every thread got its real-time priority. Without it, "late" may only mean "busy".
    pub real_time: bool,
}

impl Watchdog {
    /// Starts one thread on each processor.
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let (told, refused) = std::sync::mpsc::channel();
        let threads = (0..processors)
            .map(|processor| {
                let (stop, told) = (stop.clone(), told.clone());
                std::thread::spawn(move || {
                    pin(processor);
                    let _ = told.send(make_real_time(0, libc::SCHED_FIFO, PRIORITY));
                    watch(processor, &stop)
                })
            })
            .collect();
        let real_time = (0..processors).all(|_| refused.recv().unwrap_or(false));
        Self { stop, threads, real_time }
    }

    /// Stops the watchdog and returns all freezes since the start, in order of time.
    pub fn finish(mut self) -> Vec<Freeze> {
        self.stop.store(true, Ordering::Relaxed);
        let mut freezes: Vec<Freeze> = self
            .threads
            .drain(..)
            .flat_map(|thread| thread.join().expect("the watchdog does not panic"))
            .collect();
        freezes.sort_by_key(|freeze| freeze.due_ns);
        freezes
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The time of `CLOCK_MONOTONIC` in nanoseconds; all timestamps of the bench use this clock.
pub fn now_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the timespec lives through the call, which fills it.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn watch(processor: usize, stop: &AtomicBool) -> Vec<Freeze> {
    let mut freezes = Vec::with_capacity(NOTES_MAX);
    let mut due_ns = now_ns() + TICK_NS;
    while !stop.load(Ordering::Relaxed) {
        sleep_until(due_ns);
        let woke_ns = now_ns();
        if woke_ns.saturating_sub(due_ns) as f64 > LATE_MS * 1e6 && freezes.len() < NOTES_MAX {
            freezes.push(Freeze { due_ns, woke_ns, processor });
        }
        due_ns = (due_ns + TICK_NS).max(woke_ns);
    }
    freezes
}

fn sleep_until(due_ns: u64) {
    let due =
        libc::timespec { tv_sec: (due_ns / 1_000_000_000) as i64, tv_nsec: (due_ns % 1_000_000_000) as i64 };
    // SAFETY: the timespec lives through the call; no remainder is asked for with an absolute time.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const due,
            std::ptr::null_mut(),
        );
    }
}

fn pin(processor: usize) {
    // SAFETY: the set is plain memory that lives through the call; all zeros are an empty set.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}
