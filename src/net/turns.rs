//! A fair queue for a limited number of places. Each client has a share of the places. Those who wait take turns by group,
//! and within a group by client, however many tickets one client has.
//!
//! So the wait of a client in its own group depends only on the number of groups, however many clients the other groups
//! have. [`Turns`] decides and is pure; tasks wait at a [`Turnstile`]. Dropping a place or a ticket gives it back.

use super::client_id::{ClientId, LimitGroup};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The sizes of the queue and of the places that it protects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Total number of places.
    pub(super) places: usize,
    /// Places for one address.
    pub(super) per_address: usize,
    /// Maximum number of tickets for known clients, and the same number for the others: neither takes the other's room.
    pub(super) waiting: usize,
}

/// Precedence in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// The client has shown a right key before: precedes all others.
    Known,
    /// No record of the client exists, good or bad.
    First,
    /// The client comes after all clients of its group with rank `First`.
    Later,
}

/// A waiting request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// The answer to a newcomer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Come {
    In,
    Wait(Ticket),
    /// The queue is full, but another client has more than its share: the newcomer gets the first ticket, and the second
    /// one is dropped.
    Instead(Ticket, Ticket),
    /// The queue is full.
    Full,
}

/// The places taken, the tickets waiting, and whose turn it is.
#[derive(Debug)]
pub(super) struct Turns {
    bounds: Bounds,
    /// Places taken, by client; their sum never exceeds the limit.
    inside: BTreeMap<ClientId, usize>,
    /// The groups of known clients, then those of the others. The first group is next; once served it goes to the end.
    classes: [VecDeque<(LimitGroup, Waiters)>; 2],
    tickets: u64,
}

/// The waiting clients of one group: those of rank `First`, then those of rank `Later`. The first client is next; once
/// served it goes to the end.
#[derive(Debug, Default)]
struct Waiters([VecDeque<(ClientId, VecDeque<Ticket>)>; 2]);

impl Rank {
    /// Returns the client's class, and its line within the group.
    fn place(self) -> (usize, usize) {
        match self {
            Self::Known => (0, 0),
            Self::First => (1, 0),
            Self::Later => (1, 1),
        }
    }
}

impl Waiters {
    fn client_ids(&self) -> impl Iterator<Item = &(ClientId, VecDeque<Ticket>)> {
        self.0.iter().flatten()
    }

    fn len(&self) -> usize {
        self.client_ids().map(|(_, tickets)| tickets.len()).sum()
    }

    fn own(&self, line: usize, client_id: ClientId) -> usize {
        self.0[line].iter().find(|(other, _)| *other == client_id).map_or(0, |(_, tickets)| tickets.len())
    }

    fn push(&mut self, line: usize, client_id: ClientId, ticket: Ticket) {
        match self.0[line].iter_mut().find(|(other, _)| *other == client_id) {
            Some((_, tickets)) => tickets.push_back(ticket),
            None => self.0[line].push_back((client_id, VecDeque::from([ticket]))),
        }
    }

    /// Removes and returns the next ticket whose client has room.
    fn next(&mut self, has_room: impl Fn(ClientId) -> bool) -> Option<(ClientId, Ticket)> {
        for line in &mut self.0 {
            let Some(place) = line.iter().position(|(client_id, _)| has_room(*client_id)) else { continue };
            let (client_id, mut tickets) = line.remove(place)?;
            let ticket = tickets.pop_front()?;
            if !tickets.is_empty() {
                line.push_back((client_id, tickets));
            }
            return Some((client_id, ticket));
        }
        None
    }
}

