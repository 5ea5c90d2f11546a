//! Waiting for something that will surely come: how long is no part of any check, only a hang reaches the limit.

use std::time::{Duration, Instant};

/// Far beyond what anything here takes, in the guest's time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Waits until `come`; how long that took.
///
/// # Errors
/// When it does not come, or cannot be looked for.
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
