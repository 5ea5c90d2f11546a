//! What waits for one listener: bounded, drop-oldest, and awaited by the one task that writes to it.

use crate::core::drop_oldest::{DropOldest, Lost, Timed};
use crate::core::packetizer::Packet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What comes next for a listener.
#[derive(Debug)]
pub enum Next {
    /// These were forgotten before what comes after.
    Lost(Lost),
    /// The oldest packet that is left.
    Packet(Packet),
}

/// One listener's queue. Many may push, one awaits.
#[derive(Debug)]
pub struct ClientQueue {
    packets: Mutex<DropOldest<Packet>>,
    filled: Notify,
}

impl ClientQueue {
    /// An empty queue for `capacity` packets.
    pub fn new(capacity: usize) -> Self {
        Self { packets: Mutex::new(DropOldest::new(capacity)), filled: Notify::new() }
    }

    /// Adds the newest packet; how many frames were forgotten for it, if the queue was full.
    pub fn push(&self, packet: Packet) -> Option<u32> {
        let forgotten = self.packets().push(packet);
        self.filled.notify_one();
        forgotten.map(|packet| packet.frames())
    }

    /// Waits until something is there; takes nothing, so it may be cancelled.
    pub async fn filled(&self) {
        loop {
            if !self.packets().is_empty() {
                return;
            }
            self.filled.notified().await;
        }
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.packets().is_empty()
    }

    /// What comes next, if anything: first what was lost, then what is left.
    pub fn next(&self) -> Option<Next> {
        let mut packets = self.packets();
        if let Some(lost) = packets.take_lost() {
            return Some(Next::Lost(lost));
        }
        packets.pop().map(Next::Packet)
    }

    fn packets(&self) -> MutexGuard<'_, DropOldest<Packet>> {
        self.packets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
