//! The networks of the bench in one table.
//!
//! Each network is a set of numbers that apply to both directions; a round trip takes twice the one-way
//! delay. All links keep the order of packets: Wi-Fi and mobile networks repeat and reorder below IP, and
//! deliver packets in order (802.11 block acknowledgement, LTE RLC acknowledged mode). So one late packet
//! delays all packets behind it, and a listener hears that.

use crate::lateness::Lateness;
use crate::outage::OutagePlan;

/// A network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// The network's name on the command line.
    pub name: &'static str,
    /// The network's description in one line.
    pub about: &'static str,
    /// Minimum one-way delay, milliseconds.
    pub base_ms: f64,
    /// The delay in addition to the minimum.
    pub lateness: Lateness,
    /// Share of packets that are lost, independently of each other.
    pub loss: f64,
    /// Rate and queue of the bottleneck; `None` if the bottleneck has no effect.
    pub bottleneck: Option<Bottleneck>,
    /// Times when nothing passes.
    pub outages: Option<OutagePlan>,
}

/// The bottleneck of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bottleneck {
    /// Bits per second, of IP packets.
    pub bits_per_s: f64,
    /// Size of the bottleneck's queue, bytes; packets beyond it are dropped.
    pub queue_bytes: usize,
}

/// All networks, from good to bad.
pub const PROFILES: [Profile; 9] = [
    Profile { name: "wired", about: "a switch between the two: nothing but the bridge itself", ..PLAIN },
    // 1 packet in 9 000 is more than 6 ms late: one every half minute at 345 packets a second.
    Profile {
        name: "good-wifi",
        about: "5 GHz, near: 1 ms, a little late now and then",
        base_ms: 1.0,
        lateness: Lateness::Pareto { scale_ms: 0.25, shape: 3.0, most_ms: 20.0 },
        ..PLAIN
    },
    // With 345 packets a second, a packet is 30 ms late once in 15 s, 60 ms once in 90 s, 100 ms once in 5 min.
    Profile {
        name: "bad-wifi",
        about: "2.4 GHz, far, neighbours: 3 ms and a Pareto tail (scale 1 ms, shape 2.5, 200 ms at most)",
        base_ms: 3.0,
        lateness: Lateness::Pareto { scale_ms: 1.0, shape: 2.5, most_ms: 200.0 },
        ..PLAIN
    },
    // TCP resends lost packets: a loss makes a gap of slightly more than a round trip, and all packets behind
    // it wait.
    Profile {
        name: "loss",
        about: "10 ms each way, 1 % of packets lost",
        base_ms: 10.0,
        loss: 0.01,
        ..PLAIN
    },
    Profile {
        name: "stall-3s",
        about: "1 ms; every 3 s nothing passes for 300 ms (a phone that scans, an access point too busy)",
        base_ms: 1.0,
        outages: Some(OutagePlan { first_ms: 1500.0, every_ms: (3000.0, 3000.0), length_ms: (300.0, 300.0) }),
        ..PLAIN
    },
    Profile {
        name: "stall-60s",
        about: "1 ms; every 60 s nothing passes for 300 ms",
        base_ms: 1.0,
        outages: Some(OutagePlan {
            first_ms: 8000.0,
            every_ms: (60_000.0, 60_000.0),
            length_ms: (300.0, 300.0),
        }),
        ..PLAIN
    },
    // The stream takes 1.7 Mbit/s with its headers: it fits, but little is left to catch up with. The queue
    // holds 100 ms, as in a router that limits delay; in a longer queue, packets would only get old.
    Profile {
        name: "2mbit",
        about: "10 ms, 2 Mbit/s with a queue of 100 ms (25 000 bytes)",
        base_ms: 10.0,
        bottleneck: Some(Bottleneck { bits_per_s: 2e6, queue_bytes: 25_000 }),
        ..PLAIN
    },
    Profile {
        name: "mobile",
        about: "60 ms +- 20 ms wandering within 200 ms; every 1 to 4 s held back for 30 to 120 ms, then all at once",
        base_ms: 40.0,
        lateness: Lateness::Wander { most_ms: 40.0, knot_ms: 200.0 },
        outages: Some(OutagePlan { first_ms: 1000.0, every_ms: (1000.0, 4000.0), length_ms: (30.0, 120.0) }),
        ..PLAIN
    },
    Profile {
        name: "high-latency",
        about: "150 ms each way, steady: another continent",
        base_ms: 150.0,
        ..PLAIN
    },
];

const PLAIN: Profile = Profile {
    name: "",
    about: "",
    base_ms: 0.0,
    lateness: Lateness::None,
    loss: 0.0,
    bottleneck: None,
    outages: None,
};

impl Profile {
    /// Returns the profile with this name.
    ///
    /// # Errors
    /// A sentence that lists the existing names.
    pub fn named(name: &str) -> Result<Self, String> {
        let names = || PROFILES.map(|profile| profile.name).join(", ");
        PROFILES
            .into_iter()
            .find(|profile| profile.name == name)
            .ok_or_else(|| format!("there is no network called {name}; there are {}", names()))
    }

    /// Mean one-way delay of a single packet outside outages, milliseconds: by the numbers alone, without
    /// queues.
    pub fn nominal_ms(&self) -> f64 {
        self.base_ms + self.lateness.mean_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for profile in PROFILES {
            assert_eq!(Profile::named(profile.name), Ok(profile));
        }
        let error = Profile::named("wirde").unwrap_err();
        assert!(error.contains("wirde") && error.contains("wired, good-wifi"), "{error}");
    }

    #[test]
    fn the_numbers_say_what_the_names_promise() {
        let nominal = |name| Profile::named(name).unwrap().nominal_ms();
        assert_eq!(nominal("wired"), 0.0);
        assert!((nominal("mobile") - 60.0).abs() < 1e-9);
        assert!((nominal("high-latency") - 150.0).abs() < 1e-9);
        assert!((3.5..4.0).contains(&nominal("bad-wifi")), "{}", nominal("bad-wifi"));
    }
}
