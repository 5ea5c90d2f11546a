//! Decides whether the service is alive: one answer for the watchdog, `/healthz`, the status and the metrics.

use super::admissions::Admissions;
use super::numbers::Numbers;
use crate::core::liveness::{Ill, Liveness, Seen};
use crate::units::MonoNs;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

/// Judges the threads by their counters.
#[derive(Debug)]
pub struct Health {
    numbers: Arc<Numbers>,
    admissions: Arc<Admissions>,
    /// No thread that carries sound may take this lock.
    liveness: Mutex<Liveness>,
}

impl Health {
    /// Creates the judge of the service with these counters.
    pub fn new(numbers: Arc<Numbers>, admissions: Arc<Admissions>) -> Self {
        Self { numbers, admissions, liveness: Mutex::default() }
    }

    /// Returns why the service is not alive, if it is not.
    pub fn ill(&self, now: MonoNs) -> Option<Ill> {
        let Numbers { counters, totals, fan_out, .. } = &*self.numbers;
        let seen = Seen {
            turns: counters.turns.load(Relaxed),
            periods: counters.periods.load(Relaxed),
            sender_turns: fan_out.turns.load(Relaxed),
            packets: totals.packets.load(Relaxed),
            messages: fan_out.messages.load(Relaxed),
            listening: self.admissions.listening(),
            stalled: fan_out.stalled.load(Relaxed),
        };
        self.liveness.lock().unwrap_or_else(PoisonError::into_inner).look(seen, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::layout::Layout;
    use crate::hub::{Hub, Sizes};
    use crate::units::NS_PER_S;

    /// Returns the verdict after half a minute with a listener, in which every counter moves except the one left out.
    fn ill_without(left_out: &str, stalled: usize) -> Option<Ill> {
        let sizes = Sizes { queue_ms: 250, chunk_frames: None, expected: Layout::expected(128) };
        let Hub { numbers, admissions, health, .. } = Hub::new(sizes, 1, Arc::default(), Arc::default());
        let _listener = admissions.admit().unwrap();
        numbers.fan_out.stalled.store(stalled, Relaxed);
        let counters = [
            ("turns", &numbers.counters.turns),
            ("periods", &numbers.counters.periods),
            ("sender turns", &numbers.fan_out.turns),
            ("packets", &numbers.totals.packets),
            ("messages", &numbers.fan_out.messages),
        ];
        for (_, counter) in &counters {
            counter.fetch_add(1, Relaxed);
        }
        let mut found = None;
        for s in 0..30 {
            for (_, counter) in counters.iter().filter(|(name, _)| *name != left_out) {
                counter.fetch_add(1, Relaxed);
            }
            found = health.ill(MonoNs(s * NS_PER_S));
        }
        found
    }

    #[test]
    fn what_stops_being_counted_is_what_is_named() {
        for (left_out, stalled, ill) in [
            ("nothing", 0, None),
            ("turns", 0, Some(Ill::SourceKept)),
            ("sender turns", 0, Some(Ill::SenderStopped)),
            ("packets", 0, Some(Ill::NoPackets)),
            ("messages", 0, Some(Ill::NoMessages)),
            ("messages", 1, None),
            ("periods", 0, None),
        ] {
            assert_eq!(ill_without(left_out, stalled), ill, "{left_out}");
        }
    }
}
