//! How far off the kernel believes its clock to be.

use nix::libc;

/// The kernel says this when nobody has set the clock; it is also what its doubt grows to in nine hours without a time service.
const UNKNOWN_US: libc::c_long = 16_000_000;

/// Whether a time service has set the clock and still does: systemd-timesyncd, chrony and ntpd all tell the kernel. `STA_UNSYNC` is
/// not asked, as systemd's own timedated does not: some set it to keep the kernel from a battery-backed clock. False where the
/// kernel does not answer.
pub(super) fn is_set() -> bool {
    // SAFETY: a timex is integers only, for which all bits nought is a value; with `modes` nought adjtimex changes nothing and
    // fills the live one it is given. The test below stands on its answer.
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

    /// `adjtimex --print` and `ntptime` are not everywhere; timedated applies the same rule, where it runs.
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
