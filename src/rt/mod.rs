//! Everything that runs under `SCHED_FIFO`, and the supervisor that starts and ends it.
//!
//! The rules of the capture thread between start and end (for `capture_loop::CaptureLoop::step` and
//! everything that it calls):
//! - it allocates nothing, frees nothing, locks nothing, logs nothing, formats nothing;
//! - system calls per period: one wait (`poll`, which is `ppoll` on ARM; `clock_nanosleep` for a generator). On a kernel
//!   card, also at most three `ioctl`s (pointer, status, commit; on x86 pointer and commit need none). Then one `write` to
//!   an eventfd. Plugin PCMs make calls of their own, and we pause with `clock_nanosleep` when they wake us too early;
//! - clocks: the device's stamp, and `clock_gettime` through the vDSO (no system call) for the time a period was ready;
//! - when the hand-off is full, it drops and counts the newest period: it never waits for a reader.
//!
//! `tests/rt_discipline.rs` counts allocations, `make bench-rt` lists the system calls.

pub mod capture_loop;
pub mod counters;
pub mod ring;
pub mod status;
pub mod supervisor;
pub mod thread;
