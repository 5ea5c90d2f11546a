//! The options of the bench, and the plans that follow from them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use impair::profile::{PROFILES, Profile};

use crate::browser::PageOverrides;
use crate::rig::pulse::ClockKind;
use crate::run::{Plan, Product};
use crate::service::SoundSource;

/// The service's own period, if --period gives no other.
const USUAL_PERIOD_FRAMES: u32 = 128;

/// The service accepts up to 1000. But the rig's own clock is 170 ppm fast, and beside another player it was up to 500
/// ppm fast; that is added to the requested skew.
const SKEW_PPM_MAX: i64 = 500;

/// Plays a known signal through the whole chain, records what the browser really plays, and prints one table.
#[derive(Parser)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[command(name = "bench", version)]
pub struct Options {
    /// What to measure
    #[arg(long, value_enum, default_value = "product")]
    pub subject: Subject,
    /// What paces the rig, and the PCM that comes with it
    #[arg(long, value_enum, default_value = "null")]
    pub clock: ClockKind,
    /// How long to measure, minutes
    #[arg(long, default_value_t = 2.0)]
    pub minutes: f64,
    /// Also run the classic design (4096-frame chunks, 2 s ring, 0.5 s prefill) side by side
    #[arg(long)]
    pub baseline: bool,
    /// Capture period of the service, frames (default: the service's own)
    #[arg(long)]
    pub period: Option<u32>,
    /// Frames per message to a listener (default: one period where --period is given, else the service's own)
    #[arg(long)]
    pub chunk: Option<u32>,
    /// latencyHint of the page: a number of seconds, or interactive, balanced, playback (default: the page's own)
    #[arg(long)]
    pub latency_hint: Option<String>,
    /// How the page carries sound to its worklet (default: the page's own choice)
    #[arg(long, value_parser = ["sab", "port"])]
    pub transport: Option<String>,
    /// ALSA PCM the service captures from: bench (as the clock's plugin gives it) or `bench_plug` (plug around it)
    #[arg(long, default_value = "bench")]
    pub device: String,
    /// Further lines for the service's configuration file
    #[arg(long, default_value = "")]
    pub config: String,
    /// The service's release binary
    #[arg(long, default_value = "../target/release/synthwire")]
    pub service: PathBuf,
    /// The browser
    #[arg(long, default_value = "chromium")]
    pub browser: String,
    /// The delay that the rig adds and has to measure, milliseconds (--subject rig)
    #[arg(long, default_value_t = 20)]
    pub known_ms: u32,
    /// Measure over a bad network between two network namespaces, instead of loopback: all profiles, unless some are
    /// named (needs root)
    #[arg(long, conflicts_with_all = ["baseline"])]
    pub network: bool,
    /// The networks, by name: wired, good-wifi, bad-wifi, loss, stall-3s, stall-60s, 2mbit, mobile, high-latency
    #[arg(long, value_delimiter = ',', value_name = "NAME", requires = "network")]
    pub profile: Vec<String>,
    /// Measure all networks, as --network alone does, but also with --skew-ppm
    #[arg(long, requires = "network", conflicts_with = "profile")]
    pub all: bool,
    /// Seed of a network's random numbers: the same seed gives the same network
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The service captures nothing and plays its own exact source, whose crystal is this many parts per million faster
    /// than the sound system's clock (-500 to 500). With --network but without named profiles, only the wired network is
    /// measured
    #[arg(long, value_name = "PPM", allow_negative_numbers = true, conflicts_with = "baseline",
          value_parser = clap::value_parser!(i32).range(-SKEW_PPM_MAX..=SKEW_PPM_MAX))]
    pub skew_ppm: Option<i32>,
    /// Maximum number of attempts if a run is void (frozen machine, faulty rig)
    #[arg(long, default_value_t = 3)]
    pub attempts: u32,
    /// Keep the recording (WAV, all channels), and the page's reports (JSON lines), beside the results
    #[arg(long)]
    pub keep: bool,
    /// Folder for the results
    #[arg(long, default_value = "out")]
    pub out: PathBuf,
}

