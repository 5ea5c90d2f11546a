//! Decides whether the machine or the product caused a fault.
//!
//! The watchdog asks to be woken every millisecond at the highest real-time priority. When even the watchdog
//! is late, nothing ran on that processor. The machine is blamed for a fault only if such a freeze lies
//! within [`REACH_MS`] of it.

use serde::Serialize;

/// Minimum lateness of a wake-up that counts as a freeze, milliseconds.
pub const LATE_MS: f64 = 5.0;
/// Distance from a freeze within which the machine is blamed for a fault, milliseconds.
pub const REACH_MS: f64 = 50.0;
/// Maximum frozen share of a run; a run with a larger share is void and is repeated.
pub const VOID_SHARE: f64 = 0.02;

/// A stall of the machine from `due_ns` to `woke_ns`.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
pub struct Freeze {
    /// Time at which the watchdog should have run, nanoseconds of `CLOCK_MONOTONIC`.
    pub due_ns: u64,
    /// Time at which the watchdog really ran.
    pub woke_ns: u64,
    /// The processor.
    pub processor: usize,
}

/// Returns whether a fault from `start_ns` to `end_ns` is close to one of the freezes.
pub fn excuses(freezes: &[Freeze], start_ns: u64, end_ns: u64) -> bool {
    let reach_ns = (REACH_MS * 1e6) as u64;
    freezes.iter().any(|f| f.due_ns <= end_ns + reach_ns && start_ns <= f.woke_ns + reach_ns)
}

/// Share of `[start_ns, end_ns)` in which some processor was frozen; overlapping freezes count once.
pub fn frozen_share(freezes: &[Freeze], start_ns: u64, end_ns: u64) -> f64 {
    let mut spans: Vec<(u64, u64)> = freezes
        .iter()
        .map(|f| (f.due_ns.max(start_ns), f.woke_ns.min(end_ns)))
        .filter(|(from, to)| from < to)
        .collect();
    spans.sort_unstable();
    let (mut frozen_ns, mut covered_to) = (0u64, start_ns);
    for (from, to) in spans {
        frozen_ns += to.saturating_sub(from.max(covered_to));
        covered_to = covered_to.max(to);
    }
    frozen_ns as f64 / (end_ns - start_ns) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn freeze(due_ms: u64, woke_ms: u64) -> Freeze {
        Freeze { due_ns: due_ms * MS, woke_ns: woke_ms * MS, processor: 0 }
    }

    #[test]
    fn a_freeze_excuses_only_what_lies_within_50_ms() {
        let freezes = [freeze(1000, 1010)];
        for (start, end, excused) in
            [(1055, 1056, true), (1061, 1070, false), (940, 951, true), (940, 949, false), (900, 2000, true)]
        {
            assert_eq!(excuses(&freezes, start * MS, end * MS), excused, "{start} to {end} ms");
        }
        assert!(!excuses(&[], 0, 1));
    }

    #[test]
    fn overlapping_freezes_count_once_and_only_inside_the_span() {
        let freezes = [freeze(90, 110), freeze(105, 120), freeze(500, 510), freeze(1090, 1200)];
        let share = frozen_share(&freezes, 100 * MS, 1100 * MS);
        assert!((share - 0.040).abs() < 1e-9, "{share}");
    }
}
