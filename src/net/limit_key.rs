//! Whom a limit is counted for: one type for connections, handshakes and tries of keys. Pure.
//!
//! On its own link a device sees machines, and each address counts for itself. But a machine may take as many IPv6 numbers as it
//! likes, of every prefix there is: so all of them that are near count together besides. From elsewhere an IPv6 address says no
//! more than its /64, which counts as one, with more than a single address has; and a line may have a whole /48 of those.
//! So everybody is of a group as well: those whom one stranger may be at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a /64 from elsewhere has, as a multiple of what one address has: there may be a household behind it.
const NETWORK_SHARES: usize = 4;

/// One of those who share what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum LimitKey {
    /// An address that counts for itself.
    Address(IpAddr),
    /// A /64 from elsewhere, by its first address.
    Network(Ipv6Addr),
}

/// Parties that may all be one machine, or one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LimitGroup {
    /// This machine itself.
    Here,
    /// An IPv4 /24, by its first address.
    Block(Ipv4Addr),
    /// All IPv6 addresses that need no router.
    Near,
    /// A /48 from elsewhere, by its first address.
    Far(Ipv6Addr),
}

impl LimitKey {
    /// The party of a visitor that came from `address` to our address `local`. Neighbours are those whose address needs no router:
    /// it is of a private kind, or of the /64 they reached.
    pub(super) fn of(address: IpAddr, local: IpAddr) -> Self {
        let IpAddr::V6(v6) = address.to_canonical() else { return Self::Address(address.to_canonical()) };
        let near = v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local();
        let on_link = matches!(local, IpAddr::V6(ours) if network(ours) == network(v6));
        if near || on_link { Self::Address(v6.into()) } else { Self::Network(network(v6)) }
    }

    /// With whom it counts besides.
    pub(super) fn group(self) -> LimitGroup {
        match self {
            Self::Address(address) if address.is_loopback() => LimitGroup::Here,
            Self::Address(IpAddr::V4(v4)) => LimitGroup::Block(Ipv4Addr::from_bits(v4.to_bits() >> 8 << 8)),
            Self::Address(IpAddr::V6(_)) => LimitGroup::Near,
            Self::Network(v6) => LimitGroup::Far(Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
        }
    }

    /// What it may have where one address has `one`.
    pub(super) fn share(self, one: usize) -> usize {
        match self {
            Self::Address(_) => one,
            Self::Network(_) => one.saturating_mul(NETWORK_SHARES),
        }
    }

    /// Whether it is this machine itself: tunnels and proxies bring everybody from one address.
    pub(super) fn is_loopback(self) -> bool {
        matches!(self, Self::Address(address) if address.is_loopback())
    }
}

impl LimitGroup {
    /// Whether one machine may be as many of them as it likes; IPv4 addresses are too few for that.
    pub(super) fn is_endless(self) -> bool {
        matches!(self, Self::Near | Self::Far(_))
    }
}

fn network(v6: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_count_one_by_one_and_others_by_their_network() {
        /// Our address, theirs, another of theirs, whether those two are one party.
        const CASES: &[(&str, &str, &str, bool)] = &[
            ("192.168.1.2", "192.168.1.7", "192.168.1.7", true),
            ("192.168.1.2", "192.168.1.7", "192.168.1.8", false),
            ("10.0.0.1", "10.200.0.1", "10.200.0.2", false), // another subnet, by way of a router
            ("192.168.1.2", "203.0.113.7", "203.0.113.8", false),
            ("169.254.1.1", "169.254.7.7", "169.254.7.8", false),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2", false),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.7", "10.0.0.7", true),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.7", "::ffff:10.0.0.8", false),
            ("::1", "::1", "::1", true),
            ("fe80::1", "fe80::7", "fe80::7", true),
            ("fe80::1", "fe80::7", "fe80::8", false),
            ("fd00::1", "fd00::7", "fd00::8", false),
            ("fd00::1", "fd00:0:0:1::7", "fd00:0:0:1::8", false), // another subnet of the house
            ("fd00::1", "fe80::7", "fd00::7", false),
            ("2001:db8:1:2::1", "2001:db8:1:2::7", "2001:db8:1:2::8", false), // our own link
            ("2001:db8:1:2::1", "2001:db8:1:3::7", "2001:db8:1:3::8", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::7", "2001:db8:1:3:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::7", "2001:db8:1:4::7", false),
            ("fd00::1", "2001:db8:1:2::7", "2001:db8:1:2::8", true),
            ("10.0.0.1", "2001:db8:1:2::7", "2001:db8:1:2::8", true),
            ("2001:db8:1:2::1", "2001:db8:1:2::7", "10.0.0.7", false),
            ("2001:db8::1", "64:ff9b::a00:1", "64:ff9b::a00:2", true), // NAT64 has one /96 for all of IPv4
        ];
        for (ours, one, other, same) in CASES {
            let of = |text: &str| LimitKey::of(text.parse().unwrap(), ours.parse().unwrap());
            assert_eq!(of(one) == of(other), *same, "{one} and {other} at {ours}");
        }
    }

    #[test]
    fn a_network_has_more_than_an_address_and_ipv6_counts_together_besides() {
        let of = |text: &str, ours: &str| LimitKey::of(text.parse().unwrap(), ours.parse().unwrap());
        let (far, near) = (of("2001:db8::7", "fd00::1"), of("fd00::7", "fd00::1"));
        assert!(far.share(64) > near.share(64));
        assert_eq!(
            (far.group(), near.group()),
            (LimitGroup::Far("2001:db8::".parse().unwrap()), LimitGroup::Near)
        );
        assert_eq!(of("2001:db8:0:ffff::7", "fd00::1").group(), far.group(), "of the same /48");
        assert_ne!(of("2001:db8:1::7", "fd00::1").group(), far.group());
        assert_eq!(of("fe80::7", "fd00::1").group(), near.group(), "of another prefix");
        assert!(of("127.0.0.1", "127.0.0.1").is_loopback() && !near.is_loopback());
        let block = |last| of(&format!("10.0.{last}"), "10.0.0.1").group();
        assert_eq!(
            (of("::1", "::1").group(), of("127.0.0.1", "127.0.0.1").group()),
            (LimitGroup::Here, LimitGroup::Here)
        );
        assert_eq!((block("0.7"), block("0.255")), (block("0.0"), block("0.0")));
        assert_ne!(block("0.7"), block("1.7"));
        assert!(far.group().is_endless() && near.group().is_endless() && !block("0.7").is_endless());
    }
}
