//! Resources of processes and threads, from /proc, and the priority of the measured threads.

use std::fs;

/// The default priority of the service's fan-out thread.
const FAN_OUT_PRIORITY: i32 = 45;

/// A process's resources at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time of the named thread, s.
    pub thread_s: f64,
    /// Processor time of all threads, s.
    pub process_s: f64,
    /// Resident memory, KiB.
    pub rss_kib: f64,
}

/// The resources of a process, and of its thread called `name`.
pub fn of(pid: u32, name: &str) -> Usage {
    let mut usage = Usage::default();
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let cpu_s =
            read("schedstat").split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9;
        usage.process_s += cpu_s;
        if read("comm").trim_end() == name {
            usage.thread_s += cpu_s;
        }
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    usage.rss_kib = rss.and_then(|rss| rss.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0.0);
    usage
}

/// The kernel's number of a process's thread called `name`.
pub fn thread(pid: u32, name: &str) -> Result<i32, String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let named = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    };
    let mut numbers = tasks.filter(named).filter_map(|task| task.file_name().to_str()?.parse().ok());
    numbers.next().ok_or_else(|| format!("the service has no thread {name}"))
}

/// Processor time of the calling thread.
pub fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec to the address of a live one.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Gives the calling thread the priority of the service's fan-out thread, if permitted.
pub fn become_real_time() {
    let parameter = libc::sched_param { sched_priority: FAN_OUT_PRIORITY };
    // SAFETY: the parameter lives through the call, which only reads it.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameter) } != 0 {
        eprintln!("fanout: the bare loop has no real-time priority: {}", std::io::Error::last_os_error());
    }
}
