//! Everything that runs under `SCHED_FIFO`, and the supervisor that starts and ends it.
//!
//! The law of the capture thread between start and end (`capture_loop::CaptureLoop::step` and what it calls):
//! - it allocates nothing, frees nothing, locks nothing, logs nothing, formats nothing;
//! - system calls per period: one wait (`poll`, which is `ppoll` on ARM; a generator's `clock_nanosleep`), and on a kernel
//!   card at most three `ioctl`s (pointer, status, commit; on x86 the pointer and the commit need none), one `write` to an
//!   eventfd. Plugin PCMs add calls of their own, and a pause of `clock_nanosleep` when they wake us for nothing;
//! - clocks: the device's stamp, and `clock_gettime` through the vDSO (no system call) for the time a period was ready;
//! - when the hand-off is full the newest period is dropped and counted: it never waits for a reader.
//!
//! `tests/rt_discipline.rs` counts allocations, `make bench-rt` lists the system calls.

pub mod capture_loop;
pub mod counters;
pub mod ring;
pub mod status;
pub mod supervisor;
pub mod thread;
