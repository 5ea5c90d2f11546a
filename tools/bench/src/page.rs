//! Evaluates the polls of a page: arithmetic on its own report and on the browser's figures. Pure.

use listening::clock::FrameClock;
use listening::delay::{self, Reading};
use listening::statistics::{Summary, median, summarise};
use serde_json::Value;

use crate::evidence::Poll;
use crate::results::Playout;

/// Distance from its median within which a level counts as held, milliseconds.
const LEVEL_HELD_MS: f64 = 1.0;

/// The browser gives an average since its last reset, and the time over which it averaged. Two polls give the
/// average between them. If the page has reset it meanwhile, the result is the median of the averages.
pub fn output_latency_ms(polls: &[Poll]) -> Option<f64> {
    let read = |poll: &Poll| Some((poll.context("average_latency_s")?, poll.context("total_s")?));
    let all: Vec<(f64, f64)> = polls.iter().filter_map(read).collect();
    let (first, last) = (all.first()?, all.last()?);
    let spans_all = all.windows(2).all(|pair| pair[1].1 >= pair[0].1) && last.1 > first.1;
    if spans_all {
        return Some((last.0 * last.1 - first.0 * first.1) / (last.1 - first.1) * 1000.0);
    }
    median(&all.iter().map(|(average, _)| average * 1000.0).collect::<Vec<_>>())
}

/// Median of a time from the AudioContext, milliseconds.
pub fn context_ms(polls: &[Poll], key: &str) -> Option<f64> {
    median(&polls.iter().filter_map(|poll| Some(poll.context(key)? * 1000.0)).collect::<Vec<_>>())
}

/// The page's reported delay minus the recorded delay at that moment, for each poll, milliseconds.
pub fn report_errors_ms(polls: &[Poll], readings: &[Reading], clock: &FrameClock) -> Vec<f64> {
    polls
        .iter()
        .filter_map(|poll| {
            let reading = delay::at_frame(readings, clock.frame_at(poll.at_ns))?;
            Some(poll.report("delay_ms")? - reading.delay_ms())
        })
        .collect()
}

/// Returns how much a count rose from the first poll to the last.
pub fn growth(polls: &[Poll], read: impl Fn(&Poll) -> Option<f64>) -> Option<f64> {
    Some(read(polls.last()?)? - read(polls.first()?)?)
}

/// The player's own figures over the polls.
pub fn playout(polls: &[Poll]) -> Playout {
    let all = |key: &str| polls.iter().filter_map(|poll| poll.report(key)).collect::<Vec<f64>>();
    let levels = all("level_ms");
    let level_ms = summarise(&levels);
    let held =
        |level: Summary| levels.iter().filter(|ms| (*ms - level.median).abs() <= LEVEL_HELD_MS).count();
    Playout {
        mode: polls.last().and_then(|poll| Some(poll.page["report"]["mode"].as_str()?.to_owned())),
        level_ms,
        level_within_1_ms: level_ms.map(|level| held(level) as f64 / levels.len() as f64),
        target_ms: summarise(&all("target_ms")),
        rate_ppm: summarise(&all("rate_ppm")),
        rate_sd_ppm: standard_deviation(&all("rate_ppm")),
        drift_ppm: median(&all("drift_ppm")),
        concealed_ms: growth(polls, |poll| poll.report("concealed_ms")),
        splices: growth(polls, |poll| poll.report("splices")),
    }
}

fn standard_deviation(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() >= 2).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// Records per second by `seq`, which wraps at 2^32.
pub fn records(polls: &[Poll]) -> Option<f64> {
    let (first, last) = (polls.first()?, polls.last()?);
    let records = (last.report("seq")? as u64 as u32).wrapping_sub(first.report("seq")? as u64 as u32);
    let seconds = (last.at_ns - first.at_ns) as f64 / 1e9;
    (seconds > 0.0).then(|| f64::from(records) / seconds)
}

