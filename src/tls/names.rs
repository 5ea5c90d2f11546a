//! Which names and addresses a certificate speaks for. Pure.
//!
//! The authority of a device may name nothing but what is local by its nature: `.local`, the bare host name, `localhost`, and
//! private addresses. Whoever stole its key could still be nobody else on the internet; a public name or address needs a
//! certificate from elsewhere (`--cert`).

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The blocks of private addresses, each with its prefix length (RFC 1918, 3927, 4193, 4291).
pub const PRIVATE_BLOCKS: [(IpAddr, u8); 8] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
];

/// Most addresses in one certificate: a machine with more has a bridge for each of its containers.
const ADDRESSES_MAX: usize = 64;

/// Where a name is taken, avahi adds a number to it: `synthwire-2.local`. So many devices of one name are foreseen.
const NUMBERED_MAX: u32 = 4;

/// What a certificate speaks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Names, the one to show first.
    pub dns: Vec<String>,
    /// Addresses, in order.
    pub addresses: Vec<IpAddr>,
}

impl Names {
    /// Those of a machine called `host` with these addresses: what an authority of ours may name.
    pub fn of(host: &str, addresses: &[IpAddr]) -> Self {
        let mut dns = Vec::new();
        if let Some(label) = label(host) {
            dns = vec![format!("{label}.local"), label.clone()];
            dns.extend((2..=NUMBERED_MAX).map(|number| format!("{label}-{number}.local")));
        }
        dns.push("localhost".into());
        let mut near: Vec<IpAddr> = addresses.iter().copied().filter(is_private).collect();
        near.extend([IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)]);
        near.sort();
        near.dedup();
        near.truncate(ADDRESSES_MAX);
        Self { dns, addresses: near }
    }

    /// Whether a certificate for these serves for `others` as well. One address too many does no harm: a certificate
    /// that changes costs whoever clicked its warning away another click.
    pub fn hold(&self, others: &Self) -> bool {
        others.dns.iter().all(|name| self.dns.contains(name))
            && others.addresses.iter().all(|address| self.addresses.contains(address))
    }
}

/// The first label of a host name, where it is one that a certificate can hold, with a number behind it.
pub fn label(host: &str) -> Option<String> {
    let label = host.trim().split('.').next().unwrap_or("").to_ascii_lowercase();
    let sound = !label.is_empty()
        && label.len() <= 61
        && label != "localhost"
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    sound.then_some(label)
}

fn is_private(address: &IpAddr) -> bool {
    let bits = |address: &IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    PRIVATE_BLOCKS.iter().any(|(block, length)| {
        block.is_ipv4() == address.is_ipv4()
            && (bits(address) ^ bits(block)) >> (128 - u32::from(*length)) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_what_is_local_is_named() {
        let all = addresses(&[
            "192.168.1.20",
            "10.255.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "169.254.7.7",
            "fd00::7",
            "fe80::1",
            "8.8.8.8",
            "172.32.0.1",
            "2001:db8::1",
            "192.169.0.1",
            "::2",
            "192.168.1.20",
        ]);
        let names = Names::of("Stage-Pi.example.org\n", &all);
        let numbered = ["stage-pi-2.local", "stage-pi-3.local", "stage-pi-4.local"];
        assert_eq!(names.dns[..2], ["stage-pi.local", "stage-pi"]);
        assert_eq!(names.dns[2..5], numbered);
        assert_eq!(names.dns[5..], ["localhost"]);
        let near = [
            "10.255.0.1",
            "127.0.0.1",
            "169.254.7.7",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.20",
            "::1",
            "fd00::7",
            "fe80::1",
        ];
        assert_eq!(names.addresses, addresses(&near));
    }

    #[test]
    fn a_host_without_a_usable_name_is_localhost() {
        for host in ["", "localhost", "-x", "a_b", "é", "x-", &"a".repeat(64)] {
            assert_eq!(Names::of(host, &[]).dns, ["localhost"], "{host}");
        }
    }

    #[test]
    fn an_address_that_has_gone_needs_no_new_certificate_and_one_that_has_come_does() {
        let one = Names::of("a", &addresses(&["10.0.0.1"]));
        let two = Names::of("a", &addresses(&["10.0.0.1", "10.0.0.2"]));
        assert!(two.hold(&one) && one.hold(&one) && !one.hold(&two));
        assert!(!two.hold(&Names::of("b", &[])));
    }
}
