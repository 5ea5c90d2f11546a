//! Limits how often keys may be tried: a few at once per address, then one now and then, with further limits for groups and
//! for all. Pure.
//!
//! Only misses count, for each address separately. An address with two misses on record comes after the others of its
//! group. It shares a few tries with its group, and then the remaining ones with all such addresses. If one machine can
//! have any number of addresses in a group (`LimitGroup::is_endless`), the group also has a common limit for its first
//! tries. A client whose key was right before shares nothing with others, so that wrong keys of others never keep its right
//! one out.

use super::super::client_id::{ClientId, LimitGroup};
use super::super::turns::Rank;
use crate::units::{MonoNs, NS_PER_S};
use std::collections::BTreeMap;

/// Tries that one address has at once.
pub(super) const TRIES_AT_ONCE: u32 = 5;
/// Time until an address gets another try.
pub(super) const TRY_AGAIN_NS: u64 = 10 * NS_PER_S;
/// Misses after which an address shares its tries with others.
const FREE_MISSES: u32 = 2;
/// Tries that all addresses with that many misses have at once, together.
pub(super) const TRIES_OF_ALL: u32 = 60;
/// Time until these addresses get another try.
const ALL_AGAIN_NS: u64 = NS_PER_S;
/// Tries that all addresses with fewer misses in one endless group have at once.
const TRIES_OF_GROUP: u32 = 60;
/// Time until the addresses of the group get another try.
const GROUP_AGAIN_NS: u64 = NS_PER_S / 3;
/// Tries at once of all addresses in one group with that many misses, before they use those shared with other groups. So
/// wrong keys elsewhere cannot take these.
const LATER_OF_GROUP: u32 = 10;
/// Time until these addresses get another try: the same as for one address.
const LATER_AGAIN_NS: u64 = TRY_AGAIN_NS;
/// Time for which a miss stays on record.
const RECORD_NS: u64 = 60 * NS_PER_S;
/// Maximum number of addresses, and of groups, remembered for their misses.
const REMEMBERED_MAX: usize = 1024;
/// Maximum number of addresses remembered for a right key; beyond that, the earliest is forgotten.
const KNOWN_MAX: usize = 256;

/// A token bucket: tries left, refilled with time.
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

    /// Takes one try; if there is none, returns how long to wait, ns.
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

/// One group's tries: those of its addresses with few misses, and those of the others.
#[derive(Clone, Copy, Debug)]
struct OfGroup {
    first: Bucket,
    later: Bucket,
}

impl OfGroup {
    fn full(now: MonoNs) -> Self {
        Self { first: Bucket::full(TRIES_OF_GROUP, now), later: Bucket::full(LATER_OF_GROUP, now) }
    }
}

/// One address's tries.
#[derive(Clone, Copy, Debug)]
struct Own {
    bucket: Bucket,
    /// Tries taken whose result is not known yet.
    open: u32,
    /// Number of wrong keys that the address tried.
    misses: u32,
    /// The time of the last wrong key.
    missed: Option<MonoNs>,
}

impl Own {
    fn has_missed(&self, now: MonoNs) -> bool {
        self.missed.is_some_and(|missed| now.since(missed) < RECORD_NS)
    }
}

/// The shared allowance from which a try was taken, besides that of its own address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    Nothing,
    OfGroup(LimitGroup),
    LaterOfGroup(LimitGroup),
    OfAll,
}

/// A try that has been taken. It must end as a fit or a miss, or be given back.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Try {
    client_id: ClientId,
    pub(super) rank: Rank,
    shared: Shared,
}

/// All tries on record.
#[derive(Debug)]
pub(super) struct Tries {
    by_client_id: BTreeMap<ClientId, Own>,
    by_group: BTreeMap<LimitGroup, OfGroup>,
    all: Bucket,
    /// Clients whose key was right, with the last time.
    known: BTreeMap<ClientId, MonoNs>,
}

impl Tries {
    pub(super) fn new(now: MonoNs) -> Self {
        let all = Bucket::full(TRIES_OF_ALL, now);
        Self { by_client_id: BTreeMap::new(), by_group: BTreeMap::new(), all, known: BTreeMap::new() }
    }

