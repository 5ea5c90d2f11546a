//! The kernel's figures on this process: read from `/proc`, which never blocks. Unknown figures are left out.

use std::fs;

/// Figures of the process at one moment.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) resident_bytes: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) open_files: Option<u64>,
    /// CPU time of all its threads.
    pub(super) cpu_ns: Option<u64>,
    /// CPU time of the capture thread.
    pub(super) capture_cpu_ns: Option<u64>,
}

/// Reads the figures of this process; `capture_thread` is the kernel's ID of that thread, if it runs.
pub(super) fn look(capture_thread: Option<i32>) -> Process {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cpu_of =
        |thread: &str| cpu_ns(&fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?);
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let all = threads.filter_map(|thread| cpu_of(thread.file_name().to_str()?)).sum();
    Process {
        resident_bytes: field(&status, "VmRSS:").map(|kib| kib * 1024),
        threads: field(&status, "Threads:"),
        open_files: fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64),
        cpu_ns: Some(all),
        capture_cpu_ns: capture_thread.and_then(|thread| cpu_of(&thread.to_string())),
    }
}

/// Returns the number after a name in `/proc/self/status`.
fn field(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Returns the CPU time in nanoseconds, which is the first number of `schedstat`.
fn cpu_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_name() {
        let status = "Name:\tsynthwire\nVmRSS:\t   12044 kB\nThreads:\t5\n";
        assert_eq!(
            (field(status, "VmRSS:"), field(status, "Threads:"), field(status, "None:")),
            (Some(12044), Some(5), None)
        );
        assert_eq!(cpu_ns("81432 995 3\n"), Some(81432));
        assert_eq!(cpu_ns(""), None);
    }

    #[test]
    fn this_process_is_seen() {
        let seen = look(Some(i32::try_from(std::process::id()).unwrap()));
        assert!(seen.resident_bytes.is_some_and(|bytes| bytes > 100_000) && seen.open_files.is_some());
        assert!(seen.capture_cpu_ns.is_some() && look(None).capture_cpu_ns.is_none());
    }
}
