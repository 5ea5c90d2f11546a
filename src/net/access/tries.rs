//! How often keys may be tried: a few at once by one address, then one now and then; and bounds for all together. Pure.
//!
//! Only misses count. Whoever has none on record is let in before those who have, and takes nothing of what they share: so the
//! wrong keys of some never keep a right one of another out.

use super::super::party::Party;
use super::super::turns::Rank;
use crate::units::{MonoNs, NS_PER_S};
use std::collections::BTreeMap;
use std::net::Ipv6Addr;

/// Tries one address has at once.
pub(super) const TRIES_AT_ONCE: u32 = 5;
/// How long until it has one more.
pub(super) const TRY_AGAIN_NS: u64 = 10 * NS_PER_S;
/// Tries at once of all together who have misses on record; one a second comes back.
pub(super) const TRIES_OF_ALL: u32 = 60;
/// How long until they have one more.
const ALL_AGAIN_NS: u64 = NS_PER_S;
/// Tries at once of all addresses of one /64 that have none: a machine may take a new address for each.
const TRIES_OF_NETWORK: u32 = 120;
/// How long until they have one more.
const NETWORK_AGAIN_NS: u64 = NS_PER_S / 4;
/// How long a miss is on record.
const RECORD_NS: u64 = 60 * NS_PER_S;
/// Addresses remembered, and networks.
const REMEMBERED_MAX: usize = 1024;

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
        if u64::from(size.saturating_sub(self.left)) <= more {
            *self = Self::full(size, now);
        } else {
            self.left += more as u32;
            self.since = MonoNs(self.since.0 + more * every_ns);
        }
    }

    /// One less; how long to wait, where there is none.
    fn take(&mut self, size: u32, every_ns: u64, now: MonoNs) -> Result<(), u64> {
        self.fill(size, every_ns, now);
        if self.left == 0 {
            return Err(every_ns - now.since(self.since));
        }
        if self.left == size {
            self.since = now;
        }
        self.left -= 1;
        Ok(())
    }

    fn give_back(&mut self, size: u32) {
        self.left = size.min(self.left + 1);
    }
}

/// One address's tries.
#[derive(Clone, Copy, Debug)]
struct Own {
    bucket: Bucket,
    /// Taken, and not known yet to be right or wrong.
    open: u32,
    /// When it last tried a wrong one.
    missed: Option<MonoNs>,
}

impl Own {
    fn has_missed(&self, now: MonoNs) -> bool {
        self.missed.is_some_and(|missed| now.since(missed) < RECORD_NS)
    }
}

/// A try that is taken: it must be ended, as a miss or not.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Try {
    party: Party,
    pub(super) rank: Rank,
}

/// Who has tried how often.
#[derive(Debug)]
pub(super) struct Tries {
    by_party: BTreeMap<Party, Own>,
    by_network: BTreeMap<Ipv6Addr, Bucket>,
    all: Bucket,
}

impl Tries {
    pub(super) fn new(now: MonoNs) -> Self {
        Self { by_party: BTreeMap::new(), by_network: BTreeMap::new(), all: Bucket::full(TRIES_OF_ALL, now) }
    }

    /// Takes one try.
    ///
    /// # Errors
    /// None is left: how many seconds to wait.
    pub(super) fn take(&mut self, party: Party, now: MonoNs) -> Result<Try, u64> {
        self.forget(now);
        let fresh = Own { bucket: Bucket::full(TRIES_AT_ONCE, now), open: 0, missed: None };
        let mut own = self.by_party.get(&party).copied().unwrap_or(fresh);
        let in_seconds = |wait_ns: u64| wait_ns.div_ceil(NS_PER_S);
        let has_missed = own.has_missed(now);
        own.bucket.take(TRIES_AT_ONCE, TRY_AGAIN_NS, now).map_err(in_seconds)?;
        if has_missed {
            self.all.take(TRIES_OF_ALL, ALL_AGAIN_NS, now).map_err(in_seconds)?;
        } else if let Some(network) = party.network() {
            let together = self.by_network.entry(network).or_insert(Bucket::full(TRIES_OF_NETWORK, now));
            together.take(TRIES_OF_NETWORK, NETWORK_AGAIN_NS, now).map_err(in_seconds)?;
        }
        own.open += 1;
        self.by_party.insert(party, own);
        Ok(Try { party, rank: if has_missed { Rank::Later } else { Rank::First } })
    }

