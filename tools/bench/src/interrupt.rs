//! Records Ctrl-C and SIGTERM, so that the bench can end everything that it started, in order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static ASKED_TO_STOP: AtomicBool = AtomicBool::new(false);

/// Records SIGINT, SIGTERM and SIGHUP.
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

/// Returns an error once a stop was requested.
pub fn check() -> Result<(), String> {
    if ASKED_TO_STOP.load(Ordering::Relaxed) { Err("interrupted".into()) } else { Ok(()) }
}

/// Sleeps until the deadline; returns an error if a stop is requested.
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
