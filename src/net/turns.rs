//! A fair line before something that few can have at once: each party has a share of the places, and those who wait come in
//! turn, party by party, however many of one party wait.
//!
//! [`Turns`] decides and is pure; [`Gate`] is what tasks wait at. A place and a turn in the line are given back by being dropped.

use super::party::Party;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How many there are of what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Places in all.
    pub(super) places: usize,
    /// Places of one address.
    pub(super) per_address: usize,
    /// Those of one rank who may wait: no rank takes the others' room.
    pub(super) waiting: usize,
}

/// Whose turn is sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// It has shown before that it knows its way in.
    Known,
    /// Nothing is known against it.
    First,
    /// After all the others.
    Later,
}

/// One that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What one is told that comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Come {
    In,
    Wait(Ticket),
    /// As many wait as may.
    Full,
}

/// Who has a place, who waits, and whose turn it is.
#[derive(Debug)]
pub(super) struct Turns {
    bounds: Bounds,
    /// Places taken, by party: their sum is never more than there are.
    inside: BTreeMap<Party, usize>,
    /// Those who wait, by party, each party's in order. The first party is the next; who was served goes to the end.
    lines: [VecDeque<(Party, VecDeque<Ticket>)>; 3],
    tickets: u64,
}

impl Turns {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, inside: BTreeMap::new(), lines: Default::default(), tickets: 0 }
    }

    fn taken(&self) -> usize {
        self.inside.values().sum()
    }

    fn waiting(&self) -> usize {
        self.lines.iter().flatten().map(|(_, line)| line.len()).sum()
    }

    fn has_room_for(&self, party: Party) -> bool {
        let own = self.inside.get(&party).copied().unwrap_or(0);
        self.taken() < self.bounds.places && own < party.share(self.bounds.per_address)
    }

    pub(super) fn come(&mut self, party: Party, rank: Rank) -> Come {
        // Whoever waits for nothing but its own party's places keeps nobody else waiting.
        let overtakes = self.lines.iter().flatten().any(|(other, _)| self.has_room_for(*other));
        if !overtakes && self.has_room_for(party) {
            *self.inside.entry(party).or_default() += 1;
            return Come::In;
        }
        let lines = &mut self.lines[rank as usize];
        if lines.iter().map(|(_, line)| line.len()).sum::<usize>() >= self.bounds.waiting {
            return Come::Full;
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        match lines.iter_mut().find(|(other, _)| *other == party) {
            Some((_, line)) => line.push_back(ticket),
            None => lines.push_back((party, VecDeque::from([ticket]))),
        }
        Come::Wait(ticket)
    }

    /// A place of `party` is free again.
    pub(super) fn leave(&mut self, party: Party) {
        if let Some(own) = self.inside.get_mut(&party) {
            *own -= 1;
            if *own == 0 {
                self.inside.remove(&party);
            }
        }
    }

    /// Who waits no longer.
    pub(super) fn give_up(&mut self, ticket: Ticket) {
        for lines in &mut self.lines {
            for (_, line) in lines.iter_mut() {
                line.retain(|waiting| *waiting != ticket);
            }
            lines.retain(|(_, line)| !line.is_empty());
        }
    }

    /// Whose turn it is, if there is room: it has its place.
    pub(super) fn next(&mut self) -> Option<Ticket> {
        let found = self.lines.iter().enumerate().find_map(|(rank, lines)| {
            let place = lines.iter().position(|(party, _)| self.has_room_for(*party))?;
            Some((rank, place))
        });
        let (rank, place) = found?;
        let (party, mut line) = self.lines[rank].remove(place)?;
        let ticket = line.pop_front();
        if !line.is_empty() {
            self.lines[rank].push_back((party, line));
        }
        *self.inside.entry(party).or_default() += 1;
        ticket
    }
}

/// Where tasks wait for a place.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    turns: Turns,
    calls: BTreeMap<u64, oneshot::Sender<()>>,
}

