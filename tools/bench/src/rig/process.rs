//! Processes that the rig starts. Each has its own process group, which ends with it; all end when the bench
//! dies, in any way.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Maximum time for a process to end after SIGTERM.
const END_TIME: Duration = Duration::from_secs(2);

/// A running process, which is ended when the value is dropped.
pub struct Running {
    name: String,
    child: Child,
}

impl Running {
    /// Starts `command`. Call this from the thread that lives longest, because the kernel ends the child with
    /// that thread.
    pub fn start(name: &str, command: &mut Command) -> Result<Self, String> {
        command.process_group(0);
        // SAFETY: prctl is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|e| {
            format!("starting {name} ({program}): {e}; is its package installed (scripts/setup.sh)?")
        })?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// Process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The child, with the pipes that were requested at the start.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Returns an error if the process has already ended.
    pub fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(format!("{} ended by itself: {status}", self.name)),
            _ => Ok(()),
        }
    }

    fn end(&mut self) {
        let group = -self.pid();
        // SAFETY: kill gets our own child's group id; the child is not reaped yet, so the id is still its
        // own.
        unsafe { libc::kill(group, libc::SIGTERM) };
        let deadline = Instant::now() + END_TIME;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        // SAFETY: as above; group members that outlive their leader keep the group id in use.
        unsafe { libc::kill(group, libc::SIGKILL) };
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Gives a process (or, with 0, the calling thread) a real-time priority. Returns `false` if that was
/// refused.
pub fn make_real_time(pid: i32, policy: i32, priority: i32) -> bool {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: the parameter lives through the call, which only reads it.
    unsafe { libc::sched_setscheduler(pid, policy, &raw const parameter) == 0 }
}

/// A command that runs with round-robin real-time priority, if this user may have one.
pub fn real_time_command(program: &str, priority: i32) -> Command {
    let allowed = Command::new("chrt")
        .args(["-r", &priority.to_string(), "true"])
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !allowed {
        return Command::new(program);
    }
    let mut command = Command::new("chrt");
    command.args(["-r", &priority.to_string(), program]);
    command
}
