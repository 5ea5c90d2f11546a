//! Resources of processes: processor time and memory, from /proc.

use std::collections::{BTreeMap, HashMap};
use std::fs;

/// Processor time and memory of a process, alone or with all its descendants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time since the start, seconds.
    pub cpu_s: f64,
    /// Resident memory, MiB.
    pub rss_mib: f64,
}

/// The usage of one process.
pub fn of_process(pid: i32) -> Usage {
    processes().get(&pid).map_or_else(Usage::default, |p| p.usage)
}

/// The usage of a process and everything that it started.
pub fn of_tree(root: i32) -> Usage {
    let all = processes();
    all.iter().filter(|(pid, _)| descends(&all, **pid, root)).fold(Usage::default(), |sum, (_, process)| {
        Usage { cpu_s: sum.cpu_s + process.usage.cpu_s, rss_mib: sum.rss_mib + process.usage.rss_mib }
    })
}

/// Processor time of the threads of a process and of everything it started, by thread name, seconds.
pub fn of_threads(root: i32) -> BTreeMap<String, f64> {
    let all = processes();
    let mut threads = BTreeMap::new();
    for pid in all.keys().filter(|pid| descends(&all, **pid, root)) {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let read = |file: &str| fs::read_to_string(task.path().join(file)).ok();
            // The scheduler's own statistics are in nanoseconds; worklets use less than one tick of
            // /proc/PID/stat per second.
            let cpu_ns = read("schedstat").and_then(|stat| stat.split(' ').next()?.parse::<f64>().ok());
            if let (Some(name), Some(cpu_ns)) = (read("comm"), cpu_ns) {
                *threads.entry(name.trim_end().to_owned()).or_insert(0.0) += cpu_ns / 1e9;
            }
        }
    }
    threads
}

/// The threads of a process with this name.
pub fn threads_named(pid: i32, name: &str) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name))
        .filter_map(|task| task.file_name().to_str()?.parse().ok())
        .collect()
}

struct Process {
    parent: i32,
    usage: Usage,
}

fn processes() -> HashMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| Some((pid, parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect()
}

fn descends(all: &HashMap<i32, Process>, pid: i32, root: i32) -> bool {
    let mut at = pid;
    while at != root {
        match all.get(&at) {
            Some(process) if process.parent > 0 => at = process.parent,
            _ => return false,
        }
    }
    true
}

/// Parses a line of /proc/PID/stat. The name in it may contain spaces and brackets (proc(5)).
fn parse(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
    let number = |field: usize| fields.get(field - 3)?.trim().parse::<f64>().ok();
    // SAFETY: sysconf only reads constants of the system.
    let (ticks, page) = unsafe { (libc::sysconf(libc::_SC_CLK_TCK), libc::sysconf(libc::_SC_PAGESIZE)) };
    let usage = Usage {
        cpu_s: (number(14)? + number(15)?) / ticks as f64,
        rss_mib: number(24)? * page as f64 / (1024.0 * 1024.0),
    };
    Some(Process { parent: number(4)? as i32, usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "12 (a) b (c) S 7 1 1 0 -1 0 0 0 0 0 250 150 0 0 20 0 1 0 100 1000 256 0";
        let process = parse(stat).unwrap();
        assert_eq!((process.parent, process.usage.cpu_s), (7, 4.0));
        assert!((process.usage.rss_mib - 1.0).abs() < 1e-9);
        assert!(parse("nonsense").is_none());
    }

    #[test]
    fn a_busy_thread_is_found_by_its_name() {
        let busy = || {
            let until = std::time::Instant::now() + std::time::Duration::from_millis(30);
            while std::time::Instant::now() < until {}
            let pid = std::process::id() as i32;
            (threads_named(pid, "busy-bee").len(), of_threads(pid)["busy-bee"])
        };
        let (found, cpu_s) =
            std::thread::Builder::new().name("busy-bee".into()).spawn(busy).unwrap().join().unwrap();
        assert_eq!(found, 1);
        assert!(cpu_s > 0.005, "{cpu_s}");
    }

    #[test]
    fn this_process_is_in_its_own_tree_and_uses_memory() {
        let pid = std::process::id() as i32;
        assert!(of_process(pid).rss_mib > 0.5);
        assert!(of_tree(pid).rss_mib >= of_process(pid).rss_mib * 0.5);
    }
}
