//! How often keys may be tried: a few at once from one address, then one now and then; and a bound for all together. Pure.

use crate::units::{MonoNs, NS_PER_S};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Tries one address has at once.
pub(super) const TRIES_AT_ONCE: u32 = 5;
/// How long until it has one more.
pub(super) const TRY_AGAIN_NS: u64 = 10 * NS_PER_S;
/// Tries of all addresses together at once; one a second comes back.
pub(super) const TRIES_OF_ALL: u32 = 60;
/// How long until all have one more.
const ALL_AGAIN_NS: u64 = NS_PER_S;
/// Addresses remembered.
const ADDRESSES_MAX: usize = 1024;

/// Tries left, filling up with time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    since: MonoNs,
}

impl Bucket {
    fn full(size: u32, now: MonoNs) -> Self {
        Self { left: size, since: now }
    }

    fn fill(&mut self, size: u32, every_ns: u64, now: MonoNs) {
        let more = now.since(self.since) / every_ns;
        if u64::from(size - self.left) <= more {
            *self = Self::full(size, now);
        } else {
            self.left += more as u32;
            self.since = MonoNs(self.since.0 + more * every_ns);
        }
    }
}

/// Who has tried how often.
#[derive(Debug)]
pub(super) struct Tries {
    by_address: BTreeMap<IpAddr, Bucket>,
    all: Bucket,
}

impl Tries {
    pub(super) fn new(now: MonoNs) -> Self {
        Self { by_address: BTreeMap::new(), all: Bucket::full(TRIES_OF_ALL, now) }
    }

    /// Takes one try.
    ///
    /// # Errors
    /// None is left: how many seconds to wait.
    pub(super) fn take(&mut self, address: IpAddr, now: MonoNs) -> Result<(), u64> {
        let home = home_of(address);
        self.all.fill(TRIES_OF_ALL, ALL_AGAIN_NS, now);
        for bucket in self.by_address.values_mut() {
            bucket.fill(TRIES_AT_ONCE, TRY_AGAIN_NS, now);
        }
        self.by_address.retain(|_, bucket| bucket.left < TRIES_AT_ONCE);
        let own = self.by_address.get(&home).copied().unwrap_or(Bucket::full(TRIES_AT_ONCE, now));
        if own.left == 0 {
            return Err((TRY_AGAIN_NS - now.since(own.since)).div_ceil(NS_PER_S));
        }
        if self.all.left == 0
            || (self.by_address.len() >= ADDRESSES_MAX && !self.by_address.contains_key(&home))
        {
            return Err(ALL_AGAIN_NS.div_ceil(NS_PER_S));
        }
        let since = if own.left == TRIES_AT_ONCE { now } else { own.since };
        self.by_address.insert(home, Bucket { left: own.left - 1, since });
        if self.all.left == TRIES_OF_ALL {
            self.all.since = now;
        }
        self.all.left -= 1;
        Ok(())
    }

    /// Gives one back that was no guess.
    pub(super) fn give_back(&mut self, address: IpAddr) {
        if let Some(own) = self.by_address.get_mut(&home_of(address)) {
            own.left = TRIES_AT_ONCE.min(own.left + 1);
        }
        self.all.left = TRIES_OF_ALL.min(self.all.left + 1);
    }
}

/// What counts as one address: of IPv6 the network, for a machine has as many numbers in it as it likes.
pub(in crate::net) fn home_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> MonoNs {
        MonoNs(s * NS_PER_S)
    }

    #[test]
    fn one_address_is_slowed_down_and_nobody_else() {
        let (rude, owner) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let mut tries = Tries::new(at(0));
        for _ in 0..TRIES_AT_ONCE {
            tries.take(rude, at(1)).unwrap();
        }
        tries.give_back(rude);
        tries.take(rude, at(1)).unwrap();
        assert_eq!(tries.take(rude, at(1)), Err(10));
        assert_eq!(tries.take(rude, at(8)), Err(3));
        assert_eq!(tries.take(owner, at(8)), Ok(()));
        assert_eq!(tries.take(rude, at(11)), Ok(()));
        assert_eq!(tries.take(rude, at(11)), Err(10));
        assert_eq!(tries.take(rude, at(21)), Ok(()));
        let hour: u32 = (100..3700).map(|s| u32::from(tries.take(rude, at(s)).is_ok())).sum();
        assert!((360..=365).contains(&hour), "{hour} tries in an hour");
    }

    #[test]
    fn many_addresses_together_are_slowed_down_and_forgotten_again() {
        let mut tries = Tries::new(at(0));
        let address = |n: u32| IpAddr::V4((0x0a00_0000 + n).into());
        let taken = (0..5000).filter(|n| tries.take(address(*n), at(1)).is_ok()).count();
        assert_eq!(taken, TRIES_OF_ALL as usize);
        assert_eq!(tries.take(address(9999), at(2)), Ok(()));
        assert!(tries.by_address.len() <= ADDRESSES_MAX);
        tries.take(address(1), at(1000)).unwrap();
        assert_eq!(tries.by_address.len(), 1);
    }

    #[test]
    fn a_machine_with_many_numbers_is_one() {
        let of = |text: &str| home_of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
