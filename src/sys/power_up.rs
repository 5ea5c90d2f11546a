//! Finds out whether this machine was switched on by hand. The person who did so owns it for the first
//! minutes (`net::access`). A start caused by an update, the page or a watchdog gives nobody any rights.

use super::{boot_loader, initramfs};

/// `PM_RSTS_HADWRF` of the reset register: a full reset by the watchdog, which is how a Raspberry Pi restarts, whether or
/// not on request. (The even bits beside it hold a partition's number: `drivers/watchdog/bcm2835_wdt.c`.)
const BY_WATCHDOG: u32 = 0x20;

/// Returns whether the machine was switched on by hand, as far as it can tell. A restart of the service changes nothing.
pub fn was_by_hand() -> bool {
    is_by_hand(initramfs::was_restarted(), boot_loader::here().rsts)
}

fn is_by_hand(was_left: bool, rsts: Option<u32>) -> bool {
    !was_left && rsts.is_none_or(|rsts| rsts & BY_WATCHDOG == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_no_start_by_hand() {
        for (was_left, rsts, by_hand) in [
            (false, None, true), // not a Raspberry Pi, or one that does not tell
            (true, None, false),
            (false, Some(0x1000), true), // power-up
            (true, Some(0x1000), false), // the trial of an update that was cut short
            (false, Some(0x20), false),
            (false, Some(0x1020), false), // the mark of the previous power-up is still there
            (false, Some(0x1025), false), // a restart into a partition
            (false, Some(0x1555), true),
        ] {
            assert_eq!(is_by_hand(was_left, rsts), by_hand, "{was_left} {rsts:x?}");
        }
    }
}