    /// Takes one try.
    ///
    /// # Errors
    /// How many seconds to wait, if none is left.
    pub(super) fn take(&mut self, client_id: ClientId, now: MonoNs) -> Result<Try, u64> {
        self.forget(now);
        let fresh = Own { bucket: Bucket::full(TRIES_AT_ONCE, now), open: 0, misses: 0, missed: None };
        let mut own = self.by_client_id.get(&client_id).copied().unwrap_or(fresh);
        let in_seconds = |wait_ns: u64| wait_ns.div_ceil(NS_PER_S);
        if !own.has_missed(now) {
            own.misses = 0;
        }
        own.bucket.take(TRIES_AT_ONCE, TRY_AGAIN_NS, now).map_err(in_seconds)?;
        let (rank, shared) = if self.known.contains_key(&client_id) {
            (Rank::Known, Shared::Nothing)
        } else {
            let shared = self.share(client_id, own.misses, now).map_err(in_seconds)?;
            (
                if matches!(shared, Shared::LaterOfGroup(_) | Shared::OfAll) {
                    Rank::Later
                } else {
                    Rank::First
                },
                shared,
            )
        };
        own.open += 1;
        self.by_client_id.insert(client_id, own);
        Ok(Try { client_id, rank, shared })
    }

    /// Takes one of the tries that an unknown client shares with others; if there is none, returns how long to wait, ns.
    fn share(&mut self, client_id: ClientId, misses: u32, now: MonoNs) -> Result<Shared, u64> {
        let group = client_id.group();
        let is_first = misses < FREE_MISSES;
        if is_first && !group.is_endless() {
            return Ok(Shared::Nothing);
        }
        let together = self.by_group.entry(group).or_insert(OfGroup::full(now));
        if is_first && together.first.take(TRIES_OF_GROUP, GROUP_AGAIN_NS, now).is_ok() {
            return Ok(Shared::OfGroup(group));
        }
        if together.later.take(LATER_OF_GROUP, LATER_AGAIN_NS, now).is_ok() {
            return Ok(Shared::LaterOfGroup(group));
        }
        self.all.take(TRIES_OF_ALL, ALL_AGAIN_NS, now).map(|()| Shared::OfAll)
    }

    /// Records a right key: gives the try back and remembers the client.
    pub(super) fn fit(&mut self, one: &Try, now: MonoNs) {
        self.give_back(one);
        self.known.insert(one.client_id, now);
        while self.known.len() > KNOWN_MAX {
            let oldest = self.known.iter().min_by_key(|(_, when)| **when).map(|(client_id, _)| *client_id);
            oldest.and_then(|client_id| self.known.remove(&client_id));
        }
    }

    /// Gives back a try that was no guess or whose key was never checked.
    pub(super) fn give_back(&mut self, one: &Try) {
        if let Some(own) = self.by_client_id.get_mut(&one.client_id) {
            own.open = own.open.saturating_sub(1);
            own.bucket.give_back(TRIES_AT_ONCE);
        }
        match one.shared {
            Shared::Nothing => {}
            Shared::OfAll => self.all.give_back(TRIES_OF_ALL),
            Shared::OfGroup(group) => {
                if let Some(together) = self.by_group.get_mut(&group) {
                    together.first.give_back(TRIES_OF_GROUP);
                }
            }
            Shared::LaterOfGroup(group) => {
                if let Some(together) = self.by_group.get_mut(&group) {
                    together.later.give_back(LATER_OF_GROUP);
                }
            }
        }
    }

    /// Records a wrong key.
    pub(super) fn miss(&mut self, one: &Try, now: MonoNs) {
        if let Some(own) = self.by_client_id.get_mut(&one.client_id) {
            own.open = own.open.saturating_sub(1);
            own.misses = own.misses.saturating_add(1);
            own.missed = Some(now);
        }
    }

