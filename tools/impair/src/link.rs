//! A direction of a network: a queue of packets, each due at its own time.
//!
//! A packet waits for its turn at the bottleneck, travels (minimum delay plus lateness), never overtakes
//! another, and waits for the end of outages. It may be lost on the way; packets that do not fit into the
//! bottleneck's queue are dropped before.

use std::collections::VecDeque;

use listening::signal::Random;

use crate::lateness::{Draw, share};
use crate::ns;
use crate::outage::{Outage, Outages, schedule};
use crate::profile::Profile;

/// Maximum number of bytes on their way. It is far more than a stream needs in any profile, and limits a
/// flood.
const UNDER_WAY_BYTES_MAX: usize = 8 << 20;

/// Outages and directions use separate random streams, so that changes to one do not affect the other.
const OUTAGE_STREAM: u64 = 0x5EED_0001;

/// The fate of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The packet is on its way.
    UnderWay,
    /// The packet is lost on the way.
    Lost,
    /// The queue was full.
    Dropped,
}

/// A packet at the end of its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The packet.
    pub packet: Vec<u8>,
    /// Time at which the packet was sent, nanoseconds.
    pub sent_ns: u64,
    /// Time at which the packet is due, nanoseconds.
    pub due_ns: u64,
}

/// A direction of a network.
pub struct Link {
    profile: Profile,
    lateness: Draw,
    losses: Random,
    seed: u64,
    outages: Option<Outages>,
    under_way: VecDeque<Arrival>,
    under_way_bytes: usize,
    /// Time at which the bottleneck is free again.
    free_ns: u64,
    last_due_ns: u64,
}

impl Link {
    /// Makes the link of `profile` and `seed`; each `direction` (0 or 1) has its own random stream, but both
    /// share the outages.
    pub fn new(profile: Profile, seed: u64, direction: u64) -> Self {
        let stream = |k: u64| Random::new(seed.wrapping_mul(31).wrapping_add(4 * k + direction));
        Self {
            profile,
            lateness: Draw::new(profile.lateness, stream(1)),
            losses: stream(2),
            seed,
            outages: None,
            under_way: VecDeque::new(),
            under_way_bytes: 0,
            free_ns: 0,
            last_due_ns: 0,
        }
    }

    /// Starts the profile's plan of outages at `begin_ns`, if it has one; before that there are none.
    pub fn begin_outages(&mut self, begin_ns: u64) {
        let plan = self.profile.outages;
        self.outages = plan.map(|plan| Outages::begin(plan, outage_random(self.seed), begin_ns));
    }

    /// Takes a packet sent at `now_ns`. Times may not go back.
    pub fn send(&mut self, now_ns: u64, packet: Vec<u8>) -> Fate {
        if self.under_way_bytes + packet.len() > UNDER_WAY_BYTES_MAX {
            return Fate::Dropped;
        }
        let Some(through_ns) = self.pass_bottleneck(now_ns, packet.len()) else { return Fate::Dropped };
        if share(&mut self.losses) < self.profile.loss {
            return Fate::Lost;
        }
        let travelled_ns = through_ns + ns(self.profile.base_ms) + self.lateness.next_ns(through_ns);
        let in_order_ns = travelled_ns.max(self.last_due_ns);
        let due_ns = self.outages.as_mut().map_or(in_order_ns, |outages| outages.passes_ns(in_order_ns));
        self.last_due_ns = due_ns;
        self.under_way_bytes += packet.len();
        self.under_way.push_back(Arrival { packet, sent_ns: now_ns, due_ns });
        Fate::UnderWay
    }

    /// Returns the time at which the next packet is due.
    pub fn next_due_ns(&self) -> Option<u64> {
        self.under_way.front().map(|arrival| arrival.due_ns)
    }

    /// Returns the next packet if it is due.
    pub fn receive(&mut self, now_ns: u64) -> Option<Arrival> {
        if self.next_due_ns()? > now_ns {
            return None;
        }
        let arrival = self.under_way.pop_front()?;
        self.under_way_bytes -= arrival.packet.len();
        Some(arrival)
    }

