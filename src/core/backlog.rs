//! The newest packets, once for everybody, and each listener's place among them.
//!
//! A listener's queue is a [`Cursor`]: what lies between it and the newest packet waits for that listener. It costs nothing to
//! add a packet to five hundred queues, and nothing is copied. For live audio the newest packet is worth most: a queue that has
//! become too long forgets its oldest part, and its cursor remembers what that was. No clock, no lock, no waiting here.

use std::collections::VecDeque;

/// Anything with a place on the timeline.
pub trait Timed {
    /// First frame.
    fn frame_index(&self) -> u64;
    /// How many frames.
    fn frames(&self) -> u32;
}

/// What a listener will not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Packets forgotten.
    pub packets: u32,
    /// Frames they held.
    pub frames: u32,
    /// First frame of the first of them.
    pub frame_index: u64,
}

/// One listener's place: the packet that comes next for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Counted from the first packet there ever was.
    next: u64,
    /// Forgotten since [`Cursor::told`].
    lost: Lost,
}

impl Cursor {
    /// What was forgotten and has not been told yet.
    pub fn lost(&self) -> Option<Lost> {
        (self.lost.packets > 0).then_some(self.lost)
    }

    /// The loss has been told.
    pub fn told(&mut self) {
        self.lost = Lost::default();
    }
}

/// The packets that some listener may still want.
#[derive(Debug)]
pub struct Backlog<T> {
    packets: VecDeque<T>,
    capacity: usize,
    /// Packets there ever were.
    count: u64,
}

impl<T: Timed> Backlog<T> {
    /// An empty one; allocates again only when told to ([`Self::make_room`]).
    ///
    /// # Panics
    /// With a capacity of 0.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a backlog of capacity {capacity} could hold nothing");
        Self { packets: VecDeque::with_capacity(capacity), capacity, count: 0 }
    }

    /// Holds so many packets from now on, if it held fewer.
    pub fn make_room(&mut self, capacity: usize) {
        if capacity > self.capacity {
            self.packets.reserve_exact(capacity - self.packets.len());
            self.capacity = capacity;
        }
    }

    /// Adds the newest packet. The oldest goes when there is no room: every cursor must have left it by then ([`Self::keep`]).
    pub fn push(&mut self, packet: T) {
        if self.packets.len() == self.capacity {
            self.packets.pop_front();
        }
        self.packets.push_back(packet);
        self.count += 1;
    }

    /// Packets there ever were: rises by one with each.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The newest packet.
    pub fn newest(&self) -> Option<&T> {
        self.packets.back()
    }

    /// A place behind the newest packet: only what is still to come is heard.
    pub fn end(&self) -> Cursor {
        Cursor { next: self.count, lost: Lost::default() }
    }

    /// The packet that comes next at a place, counted from the first there ever was.
    pub fn position(&self, cursor: &Cursor) -> u64 {
        cursor.next
    }

    /// How many packets wait at a place.
    pub fn waiting(&self, cursor: &Cursor) -> usize {
        (self.count - cursor.next) as usize
    }

    /// The packets that wait at a place, the oldest first.
    pub fn from<'a>(&'a self, cursor: &Cursor) -> impl ExactSizeIterator<Item = &'a T> + use<'a, T> {
        self.packets.range(self.packets.len().saturating_sub(self.waiting(cursor))..)
    }

    /// So many packets have been taken.
    pub fn advance(&self, cursor: &mut Cursor, packets: usize) {
        debug_assert!(packets <= self.waiting(cursor), "{packets} packets were never there");
        cursor.next += packets as u64;
    }

    /// Forgets the oldest packets that wait at a place until `most` are left; what went.
    pub fn keep(&self, cursor: &mut Cursor, most: usize) -> Lost {
        let forgotten = self.waiting(cursor).saturating_sub(most);
        let mut gone = Lost::default();
        for packet in self.from(cursor).take(forgotten) {
            if gone.packets == 0 {
                gone.frame_index = packet.frame_index();
            }
            gone.packets += 1;
            gone.frames = gone.frames.saturating_add(packet.frames());
        }
        if cursor.lost.packets == 0 {
            cursor.lost.frame_index = gone.frame_index;
        }
        cursor.lost.packets = cursor.lost.packets.saturating_add(gone.packets);
        cursor.lost.frames = cursor.lost.frames.saturating_add(gone.frames);
        cursor.next += forgotten as u64;
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Timed for u64 {
        fn frame_index(&self) -> u64 {
            *self * 128
        }
        fn frames(&self) -> u32 {
            128
        }
    }

    proptest! {
        #[test]
        fn every_packet_reaches_every_listener_in_order_or_is_counted(
            limits in proptest::collection::vec(1_usize..9, 1..4),
            steps in proptest::collection::vec(0_usize..5, 0..200),
        ) {
            let mut backlog = Backlog::new(10);
            let mut listeners: Vec<(Cursor, u64)> = limits.iter().map(|_| (backlog.end(), 0)).collect();
            for step in steps {
                // A step of 4 is a new packet; any other is a listener's turn to take one.
                if step == 4 {
                    let count = backlog.count();
                    backlog.push(count);
                    for ((cursor, _), limit) in listeners.iter_mut().zip(&limits) {
                        backlog.keep(cursor, *limit);
                        prop_assert!(backlog.waiting(cursor) <= *limit);
                    }
                } else if let Some((cursor, expected)) = listeners.get_mut(step) {
                    if let Some(lost) = cursor.lost() {
                        prop_assert_eq!(lost.frame_index, *expected * 128);
                        prop_assert_eq!(lost.frames, lost.packets * 128);
                        *expected += u64::from(lost.packets);
                        cursor.told();
                    }
                    let next = backlog.from(cursor).next().copied();
                    if let Some(packet) = next {
                        prop_assert_eq!(packet, *expected);
                        *expected += 1;
                        backlog.advance(cursor, 1);
                    }
                }
            }
        }
    }
}
