//! The bridge carries packets from one TUN device to the other as the profile says, in one thread and one
//! loop.
//!
//! The bridge only decides when to look; `impair` decides when a packet is due. The bridge runs in real time,
//! above everything it measures except the watchdog and the capture. It records how much later than due it
//! really wrote: the bench's own error.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use impair::link::{Fate, Link};
use impair::profile::Profile;

use super::tun::READ_BYTES;
use crate::rig::process::make_real_time;
use crate::rig::watchdog::now_ns;

/// Below the watchdog (90) and the service's capture (70). A network card's interrupt, too, is above any
/// program.
const PRIORITY: i32 = 60;
/// Interval at which an idle bridge checks whether to stop.
const LOOK_NS: u64 = 20_000_000;
/// Maximum number of recorded crossings (three hours of a stream); more are only counted.
const NOTES_MAX: usize = 4_000_000;

/// A packet that crossed from the service to the listener.
#[allow(clippy::struct_field_names, reason = "the unit ends the name")]
#[derive(Clone, Copy, Debug)]
pub struct Crossing {
    /// Time at which the bridge took the packet from the service's side, `CLOCK_MONOTONIC` ns.
    pub sent_ns: u64,
    /// Time of arrival by the profile.
    pub due_ns: u64,
    /// Time at which the bridge really delivered the packet to the listener's side.
    pub given_ns: u64,
}

/// The counts of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Packets that were taken.
    pub taken: u64,
    /// Packets of these that were lost by chance.
    pub lost: u64,
    /// Packets of these that a full queue dropped.
    pub dropped: u64,
}

/// All crossings of a run.
#[derive(Default)]
pub struct Crossings {
    /// Down: from the service to the listener, in order.
    pub down: Vec<Crossing>,
    /// The counts from the service to the listener.
    pub down_counts: Counts,
    /// The counts from the listener to the service.
    pub up_counts: Counts,
}

/// The running bridge.
pub struct Bridge {
    orders: Arc<Orders>,
    thread: Option<JoinHandle<Result<Crossings, String>>>,
}

#[derive(Default)]
struct Orders {
    stop: AtomicBool,
    /// Time at which the outages begin; 0 until it is known.
    outages_ns: AtomicU64,
}

impl Bridge {
    /// Starts the bridge between the two devices.
    pub fn start(profile: Profile, seed: u64, service: File, listener: File) -> Result<Self, String> {
        let orders = Arc::new(Orders::default());
        let told = orders.clone();
        let mut sides = [
            Side { from: service, link: Link::new(profile, seed, 0), counts: Counts::default() },
            Side { from: listener, link: Link::new(profile, seed, 1), counts: Counts::default() },
        ];
        let carry = move || {
            make_real_time(0, libc::SCHED_RR, PRIORITY);
            carry(&mut sides, &told).map_err(|e| format!("the bridge between the networks: {e}"))
        };
        let thread = std::thread::Builder::new()
            .name("bridge".into())
            .spawn(carry)
            .map_err(|e| format!("starting the bridge between the networks: {e}"))?;
        Ok(Self { orders, thread: Some(thread) })
    }

    /// Sets the time when the plan of outages begins.
    pub fn begin_outages(&self, begin_ns: u64) {
        self.orders.outages_ns.store(begin_ns, Ordering::Relaxed);
    }

    /// Stops the bridge and returns the crossings.
    pub fn finish(mut self) -> Result<Crossings, String> {
        self.orders.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is finished once");
        thread.join().map_err(|_| "the bridge between the networks panicked".to_owned())?
    }
}

impl Drop for Bridge {
    /// Even a failed run leaves no bridge behind, and thus no namespace.
    fn drop(&mut self) {
        self.orders.stop.store(true, Ordering::Relaxed);
    }
}

/// An end of the bridge: the packets that come from it, and the link that they take.
struct Side {
    from: File,
    link: Link,
    counts: Counts,
}

fn carry(sides: &mut [Side; 2], orders: &Orders) -> io::Result<Crossings> {
    let mut crossings = Crossings::default();
    let mut outages_begun = false;
    while !orders.stop.load(Ordering::Relaxed) {
        let begin_ns = orders.outages_ns.load(Ordering::Relaxed);
        if begin_ns > 0 && !outages_begun {
            outages_begun = true;
            for side in &mut *sides {
                side.link.begin_outages(begin_ns);
            }
        }
        wait(sides);
        for side in &mut *sides {
            side.take_all()?;
        }
        let [service, listener] = sides;
        give(&mut service.link, &mut listener.from, |crossing| {
            if crossings.down.len() < NOTES_MAX {
                crossings.down.push(crossing);
            }
        });
        give(&mut listener.link, &mut service.from, |_| ());
    }
    crossings.down_counts = sides[0].counts;
    crossings.up_counts = sides[1].counts;
    Ok(crossings)
}

/// Waits until a packet comes or is due.
fn wait(sides: &[Side; 2]) {
    let now = now_ns();
    let due_ns = sides.iter().filter_map(|side| side.link.next_due_ns()).min().unwrap_or(u64::MAX);
    let wait_ns = due_ns.saturating_sub(now).min(LOOK_NS);
    let time = libc::timespec { tv_sec: 0, tv_nsec: wait_ns as i64 };
    let mut polled =
        [0, 1].map(|k| libc::pollfd { fd: sides[k].from.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    // SAFETY: array and timespec live through the call; no signal mask is given. An interrupted wait is a short one.
    unsafe { libc::ppoll(polled.as_mut_ptr(), 2, &raw const time, std::ptr::null()) };
}

impl Side {
    /// Takes every waiting packet.
    fn take_all(&mut self) -> io::Result<()> {
        let mut packet = [0u8; READ_BYTES];
        loop {
            match self.from.read(&mut packet) {
                Ok(bytes) if is_ipv4(&packet[..bytes]) => {
                    self.counts.taken += 1;
                    match self.link.send(now_ns(), packet[..bytes].to_vec()) {
                        Fate::UnderWay => {}
                        Fate::Lost => self.counts.lost += 1,
                        Fate::Dropped => self.counts.dropped += 1,
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Distinguishes the product's traffic from the kernel's own queries for IPv6 routers.
fn is_ipv4(packet: &[u8]) -> bool {
    packet.first().is_some_and(|byte| byte >> 4 == 4)
}

/// Delivers all due packets to the other side. A packet that the device refuses is lost, as on any network;
/// TCP resends it.
fn give(link: &mut Link, to: &mut File, mut note: impl FnMut(Crossing)) {
    while let Some(arrival) = link.receive(now_ns()) {
        let _ = to.write(&arrival.packet);
        note(Crossing { sent_ns: arrival.sent_ns, due_ns: arrival.due_ns, given_ns: now_ns() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ipv4_crosses() {
        assert!(is_ipv4(&[0x45, 0]) && !is_ipv4(&[0x60, 0]) && !is_ipv4(&[]));
    }
}
