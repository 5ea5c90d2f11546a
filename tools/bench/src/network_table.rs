//! The table of a bench on bad networks: one row per profile. Under a clock skew, each run also gets a block
//! of lines.

use listening::statistics::Summary;
use serde_json::Value;

use crate::results::{ChainResults, NetworkResults, Results, ReturnResults, SkewResults};
use crate::table::gaps_and_clicks;

/// A column: its two heading lines, its width, and the function that makes a cell.
struct Column {
    heading: [&'static str; 2],
    width: usize,
    cell: fn(&Row) -> Option<String>,
}

/// The data of a row.
struct Row<'a> {
    results: &'a Results,
    chain: &'a ChainResults,
    network: Option<&'a NetworkResults>,
}

const fn column(heading: [&'static str; 2], width: usize, cell: fn(&Row) -> Option<String>) -> Column {
    Column { heading, width, cell }
}

const COLUMNS: &[Column] = &[
    column(["end to end, ms", "median"], 15, |r| Some(tenth(r.chain.delay_ms?.median))),
    column(["", "p95"], 8, |r| Some(tenth(r.chain.delay_ms?.p95))),
    column(["", "p99"], 8, |r| Some(tenth(r.chain.delay_ms?.p99))),
    column(["browser's", "output"], 10, |r| Some(tenth(r.chain.output_latency_ms?))),
    column(["ours", ""], 8, |r| Some(tenth(r.chain.own_ms?))),
    column(["network", "one-way"], 9, |r| Some(format!("{:.2}", r.network?.one_way_ms?.mean))),
    column(["gaps/clicks", "ours"], 13, |r| Some(gaps_and_clicks(&r.chain.faults))),
    column(["in machine", "freezes"], 12, |r| Some(gaps_and_clicks(&r.chain.faults_of_the_machine))),
    column(["splices", "heard"], 9, |r| Some(r.chain.faults.splices.to_string())),
    column(["other", "faults"], 8, |r| Some(r.chain.faults.disturbances.to_string())),
    column(["page says:", "late"], 12, |r| Some(whole(late(&r.chain.glitches_reported)?))),
    column(["concealed", "ms"], 11, |r| Some(whole(r.chain.playout.concealed_ms?))),
    column(["splices", ""], 9, |r| Some(whole(r.chain.playout.splices?))),
    column(["target", "ms"], 8, |r| Some(tenth(r.chain.playout.target_ms?.median))),
    column(["level", "ms"], 8, |r| Some(tenth(r.chain.playout.level_ms?.median))),
    column(["rate", "ppm"], 8, |r| Some(tenth(r.chain.playout.rate_ppm?.mean))),
    column(["back within 1 ms", "after a stall"], 35, |r| r.network?.returns.map(returned)),
    column(["freezes", "% of time"], 11, |r| Some(format!("{:.2}", r.results.machine.frozen_share * 100.0))),
];

const NAME_WIDTH: usize = 14;

/// The table of all runs, in the order of the runs.
pub fn table(runs: &[Results]) -> String {
    let mut lines = vec![heading(0), heading(1), "-".repeat(heading(0).chars().count())];
    for results in runs {
        let Some(chain) = results.chains.first() else { continue };
        let row = Row { results, chain, network: results.network.as_ref() };
        let name = row.network.map_or("loopback", |network| network.profile.as_str());
        let cells = COLUMNS.iter().map(|column| {
            format!("{:>width$}", (column.cell)(&row).unwrap_or_else(|| "-".into()), width = column.width)
        });
        let void = results.void.as_ref().map_or(String::new(), |reason| format!("   VOID: {reason}"));
        lines.push(format!("{name:<NAME_WIDTH$}{}{void}", cells.collect::<String>()));
    }
    lines.push(String::new());
    lines.extend(runs.iter().filter_map(|results| results.network.as_ref()).map(said_of));
    lines.extend(runs.iter().filter_map(|results| results.skew.as_ref()).flat_map(skew_lines));
    lines.join("\n") + "\n"
}

fn heading(line: usize) -> String {
    let columns = COLUMNS.iter().map(|c| format!("{:>width$}", c.heading[line], width = c.width));
    let name = if line == 0 { "network" } else { "" };
    format!("{name:<NAME_WIDTH$}{}", columns.collect::<String>())
}

fn said_of(network: &NetworkResults) -> String {
    let [taken, lost, dropped] = network.to_listener;
    let late = network.bridge_late_ms.map_or(String::new(), |late| {
        format!("; the bridge itself {:.2} ms late (median), {:.2} (p99)", late.median, late.p99)
    });
    format!(
        "{}: {}; {taken} packets to the browser, {lost} lost, {dropped} dropped, {} outages{late}",
        network.profile, network.about, network.outages
    )
}

/// The additional lines of a run under skew.
pub fn skew_lines(skew: &SkewResults) -> Vec<String> {
    let said = |value: Option<f64>, decimals: usize| {
        value.map_or_else(|| "-".into(), |value| format!("{value:+.decimals$}"))
    };
    let (error, rate) = (&skew.error, skew.rate_ppm.map(|rate: Summary| rate.mean));
    vec![
        format!(
            "skew: {:+} ppm asked ({:+} told the service), {:+.1} ppm measured; delay range {} ms, slope {} ppm; rate_ppm of the page: mean {}, sd {}",
            skew.asked_ppm,
            skew.told_ppm,
            skew.measured_ppm,
            said(skew.delay_range_ms, 2),
            said(skew.slope_ppm, 2),
            said(rate, 2),
            said(skew.rate_sd_ppm, 2),
        ),
        format!(
            "  the sound system's own clock wandered by {:.1} ppm from one 10 s to another; the method's error: delays off by up to \
             {:.0} ms, all alike; stamps {:.3} ms rms, clocks {:.4} ms rms",
            skew.clock_wander_ppm, error.constant_ms, error.capture_rms_ms, error.clocks_rms_ms
        ),
    ]
}

fn tenth(value: f64) -> String {
    format!("{value:.1}")
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// Interruptions by a late network, if the page reports its glitches by cause.
fn late(glitches: &Value) -> Option<f64> {
    Some(glitches.as_object()?.get("network_late").and_then(Value::as_f64).unwrap_or(0.0))
}

/// For example "0.4 s, worst 1.2 s", plus the number of outages without a return.
fn returned(returns: ReturnResults) -> String {
    let never = if returns.never > 0 {
        format!("{} of {} never", returns.never, returns.judged)
    } else {
        String::new()
    };
    let after = returns
        .after_ms
        .map(|after| format!("{:.2} s, worst {:.2}", after.median / 1000.0, after.max / 1000.0));
    [after, Some(never).filter(|words| !words.is_empty())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use listening::statistics::summarise;
    use serde_json::json;

    #[test]
    fn a_return_says_how_long_and_how_many_never() {
        let after_ms = summarise(&[400.0, 500.0, 1200.0]);
        assert_eq!(returned(ReturnResults { judged: 3, never: 0, after_ms }), "0.50 s, worst 1.20");
        assert_eq!(
            returned(ReturnResults { judged: 5, never: 2, after_ms }),
            "0.50 s, worst 1.20; 2 of 5 never"
        );
        assert_eq!(returned(ReturnResults { judged: 2, never: 2, after_ms: None }), "2 of 2 never");
    }

    #[test]
    fn a_page_without_a_ledger_says_nothing_and_one_without_late_sound_says_none() {
        assert_eq!(late(&json!({ "network_late": 2.0, "queue_drop": 1.0 })), Some(2.0));
        assert_eq!(late(&json!({ "queue_drop": 1.0 })), Some(0.0));
        assert_eq!(late(&Value::Null), None);
    }

    #[test]
    fn headings_stand_above_their_columns() {
        assert_eq!(heading(0).chars().count(), heading(1).chars().count());
        assert_eq!(table(&[]).lines().count(), 4);
    }
}