impl Gate {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Mutex::new(Waiting { turns: Turns::new(bounds), calls: BTreeMap::new() })))
    }

    /// A place, for as long as it is kept; `None` when as many wait as may, or it took longer than `patience`.
    pub(super) async fn enter(&self, party: Party, rank: Rank, patience: Duration) -> Option<Place> {
        let (ticket, called) = {
            let mut waiting = self.lock();
            match waiting.turns.come(party, rank) {
                Come::In => return Some(Place { gate: self.clone(), party }),
                Come::Full => return None,
                Come::Wait(ticket) => {
                    let (call, called) = oneshot::channel();
                    waiting.calls.insert(ticket.0, call);
                    (ticket, called)
                }
            }
        };
        let turn = Turn { gate: self, ticket, party, taken: false };
        let in_time = timeout(patience, called).await.is_ok_and(|called| called.is_ok());
        if in_time { Some(turn.take()) } else { None }
    }

    /// Those who have a place, and those who wait for one.
    pub(super) fn numbers(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.turns.taken(), waiting.turns.waiting())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Calls everybody there is room for.
    fn call(&mut self) {
        while let Some(ticket) = self.turns.next() {
            if let Some(call) = self.calls.remove(&ticket.0) {
                let _ = call.send(()); // one that gave up gives its place back when it is dropped
            }
        }
    }
}

/// A wait that may be given up at any moment: then its turn, or the place it was just called to, goes to the next.
struct Turn<'a> {
    gate: &'a Gate,
    ticket: Ticket,
    party: Party,
    taken: bool,
}

impl Turn<'_> {
    fn take(mut self) -> Place {
        self.taken = true;
        Place { gate: self.gate.clone(), party: self.party }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut waiting = self.gate.lock();
        if waiting.calls.remove(&self.ticket.0).is_some() {
            waiting.turns.give_up(self.ticket);
        } else {
            waiting.turns.leave(self.party);
            waiting.call();
        }
    }
}

/// A place.
#[derive(Debug)]
pub(super) struct Place {
    gate: Gate,
    party: Party,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.gate.lock();
        waiting.turns.leave(self.party);
        waiting.call();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    const BOUNDS: Bounds = Bounds { places: 8, per_address: 2, waiting: 30 };

