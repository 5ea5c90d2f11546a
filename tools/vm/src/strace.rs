//! Counts the system calls of one thread with strace, and parses strace's table.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The thread's system calls during `time`, by name.
///
/// # Errors
/// strace does not run.
pub fn calls(thread: u32, time: Duration) -> Result<BTreeMap<String, u64>, String> {
    let table = "/strace.txt";
    let mut strace = Command::new("/strace")
        .args(["-qq", "-c", "-o", table, "-p", &thread.to_string()])
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| format!("strace does not start: {error}"))?;
    std::thread::sleep(time);
    let interrupted = Command::new("/bin/busybox").args(["kill", "-INT", &strace.id().to_string()]).status();
    interrupted.and_then(|_| strace.wait()).map_err(|error| format!("strace does not end: {error}"))?;
    let text = std::fs::read_to_string(table).map_err(|error| format!("no table of strace's: {error}"))?;
    Ok(parse(&text))
}

/// Parses lines of `% time  seconds  usecs/call  calls  [errors]  syscall`, with a rule above and below.
fn parse(table: &str) -> BTreeMap<String, u64> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let calls = fields.get(3)?.parse().ok()?;
        let name = fields.last().filter(|name| **name != "total")?;
        Some(((*name).to_owned(), calls))
    };
    table.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                      60.00    0.001000           2       345         3 poll\n\
                      40.00    0.000500           1       690           ioctl\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                     100.00    0.001500           1      1035         3 total\n";
        assert_eq!(parse(table), BTreeMap::from([("poll".into(), 345), ("ioctl".into(), 690)]));
    }
}
