//! The command line: one file per sub-command, and the parts that only `serve` needs.

mod arguments;
mod asking;
mod card;
mod checks;
mod devices;
mod doctor;
mod fingerprint;
mod guide;
mod http_answer;
mod informing;
mod keeping;
mod key;
mod notices;
mod places;
mod ports;
mod programs;
mod report;
mod serve;
mod shapes;
mod soak;
mod standing;
mod terminal;
mod typed_settings;
mod update;
mod verdict;

use crate::error::Result;
use arguments::ServeArguments;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Hear a synthesizer live in any browser on the network.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, args_conflicts_with_subcommands = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Capture the synth and serve page and sound (the default command)
    #[command(after_help = arguments::keys())]
    Serve(ServeArguments),
    /// List the sound cards, which would be chosen, and why not the others
    Devices,
    /// Check this machine: real-time limits, CPU governor, sound card, port; says what to do
    Doctor(doctor::DoctorArguments),
    /// Install a signed update of the whole system (as root, on the SD card's system)
    Update(update::UpdateArguments),
    /// Read an access key from the input and print it hashed, for the configuration
    Key,
    /// Watch a running service for a given time, as a listener, and end with a verdict
    Soak(soak::SoakArguments),
    /// Print the fingerprint of the certificate that listeners are asked to trust, as the running service has it
    Fingerprint(fingerprint::FingerprintArguments),
    /// Set this device up from synthwire.toml on its card; the image does so at every start
    Card(card::CardArguments),
}

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(said) => return tell(&said),
    };
    let done: Result<ExitCode> = match arguments.command {
        None => serve::run(&arguments.serve),
        Some(Command::Serve(serve)) => serve::run(&serve),
        Some(Command::Devices) => Ok(devices::run()),
        Some(Command::Doctor(doctor)) => doctor::run(&doctor),
        Some(Command::Update(update)) => update::run(&update),
        Some(Command::Key) => key::run(),
        Some(Command::Soak(soak)) => soak::run(&soak),
        Some(Command::Fingerprint(fingerprint)) => fingerprint::run(&fingerprint),
        Some(Command::Card(card)) => card::run(&card),
    };
    done.unwrap_or_else(|error| {
        terminal::remark(format!("synthwire: {error}."));
        ExitCode::FAILURE
    })
}

/// Prints clap's own output: help and version on stdout, a mistake on stderr. A mistake repeats what was
/// typed, which may be any text.
fn tell(said: &clap::Error) -> ExitCode {
    let text = said.to_string();
    if said.use_stderr() {
        text.lines().for_each(terminal::remark);
    } else {
        terminal::say_lines(&text);
    }
    u8::try_from(said.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
