//! The capture thread, observed from outside.

use crate::proc::{self, FIFO, Scheduling};
use crate::service::Service;
use crate::strace;
use crate::tap::{Verdict, require};
use std::fmt::Write;
use std::time::Duration;

const CAPTURE: &str = "capture";
/// The calls that the thread may make (docs/design/real-time.md), with the maximum number per period.
const ALLOWED: [(&str, f64); 3] = [("poll", 1.0), ("ioctl", 1.0), ("write", 1.0)];
/// Length of the trace.
const TRACE_TIME: Duration = Duration::from_secs(5);
/// A wait that ends without a period (counted as a time-out) makes its calls, too; and the trace does not
/// begin with a period.
const SLACK: f64 = 0.1;

/// The thread's priority as the kernel reports it, not only the service.
pub fn priority() -> Verdict {
    let service = Service::playing()?;
    let (_, held) = proc::thread(service.pid(), CAPTURE)?;
    require(held == Scheduling { policy: FIFO, priority: 70 }, || format!("the kernel says {held:?}"))?;
    let (_, others) = proc::thread(service.pid(), "synthwire")?;
    require(others.policy != FIFO, || "the main thread is real-time, too".into())?;
    let said = service.status()?["capture"]["real_time"].clone();
    require(said["fifo_priority"] == 70, || format!("the service says {said}"))?;
    let locked_kib = proc::status_number(service.pid(), "VmLck").unwrap_or(0);
    require(locked_kib >= 1024, || format!("{locked_kib} KiB are locked; the service says {said}"))?;
    require(said["refusals"].as_array().is_some_and(Vec::is_empty), || format!("refused: {said}"))?;
    Ok(format!("{locked_kib} KiB locked; {said}"))
}

/// System calls during some seconds of capture from the card's own PCM.
pub fn system_calls() -> Verdict {
    let service = Service::playing()?;
    let (thread, _) = proc::thread(service.pid(), CAPTURE)?;
    let count = |key: &str| Ok::<_, String>(service.status()?["stream"][key].as_u64().unwrap_or(0));
    let (periods, timeouts) = (count("periods")?, count("timeouts")?);
    let mut calls = strace::calls(thread, TRACE_TIME)?;
    calls.remove("restart_syscall"); // the rest of the wait that strace interrupted
    let (periods, timeouts) = (count("periods")? - periods, count("timeouts")? - timeouts);
    let mut table = format!("{periods} periods, {timeouts} waits without one");
    let per_period = |calls: u64| calls as f64 / periods.max(1) as f64;
    for (name, calls) in &calls {
        let _ = write!(table, "\n{name:<16} {:>6.3} a period", per_period(*calls));
    }
    require(periods > 0 && !calls.is_empty(), || format!("nothing was traced: {table}"))?;
    let idle = per_period(timeouts);
    for (name, calls) in &calls {
        let most =
            ALLOWED.iter().find(|(allowed, _)| allowed == name).map(|(_, most)| most * (1.0 + idle) + SLACK);
        let most = most.ok_or_else(|| format!("it may not call {name}: {table}"))?;
        require(per_period(*calls) <= most, || format!("too many calls of {name}: {table}"))?;
    }
    Ok(table)
}
