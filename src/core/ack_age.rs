//! Age of the oldest unacknowledged bytes.
//!
//! In: each write, and from time to time the number of unacknowledged bytes, with the time. Out: an age that
//! is never too high.
//! A single mark is enough: once everything that was in flight at the mark has been acknowledged, the mark moves.
//! No socket, no clock here.

use crate::units::MonoNs;

/// Age of the oldest unacknowledged bytes.
#[derive(Debug, Default)]
pub struct AckAge {
    mark: Option<Mark>,
}

#[derive(Debug)]
struct Mark {
    at: MonoNs,
    /// Bytes written since the mark. If more than that is unacknowledged, some of it was already in flight at the mark.
    written: usize,
}

impl AckAge {
    /// Records that almost no bytes are in flight, so their age does not matter.
    pub fn nothing(&mut self) {
        self.mark = None;
    }

    /// Records that this many bytes were written.
    pub fn written(&mut self, bytes: usize) {
        if let Some(mark) = &mut self.mark {
            mark.written += bytes;
        }
    }

    /// Returns how long at least some of these unacknowledged bytes have been in flight, in ns.
    pub fn age_ns(&mut self, unacknowledged: usize, now: MonoNs) -> u64 {
        match &self.mark {
            Some(mark) if unacknowledged > mark.written => now.since(mark.at),
            _ => {
                self.mark = Some(Mark { at: now, written: 0 });
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn it_grows_old_until_all_of_it_is_acknowledged() {
        let mut ack_age = AckAge::default();
        assert_eq!(ack_age.age_ns(5000, MonoNs(100)), 0, "looked at for the first time");
        ack_age.written(1000);
        assert_eq!(ack_age.age_ns(6000, MonoNs(300)), 200, "nothing was acknowledged");
        assert_eq!(ack_age.age_ns(1500, MonoNs(400)), 300, "not all of it");
        assert_eq!(ack_age.age_ns(1000, MonoNs(500)), 0, "all that was under way at first");
        assert_eq!(ack_age.age_ns(1000, MonoNs(700)), 200);
        ack_age.nothing();
        assert_eq!(ack_age.age_ns(1000, MonoNs(900)), 0);
    }

    proptest! {
        /// Compares with a ledger that holds the time of every byte.
        #[test]
        fn the_age_is_never_too_high_and_grows_while_nothing_is_acknowledged(
            steps in prop::collection::vec((0_usize..2000, 0_usize..2000, any::<bool>()), 1..200),
        ) {
            let (mut ack_age, mut ledger) = (AckAge::default(), VecDeque::new());
            let mut stalled: Option<(u64, u64)> = None;
            for (now, (written, acknowledged, looks)) in (1..).zip(steps) {
                ledger.extend(std::iter::repeat_n(now, written));
                ack_age.written(written);
                ledger.drain(..acknowledged.min(ledger.len()));
                stalled = stalled.filter(|_| acknowledged == 0);
                if !looks || ledger.is_empty() {
                    continue;
                }
                let age = ack_age.age_ns(ledger.len(), MonoNs(now));
                prop_assert!(age <= now - ledger[0], "{age} at {now}, the oldest is of {}", ledger[0]);
                if let Some((then, age_then)) = stalled {
                    prop_assert_eq!(age - age_then, now - then);
                }
                stalled = Some((now, age));
            }
        }
    }
}
