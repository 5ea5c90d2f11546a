//! Waits for something that is certain to come. No check depends on the time this takes; only a hang reaches
//! the limit.

use std::time::{Duration, Instant};

/// Time limit of a step, in the guest's time, far longer than any step takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Waits until `come` returns true; returns how long that took.
///
/// # Errors
/// It does not come, or the look fails.
pub fn until(what: &str, mut come: impl FnMut() -> Result<bool, String>) -> Result<Duration, String> {
    let began = Instant::now();
    loop {
        if come()? {
            return Ok(began.elapsed());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("in {PATIENCE:?} it never came to this: {what}"));
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
