//! The newest packets, held once for all listeners, and each listener's position among them.
//!
//! A listener's queue is a [`Cursor`]: everything between it and the newest packet waits for that listener. Adding a packet
//! to five hundred queues costs nothing and copies nothing. For live audio the newest packet is worth most, so a queue that
//! is too long drops its oldest packets, and its cursor counts them. No clock, no lock, no waiting here.

use std::collections::VecDeque;

/// Anything with a position on the timeline.
pub trait Timed {
    /// Returns the index of the packet's first frame.
    fn frame_index(&self) -> u64;
    /// Returns the number of frames.
    fn frames(&self) -> u32;
}

/// Packets that a listener will not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Number of packets dropped.
    pub packets: u32,
    /// Number of frames in the dropped packets.
    pub frames: u32,
    /// Index of the first frame of the first dropped packet.
    pub frame_index: u64,
}

/// One listener's position: the next packet it gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Counted from the first packet ever pushed.
    next: u64,
    /// Packets dropped since [`Cursor::told`].
    lost: Lost,
}

impl Cursor {
    /// Returns the loss that the listener has not been told of yet.
    pub fn lost(&self) -> Option<Lost> {
        (self.lost.packets > 0).then_some(self.lost)
    }

    /// Records that the listener was told of its loss.
    pub fn told(&mut self) {
        self.lost = Lost::default();
    }
}

/// The packets that some listener may still need.
#[derive(Debug)]
pub struct Backlog<T> {
    packets: VecDeque<T>,
    capacity: usize,
    /// Packets ever pushed.
    count: u64,
}

impl<T: Timed> Backlog<T> {
    /// Creates an empty backlog. It allocates again only in [`Self::make_room`].
    ///
    /// # Panics
    /// If the capacity is 0.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a backlog of capacity {capacity} could hold nothing");
        Self { packets: VecDeque::with_capacity(capacity), capacity, count: 0 }
    }

    /// Raises the capacity to this many packets if it was lower.
    pub fn make_room(&mut self, capacity: usize) {
        if capacity > self.capacity {
            self.packets.reserve_exact(capacity - self.packets.len());
            self.capacity = capacity;
        }
    }

    /// Adds the newest packet. When there is no room, the oldest goes: every cursor must have left it by then
    /// ([`Self::keep`]).
    pub fn push(&mut self, packet: T) {
        if self.packets.len() == self.capacity {
            self.packets.pop_front();
        }
        self.packets.push_back(packet);
        self.count += 1;
    }

    /// Returns the number of packets ever pushed.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the newest packet.
    pub fn newest(&self) -> Option<&T> {
        self.packets.back()
    }

    /// Returns the position after the newest packet: such a listener hears only packets still to come.
    pub fn end(&self) -> Cursor {
        Cursor { next: self.count, lost: Lost::default() }
    }

    /// Returns the number of the packet that comes next at this cursor, counted from the first ever pushed.
    pub fn position(&self, cursor: &Cursor) -> u64 {
        cursor.next
    }

    /// Returns how many packets wait at this cursor.
    pub fn waiting(&self, cursor: &Cursor) -> usize {
        (self.count - cursor.next) as usize
    }

    /// Returns the packets that wait at this cursor, the oldest first.
    pub fn from<'a>(&'a self, cursor: &Cursor) -> impl ExactSizeIterator<Item = &'a T> + use<'a, T> {
        self.packets.range(self.packets.len().saturating_sub(self.waiting(cursor))..)
    }

    /// Moves the cursor past this many packets.
    pub fn advance(&self, cursor: &mut Cursor, packets: usize) {
        debug_assert!(packets <= self.waiting(cursor), "{packets} packets were never there");
        cursor.next += packets as u64;
    }

    /// Drops the oldest packets waiting at this cursor until at most `most` are left; returns the loss.
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
                // Step 4 adds a packet; in any other step a listener takes one.
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
