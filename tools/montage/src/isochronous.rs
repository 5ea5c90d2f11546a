//! Computes when an isochronous transfer is over: packets have fixed places on the bus, one after the other.
//!
//! In: transfers, the time. Out: each transfer once its last packet's time has come, with the time of its
//! first packet. A host that is late is still served, up to a limit. No real device does that, but in an
//! emulated machine lateness proves nothing. Beyond the limit the host's places are lost, as with a real
//! device.

use crate::usbip::Submit;
use std::collections::VecDeque;

/// Lateness of a host that causes no loss.
pub const PATIENCE_NS: u64 = 100_000_000;
/// Maximum number of queued transfers on one endpoint; the audio driver uses 12.
const PENDING_MAX: usize = 64;

/// The transfers of one endpoint.
#[derive(Debug)]
pub struct Schedule {
    interval_ns: u64,
    /// Time at which the first packet of the next transfer begins; `None` before the first transfer.
    next_ns: Option<u64>,
    pending: VecDeque<Submit>,
}

impl Schedule {
    /// Starts with the first transfer.
    pub fn new(interval_ns: u64) -> Self {
        Self { interval_ns, next_ns: None, pending: VecDeque::new() }
    }

    /// Queues a transfer.
    ///
    /// # Errors
    /// Returns the transfer if there are too many.
    pub fn push(&mut self, transfer: Submit, now_ns: u64) -> Result<(), Submit> {
        if self.pending.len() >= PENDING_MAX {
            return Err(transfer);
        }
        let next_ns = *self.next_ns.get_or_insert(now_ns);
        if self.pending.is_empty() && now_ns > next_ns + PATIENCE_NS {
            self.next_ns = Some(now_ns);
        }
        self.pending.push_back(transfer);
        Ok(())
    }

    /// Returns the time at which the next transfer is over.
    pub fn due_ns(&self) -> Option<u64> {
        let packets = self.pending.front()?.packets.len() as u64;
        Some(self.next_ns? + packets * self.interval_ns)
    }

    /// Returns the next transfer if it is over by now, and when its first packet began.
    pub fn pop(&mut self, now_ns: u64) -> Option<(Submit, u64)> {
        let over_ns = self.due_ns().filter(|due_ns| *due_ns <= now_ns)?;
        let began_ns = self.next_ns.replace(over_ns)?;
        Some((self.pending.pop_front()?, began_ns))
    }

    /// Removes a transfer that the host has cancelled; returns whether it existed.
    pub fn remove(&mut self, seqnum: u32) -> bool {
        let before = self.pending.len();
        self.pending.retain(|transfer| transfer.seqnum != seqnum);
        self.pending.len() < before
    }

    /// Continues from now on, after a pause that the device itself made.
    pub fn go_on(&mut self, now_ns: u64) {
        self.next_ns = self.next_ns.map(|next_ns| next_ns.max(now_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usbip::Packet;

    fn transfer(seqnum: u32) -> Submit {
        let packets = vec![Packet::default(); 8];
        Submit { seqnum, is_in: true, endpoint: 6, length: 0, setup: [0; 8], data: Vec::new(), packets }
    }

    fn schedule(transfers: u32) -> Schedule {
        let mut schedule = Schedule::new(125_000);
        for seqnum in 1..=transfers {
            schedule.push(transfer(seqnum), 1_000).unwrap();
        }
        schedule
    }

    #[test]
    fn transfers_follow_each_other_without_a_gap() {
        let mut schedule = schedule(2);
        assert_eq!(schedule.due_ns(), Some(1_001_000));
        assert_eq!(schedule.pop(1_000_999), None);
        assert_eq!(schedule.pop(5_000_000).map(|(one, began)| (one.seqnum, began)), Some((1, 1_000)));
        assert_eq!(schedule.pop(5_000_000).map(|(two, began)| (two.seqnum, began)), Some((2, 1_001_000)));
        assert_eq!(schedule.due_ns(), None);
    }

    #[test]
    fn a_late_host_loses_nothing_within_the_limit_and_its_places_beyond() {
        let mut schedule = schedule(1);
        assert_eq!(schedule.pop(2_000_000).unwrap().1, 1_000);
        schedule.push(transfer(2), 1_001_000 + PATIENCE_NS).unwrap();
        assert_eq!(schedule.pop(u64::MAX).unwrap().1, 1_001_000);
        let late = 2_001_001 + PATIENCE_NS;
        schedule.push(transfer(3), late).unwrap();
        assert_eq!(schedule.pop(u64::MAX).unwrap().1, late);
    }

    #[test]
    fn a_transfer_can_be_taken_back_and_too_many_are_refused() {
        let mut schedule = schedule(PENDING_MAX as u32);
        assert!(schedule.push(transfer(0), 0).is_err());
        assert!(schedule.remove(5) && !schedule.remove(5));
    }
}
