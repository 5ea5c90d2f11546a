//! The cost of many listeners: the service with 1 to 500 of them, each checking every frame, beside a bare
//! loop that makes the same writes. Listeners, bad listeners and the bare loop are separate processes: this
//! program again, in another role.
//!
//! In the order of a run: `service` the processes · `wire` a listener's connection · `load` the listeners ·
//! `stream` the check of one listener's frames · `bad` the bad listeners · `usage` the resources · `bare` the
//! lower bound · `results` the figures. With `--probe-cpu` the program measures something else: `probe` shows which threads
//! the sending thread delays.

mod bad;
mod bare;
mod load;
mod probe;
mod results;
mod service;
mod stream;
mod usage;
mod wire;

use clap::{Parser, Subcommand};
use load::Kind;
use probe::Lateness;
use results::{Beside, Look, Row, Run};
use service::{Running, Service};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use wire::{RECORD_BYTES, Way};

/// Name of the service's sending thread.
const FAN_OUT_THREAD: &str = "fan-out";
/// Duration of a period of 128 frames.
const PERIOD_NS: u64 = 2_902_494;
/// Size of a packet of 128 frames and, below, of a message's header.
const PACKET_BYTES: usize = 40 + 128 * 4;
const HEAD_BYTES: usize = 4;
/// The file with the authority that listeners under TLS trust.
const AUTHORITY_FILE: &str = "authority.der";

/// What many listeners cost.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    role: Option<Role>,
    /// The service's binary
    #[arg(long, default_value = "target/release/synthwire")]
    service: PathBuf,
    /// Numbers of listeners, one run each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 500])]
    listeners: Vec<usize>,
    /// Seconds measured
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Seconds before the measurement, in which the service finds out how long messages must be
    #[arg(long, default_value_t = 6.0)]
    settle: f64,
    /// Leave out the runs beside a stalled, a slow, a flooding and a vanishing listener
    #[arg(long)]
    no_bad: bool,
    /// Each run again over wss
    #[arg(long)]
    tls: bool,
    /// Repeat each run beside a client that makes TLS handshakes as fast as they are answered
    #[arg(long)]
    handshakes: bool,
    /// Measure something else: move the sending thread to this processor, and measure how late a thread like an interrupt's is
    /// woken there
    #[arg(long, value_name = "CPU")]
    probe_cpu: Option<usize>,
    /// Further arguments for the service
    #[arg(long, value_delimiter = ' ', allow_hyphen_values = true, default_value = "--queue-ms 1000")]
    arguments: Vec<String>,
    /// Folder for results.json and table.txt
    #[arg(long, default_value = "tools/out/fanout")]
    out: PathBuf,
}

