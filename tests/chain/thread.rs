//! Stops or traces one thread of a running service, as a debugger does; the other threads continue.

use crate::service::Service;
use nix::libc;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

/// The kernel's number of the thread with this name; the first thread has the program's name.
pub(crate) fn number_of(service: &Service, name: &str) -> i32 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", service.child.id())).unwrap();
    let named = |task: &std::fs::DirEntry| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    };
    let task = tasks.map(Result::unwrap).find(named).unwrap_or_else(|| panic!("there is no thread {name}"));
    task.file_name().to_str().unwrap().parse().unwrap()
}

/// Asks the kernel for something about a traced thread.
fn trace(request: libc::c_uint, thread: i32, address: usize, word: usize) -> i64 {
    // SAFETY: the requests used here touch no memory of this process except the buffer of GET_SYSCALL_INFO;
    // the caller owns that buffer and passes its length.
    let answer = unsafe {
        libc::ptrace(request as _, thread, address as *mut libc::c_void, word as *mut libc::c_void)
    };
    assert!(answer >= 0, "ptrace {request:#x}: {}", std::io::Error::last_os_error());
    answer
}

/// Waits until a traced thread has stopped, and returns its status.
fn stopped(thread: i32) -> i32 {
    let mut status = 0;
    // SAFETY: `status` lives through the call that fills it.
    let waited = unsafe { libc::waitpid(thread, &raw mut status, libc::__WALL) };
    assert!(waited == thread && libc::WIFSTOPPED(status), "{thread} is gone: {status:#x}");
    status
}

fn seize(thread: i32, options: i32) {
    trace(libc::PTRACE_SEIZE as _, thread, 0, options as usize);
    trace(libc::PTRACE_INTERRUPT as _, thread, 0, 0);
    stopped(thread);
}

/// A thread that stays stopped until this value is dropped. The thread that created the value must drop it
/// before its service.
pub(crate) struct Held(i32);

impl Held {
    pub(crate) fn still(thread: i32) -> Self {
        seize(thread, 0);
        Self(thread)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        trace(libc::PTRACE_DETACH as _, self.0, 0, 0);
    }
}

/// A thread whose system calls are recorded.
pub(crate) struct Watched {
    enough: Arc<AtomicBool>,
    watching: JoinHandle<BTreeSet<i64>>,
}

impl Watched {
    pub(crate) fn from_now_on(thread: i32) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        let (begun, has_begun) = std::sync::mpsc::channel();
        let watching = std::thread::spawn(move || {
            seize(thread, libc::PTRACE_O_TRACESYSGOOD);
            begun.send(()).unwrap();
            let mut calls = BTreeSet::new();
            let mut signal = 0;
            while !told.load(Relaxed) {
                trace(libc::PTRACE_SYSCALL as _, thread, 0, signal as usize);
                signal = match libc::WSTOPSIG(stopped(thread)) {
                    stop if stop == libc::SIGTRAP | 0x80 => {
                        calls.extend(entered(thread));
                        0
                    }
                    libc::SIGTRAP => 0,
                    other => other,
                };
            }
            trace(libc::PTRACE_DETACH as _, thread, 0, signal as usize);
            calls
        });
        has_begun.recv().unwrap();
        Self { enough, watching }
    }

    /// The numbers of the calls that the thread has made.
    pub(crate) fn calls(self) -> BTreeSet<i64> {
        self.enough.store(true, Relaxed);
        self.watching.join().unwrap()
    }
}

/// The system call at whose entry the thread stopped; None at an exit.
fn entered(thread: i32) -> Option<i64> {
    // Fields of the kernel's `struct ptrace_syscall_info`: the kind of stop (1: entry) is in the first byte,
    // the call number at 24.
    const ENTERED: u8 = 1;
    const NUMBER_AT: usize = 24;
    let mut info = [0_u8; 88];
    let address = info.as_mut_ptr() as usize;
    trace(libc::PTRACE_GET_SYSCALL_INFO as _, thread, info.len(), address);
    let number = i64::from_ne_bytes(info[NUMBER_AT..NUMBER_AT + 8].try_into().unwrap());
    (info[0] == ENTERED).then_some(number)
}

#[test]
fn a_watched_thread_tells_what_it_asks_of_the_kernel() {
    let service = Service::playing(&["--source", "exact:music"]);
    let capture = Watched::from_now_on(number_of(&service, "capture"));
    std::thread::sleep(std::time::Duration::from_millis(200)); // a few dozen periods
    let calls = capture.calls();
    assert!(calls.contains(&libc::SYS_clock_nanosleep) && calls.contains(&libc::SYS_write), "{calls:?}");
    // The rule of src/rt/mod.rs, seen from outside: only a wait and a wake-up.
    assert_eq!(calls.len(), 2, "{calls:?}");
}

/// System calls that a thread which carries sound must never make: those for files and other threads.
pub(crate) const FORBIDDEN: [(&str, i64); 12] = [
    ("openat", libc::SYS_openat),
    ("fsync", libc::SYS_fsync),
    ("fdatasync", libc::SYS_fdatasync),
    ("renameat", libc::SYS_renameat),
    ("renameat2", libc::SYS_renameat2),
    ("unlinkat", libc::SYS_unlinkat),
    ("mkdirat", libc::SYS_mkdirat),
    ("ftruncate", libc::SYS_ftruncate),
    ("statx", libc::SYS_statx),
    ("clone", libc::SYS_clone),
    ("clone3", libc::SYS_clone3),
    ("connect", libc::SYS_connect),
];