/// The subject of the measurement.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// The service and its page
    Product,
    /// The classic design alone
    Classic,
    /// The rig itself: the signal once more at a known delay
    Rig,
}

/// A plan for each run, in order.
///
/// # Errors
/// A sentence that names the options which do not fit together.
pub fn plans(options: &Options) -> Result<Vec<Plan>, String> {
    if !options.network {
        return Ok(vec![plan(options, None)?]);
    }
    if options.subject != Subject::Product {
        return Err("--network measures the product: leave --subject out".into());
    }
    profiles(options)?.into_iter().map(|profile| plan(options, Some(profile))).collect()
}

fn profiles(options: &Options) -> Result<Vec<Profile>, String> {
    if !options.profile.is_empty() {
        return options.profile.iter().map(|name| Profile::named(name)).collect();
    }
    let only_wired = options.skew_ppm.is_some() && !options.all;
    Ok(if only_wired { vec![Profile::named("wired")?] } else { PROFILES.to_vec() })
}

fn plan(options: &Options, network: Option<Profile>) -> Result<Plan, String> {
    if !options.minutes.is_finite() || options.minutes * 60.0 < 5.0 {
        return Err("--minutes: at least 0.1 (six seconds)".into());
    }
    if options.skew_ppm.is_some() && options.subject != Subject::Product {
        return Err("--skew-ppm measures the product: leave --subject out".into());
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
        period_frames: options.period.unwrap_or(USUAL_PERIOD_FRAMES),
        span: Duration::from_secs_f64(options.minutes * 60.0),
        browser: options.browser.clone(),
        network,
        seed: options.seed,
        // Measuring costs takes time and disturbs the sound (it collects garbage), and gives no information
        // about a network.
        costs: network.is_none() && options.skew_ppm.is_none(),
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
    let overrides = PageOverrides {
        latency_hint: options.latency_hint.as_ref().map(number),
        transport: options.transport.clone(),
    };
    Ok(Product {
        program: options.service.clone(),
        source: match options.skew_ppm {
            None => SoundSource::Device(options.device.clone()),
            Some(skew_ppm) => SoundSource::Probe { skew_ppm },
        },
        configuration: format!("{sizes}{}\n", options.config),
        overrides,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the planned networks, or the error message.
    fn planned(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        let own = std::env::current_exe().unwrap();
        let line = ["bench", "--service", own.to_str().unwrap()].into_iter().chain(arguments.iter().copied());
        let options = Options::try_parse_from(line).map_err(|error| error.to_string())?;
        let plans = plans(&options)?;
        Ok(plans.iter().map(|plan| plan.network.map_or("loopback", |profile| profile.name)).collect())
    }

    #[test]
    fn networks_are_all_or_those_named_and_one_under_skew() {
        assert_eq!(planned(&[]), Ok(vec!["loopback"]));
        assert_eq!(planned(&["--network"]).unwrap().len(), PROFILES.len());
        assert_eq!(planned(&["--network", "--profile", "loss,mobile"]), Ok(vec!["loss", "mobile"]));
        assert_eq!(planned(&["--network", "--skew-ppm", "-300"]), Ok(vec!["wired"]));
        assert_eq!(planned(&["--network", "--skew-ppm=300", "--all"]).unwrap().len(), PROFILES.len());
        assert_eq!(planned(&["--skew-ppm=300"]), Ok(vec!["loopback"]));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (arguments, said) in [
            (vec!["--network", "--profile", "wirde"], "no network called wirde"),
            (vec!["--profile", "wired"], "--network"),
            (vec!["--network", "--baseline"], "cannot be used with"),
            (vec!["--network", "--all", "--profile", "wired"], "cannot be used with"),
            (vec!["--network", "--subject", "rig"], "leave --subject out"),
            (vec!["--skew-ppm", "501"], "501 is not in"),
            (vec!["--skew-ppm", "300", "--subject", "rig"], "leave --subject out"),
            (vec!["--minutes", "0"], "at least 0.1"),
        ] {
            let error = planned(&arguments).unwrap_err();
            assert!(error.contains(said), "{arguments:?}: {error}");
        }
    }
}
