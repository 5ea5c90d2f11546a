//! A bounded queue that forgets its oldest entry when a new one finds it full, and remembers what it forgot.
//!
//! For live audio the newest packet is worth most. No clock, no lock, no waiting here: `hub::client_queue` adds those.

use std::collections::VecDeque;

/// What was forgotten since it was last asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Entries forgotten.
    pub packets: u32,
    /// Frames they held.
    pub frames: u32,
    /// First frame of the first of them.
    pub frame_index: u64,
}

/// Anything with a place on the timeline.
pub trait Timed {
    /// First frame.
    fn frame_index(&self) -> u64;
    /// How many frames.
    fn frames(&self) -> u32;
}

/// First in, first out, at most `capacity` entries.
#[derive(Debug)]
pub struct DropOldest<T> {
    entries: VecDeque<T>,
    capacity: usize,
    lost: Lost,
}

impl<T: Timed> DropOldest<T> {
    /// An empty queue; never allocates again.
    ///
    /// # Panics
    /// With a capacity of 0.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue of capacity {capacity} could hold nothing");
        Self { entries: VecDeque::with_capacity(capacity), capacity, lost: Lost::default() }
    }

    /// Adds the newest entry; returns the oldest if it had to go for it.
    pub fn push(&mut self, entry: T) -> Option<T> {
        let forgotten = if self.entries.len() == self.capacity { self.entries.pop_front() } else { None };
        if let Some(oldest) = &forgotten {
            if self.lost.packets == 0 {
                self.lost.frame_index = oldest.frame_index();
            }
            self.lost.packets = self.lost.packets.saturating_add(1);
            self.lost.frames = self.lost.frames.saturating_add(oldest.frames());
        }
        self.entries.push_back(entry);
        forgotten
    }

    /// The oldest entry left. Ask [`Self::take_lost`] first: what was lost came before it.
    pub fn pop(&mut self) -> Option<T> {
        self.entries.pop_front()
    }

    /// What was forgotten since the last call, if anything.
    pub fn take_lost(&mut self) -> Option<Lost> {
        (self.lost.packets > 0).then(|| std::mem::take(&mut self.lost))
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
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
        fn every_entry_is_delivered_in_order_or_counted(capacity in 1_usize..9, steps in proptest::collection::vec(any::<bool>(), 0..200)) {
            let mut queue = DropOldest::new(capacity);
            let (mut pushed, mut expected) = (0_u64, 0_u64);
            for push in steps {
                if push {
                    queue.push(pushed);
                    pushed += 1;
                } else {
                    if let Some(lost) = queue.take_lost() {
                        prop_assert_eq!(lost.frame_index, expected * 128);
                        prop_assert_eq!(lost.frames, lost.packets * 128);
                        expected += u64::from(lost.packets);
                    }
                    if let Some(entry) = queue.pop() {
                        prop_assert_eq!(entry, expected);
                        expected += 1;
                    }
                }
                prop_assert!(queue.len() <= capacity);
            }
        }
    }
}