/// The other roles of this program.
#[derive(Subcommand)]
enum Role {
    /// Listeners
    #[command(hide = true)]
    Load { address: SocketAddr, listeners: usize, authority: Option<PathBuf> },
    /// Readers of the bare loop
    #[command(hide = true)]
    Drain { address: SocketAddr, listeners: usize },
    /// Bad listeners
    #[command(hide = true)]
    Bad { address: SocketAddr, authority: Option<PathBuf> },
    /// Somebody who makes handshakes
    #[command(hide = true)]
    Handshakes { address: SocketAddr, authority: PathBuf },
    /// The bare loop
    #[command(hide = true)]
    Bare { sockets: usize, every: usize, bytes: usize, seconds: f64 },
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    let done = match options.role.take() {
        Some(role) => play(role),
        None => match options.probe_cpu {
            Some(processor) => probe(&options, processor),
            None => bench(&options),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("fanout: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn play(role: Role) -> Result<(), String> {
    match role {
        Role::Load { address, listeners, authority } => {
            load::run(&Way::to(address, authority.as_deref())?, listeners, Kind::Listener)
        }
        Role::Drain { address, listeners } => load::run(&Way::to(address, None)?, listeners, Kind::Drain),
        Role::Bad { address, authority } => {
            bad::run(&Way::to(address, authority.as_deref())?);
            Ok(())
        }
        Role::Handshakes { address, authority } => {
            bad::handshakes(&Way::to(address, Some(&authority))?);
            Ok(())
        }
        Role::Bare { sockets, every, bytes, seconds } => {
            bare::run(&bare::Plan { sockets, period_ns: PERIOD_NS, every, bytes, seconds })
        }
    }
}

fn bench(options: &Options) -> Result<(), String> {
    allow_many_files()?;
    std::fs::create_dir_all(&options.out).map_err(|e| format!("making {}: {e}", options.out.display()))?;
    let mut rows: Vec<Row> = Vec::new();
    let mut company = vec![Beside::Nobody];
    company.extend((!options.no_bad).then_some(Beside::BadListeners));
    company.extend(options.handshakes.then_some(Beside::Handshakes));
    for &listeners in &options.listeners {
        for secure in if options.tls { &[false, true][..] } else { &[false] } {
            for &beside in &company {
                let way = if *secure { "wss" } else { "ws" };
                eprintln!("fanout: {listeners} listeners over {way}, beside them {beside:?}");
                let run = measure(options, listeners, *secure, beside)?;
                let bare = bare_loop(options, listeners, *secure, run.chunk_packets() as usize)?;
                rows.push(run.row(&bare));
                let json = serde_json::to_string_pretty(&rows).expect("rows serialise");
                write(options, "results.json", json.as_bytes())?;
                write(options, "table.txt", results::table(&rows).as_bytes())?;
            }
        }
    }
    print!("{}", results::table(&rows));
    let broken = rows.iter().filter(|row| !row.is_whole()).count();
    if broken > 0 {
        Err(format!("in {broken} runs a healthy listener did not hear everything"))
    } else {
        Ok(())
    }
}

/// Measures both priorities in alternating rounds, so that other load of the machine affects both.
fn probe(options: &Options, processor: usize) -> Result<(), String> {
    const TURNS: u32 = 4;
    allow_many_files()?;
    std::fs::create_dir_all(&options.out).map_err(|e| format!("making {}: {e}", options.out.display()))?;
    for &listeners in &options.listeners {
        let service = Service::start(&options.service, &options.arguments, &options.out.join("state"))?;
        let mut load = Running::role(&["load".into(), service.address.to_string(), listeners.to_string()])?;
        load.line()?;
        std::thread::sleep(Duration::from_secs_f64(options.settle));
        let thread = usage::thread(service.pid(), FAN_OUT_THREAD)?;
        let mut found = [Lateness::default(), Lateness::default()];
        for _ in 0..TURNS {
            for (lateness, priority) in found.iter_mut().zip([probe::ABOVE, probe::BELOW]) {
                probe::place(thread, processor, priority)?;
                lateness.join(probe::watch(
                    processor,
                    Duration::from_secs_f64(options.seconds / f64::from(TURNS)),
                )?);
            }
        }
        let [above, below] = found;
        print!("{}", probe::table(listeners, &above, &below));
    }
    Ok(())
}

fn measure(options: &Options, listeners: usize, secure: bool, beside: Beside) -> Result<Run, String> {
    let service = Service::start(&options.service, &options.arguments, &options.out.join("state"))?;
    let empty_rss_kib = usage::of(service.pid(), FAN_OUT_THREAD).rss_kib;
    write(options, AUTHORITY_FILE, &service.authority()?)?;
    let trust = [options.out.join(AUTHORITY_FILE).display().to_string()];
    let (address, trusts) = if secure { (service.secure, &trust[..]) } else { (service.address, &[][..]) };
    let role = |name: &str, words: &[String], trusts: &[String]| {
        Running::role(&[&[name.to_owned()][..], words, trusts].concat())
    };
    let mut load = role("load", &[address.to_string(), listeners.to_string()], trusts)?;
    load.line()?;
    let _company = match beside {
        Beside::Nobody => None,
        Beside::BadListeners => Some(role("bad", &[address.to_string()], trusts)?),
        Beside::Handshakes => Some(role("handshakes", &[service.secure.to_string()], &trust)?),
    };
    let began = Instant::now();
    let look = || -> Result<Look, String> {
        let usage = usage::of(service.pid(), FAN_OUT_THREAD);
        Ok(Look { at_s: began.elapsed().as_secs_f64(), usage, status: service.status()? })
    };
    std::thread::sleep(Duration::from_secs_f64(options.settle));
    let before = look()?;
    std::thread::sleep(Duration::from_secs_f64(options.seconds));
    let looks = [before, look()?];
    load.say("enough");
    let heard = serde_json::from_str(&load.line()?).map_err(|e| format!("reading what was heard: {e}"))?;
    Ok(Run { listeners, secure, beside, empty_rss_kib, looks, heard })
}

/// Under TLS the loop writes as many bytes as the records have, but encrypts nothing.
fn bare_loop(options: &Options, sockets: usize, secure: bool, every: usize) -> Result<bare::Cost, String> {
    let bytes = HEAD_BYTES + every * PACKET_BYTES + if secure { RECORD_BYTES } else { 0 };
    let numbers = [sockets.to_string(), every.to_string(), bytes.to_string(), options.seconds.to_string()];
    let mut bare = Running::role(&[&["bare".to_owned()], &numbers[..]].concat())?;
    let mut drain = Running::role(&["drain".into(), bare.line()?, sockets.to_string()])?;
    drain.line()?;
    bare.say("begin");
    serde_json::from_str(&bare.line()?).map_err(|e| format!("reading what the bare loop took: {e}"))
}

/// Raises the limit of open files: every process of a run has a descriptor for each listener.
fn allow_many_files() -> Result<(), String> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls read or write the one live rlimit.
    let done = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0
        }
    };
    if done {
        Ok(())
    } else {
        Err(format!("raising the limit of open files: {}", std::io::Error::last_os_error()))
    }
}

fn write(options: &Options, name: &str, bytes: &[u8]) -> Result<(), String> {
    let path = options.out.join(name);
    std::fs::write(&path, bytes).map_err(|e| format!("writing {}: {e}", path.display()))
}
