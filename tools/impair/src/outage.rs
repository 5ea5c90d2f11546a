//! Times without any traffic: outages in order of time, equal for both directions of a link because they use
//! the same seed. A packet that is due during an outage arrives at its end, as if a radio or an access point
//! had held it.

use listening::signal::Random;

use crate::lateness::share;
use crate::ns;

/// The times at which outages begin, and their lengths. Values are drawn evenly from the ranges; equal ends
/// make a plan regular.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutagePlan {
    /// Time from [`Outages::begin`] to the first outage, milliseconds.
    pub first_ms: f64,
    /// Minimum and maximum time between the starts of two outages, milliseconds. Longer than any outage.
    pub every_ms: (f64, f64),
    /// Minimum and maximum length of an outage, milliseconds.
    pub length_ms: (f64, f64),
}

impl OutagePlan {
    /// Returns whether outages are regular, so that each can be judged separately.
    pub fn is_regular(&self) -> bool {
        self.every_ms.0 == self.every_ms.1
    }
}

/// An outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Start of the outage: from then on no packet passes, nanoseconds.
    pub start_ns: u64,
    /// End of the outage: from then on every packet passes, nanoseconds.
    pub end_ns: u64,
}

/// The outages of one link, generated as time advances.
pub struct Outages {
    plan: OutagePlan,
    random: Random,
    current: Outage,
}

impl Outages {
    /// Starts outages by `plan` at `begin_ns`.
    pub fn begin(plan: OutagePlan, random: Random, begin_ns: u64) -> Self {
        let mut outages = Self { plan, random, current: Outage { start_ns: 0, end_ns: 0 } };
        outages.current = outages.starting(begin_ns + ns(plan.first_ms));
        outages
    }

    /// Returns the time at which a packet that is due at `due_ns` gets through. Times may not go back.
    pub fn passes_ns(&mut self, due_ns: u64) -> u64 {
        while due_ns >= self.current.end_ns {
            let every_ms = self.draw(self.plan.every_ms);
            self.current = self.starting(self.current.start_ns + ns(every_ms).max(1));
        }
        if due_ns >= self.current.start_ns { self.current.end_ns } else { due_ns }
    }

    fn starting(&mut self, start_ns: u64) -> Outage {
        let length_ms = self.draw(self.plan.length_ms);
        Outage { start_ns, end_ns: start_ns + ns(length_ms) }
    }

    fn draw(&mut self, (least, most): (f64, f64)) -> f64 {
        least + (most - least) * share(&mut self.random)
    }
}

/// All outages that begin before `end_ns`.
pub fn schedule(plan: OutagePlan, random: Random, begin_ns: u64, end_ns: u64) -> Vec<Outage> {
    let mut outages = Outages::begin(plan, random, begin_ns);
    let mut found = Vec::new();
    while outages.current.start_ns < end_ns {
        found.push(outages.current);
        outages.passes_ns(outages.current.end_ns);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const REGULAR: OutagePlan =
        OutagePlan { first_ms: 100.0, every_ms: (3000.0, 3000.0), length_ms: (300.0, 300.0) };

    #[test]
    fn what_is_due_within_an_outage_comes_at_its_end() {
        let mut outages = Outages::begin(REGULAR, Random::new(1), 1000 * MS);
        for (due, passes) in [
            (5, 5),
            (1099, 1099),
            (1100, 1400),
            (1399, 1400),
            (1400, 1400),
            (4099, 4099),
            (4100, 4400),
            (10_350, 10_400),
        ] {
            assert_eq!(outages.passes_ns(due * MS), passes * MS, "due at {due} ms");
        }
    }

    #[test]
    fn the_schedule_is_what_the_packets_meet() {
        let plan = OutagePlan { first_ms: 50.0, every_ms: (1000.0, 4000.0), length_ms: (30.0, 120.0) };
        let listed = schedule(plan, Random::new(7), 0, 600_000 * MS);
        assert!((200..280).contains(&listed.len()), "{}", listed.len());
        let mut outages = Outages::begin(plan, Random::new(7), 0);
        for outage in &listed {
            assert_eq!(outages.passes_ns(outage.start_ns - 1), outage.start_ns - 1);
            assert_eq!(outages.passes_ns(outage.start_ns), outage.end_ns);
            assert!((30 * MS..=120 * MS).contains(&(outage.end_ns - outage.start_ns)));
        }
        assert!(!plan.is_regular() && REGULAR.is_regular());
    }
}
