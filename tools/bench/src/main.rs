//! The listening bench: plays a known signal into the synth's place, lets the whole chain carry it to a browser's speakers,
//! records both ends on one clock, and prints one table of what was really heard.
//!
//! In the order of a run: `rig` the sound system, the signal, the recorder, the watchdog · `service` the product ·
//! `classic` what it replaces · `browser` who plays · `run` one run · `evidence` what it leaves · `judge` what that means ·
//! `page` what the polls
//! say · `table` how it is said. All arithmetic on sound is in the library `listening`.

mod browser;
mod classic;
mod evidence;
mod interrupt;
mod judge;
mod loopback_server;
mod page;
mod rig;
mod run;
mod service;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use listening::plot::{Strip, svg};

use crate::browser::Wishes;
use crate::evidence::Evidence;
use crate::judge::Results;
use crate::rig::PrivateFolder;
use crate::rig::pulse::ClockKind;
use crate::rig::sound::Recording;
use crate::run::{Plan, Product};

/// Plays a known signal through the whole chain, records what the browser really plays, and prints one table.
#[derive(Parser)]
#[command(name = "bench", version)]
struct Options {
    /// What to measure
    #[arg(long, value_enum, default_value = "product")]
    subject: Subject,
    /// What paces the rig, and the PCM that comes with it
    #[arg(long, value_enum, default_value = "null")]
    clock: ClockKind,
    /// How long to measure, minutes
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Also run the classic design (4096-frame chunks, 2 s ring, 0.5 s prefill) side by side
    #[arg(long)]
    baseline: bool,
    /// Capture period of the service, frames (default: the service's own)
    #[arg(long)]
    period: Option<u32>,
    /// Frames per message to a listener (default: one period where --period is given, else the service's own)
    #[arg(long)]
    chunk: Option<u32>,
    /// latencyHint of the page: a number of seconds, or interactive, balanced, playback (default: the page's own)
    #[arg(long)]
    latency_hint: Option<String>,
    /// How the page carries sound to its worklet (default: the page's own choice)
    #[arg(long, value_parser = ["sab", "port"])]
    transport: Option<String>,
    /// ALSA PCM the service captures from: bench (as the clock's plugin gives it) or `bench_plug` (plug around it)
    #[arg(long, default_value = "bench")]
    device: String,
    /// Further lines for the service's configuration file
    #[arg(long, default_value = "")]
    config: String,
    /// The service's release binary
    #[arg(long, default_value = "../target/release/synthwire")]
    service: PathBuf,
    /// The browser
    #[arg(long, default_value = "chromium")]
    browser: String,
    /// The delay the rig shall find in itself, milliseconds (--subject rig)
    #[arg(long, default_value_t = 20)]
    known_ms: u32,
    /// How often a void run (frozen machine, faulty rig) is tried at most
    #[arg(long, default_value_t = 3)]
    attempts: u32,
    /// Keep the recording (WAV, all channels) beside the results
    #[arg(long)]
    keep: bool,
    /// Folder for the results
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The service and its page
    Product,
    /// The classic design alone
    Classic,
    /// The rig itself: the signal once more at a known delay
    Rig,
}

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

/// `false` when every attempt was void.
fn bench(options: &Options) -> Result<bool, String> {
    let plan = plan(options)?;
    std::fs::create_dir_all(&options.out).map_err(|e| format!("making {}: {e}", options.out.display()))?;
    for attempt in 1..=options.attempts.max(1) {
        eprintln!("bench: run {attempt}, {:.1} minutes measured", options.minutes);
        let folder = PrivateFolder::make()?;
        let evidence = run::run(&plan, folder.path())?;
        let results = judge::judge(&evidence)?;
        write_results(options, &evidence, &results)?;
        print!("{}", table::table(&results));
        match &results.void {
            None => return Ok(true),
            Some(reason) => eprintln!("bench: this run is void ({reason})"),
        }
    }
    Ok(false)
}

fn plan(options: &Options) -> Result<Plan, String> {
    if !options.minutes.is_finite() || options.minutes * 60.0 < 5.0 {
        return Err("--minutes: at least 0.1 (six seconds)".into());
    }
    let product = match options.subject {
        Subject::Product => Some(product(options)?),
        _ => None,
    };
    Ok(Plan {
        product,
        classic: options.baseline || options.subject == Subject::Classic,
        known_delay_frames: (options.subject == Subject::Rig)
            .then_some((options.known_ms * listening::RATE_HZ / 1000) as usize),
        clock: options.clock,
        span: Duration::from_secs_f64(options.minutes * 60.0),
        browser: options.browser.clone(),
    })
}

fn product(options: &Options) -> Result<Product, String> {
    if !options.service.is_file() {
        return Err(format!("no service at {}: cargo build --release makes it", options.service.display()));
    }
    let sizes = [("period_frames", options.period), ("chunk_frames", options.chunk.or(options.period))];
    let sizes: String =
        sizes.iter().filter_map(|(key, frames)| Some(format!("{key} = {}\n", (*frames)?))).collect();
    let number = |hint: &String| hint.parse::<f64>().map_or_else(|_| hint.clone().into(), Into::into);
    let wishes = Wishes {
        latency_hint: options.latency_hint.as_ref().map(number),
        transport: options.transport.clone(),
    };
    Ok(Product {
        program: options.service.clone(),
        device: options.device.clone(),
        configuration: format!("{sizes}{}\n", options.config),
        wishes,
    })
}

fn write_results(options: &Options, evidence: &Evidence, results: &Results) -> Result<(), String> {
    let write = |name: &str, text: String| {
        let path = options.out.join(name);
        std::fs::write(&path, text).map_err(|e| format!("writing {}: {e}", path.display()))
    };
    let json = serde_json::to_string_pretty(results).expect("results are plain numbers and text");
    write("results.json", json + "\n")?;
    write("table.txt", table::table(results))?;
    write("delay.svg", svg(&strips(evidence, results)))?;
    if options.keep {
        keep(&evidence.recording, &options.out.join("recording.wav"))?;
    }
    Ok(())
}

fn strips(evidence: &Evidence, results: &Results) -> Vec<Strip> {
    let second = |time_ns: u64| (time_ns as f64 - evidence.span_ns.0 as f64) / 1e9;
    let freeze_seconds: Vec<f64> = evidence
        .freezes
        .iter()
        .map(|f| second(f.due_ns))
        .filter(|s| (0.0..results.span_s).contains(s))
        .collect();
    results
        .chains
        .iter()
        .map(|chain| Strip {
            title: format!("{}: end-to-end delay, and how often each", chain.name),
            recorded: chain.recorded.clone(),
            reported: chain.reported.clone(),
            fault_seconds: chain.fault_list.iter().map(|fault| fault.second).collect(),
            freeze_seconds: freeze_seconds.clone(),
        })
        .collect()
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
