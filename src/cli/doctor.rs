//! `synthwire doctor`: looks at what usually goes wrong and says what to do about it.

use super::arguments::ServeArguments;
use super::report;
use super::terminal::{say, say_lines};
use crate::error::{Error, Result};
use crate::rt::thread::{RtWish, become_real_time};
use crate::source::alsa::{AlsaSource, Wish};
use crate::source::discover::{self, SYSFS_SOUND};
use clap::Args;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to check.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Write a report for an issue: machine, USB, sound, power, service; without keys and addresses. '-' is the output
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    serve: ServeArguments,
}

/// What a check found.
enum Finding {
    Good(String),
    /// It will play, but not at its best.
    Warn(String),
    Bad(String),
}

pub(super) fn run(arguments: &DoctorArguments) -> Result<ExitCode> {
    let config = arguments.serve.settle()?;
    let wish = Wish { period_frames: config.period_frames, channels: config.channels };
    let mut findings = vec![
        ("real time", real_time(config.rt_priority)),
        ("CPU governor", governor(Path::new("/sys/devices/system/cpu"))),
        ("sound card", device(config.device.as_deref(), wish)),
        ("port", port(config.listen)),
    ];
    findings.extend(config.listen_tls.map(|address| ("HTTPS port", port(address))));
    let (mut bad, mut said) = (false, String::new());
    for (what, finding) in findings {
        let (mark, words) = match finding {
            Finding::Good(words) => ("good", words),
            Finding::Warn(words) => ("warn", words),
            Finding::Bad(words) => {
                bad = true;
                ("BAD ", words)
            }
        };
        writeln!(said, "{mark}  {what}: {words}").expect("a string can be written to");
    }
    match arguments.report.as_deref() {
        None => say_lines(&said),
        Some(file) if file == Path::new("-") => say_lines(&report::text(&said, &config)),
        Some(file) => {
            say_lines(&said);
            std::fs::write(file, report::text(&said, &config)).map_err(|error| {
                Error::new(format!("cannot write the report {}", file.display()))
                    .because(error)
                    .try_this("Name a file that this user may write")
            })?;
            say(format!("The report is in {}: read it, then attach it to an issue.", file.display()));
        }
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Tries it on a thread of its own, so that this one stays as it was.
fn real_time(priority: u8) -> Finding {
    let tried = std::thread::spawn(move || become_real_time(RtWish { priority, cpu: None }, &[])).join();
    match tried {
        Ok(state) if state.refusals.is_empty() => Finding::Good(format!(
            "SCHED_FIFO {} and {} KiB of locked memory are allowed",
            state.fifo_priority.unwrap_or(0),
            state.locked_bytes / 1024
        )),
        Ok(state) => Finding::Warn(state.refusals.join("; ")),
        Err(_) => Finding::Bad("the check itself failed".into()),
    }
}

fn governor(cpus: &Path) -> Finding {
    match std::fs::read_to_string(cpus.join("cpu0/cpufreq/scaling_governor")) {
        Ok(governor) if governor.trim() == "performance" => Finding::Good("performance".into()),
        Ok(governor) => Finding::Warn(format!(
            "{}: the clock rate may change while playing. 'echo performance | sudo tee \
             /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor' holds it until the next start",
            governor.trim()
        )),
        Err(_) => Finding::Good("this machine does not change its clock rate by itself".into()),
    }
}

fn device(named: Option<&str>, wish: Wish) -> Finding {
    let pcm = match named {
        Some(pcm) => pcm.to_owned(),
        None => match discover::synth(Path::new(SYSFS_SOUND)) {
            Some(card) => card.pcm(),
            None => {
                return Finding::Bad(
                    "no MONTAGE or MODX: connect its USB TO HOST socket and switch it on, or name another with \
                     --device ('synthwire devices' lists them)"
                        .into(),
                );
            }
        },
    };
    match AlsaSource::open(&pcm, wish) {
        Ok(source) => Finding::Good(format!("{pcm} opens ({})", source.path().name())),
        Err(error) => Finding::Bad(error.to_string()),
    }
}

fn port(address: std::net::SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::Good(format!("{address} is free")),
        Err(error) => Finding::Bad(format!(
            "cannot listen on {address}: {error}. Choose another with --listen or --listen-tls"
        )),
    }
}