impl Turns {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, inside: BTreeMap::new(), classes: Default::default(), tickets: 0 }
    }

    fn taken(&self) -> usize {
        self.inside.values().sum()
    }

    fn waiting(&self) -> usize {
        self.classes.iter().flatten().map(|(_, waiters)| waiters.len()).sum()
    }

    fn has_room_for(&self, client_id: ClientId) -> bool {
        let own = self.inside.get(&client_id).copied().unwrap_or(0);
        self.taken() < self.bounds.places && own < client_id.share(self.bounds.per_address)
    }

    pub(super) fn come(&mut self, client_id: ClientId, rank: Rank) -> Come {
        // A client that waits only for its own places keeps no others waiting.
        if self.has_room_for(client_id) && !self.keeps_waiting() {
            *self.inside.entry(client_id).or_default() += 1;
            return Come::In;
        }
        let (class, line) = rank.place();
        let waiting: usize = self.classes[class].iter().map(|(_, waiters)| waiters.len()).sum();
        if waiting < self.bounds.waiting {
            return Come::Wait(self.wait(client_id, class, line));
        }
        let Some(gone) = self.longest(client_id, class, line) else { return Come::Full };
        self.give_up(gone);
        Come::Instead(self.wait(client_id, class, line), gone)
    }

    /// Returns whether a client waits although there is room for it.
    fn keeps_waiting(&self) -> bool {
        let mut all = self.classes.iter().flatten().flat_map(|(_, waiters)| waiters.client_ids());
        all.any(|(client_id, _)| self.has_room_for(*client_id))
    }

    fn wait(&mut self, client_id: ClientId, class: usize, line: usize) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let (class, group) = (&mut self.classes[class], client_id.group());
        let place = class.iter().position(|(other, _)| *other == group).unwrap_or_else(|| {
            class.push_back((group, Waiters::default()));
            class.len() - 1
        });
        class[place].1.push(line, client_id, ticket);
        ticket
    }

    /// Returns the ticket that makes way for a newcomer to a full class: the last one of the client that has more than the
    /// newcomer would have. The number in the group counts first, then the rank (`Later` before `First`), then the number
    /// of the client.
    fn longest(&self, client_id: ClientId, class: usize, line: usize) -> Option<Ticket> {
        let group = client_id.group();
        let most = self.classes[class].iter().flat_map(|(other, waiters)| {
            let all = waiters.len() + usize::from(*other == group);
            waiters.0.iter().enumerate().flat_map(move |(line, client_ids)| {
                client_ids
                    .iter()
                    .filter_map(move |(_, tickets)| Some(((all, line, tickets.len()), *tickets.back()?)))
            })
        });
        let (most, last) = most.max_by_key(|(most, _)| *most)?;
        let waiters =
            self.classes[class].iter().find(|(other, _)| *other == group).map(|(_, waiters)| waiters);
        let own = waiters
            .map_or((1, line, 1), |waiters| (waiters.len() + 1, line, waiters.own(line, client_id) + 1));
        (most > own).then_some(last)
    }

    /// Frees a place of this client.
    pub(super) fn leave(&mut self, client_id: ClientId) {
        if let Some(own) = self.inside.get_mut(&client_id) {
            *own -= 1;
            if *own == 0 {
                self.inside.remove(&client_id);
            }
        }
    }

    /// Removes a ticket.
    pub(super) fn give_up(&mut self, ticket: Ticket) {
        for class in &mut self.classes {
            for line in class.iter_mut().flat_map(|(_, waiters)| &mut waiters.0) {
                for (_, tickets) in line.iter_mut() {
                    tickets.retain(|waiting| *waiting != ticket);
                }
                line.retain(|(_, tickets)| !tickets.is_empty());
            }
            class.retain(|(_, waiters)| waiters.len() > 0);
        }
    }

    /// Returns the next ticket if there is room, and gives it a place.
    pub(super) fn next(&mut self) -> Option<Ticket> {
        let found = self.classes.iter().enumerate().find_map(|(class, groups)| {
            let has_room = |(_, waiters): &(LimitGroup, Waiters)| {
                waiters.client_ids().any(|(client_id, _)| self.has_room_for(*client_id))
            };
            Some((class, groups.iter().position(has_room)?))
        });
        let (class, place) = found?;
        let (group, mut waiters) = self.classes[class].remove(place)?;
        let next = waiters.next(|client_id| self.has_room_for(client_id));
        if waiters.len() > 0 {
            self.classes[class].push_back((group, waiters));
        }
        let (client_id, ticket) = next?;
        *self.inside.entry(client_id).or_default() += 1;
        Some(ticket)
    }
}

/// Lets tasks wait for a place.
#[derive(Clone, Debug)]
pub(super) struct Turnstile(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    turns: Turns,
    /// A channel for each ticket; `None` for one that was dropped and does not know it yet.
    calls: BTreeMap<u64, Option<oneshot::Sender<()>>>,
}

impl Turnstile {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Mutex::new(Waiting { turns: Turns::new(bounds), calls: BTreeMap::new() })))
    }

    /// Waits for a place. Returns `None` if the queue is full, or the wait takes longer than `patience`.
    pub(super) async fn enter(
        &self,
        client_id: ClientId,
        rank: Rank,
        patience: Duration,
    ) -> Option<TurnPermit> {
        let (ticket, called) = {
            let mut waiting = self.lock();
            match waiting.turns.come(client_id, rank) {
                Come::In => return Some(TurnPermit { turnstile: self.clone(), client_id }),
                Come::Full => return None,
                Come::Wait(ticket) => (ticket, waiting.expect(ticket)),
                Come::Instead(ticket, gone) => {
                    waiting.calls.insert(gone.0, None); // dropping the channel tells its task
                    (ticket, waiting.expect(ticket))
                }
            }
        };
        let turn = Turn { turnstile: self, ticket, client_id, taken: false };
        let in_time = timeout(patience, called).await.is_ok_and(|called| called.is_ok());
        if in_time { Some(turn.take()) } else { None }
    }

    /// Returns the numbers of places taken and of tickets waiting.
    pub(super) fn numbers(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.turns.taken(), waiting.turns.waiting())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Returns a channel that signals this ticket's turn.
    fn expect(&mut self, ticket: Ticket) -> oneshot::Receiver<()> {
        let (call, called) = oneshot::channel();
        self.calls.insert(ticket.0, Some(call));
        called
    }

    /// Signals all tickets for which there is room.
    fn call(&mut self) {
        while let Some(ticket) = self.turns.next() {
            if let Some(call) = self.calls.remove(&ticket.0).flatten() {
                let _ = call.send(()); // a task that gave up returns its place by dropping it
            }
        }
    }
}