    /// Forgets clients without a record, and if there are too many, those with the fewest recent tries.
    fn forget(&mut self, now: MonoNs) {
        for own in self.by_client_id.values_mut() {
            own.bucket.fill(TRIES_AT_ONCE - own.open, TRY_AGAIN_NS, now);
        }
        self.by_client_id.retain(|_, own| own.open > 0 || own.has_missed(now));
        while self.by_client_id.len() >= REMEMBERED_MAX {
            let least = self.by_client_id.iter().filter(|(_, own)| own.open == 0);
            let least = least.max_by_key(|(_, own)| own.bucket.left).map(|(client_id, _)| *client_id);
            let Some(least) = least else { break };
            self.by_client_id.remove(&least);
        }
        self.by_group.retain(|_, group| {
            group.first.fill(TRIES_OF_GROUP, GROUP_AGAIN_NS, now);
            group.later.fill(LATER_OF_GROUP, LATER_AGAIN_NS, now);
            group.first.left < TRIES_OF_GROUP || group.later.left < LATER_OF_GROUP
        });
        while self.by_group.len() >= REMEMBERED_MAX {
            self.by_group.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv6Addr};

    fn at(s: u64) -> MonoNs {
        MonoNs(s * NS_PER_S)
    }

    fn v4(n: u32) -> ClientId {
        ClientId::Address(IpAddr::V4((0x0a00_0000 + n).into()))
    }

    fn v6(n: u128) -> ClientId {
        ClientId::Address(IpAddr::V6(Ipv6Addr::from_bits(0xfe80 << 112 | n)))
    }

    /// Tries a wrong key; returns whether it was allowed.
    fn misses(tries: &mut Tries, client_id: ClientId, now: MonoNs) -> Result<(), u64> {
        let one = tries.take(client_id, now)?;
        tries.miss(&one, now);
        Ok(())
    }

    /// Tries a right key; returns whether it was allowed with precedence over others.
    fn fits(tries: &mut Tries, client_id: ClientId, now: MonoNs) -> bool {
        let Ok(one) = tries.take(client_id, now) else { return false };
        tries.fit(&one, now);
        one.rank != Rank::Later
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
        assert!(tries.by_client_id.is_empty() && tries.by_group.is_empty());
    }

    #[test]
    fn many_addresses_together_are_slowed_down_and_forgotten_again() {
        let mut tries = Tries::new(at(0));
        // The first two tries of each address come first, then those that they share.
        let rounds = [(); 3].map(|()| (0..500).filter(|n| misses(&mut tries, v4(*n), at(1)).is_ok()).count());
        let blocks = 2; // the IPv4 blocks they are in
        assert_eq!(rounds, [500, 500, (TRIES_OF_ALL + blocks * LATER_OF_GROUP) as usize]);
        let minute: usize =
            (2..62).map(|s| (0..500).filter(|n| misses(&mut tries, v4(*n), at(s)).is_ok()).count()).sum();
        assert!(minute <= 60 + 2 * 6 + 500, "{minute} tries in a minute");
        for n in 0..5000 {
            let _ = misses(&mut tries, v4(n), at(63));
        }
        assert!(tries.by_client_id.len() <= REMEMBERED_MAX);
        misses(&mut tries, v4(1), at(1000)).unwrap();
        assert_eq!(tries.by_client_id.len(), 1);
    }

    #[test]
    fn whose_key_fitted_is_remembered_until_too_many_are() {
        let mut tries = Tries::new(at(0));
        let rank = |tries: &mut Tries, n, s| {
            let one = tries.take(v6(n), at(s)).unwrap();
            tries.give_back(&one);
            one.rank
        };
        assert_eq!(rank(&mut tries, 0, 1), Rank::First);
        for n in 0..=KNOWN_MAX as u128 {
            assert!(fits(&mut tries, v6(n), at(2 + n as u64)));
        }
        assert_eq!(tries.known.len(), KNOWN_MAX);
        assert_eq!((rank(&mut tries, 0, 900), rank(&mut tries, 1, 900)), (Rank::First, Rank::Known));
    }

    /// The owner's address is in the same /64 as a machine that takes a new address for each wrong key.
    #[test]
    fn a_machine_with_numbers_without_end_guesses_no_faster_than_four_times_a_second() {
        let mut tries = Tries::new(at(0));
        let passed = |tries: &mut Tries, s: u64| {
            (0..1000).filter(|n| misses(tries, v6(u128::from(s) << 16 | n), at(s)).is_ok()).count()
        };
        let hour: usize = (0..600).map(|s| passed(&mut tries, s)).sum();
        assert!(hour <= 60 + 4 * 600 + 60 + 10 + 60, "{hour} tries in ten minutes");
    }
}
