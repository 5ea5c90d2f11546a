//! The kernel's estimate of its clock's error.

use nix::libc;

/// The kernel reports this error for a clock that has not been set. Without a time service, its estimate grows to this
/// value in nine hours.
const UNKNOWN_US: libc::c_long = 16_000_000;

/// Returns whether a time service has set the clock and still maintains it: systemd-timesyncd, chrony and ntpd all inform
/// the kernel. Like systemd's timedated, this ignores `STA_UNSYNC`, which some services set to keep the kernel from writing
/// to a battery-backed clock. False if the kernel does not answer.
pub(super) fn is_set() -> bool {
    // SAFETY: a timex consists of integers, so all zero bits are a valid value. With `modes` 0, adjtimex changes nothing
    // and fills the live struct it is given. The test below relies on its answer.
    let (state, kernel) = unsafe {
        let mut kernel: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut kernel), kernel)
    };
    state >= 0 && kernel.maxerror < UNKNOWN_US
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// `adjtimex --print` and `ntptime` are not installed everywhere; timedated, where it runs, applies the same rule.
    #[test]
    fn it_is_what_timedated_says() {
        let asked =
            Command::new("timedatectl").args(["show", "--property=NTPSynchronized", "--value"]).output();
        let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        match said.as_deref() {
            Ok("yes") => assert!(is_set()),
            Ok("no") => assert!(!is_set()),
            _ => println!("no timedated here: it answered {}", is_set()),
        }
    }
}