/// A wait that can be cancelled at any moment: then the ticket, or the place it just got, goes to the next.
struct Turn<'a> {
    turnstile: &'a Turnstile,
    ticket: Ticket,
    client_id: ClientId,
    taken: bool,
}

impl Turn<'_> {
    fn take(mut self) -> TurnPermit {
        self.taken = true;
        TurnPermit { turnstile: self.turnstile.clone(), client_id: self.client_id }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut waiting = self.turnstile.lock();
        match waiting.calls.remove(&self.ticket.0) {
            Some(Some(_)) => waiting.turns.give_up(self.ticket),
            Some(None) => {}
            None => {
                waiting.turns.leave(self.client_id);
                waiting.call();
            }
        }
    }
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(super) struct TurnPermit {
    turnstile: Turnstile,
    client_id: ClientId,
}

impl Drop for TurnPermit {
    fn drop(&mut self) {
        let mut waiting = self.turnstile.lock();
        waiting.turns.leave(self.client_id);
        waiting.call();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    const BOUNDS: Bounds = Bounds { places: 8, per_address: 2, waiting: 30 };

    /// Returns a client; all of them are in one group.
    fn client_id(last: u8) -> ClientId {
        ClientId::Address(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn one_party_takes_its_share_and_waits_while_others_come_in() {
        let mut turns = Turns::new(BOUNDS);
        let coming = (0..10).map(|_| turns.come(client_id(1), Rank::First)).collect::<Vec<_>>();
        assert_eq!(coming.iter().filter(|come| **come == Come::In).count(), 2);
        assert_eq!(turns.waiting(), 8);
        assert_eq!(
            turns.come(client_id(2), Rank::First),
            Come::In,
            "they wait for their own places, not for all"
        );
        assert_eq!(turns.next(), None);
        turns.leave(client_id(1));
        assert_eq!(turns.next(), Some(Ticket(1)), "in order");
    }

    #[test]
    fn who_waits_comes_in_party_by_party_however_many_of_one_wait() {
        let mut turns = Turns::new(Bounds { places: 1, per_address: 1, waiting: 100 });
        assert_eq!(turns.come(client_id(9), Rank::First), Come::In);
        let tickets = |turns: &mut Turns, last, count| {
            for _ in 0..count {
                turns.come(client_id(last), Rank::First);
            }
        };
        tickets(&mut turns, 1, 20); // 1 to 20
        tickets(&mut turns, 2, 2); // 21, 22
        tickets(&mut turns, 3, 1); // 23
        let mut order = Vec::new();
        let mut inside = client_id(9);
        for _ in 0..6 {
            turns.leave(inside);
            let Ticket(number) = turns.next().unwrap();
            inside = match number {
                1..=20 => client_id(1),
                21 | 22 => client_id(2),
                _ => client_id(3),
            };
            order.push(number);
        }
        assert_eq!(order, [1, 21, 23, 2, 22, 3]);
    }

    #[test]
    fn who_is_known_for_misses_comes_after_who_is_not_and_gives_way_to_it() {
        let mut turns = Turns::new(Bounds { places: 1, per_address: 1, waiting: 50 });
        turns.come(client_id(9), Rank::First);
        let late: Vec<_> = (1..=50).map(|last| turns.come(client_id(last + 10), Rank::Later)).collect();
        assert_eq!(turns.come(client_id(200), Rank::Later), Come::Full);
        let Come::Instead(owner, gone) = turns.come(client_id(100), Rank::First) else {
            panic!("none gave way")
        };
        assert_eq!(Come::Wait(gone), late[49], "the last of those who are later");
        let Come::Wait(known) = turns.come(client_id(151), Rank::Known) else {
            panic!("it has a class of its own")
        };
        turns.leave(client_id(9));
        assert_eq!(turns.next(), Some(known));
        turns.leave(client_id(151));
        assert_eq!(turns.next(), Some(owner));
    }

    #[test]
    fn groups_take_turns_however_many_parties_one_has_and_the_longest_gives_way() {
        let mut turns = Turns::new(Bounds { places: 1, per_address: 1, waiting: 50 });
        turns.come(client_id(9), Rank::First);
        let crowd: Vec<_> = (1..=50).map(|last| turns.come(client_id(last + 10), Rank::First)).collect();
        let other = |third| ClientId::Address(IpAddr::from([10, 0, third, 1]));
        let Come::Instead(first, gone) = turns.come(other(1), Rank::Later) else { panic!("none gave way") };
        assert_eq!(Come::Wait(gone), crowd[49]);
        let Come::Instead(second, _) = turns.come(other(2), Rank::First) else { panic!("none gave way") };
        turns.leave(client_id(9));
        let mut order = Vec::new();
        for inside in [client_id(11), other(1), other(2), client_id(12)] {
            order.push(turns.next().unwrap());
            turns.leave(inside);
        }
        let [Come::Wait(one), Come::Wait(two)] = crowd[..2] else { panic!() };
        assert_eq!(order, [one, first, second, two]);
    }

    #[tokio::test]
    async fn who_gives_way_hears_it_and_takes_no_place_with_it() {
        let turnstile = Turnstile::new(Bounds { places: 1, per_address: 1, waiting: 2 });
        let long = Duration::from_secs(60);
        let first = turnstile.enter(client_id(1), Rank::First, long).await.unwrap();
        let comes = |client_id| {
            let turnstile = turnstile.clone();
            tokio::spawn(async move { turnstile.enter(client_id, Rank::First, long).await })
        };
        let (second, third) = (comes(client_id(2)), comes(client_id(3)));
        tokio::task::yield_now().await;
        assert_eq!(turnstile.numbers(), (1, 2));
        let owner = comes(ClientId::Address(IpAddr::from([10, 0, 1, 1])));
        assert!(third.await.unwrap().is_none(), "its group had most");
        assert_eq!(turnstile.numbers(), (1, 2));
        drop(first);
        let second = second.await.unwrap();
        assert_eq!((turnstile.numbers(), second.is_some()), ((1, 1), true));
        drop(second);
        assert!(owner.await.unwrap().is_some());
    }

    #[test]
    fn who_gives_up_is_forgotten_and_the_line_is_bounded() {
        let mut turns = Turns::new(Bounds { places: 1, per_address: 1, waiting: 2 });
        turns.come(client_id(1), Rank::First);
        let Come::Wait(second) = turns.come(client_id(2), Rank::First) else { panic!() };
        turns.come(client_id(3), Rank::First);
        assert_eq!(turns.come(client_id(4), Rank::First), Come::Full);
        turns.give_up(second);
        assert_eq!(turns.waiting(), 1);
        turns.leave(client_id(1));
        assert_eq!(turns.next(), Some(Ticket(2)));
        turns.leave(client_id(3));
        assert!(
            turns.inside.is_empty() && turns.classes.iter().all(VecDeque::is_empty),
            "nothing is remembered"
        );
    }

    #[tokio::test]
    async fn a_place_goes_to_the_next_when_it_is_dropped_and_nobody_waits_for_ever() {
        let turnstile = Turnstile::new(Bounds { places: 1, per_address: 1, waiting: 2 });
        let long = Duration::from_secs(60);
        let first = turnstile.enter(client_id(1), Rank::First, long).await.unwrap();
        assert!(
            turnstile.enter(client_id(2), Rank::First, Duration::ZERO).await.is_none(),
            "it has no patience"
        );
        let (second, ()) =
            tokio::join!(turnstile.enter(client_id(2), Rank::First, long), async { drop(first) });
        assert_eq!(turnstile.numbers(), (1, 0));
        drop(second);
        assert_eq!(turnstile.numbers(), (0, 0));
    }

    proptest! {
        /// For any order of arriving, leaving and giving up: never more inside than allowed, no client waits while there is
        /// room for it, and in the end nothing is left.
        #[test]
        fn bounds_hold_and_no_place_is_lost(steps in prop::collection::vec((0..4_u8, 1..12_u8, any::<bool>()), 0..300)) {
            let mut turns = Turns::new(BOUNDS);
            let (mut inside, mut waiting) = (Vec::new(), Vec::new());
            let client_id = |last: u8| ClientId::Address(IpAddr::from([10, 0, last / 4, last]));
            for (what, last, known) in steps {
                match what {
                    0 | 1 => {
                        let rank = [Rank::First, Rank::Known, Rank::Later][usize::from(known) * usize::from(1 + last % 2)];
                        match turns.come(client_id(last), rank) {
                            Come::In => inside.push(client_id(last)),
                            Come::Wait(ticket) => waiting.push((ticket, client_id(last))),
                            Come::Instead(ticket, gone) => {
                                prop_assert!(waiting.len() >= BOUNDS.waiting);
                                waiting.retain(|(other, _)| *other != gone);
                                waiting.push((ticket, client_id(last)));
                            }
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
                prop_assert!(waiting.iter().all(|(_, client_id)| !turns.has_room_for(*client_id)));
            }
        }
    }
}