    /// It was no guess, or was never looked at: as if it had not been.
    pub(super) fn give_back(&mut self, one: &Try) {
        if let Some(own) = self.by_party.get_mut(&one.party) {
            own.open = own.open.saturating_sub(1);
            own.bucket.give_back(TRIES_AT_ONCE);
        }
        if one.rank == Rank::Later {
            self.all.give_back(TRIES_OF_ALL);
        } else if let Some(together) =
            one.party.network().and_then(|network| self.by_network.get_mut(&network))
        {
            together.give_back(TRIES_OF_NETWORK);
        }
    }

    /// It was a wrong key.
    pub(super) fn miss(&mut self, one: &Try, now: MonoNs) {
        if let Some(own) = self.by_party.get_mut(&one.party) {
            own.open = own.open.saturating_sub(1);
            own.missed = Some(now);
        }
    }

    /// Keeps who still has a record; of too many, those with the longest.
    fn forget(&mut self, now: MonoNs) {
        for own in self.by_party.values_mut() {
            own.bucket.fill(TRIES_AT_ONCE - own.open, TRY_AGAIN_NS, now);
        }
        self.by_party.retain(|_, own| own.open > 0 || own.has_missed(now));
        while self.by_party.len() >= REMEMBERED_MAX {
            let least = self.by_party.iter().filter(|(_, own)| own.open == 0);
            let least = least.max_by_key(|(_, own)| own.bucket.left).map(|(party, _)| *party);
            let Some(least) = least else { break };
            self.by_party.remove(&least);
        }
        self.by_network.retain(|_, bucket| {
            bucket.fill(TRIES_OF_NETWORK, NETWORK_AGAIN_NS, now);
            bucket.left < TRIES_OF_NETWORK
        });
        while self.by_network.len() >= REMEMBERED_MAX {
            self.by_network.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn at(s: u64) -> MonoNs {
        MonoNs(s * NS_PER_S)
    }

    fn v4(n: u32) -> Party {
        Party::Address(IpAddr::V4((0x0a00_0000 + n).into()))
    }

    fn v6(n: u128) -> Party {
        Party::Address(IpAddr::V6(Ipv6Addr::from_bits(0xfe80 << 112 | n)))
    }

    /// Whether one may try; a wrong key.
    fn misses(tries: &mut Tries, party: Party, now: MonoNs) -> Result<(), u64> {
        let one = tries.take(party, now)?;
        tries.miss(&one, now);
        Ok(())
    }

    /// Whether one may try, and before the others; a right key.
    fn fits(tries: &mut Tries, party: Party, now: MonoNs) -> bool {
        let Ok(one) = tries.take(party, now) else { return false };
        tries.give_back(&one);
        one.rank == Rank::First
    }

    #[test]
    fn one_address_is_slowed_down_and_nobody_else() {
        let (rude, owner) = (v4(1), v4(2));
        let mut tries = Tries::new(at(0));
        for _ in 0..TRIES_AT_ONCE {
            misses(&mut tries, rude, at(1)).unwrap();
        }
        assert_eq!(misses(&mut tries, rude, at(1)), Err(10));
        assert_eq!(misses(&mut tries, rude, at(8)), Err(3));
        assert!(fits(&mut tries, owner, at(8)));
        assert_eq!(misses(&mut tries, rude, at(11)), Ok(()));
        assert_eq!(misses(&mut tries, rude, at(11)), Err(10));
        assert_eq!(misses(&mut tries, rude, at(21)), Ok(()));
        let hour: u32 = (100..3700).map(|s| u32::from(misses(&mut tries, rude, at(s)).is_ok())).sum();
        assert!((360..=365).contains(&hour), "{hour} tries in an hour");
    }

    #[test]
    fn right_keys_cost_nothing_however_often_and_leave_no_record() {
        let mut tries = Tries::new(at(0));
        assert!((0..1000).all(|_| fits(&mut tries, v4(1), at(1)) && fits(&mut tries, v6(1), at(1))));
        tries.forget(at(1));
        assert!(tries.by_party.is_empty() && tries.by_network.is_empty());
    }

    #[test]
    fn many_addresses_together_are_slowed_down_and_forgotten_again() {
        let mut tries = Tries::new(at(0));
        // The first of each address, then what they have together.
        let first = (0..500).filter(|n| misses(&mut tries, v4(*n), at(1)).is_ok()).count();
        let second = (0..500).filter(|n| misses(&mut tries, v4(*n), at(1)).is_ok()).count();
        assert_eq!((first, second), (500, TRIES_OF_ALL as usize));
        let minute: usize =
            (2..62).map(|s| (0..500).filter(|n| misses(&mut tries, v4(*n), at(s)).is_ok()).count()).sum();
        assert!(minute <= 60 + 500, "{minute} tries in a minute");
        for n in 0..5000 {
            let _ = misses(&mut tries, v4(n), at(63));
        }
        assert!(tries.by_party.len() <= REMEMBERED_MAX);
        misses(&mut tries, v4(1), at(1000)).unwrap();
        assert_eq!(tries.by_party.len(), 1);
    }

    /// Who tries wrong keys, how often a second, beside an owner who shows the right one every second.
    #[test]
    fn a_right_key_passes_whatever_wrong_ones_others_try() {
        type Rude = fn(u64) -> Vec<Party>;
        const CASES: &[(&str, Rude)] = &[
            ("one", |_| vec![v4(1); 100]),
            ("a neighbour of the same /64", |_| vec![v6(1); 100]),
            ("60 addresses", |_| (1..=60).map(v4).collect()),
            ("60 addresses, ten times a second", |_| (1..=60).cycle().take(600).map(v4).collect()),
            ("a whole /24", |_| (1..=253).map(v4).collect()),
            ("a whole /16, new ones each second", |s| {
                (0..100).map(|n| v4(1000 + s as u32 * 100 + n)).collect()
            }),
            ("60 neighbours of the same /64", |_| (1..=60).map(v6).collect()),
            ("networks from elsewhere", |s| {
                (0..50)
                    .map(|n| {
                        Party::Network(Ipv6Addr::from_bits(0x2001 << 112 | u128::from(s * 50 + n) << 64))
                    })
                    .collect()
            }),
            ("IPv6 numbers without end, against IPv4", |s| {
                (0..100).map(|n| v6(u128::from(s * 100 + n) + 7)).collect()
            }),
        ];
        for (who, rude) in CASES {
            let mut tries = Tries::new(at(0));
            let owner = if who.contains("of the same /64") { v6(0xffff) } else { v4(0xff_ff00) };
            for s in 1..300 {
                for party in rude(s) {
                    let _ = misses(&mut tries, party, at(s));
                }
                assert!(fits(&mut tries, owner, at(s)), "{who}: the owner waits in second {s}");
            }
        }
    }

    /// The owner of a number in the same /64 as a machine that takes a new one for each wrong key.
    #[test]
    fn a_machine_with_numbers_without_end_guesses_no_faster_than_four_times_a_second() {
        let mut tries = Tries::new(at(0));
        let passed = |tries: &mut Tries, s: u64| {
            (0..1000).filter(|n| misses(tries, v6(u128::from(s) << 16 | n), at(s)).is_ok()).count()
        };
        let hour: usize = (0..600).map(|s| passed(&mut tries, s)).sum();
        assert!(hour <= 60 + 4 * 600 + 60, "{hour} tries in ten minutes");
    }
}
