//! Measures which threads the sending thread delays. A probe with the priority of a real-time kernel's
//! interrupt thread, on the same processor, asks to be woken every millisecond and notes how late that was:
//! with the sending thread above it, and below it.

use std::fmt::Write as _;
use std::time::Duration;

/// Priority of every interrupt thread, unless it was raised (kernel/irq/manage.c: `sched_set_fifo`, half of
/// 100).
const INTERRUPT_PRIORITY: i32 = 50;
/// Priority of the sending thread above the interrupts, as it once was; the next line has one below them.
pub const ABOVE: i32 = 60;
pub const BELOW: i32 = 45;
const TICK_NS: u64 = 1_000_000;

/// The lateness of the probe's wake-ups, in microseconds.
#[derive(Default)]
pub struct Lateness {
    /// The values in ascending order.
    late_us: Vec<u32>,
}

impl Lateness {
    /// Adds the values of another round.
    pub fn join(&mut self, other: Self) {
        self.late_us.extend(other.late_us);
        self.late_us.sort_unstable();
    }

    /// Returns the value below which this share of all values lies.
    fn quantile_us(&self, share: f64) -> u32 {
        let place = (self.late_us.len() as f64 * share) as usize;
        self.late_us.get(place).or(self.late_us.last()).copied().unwrap_or(0)
    }
}

/// Moves a thread of another process to this processor and priority.
pub fn place(thread: i32, processor: usize, priority: i32) -> Result<(), String> {
    let schedule = libc::sched_param { sched_priority: priority };
    // SAFETY: each call reads one live value of the size it is given; the set is all zeros, which is an empty
    // set.
    let done = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(thread, size_of_val(&set), &raw const set) == 0
            && libc::sched_setscheduler(thread, libc::SCHED_FIFO, &raw const schedule) == 0
    };
    let error = std::io::Error::last_os_error;
    if done {
        Ok(())
    } else {
        Err(format!("placing a thread on processor {processor} at FIFO {priority}: {}", error()))
    }
}

/// Measures on this processor for this time.
pub fn watch(processor: usize, time: Duration) -> Result<Lateness, String> {
    let watching = std::thread::spawn(move || {
        place(0, processor, INTERRUPT_PRIORITY)?;
        let ticks = time.as_nanos() as u64 / TICK_NS;
        let mut late_us = Vec::with_capacity(ticks as usize);
        let mut due_ns = now_ns() + TICK_NS;
        let end_ns = now_ns() + time.as_nanos() as u64;
        while due_ns < end_ns {
            sleep_until(due_ns);
            let woke_ns = now_ns();
            late_us.push((woke_ns.saturating_sub(due_ns) / 1000) as u32);
            due_ns = woke_ns.max(due_ns) + TICK_NS;
        }
        Ok(Lateness { late_us })
    });
    watching.join().map_err(|_| "the probe panicked".to_owned())?
}

/// Writes a table of both priorities, with their ratio.
pub fn table(listeners: usize, above: &Lateness, below: &Lateness) -> String {
    let mut text = format!(
        "{listeners} listeners; a probe at FIFO {INTERRUPT_PRIORITY} on the processor of the thread that sends was woken late by\n\
         {:>10} {:>18} {:>18} {:>8}\n",
        "us",
        format!("sends at {ABOVE}"),
        format!("sends at {BELOW}"),
        "ratio"
    );
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        let [above, below] = [above, below].map(|lateness| lateness.quantile_us(share));
        let ratio = f64::from(above.max(1)) / f64::from(below.max(1));
        writeln!(text, "{name:>10} {above:>18} {below:>18} {ratio:>8.1}")
            .expect("a string can be written to");
    }
    text
}

fn now_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the timespec lives through the call, which fills it.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn sleep_until(due_ns: u64) {
    let due =
        libc::timespec { tv_sec: (due_ns / 1_000_000_000) as _, tv_nsec: (due_ns % 1_000_000_000) as _ };
    // SAFETY: the timespec lives through the call; the remaining time is not asked for.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const due,
            std::ptr::null_mut(),
        )
    };
}
