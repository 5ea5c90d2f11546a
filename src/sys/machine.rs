//! The machine's names and addresses, and whether its clock can be trusted.

use super::kernel_clock;
use crate::identity::Names;
use crate::tls::CertificateInputs;
use crate::tls::dates::Clock;
use nix::ifaddrs::getifaddrs;
use std::fs::read_to_string;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// Flags of short-lived addresses: temporary (RFC 8981), deprecated, tentative (`IFA_F_*` of `linux/if_addr.h`).
const FLEETING: u32 = 0x01 | 0x20 | 0x40;

/// Reads everything that a certificate of a machine with these names depends on. Takes some hundred microseconds.
pub fn facts(names: Names) -> CertificateInputs {
    CertificateInputs { clock: clock(), names, addresses: addresses() }
}

/// Returns the host name, '' if there is none.
pub fn host() -> String {
    // Do not read /proc: the unit hides everything there from the service except its own processes.
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}

/// Returns every address except short-lived ones.
pub fn addresses() -> Vec<IpAddr> {
    let mut found = lasting_ipv6(&read_to_string("/proc/net/if_inet6").unwrap_or_default());
    found.extend(every_address().into_iter().filter(IpAddr::is_ipv4));
    found
}

/// Returns every address, including those that stay for only a day.
pub(super) fn every_address() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    let ip = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        v4.or_else(|| Some(IpAddr::from(address.as_sockaddr_in6()?.ip())))
    };
    interfaces.filter_map(ip).collect()
}

/// Returns the time of the clock, and whether it has been set. It counts as set if the kernel took it from a clock with a
/// battery. It also does if, since power-up, a time service has informed the kernel, or left its mark as systemd-timesyncd
/// does. That holds even without a network: a crystal loses only some seconds a day.
pub fn clock() -> Clock {
    static WAS_SET: AtomicBool = AtomicBool::new(false);
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    let from_battery = || read_to_string("/sys/class/rtc/rtc0/hctosys").is_ok_and(|text| text.trim() == "1");
    let marked = || Path::new("/run/systemd/timesync/synchronized").exists();
    let set = WAS_SET.load(Relaxed) || kernel_clock::is_set() || from_battery() || marked();
    WAS_SET.store(set, Relaxed);
    Clock { now_s, set }
}

/// Returns the long-lived addresses of `/proc/net/if_inet6` (address, interface, prefix length, scope, flags, name).
fn lasting_ipv6(table: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut fields = line.split_whitespace();
        let bits = u128::from_str_radix(fields.next()?, 16).ok()?;
        let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        (flags & FLEETING == 0).then(|| IpAddr::from(Ipv6Addr::from_bits(bits)))
    };
    table.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleeting_addresses_are_left_out() {
        let table = "fd000000000000000000000000000007 02 40 00 80     eth0\n\
                     fd0000000000000000000000000000ff 02 40 00 01     eth0\n\
                     fe800000000000000000000000000001 02 40 20 c0     eth0\n\
                     00000000000000000000000000000001 01 80 10 80       lo\n\
                     nonsense\n";
        let expected: [IpAddr; 2] = ["fd00::7".parse().unwrap(), "::1".parse().unwrap()];
        assert_eq!(lasting_ipv6(table), expected);
    }

    #[test]
    fn this_machine_has_itself() {
        assert!(addresses().iter().any(|address| address.to_string() == "127.0.0.1"));
    }
}
