//! Measures the wait of a right key among wrong ones: the real queue and limits of tries, on simulated time.

use super::{AGAIN_S, CHECKS, PATIENCE};
use crate::net::access::tries::{Tries, Try};
use crate::net::client_id::ClientId;
use crate::net::turns::{Come, Ticket, Turns};
use crate::units::{MonoNs, NS_PER_S};
use std::net::IpAddr;

/// Milliseconds that a check against both keys takes on a Pi.
const CHECK_MS: u64 = 60;

/// A model of key checks on simulated time.
struct Checking {
    now_ms: u64,
    tries: Tries,
    turns: Turns,
    /// Tries whose turn has not come, each with the time at which it gives up.
    waiting: Vec<(Ticket, Asked, u64)>,
    /// Tries whose key is being checked, each with the time at which the check ends.
    inside: Vec<(Asked, u64)>,
}

struct Asked {
    one: Try,
    client_id: ClientId,
    fits: bool,
}

impl Checking {
    fn new() -> Self {
        let (tries, turns) = (Tries::new(MonoNs(0)), Turns::new(CHECKS));
        Self { now_ms: 0, tries, turns, waiting: Vec::new(), inside: Vec::new() }
    }

    fn now(&self) -> MonoNs {
        MonoNs(self.now_ms * NS_PER_S / 1000)
    }

    /// Starts a try; if it is refused at once, returns after how many seconds to try again.
    fn ask(&mut self, client_id: ClientId, fits: bool) -> Result<(), u64> {
        let one = self.tries.take(client_id, self.now())?;
        let rank = one.rank;
        let asked = Asked { one, client_id, fits };
        let until = self.now_ms + PATIENCE.as_millis() as u64;
        match self.turns.come(client_id, rank) {
            Come::In => self.inside.push((asked, self.now_ms + CHECK_MS)),
            Come::Wait(ticket) => self.waiting.push((ticket, asked, until)),
            Come::Instead(ticket, gone) => {
                let place = self.waiting.iter().position(|(other, ..)| *other == gone).unwrap();
                self.waiting[place].2 = self.now_ms; // it is refused at once
                self.waiting.push((ticket, asked, until));
            }
            Come::Full => {
                self.tries.give_back(&asked.one);
                return Err(AGAIN_S);
            }
        }
        Ok(())
    }

    /// Advances by ten milliseconds; returns an entry for each right key that left: true if the key was checked.
    fn go_on(&mut self) -> Vec<bool> {
        self.now_ms += 10;
        let (now_ms, now, mut rights) = (self.now_ms, self.now(), Vec::new());
        for (asked, _) in self.inside.extract_if(.., |(_, until)| *until <= now_ms) {
            self.turns.leave(asked.client_id);
            if asked.fits {
                self.tries.fit(&asked.one, now);
            } else {
                self.tries.miss(&asked.one, now);
            }
            rights.extend(asked.fits.then_some(true));
        }
        for (ticket, asked, _) in self.waiting.extract_if(.., |(_, _, until)| *until <= now_ms) {
            self.turns.give_up(ticket);
            self.tries.give_back(&asked.one);
            rights.extend(asked.fits.then_some(false));
        }
        while let Some(called) = self.turns.next() {
            let place = self.waiting.iter().position(|(ticket, ..)| *ticket == called).unwrap();
            let (_, asked, _) = self.waiting.swap_remove(place);
            self.inside.push((asked, now_ms + CHECK_MS));
        }
        rights
    }
}

fn v4(n: u32) -> ClientId {
    ClientId::Address(IpAddr::V4((0x0a00_0000 + n).into()))
}

fn v6(n: u128) -> ClientId {
    ClientId::Address(IpAddr::V6((0xfe80 << 112 | n).into()))
}

/// Returns a remote /64; all of them are in one /48.
fn far(n: u128) -> ClientId {
    ClientId::Network((0x2001_0db8_0001_u128 << 80 | (n & 0xffff) << 64).into())
}

/// Returns how long each of the owner's right keys takes, in milliseconds. The owner sends one every three seconds for 72
/// seconds, while the `rude` clients try wrong keys ten times a second. `before` lists the owner's earlier tries, right or
/// wrong.
fn owners_waits(owner: ClientId, before: &[bool], rude: fn(u64) -> Vec<ClientId>) -> Vec<u64> {
    let mut checking = Checking::new();
    for fits in before {
        checking.ask(owner, *fits).unwrap();
        (0..100).for_each(|_| drop(checking.go_on()));
    }
    let (mut waits, mut since, mut again) = (Vec::new(), None, 0);
    for step in 0..7200 {
        let now_ms = checking.now_ms;
        if step % 10 == 0 {
            for client_id in rude(step / 10) {
                let _ = checking.ask(client_id, false);
            }
        }
        if step % 300 == 7 && since.is_none() {
            (since, again) = (Some(now_ms), now_ms);
        }
        if since.is_some() && again == now_ms {
            again = checking.ask(owner, true).map_or_else(|wait_s| now_ms + wait_s * 1000, |()| u64::MAX);
        }
        for looked_at in checking.go_on() {
            match since.take() {
                Some(since) if looked_at => waits.push(checking.now_ms - since),
                still => (since, again) = (still, checking.now_ms + AGAIN_S * 1000),
            }
        }
    }
    waits.extend(since.map(|_| u64::MAX));
    waits
}