    /// Returns the time at which the packet has passed the bottleneck; `None` if its queue is full.
    fn pass_bottleneck(&mut self, now_ns: u64, bytes: usize) -> Option<u64> {
        let Some(bottleneck) = self.profile.bottleneck else { return Some(now_ns) };
        let bytes_per_ns = bottleneck.bits_per_s / 8e9;
        let waiting_bytes = self.free_ns.saturating_sub(now_ns) as f64 * bytes_per_ns;
        if waiting_bytes + bytes as f64 > bottleneck.queue_bytes as f64 {
            return None;
        }
        self.free_ns = self.free_ns.max(now_ns) + (bytes as f64 / bytes_per_ns).round() as u64;
        Some(self.free_ns)
    }
}

/// The outages between `begin_ns` and `end_ns` on links of this profile and seed.
pub fn outages(profile: &Profile, seed: u64, begin_ns: u64, end_ns: u64) -> Vec<Outage> {
    profile.outages.map_or_else(Vec::new, |plan| schedule(plan, outage_random(seed), begin_ns, end_ns))
}

fn outage_random(seed: u64) -> Random {
    Random::new(seed ^ OUTAGE_STREAM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Bottleneck, PROFILES};

    const MS: u64 = 1_000_000;
    /// A message of 128 frames: 512 bytes of samples, 40 of record header, 4 of WebSocket header, 52 of TCP
    /// and IP.
    const PACKET_BYTES: usize = 608;
    const PACKET_NS: u64 = 2_902_494;

    fn profile(name: &str) -> Profile {
        Profile::named(name).unwrap()
    }

    /// Sends `count` packets at the service's pace; returns the arrivals and the fates, in simulated time.
    fn stream(link: &mut Link, count: u64) -> (Vec<Arrival>, Vec<Fate>) {
        let mut fates = Vec::new();
        let mut arrivals = Vec::new();
        for n in 0..count {
            let now_ns = n * PACKET_NS;
            while let Some(arrival) = link.receive(now_ns) {
                arrivals.push(arrival);
            }
            let mut packet = vec![0; PACKET_BYTES];
            packet[..8].copy_from_slice(&n.to_le_bytes());
            fates.push(link.send(now_ns, packet));
        }
        while let Some(due_ns) = link.next_due_ns() {
            arrivals.push(link.receive(due_ns).unwrap());
        }
        (arrivals, fates)
    }

    fn delays_ms(arrivals: &[Arrival]) -> Vec<f64> {
        arrivals.iter().map(|a| (a.due_ns - a.sent_ns) as f64 / 1e6).collect()
    }

    #[test]
    fn every_network_keeps_order_and_is_the_same_for_the_same_seed() {
        for profile in PROFILES {
            let run = |seed| {
                let mut link = Link::new(profile, seed, 0);
                link.begin_outages(0);
                stream(&mut link, 20_000)
            };
            let (arrivals, fates) = run(5);
            assert!(arrivals.windows(2).all(|pair| pair[0].due_ns <= pair[1].due_ns), "{}", profile.name);
            assert!(arrivals.windows(2).all(|pair| pair[0].sent_ns < pair[1].sent_ns), "{}", profile.name);
            assert_eq!(fates.iter().filter(|f| **f == Fate::UnderWay).count(), arrivals.len());
            assert_eq!((arrivals, fates), run(5), "{}", profile.name);
        }
    }

    #[test]
    fn directions_have_their_own_chance_and_the_same_outages() {
        let arrivals = |name, direction| {
            let mut link = Link::new(profile(name), 5, direction);
            link.begin_outages(0);
            delays_ms(&stream(&mut link, 5000).0)
        };
        assert_ne!(arrivals("bad-wifi", 0), arrivals("bad-wifi", 1));
        assert_eq!(arrivals("stall-3s", 0), arrivals("stall-3s", 1));
    }

    #[test]
    fn a_steady_network_delays_by_its_delay_and_nothing_else() {
        for (name, ms) in [("wired", 0.0), ("high-latency", 150.0)] {
            let (arrivals, fates) = stream(&mut Link::new(profile(name), 1, 0), 1000);
            assert!(delays_ms(&arrivals).iter().all(|d| *d == ms), "{name}");
            assert!(fates.iter().all(|f| *f == Fate::UnderWay));
        }
    }

    #[test]
    fn one_in_a_hundred_is_lost() {
        let (arrivals, fates) = stream(&mut Link::new(profile("loss"), 3, 0), 50_000);
        let lost = fates.iter().filter(|f| **f == Fate::Lost).count();
        assert!((420..580).contains(&lost), "{lost}");
        assert_eq!(arrivals.len() + lost, 50_000);
    }

    #[test]
    fn an_outage_holds_everything_and_lets_it_go_at_its_end() {
        let mut link = Link::new(profile("stall-3s"), 3, 0);
        link.begin_outages(0);
        let (arrivals, _) = stream(&mut link, 5000);
        let met = outages(&profile("stall-3s"), 3, 0, 5000 * PACKET_NS);
        assert_eq!(met.len(), 5);
        for outage in met {
            assert_eq!(outage.end_ns - outage.start_ns, 300 * MS);
            assert!(arrivals.iter().all(|a| !(outage.start_ns..outage.end_ns).contains(&a.due_ns)));
            let held = arrivals.iter().filter(|a| a.due_ns == outage.end_ns).count();
            assert!((102..=105).contains(&held), "{held} packets of 300 ms");
        }
        let mut before = Link::new(profile("stall-3s"), 3, 0);
        assert!(delays_ms(&stream(&mut before, 5000).0).iter().all(|d| *d == 1.0), "none before they begin");
    }

    #[test]
    fn a_narrow_place_lets_its_rate_through_and_drops_what_its_queue_cannot_hold() {
        let narrow = Bottleneck { bits_per_s: 2e6, queue_bytes: 25_000 };
        let profile = Profile { base_ms: 0.0, bottleneck: Some(narrow), ..profile("2mbit") };
        let mut link = Link::new(profile, 1, 0);
        // 1000 packets at once: the queue holds 25 000 bytes of them.
        let fates: Vec<Fate> = (0..1000).map(|_| link.send(0, vec![0; 1000])).collect();
        assert_eq!(fates.iter().filter(|f| **f == Fate::UnderWay).count(), 25);
        let due: Vec<u64> = std::iter::from_fn(|| link.receive(u64::MAX)).map(|a| a.due_ns).collect();
        assert_eq!((due[0], due[24]), (4 * MS, 100 * MS), "4 ms for 1000 bytes at 2 Mbit/s");
        // The normal stream fits.
        let (arrivals, fates) = stream(&mut Link::new(profile, 1, 0), 10_000);
        assert!(fates.iter().all(|f| *f == Fate::UnderWay));
        assert!(delays_ms(&arrivals).iter().all(|d| *d < 2.5));
    }

    #[test]
    fn nothing_is_kept_without_end() {
        let mut link = Link::new(profile("high-latency"), 1, 0);
        let taken = (0..20_000).filter(|_| link.send(0, vec![0; 1500]) == Fate::UnderWay).count();
        assert_eq!(taken, UNDER_WAY_BYTES_MAX / 1500);
        while link.receive(u64::MAX).is_some() {}
        assert_eq!(link.send(1, vec![0; 1500]), Fate::UnderWay, "what has arrived makes room");
    }

    #[test]
    fn a_mobile_network_is_60_ms_give_or_take_20_with_bursts() {
        let mut link = Link::new(profile("mobile"), 8, 0);
        let (arrivals, _) = stream(&mut link, 40_000);
        let calm = delays_ms(&arrivals);
        let mean = calm.iter().sum::<f64>() / calm.len() as f64;
        assert!((mean - 60.0).abs() < 3.0, "{mean}");
        assert!(calm.iter().all(|d| (40.0..=80.0).contains(d)));
        let mut link = Link::new(profile("mobile"), 8, 0);
        link.begin_outages(0);
        let (arrivals, _) = stream(&mut link, 40_000);
        let most_at_once = arrivals.chunk_by(|a, b| a.due_ns == b.due_ns).map(<[_]>::len).max().unwrap();
        assert!((30..60).contains(&most_at_once), "{most_at_once} packets at once");
        assert!(delays_ms(&arrivals).iter().all(|d| (40.0..=200.0).contains(d)));
    }
}
