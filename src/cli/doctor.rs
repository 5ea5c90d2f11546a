//! `synthwire doctor`: checks the usual causes of trouble (`checks`) and says what to do. It asks the service if that runs.

use super::arguments::{ServeArguments, Settled};
use super::checks::{self, Scene, Verdict};
use super::terminal::{say, say_lines};
use super::{asking, report};
use crate::error::{Error, Result};
use crate::source::alsa::DeviceRequest;
use crate::source::discover::SYSFS_SOUND;
use crate::source::opening::Selection;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to check.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Write a report for an issue: machine, USB, sound, power, service, without private data. '-' is standard output
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    serve: ServeArguments,
}

pub(super) fn run(arguments: &DoctorArguments) -> Result<ExitCode> {
    let units = arguments.serve.is_systems().then(asking::units_https).flatten();
    let Settled { config, complaints, places } = arguments.serve.settle_beside(units)?;
    let selection = Selection {
        choice: arguments.serve.choice(&config),
        wish: DeviceRequest { period_frames: config.period_frames, channels: config.channels },
        skew_ppm: arguments.serve.skew_ppm,
        sysfs: SYSFS_SOUND.into(),
    };
    let place = asking::place(&config, arguments.serve.is_systems());
    let service = asking::status(&config, place);
    let scene = Scene {
        config: &config,
        complaints: &complaints,
        places: &places,
        selection,
        place,
        service: &service,
    };
    let checks = checks::all(&scene);
    let on_terminal = arguments.report.as_deref() == Some(Path::new("-"));
    if !on_terminal {
        for check in &checks {
            say(format!("{}  {}: {}", check.verdict.mark(), check.name, check.words));
        }
    }
    if let Some(file) = &arguments.report {
        let text = report::text(&checks, &config, &service, report::read);
        if on_terminal {
            say_lines(&text);
        } else {
            std::fs::write(file, text).map_err(|error| {
                Error::new(format!("cannot write the report {}", file.display()))
                    .because(error)
                    .try_this("Name a file that this user may write")
            })?;
            say(format!("The report is in {}: read it, then attach it to an issue.", file.display()));
        }
    }
    let bad = checks.iter().any(|check| check.verdict == Verdict::Bad);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
