//! Ctrl-C and SIGTERM: noted, so that everything started is ended in order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static ASKED_TO_STOP: AtomicBool = AtomicBool::new(false);

/// Notes SIGINT, SIGTERM and SIGHUP from now on.
pub fn listen() {
    let handler = note as extern "C" fn(libc::c_int);
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which is async-signal-safe.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

extern "C" fn note(_signal: libc::c_int) {
    ASKED_TO_STOP.store(true, Ordering::Relaxed);
}

/// An error once a stop was asked for.
pub fn check() -> Result<(), String> {
    if ASKED_TO_STOP.load(Ordering::Relaxed) { Err("interrupted".into()) } else { Ok(()) }
}

/// Sleeps, unless a stop is asked for.
pub fn sleep_until(deadline: Instant) -> Result<(), String> {
    loop {
        check()?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}
