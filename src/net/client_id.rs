//! Identifies the client to which a limit applies: one type for connections, handshakes and tries of keys.
//! Pure.
//!
//! On its own link, a device sees machines, and each address counts separately. But one machine may use any number of IPv6
//! addresses of every prefix, so all near ones also count together. A distant IPv6 address is counted by its /64, which has
//! a larger share than a single address. A single connection to the Internet may have a whole /48 of them. So every client
//! also belongs to a group: all the clients as which one stranger may appear at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Share of a distant /64, as a multiple of one address's: a household may be behind it.
const NETWORK_SHARES: usize = 4;

/// One client among those that share the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ClientId {
    /// A single address.
    Address(IpAddr),
    /// A distant /64, by its first address.
    Network(Ipv6Addr),
}

/// Clients that may all be one machine, or one Internet connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LimitGroup {
    /// This machine itself.
    Here,
    /// An IPv4 /24, by its first address.
    Block(Ipv4Addr),
    /// All IPv6 addresses that are reached without a router.
    Near,
    /// A distant /48, by its first address.
    Far(Ipv6Addr),
}

impl ClientId {
    /// Returns the id of a visitor that came from `address` to our address `local`. A neighbour is reached without a
    /// router: its address is of a private kind, or in the /64 that it contacted.
    pub(super) fn of(address: IpAddr, local: IpAddr) -> Self {
        let IpAddr::V6(v6) = address.to_canonical() else { return Self::Address(address.to_canonical()) };
        let near = v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local();
        let on_link = matches!(local, IpAddr::V6(ours) if network(ours) == network(v6));
        if near || on_link { Self::Address(v6.into()) } else { Self::Network(network(v6)) }
    }

    /// Returns the client's group.
    pub(super) fn group(self) -> LimitGroup {
        match self {
            Self::Address(address) if address.is_loopback() => LimitGroup::Here,
            Self::Address(IpAddr::V4(v4)) => LimitGroup::Block(Ipv4Addr::from_bits(v4.to_bits() >> 8 << 8)),
            Self::Address(IpAddr::V6(_)) => LimitGroup::Near,
            Self::Network(v6) => LimitGroup::Far(Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
        }
    }

    /// Returns the client's share, where a single address has `one`.
    pub(super) fn share(self, one: usize) -> usize {
        match self {
            Self::Address(_) => one,
            Self::Network(_) => one.saturating_mul(NETWORK_SHARES),
        }
    }

    /// Returns whether the client is this machine itself: behind tunnels and proxies all clients have one address.
    pub(super) fn is_loopback(self) -> bool {
        matches!(self, Self::Address(address) if address.is_loopback())
    }
}

impl LimitGroup {
    /// Returns whether one machine may appear as any number of clients of this group; there are too few IPv4 addresses for that.
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
        /// Our address, theirs, another of theirs, and whether the last two have the same id.
        const CASES: &[(&str, &str, &str, bool)] = &[
            ("192.168.1.2", "192.168.1.7", "192.168.1.7", true),
            ("192.168.1.2", "192.168.1.7", "192.168.1.8", false),
            ("10.0.0.1", "10.200.0.1", "10.200.0.2", false), // another subnet, through a router
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
            let of = |text: &str| ClientId::of(text.parse().unwrap(), ours.parse().unwrap());
            assert_eq!(of(one) == of(other), *same, "{one} and {other} at {ours}");
        }
    }

    #[test]
    fn a_network_has_more_than_an_address_and_ipv6_counts_together_besides() {
        let of = |text: &str, ours: &str| ClientId::of(text.parse().unwrap(), ours.parse().unwrap());
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
