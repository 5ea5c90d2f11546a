//! How often keys may be tried: a few at once by one address, then one now and then; and bounds for all together. Pure.
//!
//! Only misses count, and of each address for itself. Whoever has two on record shares what is left with all others like it, after a
//! few that its group has alone, and comes after those of its group who have not. Of whom one machine may be as many as it
//! likes (`LimitGroup::is_endless`), those count together besides. But a party whose key fitted before shares nothing with
//! anybody: so the wrong keys of some never keep a right one of another out.

use super::super::limit_key::{LimitGroup, LimitKey};
use super::super::turns::Rank;
use crate::units::{MonoNs, NS_PER_S};
use std::collections::BTreeMap;

/// Tries one address has at once.
pub(super) const TRIES_AT_ONCE: u32 = 5;
/// How long until it has one more.
pub(super) const TRY_AGAIN_NS: u64 = 10 * NS_PER_S;
/// Misses of one address before it shares with all who have as many.
const FREE_MISSES: u32 = 2;
/// Tries at once of all those together; one a second comes back.
pub(super) const TRIES_OF_ALL: u32 = 60;
/// How long until they have one more.
const ALL_AGAIN_NS: u64 = NS_PER_S;
/// Tries at once of all in one endless group who have fewer.
const TRIES_OF_GROUP: u32 = 60;
/// How long until they have one more.
const GROUP_AGAIN_NS: u64 = NS_PER_S / 3;
/// Tries at once of all in one group who have as many, before they share with those of other groups: what is wrong elsewhere
/// takes nothing of them.
const LATER_OF_GROUP: u32 = 10;
/// How long until they have one more: as one address alone.
const LATER_AGAIN_NS: u64 = TRY_AGAIN_NS;
/// How long a miss is on record.
const RECORD_NS: u64 = 60 * NS_PER_S;
/// Addresses remembered for their misses, and groups.
const REMEMBERED_MAX: usize = 1024;
/// Addresses remembered whose key fitted; the longest ago is forgotten.
const KNOWN_MAX: usize = 256;

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

/// One group's tries: of those with few misses, and of the others.
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
    /// Taken, and not known yet to be right or wrong.
    open: u32,
    /// How many wrong ones it tried, and when the last of them.
    misses: u32,
    missed: Option<MonoNs>,
}

impl Own {
    fn has_missed(&self, now: MonoNs) -> bool {
        self.missed.is_some_and(|missed| now.since(missed) < RECORD_NS)
    }
}

/// What a try took besides one of its address's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    Nothing,
    OfGroup(LimitGroup),
    LaterOfGroup(LimitGroup),
    OfAll,
}

/// A try that is taken: it must be ended, as a fit, as a miss, or as none.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Try {
    limit_key: LimitKey,
    pub(super) rank: Rank,
    shared: Shared,
}

/// Who has tried how often.
#[derive(Debug)]
pub(super) struct Tries {
    by_limit_key: BTreeMap<LimitKey, Own>,
    by_group: BTreeMap<LimitGroup, OfGroup>,
    all: Bucket,
    /// Whose key fitted, and when the last time.
    known: BTreeMap<LimitKey, MonoNs>,
}

impl Tries {
    pub(super) fn new(now: MonoNs) -> Self {
        let all = Bucket::full(TRIES_OF_ALL, now);
        Self { by_limit_key: BTreeMap::new(), by_group: BTreeMap::new(), all, known: BTreeMap::new() }
    }