#[test]
fn a_right_key_is_looked_at_within_two_seconds_whatever_wrong_ones_others_try() {
    type Rude = fn(u64) -> Vec<ClientId>;
    // The rude clients, and whether an owner whose key was never seen waits no longer because of them.
    const CASES: &[(&str, Rude, bool)] = &[
        ("one address", |_| vec![v4(1); 10], true),
        ("one IPv6 number", |_| vec![v6(1); 10], true),
        ("60 addresses", |_| (1..=60).map(v4).collect(), true),
        ("60 IPv6 numbers", |_| (1..=60).map(v6).collect(), false),
        ("a whole /24", |_| (1..=253).map(v4).collect(), true),
        ("new addresses each time", |t| (0..10).map(|n| v4(1000 + t as u32 * 10 + n)).collect(), true),
        ("IPv6 numbers without end", |t| (0..10).map(|n| v6(1000 + u128::from(t) * 10 + n)).collect(), false),
        ("networks of a /48", |t| (0..10).map(|n| far(u128::from(t) * 10 + n)).collect(), true),
    ];
    for (who, rude, strangers_too) in CASES {
        for owner in [v4(0xff_ff00), v6(0xffff)] {
            let mut pasts: Vec<&[bool]> = vec![&[true], &[true, false], &[true, false, false, false]];
            if *strangers_too || (owner == v4(0xff_ff00) && who.contains("IPv6")) {
                pasts.extend([&[] as &[bool], &[false], &[false, false, false]]);
            }
            for past in pasts {
                let waits = owners_waits(owner, past, *rude);
                let longest = waits.iter().max().copied().unwrap_or(u64::MAX);
                assert!(longest <= 2000 && waits.len() >= 20, "{who}, {owner:?} after {past:?}: {waits:?}");
            }
        }
    }
}

/// A pseudo-random sequence, the same for the same seed (`SplitMix64`).
struct Random(u64);

impl Random {
    /// Returns a number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Returns a client of a guessing network. Every other network is an IPv4 /24, with any of its addresses; the rest are /48s,
/// with any of their /64s.
fn guesser(network: u64, random: &mut Random) -> ClientId {
    if network.is_multiple_of(2) {
        v4(((network as u32) << 8) | (random.below(253) as u32 + 1))
    } else {
        let network = u128::from(0x2002_0000_0000_u64 | network) << 80;
        ClientId::Network((network | u128::from(random.below(1 << 16)) << 64).into())
    }
}

/// Returns an owner from a network where nobody guesses: a different one each time, because a known key would get
/// precedence.
fn owner(number: u64) -> ClientId {
    match number % 3 {
        0 => v4(0x00f0_0000 + ((number as u32) << 8)),
        1 => v6(u128::from(number)),
        _ => ClientId::Network((u128::from(0x2003_0000_0000_u64 | number) << 80).into()),
    }
}

/// Returns the sorted waiting times, in milliseconds, of owners whose key was never seen. Until `end_ms` one comes every
/// few seconds, after no miss or after three. Meanwhile each of the networks tries a wrong key ten times a second, and now
/// and then sends a burst.
fn strangers_waits(networks: u64, seed: u64, end_ms: u64) -> Vec<u64> {
    let (mut checking, mut random) = (Checking::new(), Random(seed));
    let mut waits = Vec::new();
    let mut waiting: Option<(u64, u64)> = None; // since when, and when it asks again
    let (mut number, mut comes_ms) = (0, 1000);
    while checking.now_ms < end_ms {
        for network in 0..networks {
            let burst = if random.below(3000) == 0 { 250 } else { 1 };
            if burst > 1 || random.below(10) == 0 {
                for _ in 0..burst {
                    let _ = checking.ask(guesser(network, &mut random), false);
                }
            }
        }
        let now_ms = checking.now_ms;
        if waiting.is_none() && now_ms >= comes_ms {
            number += 1;
            let misses = if random.below(2) == 0 { 0 } else { 3 };
            for _ in 0..misses {
                let one = checking.tries.take(owner(number), checking.now()).unwrap();
                checking.tries.miss(&one, checking.now());
            }
            waiting = Some((now_ms, now_ms));
        }
        if let Some((_, again_ms)) = &mut waiting
            && *again_ms == now_ms
        {
            let asked = checking.ask(owner(number), true);
            *again_ms = asked.map_or_else(|wait_s| now_ms + wait_s * 1000, |()| u64::MAX);
        }
        for looked_at in checking.go_on() {
            let Some((since_ms, again_ms)) = &mut waiting else { continue };
            if looked_at {
                waits.push(checking.now_ms - *since_ms);
                waiting = None;
                comes_ms = checking.now_ms + 500 + random.below(4) * 1000 + random.below(100) * 10;
            } else {
                *again_ms = checking.now_ms + AGAIN_S * 1000;
            }
        }
    }
    waits.extend(waiting.map(|(since_ms, _)| end_ms - since_ms)); // one that still waits
    waits.sort_unstable();
    waits
}

/// As docs/ref/limits.md says.
const GUESSING_NETWORKS: u64 = 60;

#[test]
fn an_owner_never_seen_before_waits_two_seconds_at_most_beside_sixty_guessing_networks() {
    for (networks, minutes) in [(1, 1), (30, 1), (GUESSING_NETWORKS, 4), (2 * GUESSING_NETWORKS, 1)] {
        let seed = 0x5ee_d000 + networks;
        let waits = strangers_waits(networks, seed, minutes * 60_000);
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
        let (count, median, most, longest) = (waits.len(), at(50), at(95), at(100));
        println!(
            "{networks} networks (seed {seed:#x}): {count} owners, median {median} ms, 95 % {most} ms, longest {longest} ms"
        );
        let bound = if networks <= GUESSING_NETWORKS { 2000 } else { (networks / 2 + 3) * CHECK_MS };
        assert!(
            longest <= bound && count >= 8 * minutes as usize,
            "{networks} networks, seed {seed:#x}: {waits:?}"
        );
    }
}