/// The increase of the page's ledger over the span, by cause; causes without increase are left out.
pub fn glitches(polls: &[Poll]) -> Value {
    let ledger = |poll: Option<&Poll>| poll.and_then(|p| p.page["report"]["glitches"].as_object().cloned());
    let Some(last) = ledger(polls.last()) else { return Value::Null };
    let first = ledger(polls.first()).unwrap_or_default();
    let gained = |cause: &str, count: &Value| {
        count.as_f64().unwrap_or(0.0) - first.get(cause).and_then(Value::as_f64).unwrap_or(0.0)
    };
    last.iter()
        .map(|(cause, count)| (cause.clone(), gained(cause, count)))
        .filter(|(_, gain)| *gain != 0.0)
        .map(|(cause, gain)| (cause, Value::from(gain)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use listening::clock::Stamp;
    use serde_json::json;

    use super::*;

    fn poll(at_s: f64, page: Value) -> Poll {
        Poll { at_ns: (at_s * 1e9) as u64, page }
    }

    fn latency(at_s: f64, average_latency_s: f64, total_s: f64) -> Poll {
        poll(at_s, json!({ "context": { "average_latency_s": average_latency_s, "total_s": total_s } }))
    }

    #[test]
    fn output_latency_is_the_average_of_these_seconds_not_of_all_since_the_start() {
        // 10 s at 80 ms before, then 10 s at 30 ms between the polls: the running average is 55 ms.
        let polls = [latency(0.0, 0.080, 10.0), latency(5.0, 0.065, 15.0), latency(10.0, 0.055, 20.0)];
        assert!((output_latency_ms(&polls).unwrap() - 30.0).abs() < 1e-9);
    }

    #[test]
    fn a_page_that_resets_the_average_is_read_by_its_median() {
        let polls = [latency(0.0, 0.080, 10.0), latency(5.0, 0.031, 1.0), latency(10.0, 0.033, 6.0)];
        assert!((output_latency_ms(&polls).unwrap() - 33.0).abs() < 1e-9);
        assert_eq!(output_latency_ms(&[poll(0.0, Value::Null)]), None);
    }

    #[test]
    fn seq_may_wrap_between_polls() {
        let polls = [
            poll(1.0, json!({ "report": { "seq": 4_294_967_290u32 } })),
            poll(3.0, json!({ "report": { "seq": 94 } })),
        ];
        assert_eq!(records(&polls), Some(50.0));
    }

    #[test]
    fn only_what_the_ledger_gained_is_told() {
        let polls = [
            poll(0.0, json!({ "report": { "glitches": { "network_late": 2, "render_underrun": 1 } } })),
            poll(
                9.0,
                json!({ "report": { "glitches": { "network_late": 5, "render_underrun": 1, "bad_packet": 1 } } }),
            ),
        ];
        assert_eq!(glitches(&polls), json!({ "network_late": 3.0, "bad_packet": 1.0 }));
        assert_eq!(glitches(&[poll(0.0, json!({ "report": null }))]), Value::Null);
    }

    #[test]
    fn a_player_is_summed_up_and_what_it_does_not_say_is_not_made_up() {
        let report = |level_ms: f64, splices: u32| {
            poll(
                1.0,
                json!({ "report": { "level_ms": level_ms, "splices": splices, "mode": "auto", "rate_ppm": null } }),
            )
        };
        let said = playout(&[report(9.0, 4), report(10.0, 4), report(10.5, 5), report(14.0, 7)]);
        assert_eq!((said.mode.as_deref(), said.splices), (Some("auto"), Some(3.0)));
        assert_eq!(said.level_ms.map(|level| (level.min, level.median, level.max)), Some((9.0, 10.0, 14.0)));
        assert_eq!(said.level_within_1_ms, Some(0.75));
        assert!(said.target_ms.is_none() && said.rate_ppm.is_none() && said.concealed_ms.is_none());
    }

    #[test]
    fn a_rate_is_summed_up_with_its_spread() {
        let report = |rate_ppm: f64| poll(0.0, json!({ "report": { "rate_ppm": rate_ppm } }));
        let said = playout(&[report(299.0), report(301.0)]);
        assert_eq!(said.rate_ppm.map(|rate| rate.mean), Some(300.0));
        assert!((said.rate_sd_ppm.unwrap() - 2f64.sqrt()).abs() < 1e-9);
        assert!(playout(&[report(299.0)]).rate_sd_ppm.is_none());
    }

    #[test]
    fn the_report_is_compared_with_the_reading_of_its_own_moment() {
        let clock = FrameClock::fit(&[Stamp { frames: 0, received_ns: 1_000_000_000 }]).unwrap();
        let reading = |second: f64, ms: f64| Reading {
            played_frame: second * 44_100.0,
            delay_frames: ms * 44.1,
            likeness: 1.0,
        };
        let readings = [reading(1.0, 40.0), reading(2.0, 50.0)];
        let polls = [
            poll(2.0, json!({ "report": { "delay_ms": 41.0 } })),
            poll(3.0, json!({ "report": { "delay_ms": 48.0 } })),
            poll(3.1, json!({ "report": { "delay_ms": null } })),
        ];
        let errors = report_errors_ms(&polls, &readings, &clock);
        assert_eq!(errors.len(), 2);
        assert!((errors[0] - 1.0).abs() < 1e-6 && (errors[1] + 2.0).abs() < 1e-6, "{errors:?}");
    }
}
