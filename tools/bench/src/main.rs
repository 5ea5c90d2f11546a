//! The listening bench plays a known signal in place of the synth, lets the whole chain carry it to a
//! browser's speakers, records both ends on one clock, and prints one table of the sound that was really
//! heard.
//!
//! In the order of a run: `options` the request · `rig` the sound system, the signal, the recorder, the
//! watchdog · `network` a bad network · `service` the product · `classic` the design it replaces · `browser`
//! the player · `skew` capture times · `run` one run · `evidence` its notes · `judge` their meaning · `page`
//! the meaning of the polls · `results` the figures · `table`, `network_table` their text. All arithmetic on
//! sound is in the library `listening`, on networks in `impair`.

mod browser;
mod classic;
mod evidence;
mod interrupt;
mod judge;
mod loopback_server;
mod network;
mod network_table;
mod options;
mod page;
mod results;
mod rig;
mod run;
mod service;
mod skew;
mod table;

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use listening::plot::{Strip, svg};

use crate::evidence::Evidence;
use crate::options::Options;
use crate::results::Results;
use crate::rig::PrivateFolder;
use crate::rig::sound::Recording;
use crate::run::Plan;

fn main() -> ExitCode {
    interrupt::listen();
    match bench(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(reason) => {
            eprintln!("bench: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Returns `false` when every attempt of a plan was void.
fn bench(options: &Options) -> Result<bool, String> {
    let plans = options::plans(options)?;
    if options.network {
        network::check_rights()?;
    }
    std::fs::create_dir_all(&options.out).map_err(|e| format!("making {}: {e}", options.out.display()))?;
    if options.network { bench_networks(options, &plans) } else { bench_loopback(options, &plans[0]) }
}

fn bench_loopback(options: &Options, plan: &Plan) -> Result<bool, String> {
    let results = attempt(options, plan, |results| {
        print!("{}", table::table(results));
        write(options, "results.json", &json(results))?;
        write(options, "table.txt", &table::table(results))
    })?;
    Ok(results.void.is_none())
}

/// Runs the plans one after the other, and writes the results after each. If a network cannot be measured,
/// the next one follows nevertheless.
fn bench_networks(options: &Options, plans: &[Plan]) -> Result<bool, String> {
    let mut runs: Vec<Results> = Vec::new();
    let mut failures = Vec::new();
    for plan in plans {
        let name = plan_name(plan);
        match attempt(options, plan, |_| Ok(())) {
            Ok(results) => runs.push(results),
            Err(reason) => {
                interrupt::check()?;
                eprintln!("bench: {name}: {reason}");
                failures.push(name);
            }
        }
        write(options, "network-results.json", &json(&runs))?;
        write(options, "network-table.txt", &network_table::table(&runs))?;
    }
    if !runs.is_empty() {
        print!("{}", network_table::table(&runs));
    }
    if !failures.is_empty() {
        return Err(format!("nothing was measured on {}", failures.join(", ")));
    }
    Ok(runs.iter().all(|results| results.void.is_none()))
}

/// Runs a plan until a run is valid, up to the requested number of times; returns the last run's results.
/// `tell` gets each result.
fn attempt(
    options: &Options,
    plan: &Plan,
    tell: impl Fn(&Results) -> Result<(), String>,
) -> Result<Results, String> {
    let attempts = options.attempts.max(1);
    for attempt in 1.. {
        eprintln!("bench: {}, run {attempt}, {:.1} minutes measured", plan_name(plan), options.minutes);
        let folder = PrivateFolder::make()?;
        let evidence = run::run(plan, folder.path())?;
        let results = judge::judge(&evidence)?;
        let prefix = plan.network.map_or(String::new(), |profile| format!("network-{}-", profile.name));
        write(options, &format!("{prefix}delay.svg"), &svg(&strips(&evidence, &results)))?;
        if options.keep {
            keep(&evidence.recording, &options.out.join(format!("{prefix}recording.wav")))?;
            write(options, &format!("{prefix}polls.jsonl"), &polls(&evidence))?;
        }
        tell(&results)?;
        match &results.void {
            Some(reason) => eprintln!("bench: this run is void ({reason})"),
            None => return Ok(results),
        }
        if attempt == attempts {
            return Ok(results);
        }
    }
    unreachable!("attempts are counted")
}

fn plan_name(plan: &Plan) -> &'static str {
    plan.network.map_or("loopback", |profile| profile.name)
}

fn json(results: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(results).expect("results are plain numbers and text") + "\n"
}

fn write(options: &Options, name: &str, text: &str) -> Result<(), String> {
    let path = options.out.join(name);
    std::fs::write(&path, text).map_err(|e| format!("writing {}: {e}", path.display()))
}

fn strips(evidence: &Evidence, results: &Results) -> Vec<Strip> {
    let second = |time_ns: u64| (time_ns as f64 - evidence.span_ns.0 as f64) / 1e9;
    let freeze_seconds: Vec<f64> = evidence
        .freezes
        .iter()
        .map(|f| second(f.due_ns))
        .filter(|s| (0.0..results.span_s).contains(s))
        .collect();
    let network = results.network.as_ref().map_or(String::new(), |n| format!(" on {}", n.profile));
    results
        .chains
        .iter()
        .map(|chain| Strip {
            title: format!("{}{network}: end-to-end delay, and how often each", chain.name),
            recorded: chain.recorded.clone(),
            reported: chain.reported.clone(),
            fault_seconds: chain.fault_list.iter().map(|fault| fault.second).collect(),
            freeze_seconds: freeze_seconds.clone(),
        })
        .collect()
}

/// The pages' answers, one per line.
fn polls(evidence: &Evidence) -> String {
    let mut lines = String::new();
    for chain in &evidence.chains {
        for poll in &chain.polls {
            let second = (poll.at_ns as f64 - evidence.span_ns.0 as f64) / 1e9;
            let line = serde_json::json!({ "chain": chain.name, "second": second, "page": poll.page });
            let _ = writeln!(lines, "{line}");
        }
    }
    lines
}

fn keep(recording: &Recording, path: &Path) -> Result<(), String> {
    let describe = |e: hound::Error| format!("keeping the recording {}: {e}", path.display());
    let format = hound::WavSpec {
        channels: recording.channels.len() as u16,
        sample_rate: listening::RATE_HZ,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, format).map_err(describe)?;
    for frame in 0..recording.channels[0].len() {
        for channel in &recording.channels {
            writer.write_sample(channel[frame]).map_err(describe)?;
        }
    }
    writer.finalize().map_err(describe)
}
