//! The kernel's information about a process: its threads, their scheduling, its resources. Pure functions
//! from text to numbers, except that [`thread`] and [`Held::of`] read the files.

use std::fs;

/// The scheduling of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduling {
    /// 1 is `SCHED_FIFO`.
    pub policy: u32,
    /// 1 to 99.
    pub priority: u32,
}

/// `SCHED_FIFO`.
pub const FIFO: u32 = 1;

impl Scheduling {
    /// Parses `/proc/PID/task/TID/stat`: fields 40 and 41, counted after the name, which may contain
    /// anything.
    fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(37);
        Some(Self { priority: fields.next()?.parse().ok()?, policy: fields.next()?.parse().ok()? })
    }
}

/// The thread of `process` with this name, and its scheduling.
///
/// # Errors
/// There is no such thread.
pub fn thread(process: u32, name: &str) -> Result<(u32, Scheduling), String> {
    let folder = format!("/proc/{process}/task");
    let tasks = fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
    for task in tasks.flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if read("comm").trim() == name
            && let Some(scheduling) = Scheduling::parse(&read("stat"))
            && let Some(id) = task.file_name().to_str().and_then(|id| id.parse().ok())
        {
            return Ok((id, scheduling));
        }
    }
    Err(format!("process {process} has no thread called {name}"))
}

/// A number of `/proc/PID/status`, such as `VmLck`.
pub fn status_number(process: u32, key: &str) -> Option<u64> {
    number(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, key)
}

fn number(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The resources of a process, which show whether it gives back what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Open files.
    pub files: usize,
    /// Threads.
    pub threads: u64,
    /// Memory in use, KiB.
    pub memory_kib: u64,
}

impl Held {
    /// The current resources of a process.
    pub fn of(process: u32) -> Self {
        Self {
            files: fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count),
            threads: status_number(process, "Threads").unwrap_or(0),
            memory_kib: status_number(process, "VmRSS").unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let fields: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        let stat = format!("12 (a) name)) {}", fields.join(" "));
        assert_eq!(Scheduling::parse(&stat), Some(Scheduling { priority: 40, policy: 41 }));
        assert_eq!(Scheduling::parse("12 (short) S 1"), None);
        assert_eq!(number("VmLckX:\t3 kB\nVmLck:\t     812 kB\n", "VmLck"), Some(812));
    }
}
