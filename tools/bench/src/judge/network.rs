//! Measures how the network between service and browser behaved, and how soon the delay was restored after a
//! stall.

use listening::clock::FrameClock;
use listening::delay::Reading;
use listening::recovery::{OutageFrames, Return, returns};
use listening::statistics::summarise;

use crate::evidence::NetworkEvidence;
use crate::network::bridge::Counts;
use crate::results::{NetworkResults, ReturnResults};

/// Judges the network; `readings` are those of the product.
pub fn judge(
    network: &NetworkEvidence,
    span_ns: (u64, u64),
    clock: &FrameClock,
    readings: Option<&[Reading]>,
) -> NetworkResults {
    let inside: Vec<_> = network
        .crossings
        .down
        .iter()
        .filter(|crossing| (span_ns.0..span_ns.1).contains(&crossing.sent_ns))
        .collect();
    let ms = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1e6;
    let counts = |counts: &Counts| [counts.taken, counts.lost, counts.dropped];
    NetworkResults {
        profile: network.profile.name.into(),
        about: network.profile.about.into(),
        nominal_ms: network.profile.nominal_ms(),
        one_way_ms: summarise(&inside.iter().map(|c| ms(c.sent_ns, c.given_ns)).collect::<Vec<_>>()),
        bridge_late_ms: summarise(&inside.iter().map(|c| ms(c.due_ns, c.given_ns)).collect::<Vec<_>>()),
        to_listener: counts(&network.crossings.down_counts),
        to_service: counts(&network.crossings.up_counts),
        outages: network.outages.len(),
        returns: readings.and_then(|readings| judge_returns(network, span_ns.1, clock, readings)),
    }
}

fn judge_returns(
    network: &NetworkEvidence,
    end_ns: u64,
    clock: &FrameClock,
    readings: &[Reading],
) -> Option<ReturnResults> {
    network.profile.outages.filter(impair::outage::OutagePlan::is_regular)?;
    let frames = |outage: &impair::outage::Outage| OutageFrames {
        start: clock.frame_at(outage.start_ns),
        end: clock.frame_at(outage.end_ns),
    };
    let outages: Vec<OutageFrames> = network.outages.iter().map(frames).collect();
    let found = returns(readings, &outages, clock.frame_at(end_ns));
    let after = |found: &Return| match found {
        Return::After(ms) => Some(*ms),
        Return::Never => None,
    };
    let after_ms: Vec<f64> = found.iter().filter_map(after).collect();
    (!found.is_empty()).then(|| ReturnResults {
        judged: found.len(),
        never: found.len() - after_ms.len(),
        after_ms: summarise(&after_ms),
    })
}

#[cfg(test)]
mod tests {
    use impair::link;
    use impair::profile::Profile;
    use listening::clock::Stamp;

    use super::*;
    use crate::network::bridge::{Crossing, Crossings};

    const SECOND_NS: u64 = 1_000_000_000;

    /// Twelve seconds from second 1 on; each crossing takes 2 ms and is delivered 0.1 ms late.
    fn judged(name: &str, delay_ms: impl Fn(f64) -> f64) -> NetworkResults {
        let profile = Profile::named(name).unwrap();
        let crossing = |n: u64| {
            let sent_ns = SECOND_NS / 2 + n * 3_000_000;
            Crossing { sent_ns, due_ns: sent_ns + 2_000_000, given_ns: sent_ns + 2_100_000 }
        };
        let crossings = Crossings {
            down: (0..8000).map(crossing).collect(),
            down_counts: Counts { taken: 8010, lost: 10, dropped: 0 },
            up_counts: Counts::default(),
        };
        let span_ns = (SECOND_NS, 13 * SECOND_NS);
        let evidence =
            NetworkEvidence { profile, outages: link::outages(&profile, 1, span_ns.0, span_ns.1), crossings };
        let clock = FrameClock::fit(&[Stamp { frames: 0, received_ns: 0 }]).unwrap();
        let readings: Vec<Reading> = (0..240)
            .map(|n| {
                let second = 1.0 + f64::from(n) / 20.0;
                Reading {
                    played_frame: second * 44_100.0,
                    delay_frames: delay_ms(second) * 44.1,
                    likeness: 1.0,
                }
            })
            .collect();
        judge(&evidence, span_ns, &clock, Some(&readings))
    }

    #[test]
    fn the_networks_own_delay_and_the_benchs_error_are_told_apart() {
        let results = judged("loss", |_| 50.0);
        let one_way = results.one_way_ms.unwrap();
        assert!((one_way.mean - 2.1).abs() < 1e-9 && one_way.count == 4000, "{one_way:?}");
        assert!((results.bridge_late_ms.unwrap().p99 - 0.1).abs() < 1e-9);
        assert_eq!((results.nominal_ms, results.to_listener), (10.0, [8010, 10, 0]));
        assert!(results.returns.is_none() && results.outages == 0);
    }

    #[test]
    fn each_stall_is_followed_until_the_delay_is_as_before() {
        // Stalls end at 2.8, 5.8, 8.8 and 11.8 s of this clock; each is followed by one second of catching
        // up.
        let results = judged("stall-3s", |second| {
            let since = (second - 2.8).rem_euclid(3.0);
            50.0 + if second > 2.8 && since < 1.0 { 20.0 } else { 0.0 }
        });
        let returns = results.returns.unwrap();
        assert_eq!((results.outages, returns.judged, returns.never), (4, 4, 0));
        let after = returns.after_ms.unwrap();
        assert!((after.median - 1000.0).abs() < 60.0, "{after:?}");
        assert_eq!(judged("stall-3s", |second| 50.0 + 10.0 * second).returns.unwrap().never, 4);
    }
}