    /// Takes one try.
    ///
    /// # Errors
    /// None is left: how many seconds to wait.
    pub(super) fn take(&mut self, limit_key: LimitKey, now: MonoNs) -> Result<Try, u64> {
        self.forget(now);
        let fresh = Own { bucket: Bucket::full(TRIES_AT_ONCE, now), open: 0, misses: 0, missed: None };
        let mut own = self.by_limit_key.get(&limit_key).copied().unwrap_or(fresh);
        let in_seconds = |wait_ns: u64| wait_ns.div_ceil(NS_PER_S);
        if !own.has_missed(now) {
            own.misses = 0;
        }
        own.bucket.take(TRIES_AT_ONCE, TRY_AGAIN_NS, now).map_err(in_seconds)?;
        let (rank, shared) = if self.known.contains_key(&limit_key) {
            (Rank::Known, Shared::Nothing)
        } else {
            let shared = self.share(limit_key, own.misses, now).map_err(in_seconds)?;
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
        self.by_limit_key.insert(limit_key, own);
        Ok(Try { limit_key, rank, shared })
    }

    /// One of those that a stranger shares with others; how long to wait, where there is none.
    fn share(&mut self, limit_key: LimitKey, misses: u32, now: MonoNs) -> Result<Shared, u64> {
        let group = limit_key.group();
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

    /// It was a right key: as if it had not been, and its party is known.
    pub(super) fn fit(&mut self, one: &Try, now: MonoNs) {
        self.give_back(one);
        self.known.insert(one.limit_key, now);
        while self.known.len() > KNOWN_MAX {
            let oldest = self.known.iter().min_by_key(|(_, when)| **when).map(|(limit_key, _)| *limit_key);
            oldest.and_then(|limit_key| self.known.remove(&limit_key));
        }
    }

    /// It was no guess, or was never looked at: as if it had not been.
    pub(super) fn give_back(&mut self, one: &Try) {
        if let Some(own) = self.by_limit_key.get_mut(&one.limit_key) {
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

    /// It was a wrong key.
    pub(super) fn miss(&mut self, one: &Try, now: MonoNs) {
        if let Some(own) = self.by_limit_key.get_mut(&one.limit_key) {
            own.open = own.open.saturating_sub(1);
            own.misses = own.misses.saturating_add(1);
            own.missed = Some(now);
        }
    }

    /// Keeps who still has a record; of too many, those with the longest.
    fn forget(&mut self, now: MonoNs) {
        for own in self.by_limit_key.values_mut() {
            own.bucket.fill(TRIES_AT_ONCE - own.open, TRY_AGAIN_NS, now);
        }
        self.by_limit_key.retain(|_, own| own.open > 0 || own.has_missed(now));
        while self.by_limit_key.len() >= REMEMBERED_MAX {
            let least = self.by_limit_key.iter().filter(|(_, own)| own.open == 0);
            let least = least.max_by_key(|(_, own)| own.bucket.left).map(|(limit_key, _)| *limit_key);
            let Some(least) = least else { break };
            self.by_limit_key.remove(&least);
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

    fn v4(n: u32) -> LimitKey {
        LimitKey::Address(IpAddr::V4((0x0a00_0000 + n).into()))
    }

    fn v6(n: u128) -> LimitKey {
        LimitKey::Address(IpAddr::V6(Ipv6Addr::from_bits(0xfe80 << 112 | n)))
    }

    /// Whether one may try; a wrong key.
    fn misses(tries: &mut Tries, limit_key: LimitKey, now: MonoNs) -> Result<(), u64> {
        let one = tries.take(limit_key, now)?;
        tries.miss(&one, now);
        Ok(())
    }

    /// Whether one may try, and before the others; a right key.
    fn fits(tries: &mut Tries, limit_key: LimitKey, now: MonoNs) -> bool {
        let Ok(one) = tries.take(limit_key, now) else { return false };
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
        assert!(tries.by_limit_key.is_empty() && tries.by_group.is_empty());
    }

    #[test]
    fn many_addresses_together_are_slowed_down_and_forgotten_again() {
        let mut tries = Tries::new(at(0));
        // The first two of each address, then what they have together.
        let rounds = [(); 3].map(|()| (0..500).filter(|n| misses(&mut tries, v4(*n), at(1)).is_ok()).count());
        let blocks = 2; // of IPv4, in which they are
        assert_eq!(rounds, [500, 500, (TRIES_OF_ALL + blocks * LATER_OF_GROUP) as usize]);
        let minute: usize =
            (2..62).map(|s| (0..500).filter(|n| misses(&mut tries, v4(*n), at(s)).is_ok()).count()).sum();
        assert!(minute <= 60 + 2 * 6 + 500, "{minute} tries in a minute");
        for n in 0..5000 {
            let _ = misses(&mut tries, v4(n), at(63));
        }
        assert!(tries.by_limit_key.len() <= REMEMBERED_MAX);
        misses(&mut tries, v4(1), at(1000)).unwrap();
        assert_eq!(tries.by_limit_key.len(), 1);
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

    /// The owner of a number in the same /64 as a machine that takes a new one for each wrong key.
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
