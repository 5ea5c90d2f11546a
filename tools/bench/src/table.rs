//! Formats the results as a table of text lines.

use listening::statistics::Summary;

use crate::results::{ChainResults, FaultCounts, Results};

const LABEL_WIDTH: usize = 50;
const CELL_WIDTH: usize = 26;

/// A row: its name, and the function that makes a chain's cell.
type Row = (&'static str, fn(&ChainResults) -> Option<String>);

const ROWS: &[Row] = &[
    ("end-to-end delay, median", |c| Some(ms(c.delay_ms?.median))),
    ("  95th / 99th percentile", |c| Some(format!("{:.2} / {}", c.delay_ms?.p95, ms(c.delay_ms?.p99)))),
    ("  range", |c| Some(format!("{:.2} to {}", c.delay_ms?.min, ms(c.delay_ms?.max)))),
    ("  readings", |c| Some(c.delay_ms?.count.to_string())),
    ("browser's own output latency (playbackStats)", |c| Some(ms(c.output_latency_ms?))),
    ("  of which base latency", |c| Some(ms(c.base_latency_ms?))),
    ("own: median minus output latency", |c| Some(ms(c.own_ms?))),
    ("  of which the capture PCM's own delay", |c| c.capture_delay_ms.map(median_and_range)),
    ("  on a card, whose period has to fill first", |c| Some(ms(c.own_ms? + c.clock_block_ms?))),
    ("gaps / clicks outside machine freezes", |c| Some(gaps_and_clicks(&c.faults))),
    ("gaps / clicks inside machine freezes", |c| Some(gaps_and_clicks(&c.faults_of_the_machine))),
    ("splices / disturbances outside freezes", |c| Some(splices_and_rest(&c.faults))),
    ("splices / disturbances inside freezes", |c| Some(splices_and_rest(&c.faults_of_the_machine))),
    ("gaps / clicks while starting, not counted above", |c| Some(gaps_and_clicks(&c.faults_at_start))),
    ("delay steps > 0.5 ms", |c| Some(c.delay_steps.to_string())),
    ("bit-exact", exactness),
    ("  largest difference where comparable", |c| {
        (c.exactness.compared_frames > 0)
            .then(|| format!("{:.2} steps of 16 bit", c.exactness.largest_error_steps))
    }),
    ("delay at the end minus at the start", |c| {
        Some(format!("{:+.2} ms", c.drift?.end_ms - c.drift?.start_ms))
    }),
    ("  slope", |c| Some(format!("{:+.2} ppm", c.drift?.slope_ppm))),
    ("CPU of the service", |c| Some(percent(c.service_cpu?))),
    ("  of which libpulse's own thread", |c| Some(percent(c.plugin_cpu?))),
    ("CPU of the page (browser minus silent page)", |c| Some(percent(c.page_cpu?))),
    ("  all browser processes", |c| (c.browser_cpu > 0.0).then(|| percent(c.browser_cpu))),
    ("  Worker / worklet threads", |c| {
        Some(format!("{} / {}", share(c.worker_cpu?), percent(c.worklet_cpu?)))
    }),
    ("live objects grown: page / Worker / worklet", heap_growth),
    ("memory of the service", |c| Some(format!("{:.1} MiB", c.service_rss_mib?))),
    ("messages a second", |c| Some(format!("{:.1}", c.messages_per_s?))),
    ("records a second", |c| Some(format!("{:.1}", c.records_per_s?))),
    ("click to first sound", |c| Some(format!("{:.0} ms", c.click_to_sound_ms?))),
    ("report() minus recording, median", |c| Some(format!("{:+.2} ms", c.report_error_ms?.median))),
    ("  range", |c| c.report_error_ms.map(|s: Summary| format!("{:+.2} to {:+.2} ms", s.min, s.max))),
    ("  median, a card's period counted", |c| {
        Some(format!("{:+.2} ms", c.report_error_ms?.median - c.clock_block_ms?))
    }),
    ("level by the page's account", |c| c.playout.level_ms.map(median_and_range)),
    ("  within 1 ms of its median", |c| {
        Some(format!("{:.1} % of readings", c.playout.level_within_1_ms? * 100.0))
    }),
    ("  target", |c| c.playout.target_ms.map(median_and_range)),
    ("rate by the page's account, ppm", |c| c.playout.rate_ppm.map(|rate| spread(&rate, ""))),
    ("  the clocks' difference, ppm", |c| Some(format!("{:+.1}", c.playout.drift_ppm?))),
    ("concealed / splices by the page's account", |c| {
        Some(format!("{} / {:.0}", ms(c.playout.concealed_ms?), c.playout.splices?))
    }),
    ("underruns by the browser's account", |c| Some(format!("{:.0}", c.browser_underruns?))),
    ("  their length", |c| (c.browser_underruns? > 0.0).then_some(ms(c.browser_underrun_ms?))),
    ("glitches by the page's account", |c| ledger(&c.glitches_reported)),
    ("losses by the service's account", |c| ledger(&c.service_losses)),
    ("capture: path, format", |c| c.capture_path.clone()),
    ("context: rate, latency hint, transport", context),
    ("mode", |c| c.playout.mode.clone()),
];

/// The table of a run.
pub fn table(results: &Results) -> String {
    let mut lines = vec![heading(results), rule(results)];
    for (label, cell) in ROWS {
        let cells: Vec<Option<String>> = results.chains.iter().map(cell).collect();
        if cells.iter().any(Option::is_some) {
            let cells =
                cells.into_iter().map(|cell| format!("{:>CELL_WIDTH$}", cell.unwrap_or_else(|| "-".into())));
            lines.push(format!("{label:<LABEL_WIDTH$}{}", cells.collect::<String>()));
        }
    }
    lines.push(rule(results));
    lines.extend(footer(results));
    lines.join("\n") + "\n"
}

fn heading(results: &Results) -> String {
    let names = results.chains.iter().map(|chain| format!("{:>CELL_WIDTH$}", chain.name));
    format!("{:<LABEL_WIDTH$}{}", format!("{:.0} s recorded", results.span_s), names.collect::<String>())
}

fn rule(results: &Results) -> String {
    "-".repeat(LABEL_WIDTH + CELL_WIDTH * results.chains.len())
}

fn footer(results: &Results) -> Vec<String> {
    let machine = &results.machine;
    let mut lines = vec![format!(
        "machine: {} freezes over 5 ms, longest {:.1} ms, {:.2} % of the time{}; the rig's clock left out {:.1} ms, ran {:.0} ppm fast",
        machine.freezes,
        machine.longest_freeze_ms,
        machine.frozen_share * 100.0,
        if machine.watchdog_real_time { "" } else { " (no real-time priority: may only have been busy)" },
        machine.clock_left_out_ms,
        machine.clock_fast_ppm
    )];
    if let Some(ratio) = results.classic_over_product {
        lines.push(format!("the classic design in the same run is {ratio:.1} times as late"));
    }
    if let Some(browser) = results.chains.iter().map(|c| &c.browser).find(|name| !name.is_empty()) {
        lines.push(format!("browser: {browser}"));
    }
    lines.extend(results.skew.iter().flat_map(crate::network_table::skew_lines));
    if let Some(reason) = &results.void {
        lines.push(format!("VOID: {reason}"));
    }
    lines
}

fn ms(value: f64) -> String {
    format!("{value:.2} ms")
}

fn median_and_range(summary: Summary) -> String {
    spread(&summary, " ms")
}

fn spread(summary: &Summary, unit: &str) -> String {
    format!("{:.2} ({:.2} to {:.2}){unit}", summary.median, summary.min, summary.max)
}

fn heap_growth(chain: &ChainResults) -> Option<String> {
    let heaps = chain.heap_growth_kib?;
    let kib = |growth: Option<f64>| growth.map_or("?".into(), |kib| format!("{kib:+.0}"));
    Some(format!("{} / {} / {} KiB", kib(heaps.page), kib(heaps.worker), kib(heaps.worklet)))
}

fn share(share: f64) -> String {
    format!("{:.2}", share * 100.0)
}

fn percent(share: f64) -> String {
    format!("{:.2} % of a core", share * 100.0)
}

/// For example "2 / 1".
pub fn gaps_and_clicks(counts: &FaultCounts) -> String {
    format!("{} / {}", counts.gaps, counts.jumps)
}

fn splices_and_rest(counts: &FaultCounts) -> String {
    format!("{} / {}", counts.splices, counts.disturbances)
}

/// The cell is empty if nothing was compared: the recording does not contain sound that the service made
/// itself.
fn exactness(chain: &ChainResults) -> Option<String> {
    let found = &chain.exactness;
    match (found.compared_frames, found.not_comparable_frames) {
        (0, 0) => None,
        (0, _) => Some("no (resampled)".into()),
        // Rounded down, so that 100 % really means all frames.
        _ => Some(format!("{:.3} % of frames", (found.exact_share() * 100_000.0).floor() / 1000.0)),
    }
}

fn ledger(counts: &serde_json::Value) -> Option<String> {
    let ledger = counts.as_object()?;
    let said: Vec<String> = ledger.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    Some(if said.is_empty() { "none".into() } else { said.join(", ") })
}

fn context(chain: &ChainResults) -> Option<String> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(format!("{:.0}, {}, {}", chain.context_rate_hz?, text(&chain.latency_hint), text(&chain.transport)))
}