    fn party(last: u8) -> Party {
        Party::Address(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn one_party_takes_its_share_and_waits_while_others_come_in() {
        let mut turns = Turns::new(BOUNDS);
        let coming = (0..10).map(|_| turns.come(party(1), Rank::First)).collect::<Vec<_>>();
        assert_eq!(coming.iter().filter(|come| **come == Come::In).count(), 2);
        assert_eq!(turns.waiting(), 8);
        assert_eq!(
            turns.come(party(2), Rank::First),
            Come::In,
            "they wait for their own places, not for all"
        );
        assert_eq!(turns.next(), None);
        turns.leave(party(1));
        assert_eq!(turns.next(), Some(Ticket(1)), "in order");
    }

    #[test]
    fn who_waits_comes_in_party_by_party_however_many_of_one_wait() {
        let mut turns = Turns::new(Bounds { places: 1, per_address: 1, waiting: 100 });
        assert_eq!(turns.come(party(9), Rank::First), Come::In);
        let tickets = |turns: &mut Turns, last, count| {
            for _ in 0..count {
                turns.come(party(last), Rank::First);
            }
        };
        tickets(&mut turns, 1, 20); // 1 to 20
        tickets(&mut turns, 2, 2); // 21, 22
        tickets(&mut turns, 3, 1); // 23
        let mut order = Vec::new();
        let mut inside = party(9);
        for _ in 0..6 {
            turns.leave(inside);
            let Ticket(number) = turns.next().unwrap();
            inside = match number {
                1..=20 => party(1),
                21 | 22 => party(2),
                _ => party(3),
            };
            order.push(number);
        }
        assert_eq!(order, [1, 21, 23, 2, 22, 3]);
    }

    #[test]
    fn who_is_known_for_misses_comes_after_who_is_not() {
        let mut turns = Turns::new(Bounds { places: 1, per_address: 1, waiting: 50 });
        turns.come(party(9), Rank::First);
        for last in 1..=60 {
            turns.come(party(last), Rank::Later);
        }
        let Come::Wait(owner) = turns.come(party(100), Rank::First) else { panic!("there is no room") };
        for last in 101..150 {
            let _ = turns.come(party(last), Rank::First); // until their rank's line is full
        }
        assert_eq!(turns.come(party(150), Rank::First), Come::Full);
        let Come::Wait(known) = turns.come(party(151), Rank::Known) else {
            panic!("it has a line of its own")
        };
        turns.leave(party(9));
        assert_eq!(turns.next(), Some(known));
        turns.leave(party(151));
        assert_eq!(turns.next(), Some(owner));
    }

    #[test]
    fn who_gives_up_is_forgotten_and_the_line_is_bounded() {
        let mut turns = Turns::new(Bounds { places: 1, per_address: 1, waiting: 2 });
        turns.come(party(1), Rank::First);
        let Come::Wait(second) = turns.come(party(2), Rank::First) else { panic!() };
        turns.come(party(3), Rank::First);
        assert_eq!(turns.come(party(4), Rank::First), Come::Full);
        turns.give_up(second);
        assert_eq!(turns.waiting(), 1);
        turns.leave(party(1));
        assert_eq!(turns.next(), Some(Ticket(2)));
        turns.leave(party(3));
        assert!(
            turns.inside.is_empty() && turns.lines.iter().all(VecDeque::is_empty),
            "nothing is remembered"
        );
    }

    #[tokio::test]
    async fn a_place_goes_to_the_next_when_it_is_dropped_and_nobody_waits_for_ever() {
        let gate = Gate::new(Bounds { places: 1, per_address: 1, waiting: 2 });
        let long = Duration::from_secs(60);
        let first = gate.enter(party(1), Rank::First, long).await.unwrap();
        assert!(gate.enter(party(2), Rank::First, Duration::ZERO).await.is_none(), "it has no patience");
        let (second, ()) = tokio::join!(gate.enter(party(2), Rank::First, long), async { drop(first) });
        assert_eq!(gate.numbers(), (1, 0));
        drop(second);
        assert_eq!(gate.numbers(), (0, 0));
    }

    proptest! {
        /// However they come, leave and give up: never more inside than may, nobody waits while there is room for him, and in
        /// the end nothing is left.
        #[test]
        fn bounds_hold_and_no_place_is_lost(steps in prop::collection::vec((0..4_u8, 1..12_u8, any::<bool>()), 0..300)) {
            let mut turns = Turns::new(BOUNDS);
            let (mut inside, mut waiting) = (Vec::new(), Vec::new());
            for (what, last, known) in steps {
                match what {
                    0 | 1 => {
                        let rank = [Rank::First, Rank::Known, Rank::Later][usize::from(known) * usize::from(1 + last % 2)];
                        match turns.come(party(last), rank) {
                            Come::In => inside.push(party(last)),
                            Come::Wait(ticket) => waiting.push((ticket, party(last))),
                            Come::Full => prop_assert!(waiting.len() >= BOUNDS.waiting),
                        }
                    }
                    2 if !inside.is_empty() => turns.leave(inside.swap_remove(usize::from(last) % inside.len())),
                    3 if !waiting.is_empty() => {
                        let (ticket, _) = waiting.swap_remove(usize::from(last) % waiting.len());
                        turns.give_up(ticket);
                    }
                    _ => {}
                }
                while let Some(ticket) = turns.next() {
                    let place = waiting.iter().position(|(other, _)| *other == ticket).unwrap();
                    inside.push(waiting.remove(place).1);
                }
                prop_assert_eq!((turns.taken(), turns.waiting()), (inside.len(), waiting.len()));
                prop_assert!(inside.len() <= BOUNDS.places);
                for own in turns.inside.values() {
                    prop_assert!(*own <= BOUNDS.per_address);
                }
                prop_assert!(waiting.iter().all(|(_, party)| !turns.has_room_for(*party)));
            }
        }
    }
}
