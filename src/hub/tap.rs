//! Gives packets to consumers other than listeners: a recorder, an uplink, an analysis.
//!
//! In: every packet, from the fan-out thread. Out: the same packets, on the tap's own thread. The fan-out thread never
//! waits for a tap: a bounded ring (`handover`) lies between the two, and packets without room are dropped and counted.
//! A packet's bytes are shared, not copied. The tap's thread never has a real-time priority, whichever thread starts it.
//! It finds the packets that it missed by their frame indices.

use super::handover::{Giver, Waiter, handover};
use crate::core::packetizer::Packet;
use crate::error::{Error, Result};
use crate::rt::thread::become_ordinary;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Counters of one tap's packets, which any thread may read at any time.
#[derive(Debug)]
pub struct TapNumbers {
    /// The tap's name.
    pub name: &'static str,
    /// Packets the tap was given.
    pub packets: AtomicU64,
    /// Packets dropped for lack of room.
    pub dropped: AtomicU64,
}

/// The packets that a tap gets, and how many may wait for it.
#[derive(Clone, Copy, Debug)]
pub struct TapConfig {
    /// Name of the tap and its thread.
    pub name: &'static str,
    /// The number of the rendition.
    pub stream: u8,
    /// Maximum number of packets that may wait.
    pub room: usize,
}

/// The end on the fan-out thread.
#[derive(Debug)]
pub struct Tap {
    stream: u8,
    giver: Giver<Packet>,
    numbers: Arc<TapNumbers>,
}

/// The end on the tap's thread, an iterator that waits for the next packet and ends when no more can come.
pub struct TapPackets(Waiter<Packet>);

impl Iterator for TapPackets {
    type Item = Packet;

    fn next(&mut self) -> Option<Packet> {
        self.0.next()
    }
}

/// A handle to a tap's thread, so that a stopping service can wait until its output is complete.
#[derive(Debug)]
pub struct TapThread {
    /// This channel carries no messages: it closes when the thread ends.
    ended: Receiver<Infallible>,
}

impl TapThread {
    /// Waits at most `limit` until the work is done; returns whether it is. Drop the tap first.
    #[must_use]
    pub fn wait(self, limit: Duration) -> bool {
        self.ended.recv_timeout(limit) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Tap {
    /// Starts a thread that runs `work`. The thread ends once the tap is dropped and `work` returns.
    ///
    /// # Errors
    /// If the kernel provides no eventfd or no thread.
    pub fn start(
        wish: TapConfig,
        work: impl FnOnce(TapPackets) + Send + 'static,
    ) -> Result<(Self, TapThread)> {
        let TapConfig { name, stream, room } = wish;
        let (giver, untaken) = handover(room)?;
        let (working, ended) = channel();
        let run = move || {
            let _working: Sender<Infallible> = working;
            become_ordinary();
            work(TapPackets(untaken.waiter()));
        };
        let started = std::thread::Builder::new().name(name.into()).spawn(run);
        started.map_err(|error| Error::new(format!("cannot start the thread of {name}")).because(error))?;
        let numbers = TapNumbers { name, packets: AtomicU64::new(0), dropped: AtomicU64::new(0) };
        Ok((Self { stream, giver, numbers: Arc::new(numbers) }, TapThread { ended }))
    }

    /// Returns the counters of the tap's packets.
    pub fn numbers(&self) -> Arc<TapNumbers> {
        Arc::clone(&self.numbers)
    }

    /// Passes on a packet of the tap's rendition, or drops it if there is no room. Never blocks.
    pub fn offer(&mut self, packet: &Packet) {
        if packet.stream != self.stream {
            return;
        }
        let taken = self.giver.give(packet.clone()).is_ok();
        let count = if taken { &self.numbers.packets } else { &self.numbers.dropped };
        count.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::thread::{RtRequest, become_prompt};
    use crate::units::{Hz, MonoNs};
    use bytes::Bytes;
    use nix::libc;

    /// Returns the calling thread's policy from the kernel, because libc only remembers the last request.
    fn policy() -> i32 {
        // SAFETY: the call takes a thread's number, 0 for the calling thread, and touches no memory.
        unsafe { libc::sched_getscheduler(0) }
    }

    fn wish(name: &'static str, room: usize) -> TapConfig {
        TapConfig { name, stream: 0, room }
    }

    fn packet(number: u64) -> Packet {
        Packet {
            record: Bytes::from(vec![7; 552]),
            stream: 0,
            rate: Hz(44_100),
            frame_index: number * 128,
            frames: 128,
            ready: MonoNs(number),
        }
    }

    #[test]
    fn a_taps_thread_is_ordinary_even_when_a_real_time_thread_starts_it() {
        let starter = std::thread::spawn(|| {
            let state = become_prompt(RtRequest { priority: 10, cpu: None });
            if state.fifo_priority.is_none() {
                println!("NOT SHOWN: this user may have no real-time priority, so none can be inherited");
            }
            let (told, policies) = channel();
            let (tap, _) = Tap::start(wish("tap-policy", 1), move |_| told.send(policy()).unwrap()).unwrap();
            let inherited = policies.recv().unwrap();
            drop(tap);
            (policy(), inherited, state.fifo_priority.is_some())
        });
        let (own, of_tap, is_real_time) = starter.join().unwrap();
        assert_eq!(own == libc::SCHED_FIFO, is_real_time);
        assert_eq!(of_tap, libc::SCHED_OTHER);
    }

    #[test]
    fn a_tap_that_never_reads_loses_packets_and_another_gets_them_all() {
        let (leave, left) = channel::<()>();
        let (told, heard) = channel();
        let (mut deaf, deaf_thread) =
            Tap::start(wish("tap-deaf", 8), move |_packets| _ = left.recv()).unwrap();
        let (mut eager, eager_thread) = Tap::start(wish("tap-eager", 1000), move |packets| {
            packets.for_each(|packet| told.send(packet.frame_index).unwrap());
        })
        .unwrap();
        let bytes = packet(0).record;
        for number in 0..1000 {
            let packet = Packet { record: bytes.clone(), ..packet(number) };
            deaf.offer(&packet);
            eager.offer(&packet);
            eager.offer(&Packet { stream: 1, ..packet }); // another rendition's packet
        }
        let counts = |tap: &Tap| (tap.numbers().packets.load(Relaxed), tap.numbers().dropped.load(Relaxed));
        assert_eq!((counts(&deaf), counts(&eager)), ((8, 992), (1000, 0)));
        drop(eager);
        let indices: Vec<u64> = heard.iter().collect();
        assert!(indices.iter().copied().eq((0..1000).map(|number| number * 128)), "all of them, in order");
        assert!(eager_thread.wait(Duration::from_secs(60)));
        drop(deaf);
        assert!(!deaf_thread.wait(Duration::ZERO));
        drop(leave);
    }
}
