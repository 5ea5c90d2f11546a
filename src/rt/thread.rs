//! Makes the calling thread real-time: locks the memory it will touch, then asks for `SCHED_FIFO`.
//!
//! Locks only three things: the thread's stack, the hand-off ring, and the code of the program and its libraries. It does
//! not lock the whole process, because listeners' buffers may be paged out as usual. Refusals are reported, never fatal.

use super::ring::Area;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id, thread_schedule_policy_param,
};

/// Stack of the capture thread: it needs a few KiB, alsa-lib's plugins some tens.
pub const STACK_BYTES: usize = 512 * 1024;
/// Bytes of the stack that are locked and touched.
const STACK_LOCKED_BYTES: usize = 256 * 1024;

/// The real-time properties a thread got.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RtState {
    /// `SCHED_FIFO` priority held, read back from the kernel; `None` when refused.
    pub fifo_priority: Option<i32>,
    /// Bytes of stack, ring and code locked in memory.
    pub locked_bytes: usize,
    /// The rights that the kernel refused, each with a remedy, in plain words.
    pub refusals: Vec<String>,
}

/// The real-time properties to ask for.
#[derive(Clone, Copy, Debug)]
pub struct RtRequest {
    /// Priority, 1 to 99; 0 asks for no real-time scheduling.
    pub priority: u8,
    /// The only CPU to run on; `None` for any.
    pub cpu: Option<u16>,
}

/// Asks only for `SCHED_FIFO` and the CPU, for a thread that should wake up promptly but has no deadline.
pub fn become_prompt(wish: RtRequest) -> RtState {
    let mut state = RtState::default();
    ask_for_turns(wish, &mut state);
    state
}

/// Locks the stack, the `rings` and the code, then asks for `SCHED_FIFO` and the CPU. Allocates; call it before the loop.
pub fn become_real_time(wish: RtRequest, rings: &[Area]) -> RtState {
    let mut state = RtState::default();
    lock(&mut state, rings);
    ask_for_turns(wish, &mut state);
    state
}

/// Drops real-time scheduling that the calling thread has inherited.
pub fn become_ordinary() {
    let param = nix::libc::sched_param { sched_priority: 0 };
    // SAFETY: the call reads the struct it is given, which outlives the call; 0 is the calling thread. It cannot be
    // refused: lowering one's own priority needs no privilege. The taps' tests check the result.
    unsafe { nix::libc::sched_setscheduler(0, nix::libc::SCHED_OTHER, &raw const param) };
}

fn ask_for_turns(wish: RtRequest, state: &mut RtState) {
    if let Some(cpu) = wish.cpu {
        let mut cpus = CpuSet::new();
        let pinned = cpus.set(usize::from(cpu)).and_then(|()| sched_setaffinity(Pid::from_raw(0), &cpus));
        if let Err(refused) = pinned {
            state
                .refusals
                .push(format!("cannot run on CPU {cpu} ({refused}): set the key capture_cpu or fan_out_cpu to one that exists"));
        }
    }
    if wish.priority > 0 {
        ask_for_fifo(wish.priority, state);
    }
}

fn ask_for_fifo(priority: u8, state: &mut RtState) {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let wanted = ThreadPriority::Crossplatform(priority.min(99).try_into().expect("1 to 99 is in range"));
    match set_thread_priority_and_policy(thread_native_id(), wanted, policy) {
        Ok(()) => {
            if let Ok((policy_held, held)) = thread_schedule_policy_param(thread_native_id())
                && policy_held == policy
            {
                state.fifo_priority = Some(held.sched_priority);
            }
        }
        Err(refused) => state.refusals.push(format!(
            "no real-time priority {priority} ({}): under systemd set LimitRTPRIO={priority}, by hand add \
             '@audio - rtprio 95' to /etc/security/limits.d/audio.conf and log in again",
            match refused {
                thread_priority::Error::OS(errno) => std::io::Error::from_raw_os_error(errno).to_string(),
                other => other.to_string(),
            }
        )),
    }
}

fn lock(state: &mut RtState, rings: &[Area]) {
    #[allow(clippy::large_stack_arrays, reason = "its pages are the stack that is to be locked and touched")]
    let mut stack = [0_u8; STACK_LOCKED_BYTES];
    std::hint::black_box(&mut stack);
    let mut areas = vec![("stack", (stack.as_ptr() as usize, stack.len()))];
    areas.extend(rings.iter().map(|ring| ("ring", *ring)));
    areas.extend(code_areas().into_iter().map(|code| ("code", code)));
    for (what, (address, bytes)) in areas {
        if lock_area(address, bytes) {
            state.locked_bytes += bytes;
        } else {
            let refusal = format!(
                "cannot lock the {what} in memory: under systemd set LimitMEMLOCK=infinity, by hand add \
                 '@audio - memlock unlimited' to /etc/security/limits.d/audio.conf"
            );
            if !state.refusals.contains(&refusal) {
                state.refusals.push(refusal);
            }
        }
    }
}

fn lock_area(address: usize, bytes: usize) -> bool {
    let (Some(address), Some(bytes)) = (NonNull::new(address as *mut _), NonZeroUsize::new(bytes)) else {
        return true;
    };
    // SAFETY: mlock reads no memory through the pointer and changes only whether pages may be evicted; a range that is not
    // mapped is refused with ENOMEM. The areas come from this thread's stack, a live ring and /proc/self/maps.
    unsafe { nix::sys::mman::mlock(address, bytes.get()) }.is_ok()
}

/// Unlocks memory that [`become_real_time`] has locked: it is about to be freed and may then serve any purpose.
pub fn release(rings: &[Area]) {
    for (address, bytes) in rings {
        if let (Some(address), Some(bytes)) = (NonNull::new(*address as *mut _), NonZeroUsize::new(*bytes)) {
            // SAFETY: munlock reads no memory through the pointer either, and refuses a range that is not mapped.
            let _ = unsafe { nix::sys::mman::munlock(address, bytes.get()) };
        }
    }
}

/// Returns the executable mappings of this process: its own code and its libraries.
fn code_areas() -> Vec<Area> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter_map(code_area).collect()
}

fn code_area(line: &str) -> Option<Area> {
    let mut fields = line.split_whitespace();
    let (from, to) = fields.next()?.split_once('-')?;
    let executable_file = fields.next()?.starts_with("r-x") && fields.nth(3)?.starts_with('/');
    let parse = |hex| usize::from_str_radix(hex, 16).ok();
    let from = parse(from)?;
    executable_file.then_some((from, parse(to)? - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executable_files_are_code() {
        let code = "55d0-55d8 r-xp 00001000 08:01 42 /usr/bin/synthwire";
        assert_eq!(code_area(code), Some((0x55d0, 8)));
        for other in ["7f00-7f10 rw-p 0 00:00 0 [heap]", "7f00-7f10 r-xp 0 00:00 0 [vdso]", ""] {
            assert_eq!(code_area(other), None, "{other}");
        }
    }

    #[test]
    fn a_plain_wish_locks_and_keeps_the_scheduler() {
        let ring = vec![0_u8; 4096];
        let state =
            become_real_time(RtRequest { priority: 0, cpu: None }, &[(ring.as_ptr() as usize, ring.len())]);
        assert_eq!(state.fifo_priority, None);
        assert!(state.locked_bytes > STACK_LOCKED_BYTES || !state.refusals.is_empty());
    }
}
