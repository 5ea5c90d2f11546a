//! `synthwire serve`: builds the chain in the data's order, waits, stops; meanwhile it tells systemd how it is and reads
//! its configuration again when asked.

use super::standing::{self, Beat, Pulse};
use crate::config::{Config, DEFAULT_FILE};
use crate::core::cause::Cause;
use crate::error::{Error, Result};
use crate::hub::pump::HandoffReader;
use crate::hub::{Hub, Sizes};
use crate::net::fan_out::{self, Newcomers, Setup};
use crate::net::{self, Gate, Listeners, Service, Tls};
use crate::rt::counters::{Controls, Counters};
use crate::rt::ring::handoff;
use crate::rt::supervisor::Supervisor;
use crate::rt::thread::{RtWish, become_prompt};
use crate::source::alsa::Wish;
use crate::source::discover::SYSFS_SOUND;
use crate::source::opening::{Choice, Opener};
use crate::source::tone::Pattern;
use crate::state::StateFolder;
use crate::sys::announce::{self, Offer};
use crate::sys::{fds, logging, machine, notify, signals};
use crate::tls::{Files, Identity};
use crate::update::Updater;
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

/// What a device may take to be closed after the listeners are gone: a stop takes a second in all.
const CAPTURE_STOP_LIMIT: Duration = Duration::from_millis(250);

/// How often systemd is told how the service is, unless its watchdog wants to know more often.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// How often the watchdog is fed within the time it waits: one late look does no harm.
const FEEDS_PER_WATCHDOG: u32 = 4;

/// The name synthwire.socket gives the socket of page and sound.
const HTTP_SOCKET: &str = "http";
const HTTPS_SOCKET: &str = "https";

/// Where the sound comes from and where it goes; each overrides the configuration's key of the same name.
#[derive(Debug, Default, Args)]
pub(super) struct ServeArguments {
    /// Configuration file [default: /etc/synthwire/synthwire.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// ALSA PCM to capture from, and no other [default: a MONTAGE or MODX, when there is one]
    #[arg(long, value_name = "PCM")]
    device: Option<String>,
    /// Play the built-in instrument until a synth has been found
    #[arg(long)]
    demo: bool,
    /// Instead of a device: demo, exact:music, exact:noise, exact:counter, exact:probe or wav:FILE
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["device", "demo"], value_parser = parse_source)]
    source: Option<Choice>,
    /// How far off the crystal of such a source is, in parts per million
    #[arg(long, value_name = "PPM", default_value_t = 0, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    skew_ppm: i32,
    /// Channels to ask the device for, 2 to 32 [default: as many as it has]
    #[arg(long, value_name = "N")]
    channels: Option<u16>,
    /// First channel of the pair that is heard, 1 to 31 [default: 1]
    #[arg(long, value_name = "N")]
    first_channel: Option<u16>,
    /// Frames between two wake-ups of the capture thread, 32 to 1024 [default: 128, which is 2.9 ms]
    #[arg(long, value_name = "FRAMES")]
    period_frames: Option<u32>,
    /// Frames in one message to a listener, 32 to 2048, rounded up to whole periods [default: one period]
    #[arg(long, value_name = "FRAMES")]
    chunk_frames: Option<u32>,
    /// Real-time (FIFO) priority of the capture thread, 0 (none) to 99 [default: 70]
    #[arg(long, value_name = "N")]
    rt_priority: Option<u8>,
    /// CPU the capture thread runs on [default: any]
    #[arg(long, value_name = "N")]
    capture_cpu: Option<u16>,
    /// Address and port for HTTP: the page on this machine, for others the way to HTTPS [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// A further name this device is reached by, for example synth.lan; may be given several times
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// DSCP the packets to listeners are marked with, 0 to 63 [default: none]
    #[arg(long, value_name = "N")]
    dscp: Option<u8>,
    /// Address and port for HTTPS: page and socket, for everybody [default: no HTTPS]
    #[arg(long, value_name = "ADDR:PORT")]
    listen_tls: Option<SocketAddr>,
    /// Folder for certificate authority, keys and chosen settings [default: systemd's, or with HTTPS the user's own]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Certificate (PEM, with its chain) to show instead of the service's own
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Folder in which the system's updater says how it is [default: /run/synthwire-updater]
    #[arg(long, value_name = "DIR")]
    updater: Option<PathBuf>,
    /// Do not make the device known on its network as HOST.local
    #[arg(long)]
    no_announce: bool,
    /// What one listener's queue may hold before its oldest packets go, 10 to 2000 ms [default: 250]
    #[arg(long, value_name = "MS")]
    queue_ms: Option<u32>,
    /// Listeners at once, 1 to 2000 [default: 500]
    #[arg(long, value_name = "N")]
    listeners_max: Option<u32>,
    /// Connections one address may have, 1 to 4000 [default: 64, and any number from this machine itself]
    #[arg(long, value_name = "N")]
    connections_per_address: Option<u32>,
}

fn parse_source(text: &str) -> std::result::Result<Choice, String> {
    match text.split_once(':') {
        None if text == "demo" => Ok(Choice::Demo),
        Some(("exact", "music")) => Ok(Choice::Exact(Pattern::Music)),
        Some(("exact", "noise")) => Ok(Choice::Exact(Pattern::Noise)),
        Some(("exact", "counter")) => Ok(Choice::Exact(Pattern::Counter)),
        Some(("exact", "probe")) => Ok(Choice::Exact(Pattern::Probe)),
        Some(("wav", file)) if !file.is_empty() => Ok(Choice::Wav(file.into())),
        _ => Err("a source is demo, exact:music, exact:noise, exact:counter, exact:probe or wav:FILE".into()),
    }
}

impl ServeArguments {
    /// The configuration file with the command line over it.
    pub(super) fn settle(&self) -> Result<Config> {
        let mut config = match &self.config {
            Some(file) => Config::read(file)?,
            // What cannot be looked at is read all the same: the error then says why.
            None if Path::new(DEFAULT_FILE).try_exists().unwrap_or(true) => {
                Config::read(Path::new(DEFAULT_FILE))?
            }
            None => Config::default(),
        };
        config.device = self.device.clone().or(config.device);
        config.demo |= self.demo;
        config.channels = self.channels.or(config.channels);
        config.capture_cpu = self.capture_cpu.or(config.capture_cpu);
        config.first_channel = self.first_channel.unwrap_or(config.first_channel);
        config.period_frames = self.period_frames.unwrap_or(config.period_frames);
        config.chunk_frames = self.chunk_frames.or(config.chunk_frames);
        config.rt_priority = self.rt_priority.unwrap_or(config.rt_priority);
        config.listen = self.listen.unwrap_or(config.listen);
        config.names.extend(self.names.iter().cloned());
        config.dscp = self.dscp.or(config.dscp);
        config.listen_tls = self.listen_tls.or(config.listen_tls);
        config.state = self.state.clone().or(config.state);
        config.cert = self.cert.clone().or(config.cert);
        config.key = self.key.clone().or(config.key);
        config.announce &= !self.no_announce;
        config.queue_ms = self.queue_ms.unwrap_or(config.queue_ms);
        config.listeners_max = self.listeners_max.unwrap_or(config.listeners_max);
        config.connections_per_address = self.connections_per_address.or(config.connections_per_address);
        config.check().map_err(|(_, wrong)| Error::new(wrong))?;
        Ok(config)
    }

    fn choice(&self, config: &Config) -> Choice {
        match (&self.source, &config.device) {
            (Some(source), _) => source.clone(),
            (None, Some(device)) => Choice::Device(device.clone()),
            (None, None) => Choice::Auto { demo: config.demo },
        }
    }
}

/// Serves until a signal asks to stop.
pub(super) fn run(arguments: &ServeArguments) -> Result<ExitCode> {
    let config = arguments.settle()?;
    logging::begin();
    let folder = config.keeping_folder(|name| std::env::var_os(name))?;
    let folder = folder.as_deref().map(StateFolder::open).transpose()?;
    let mut gate = Gate::open(&config, &machine::host(), folder.clone())?;
    if let Some(said) = &arguments.updater {
        gate.updater = Updater::new(said, folder);
    }
    // Pages, handshakes, status: the listeners' sound has a thread of its own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new("cannot start the network runtime").because(error))?;
    let served = runtime.block_on(serve(arguments, config, gate));
    runtime.shutdown_background(); // a device that is just being opened must not keep us
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(arguments: &ServeArguments, config: Config, gate: Gate) -> Result<()> {
    let mut reload_requests = signals::reload_requests()?; // before anybody is told that we are there to be asked
    let listeners = open_ports(&config).await?;

    let counters = Arc::new(Counters::new());
    let controls = Arc::new(Controls::default());
    let first_channel = arguments.first_channel.or(gate.settings.now().first_channel);
    controls.first_channel.store(first_channel.unwrap_or(config.first_channel) - 1, Relaxed);
    let hub = Hub::new(sizes(&config), Arc::clone(&counters), Arc::clone(&controls));
    let (frames_in, frames_out) = handoff()
        .map_err(|error| Error::new("cannot make the hand-off to the capture thread").because(error))?;
    let wish = Wish { period_frames: config.period_frames, channels: config.channels };
    let tell = {
        let hub = Arc::clone(&hub);
        move |status| hub.announce(status)
    };
    let capture = Supervisor {
        opener: Opener {
            choice: arguments.choice(&config),
            wish,
            skew_ppm: arguments.skew_ppm,
            sysfs: SYSFS_SOUND.into(),
        },
        rt: RtWish { priority: config.rt_priority, cpu: config.capture_cpu },
        counters,
        controls,
        announce: Box::new(tell),
    }
    .spawn(frames_in)?;

    if config.announce {
        announce_ports(&listeners);
    }
    notify::ready();

    let (stop, stopping) = watch::channel(false);
    let (misread, misreadings) = watch::channel(None);
    let (door, newcomers) = fan_out::door();
    let priority = config.fan_out_priority();
    let setup = Setup { hub: Arc::clone(&hub), dscp: config.dscp, stop: stopping.clone() };
    let mut playing = spawn_fan_out(frames_out, newcomers, setup, priority)?;
    let (ports, secure) = listeners.part();
    let service = Arc::new(Service::new(Arc::clone(&hub), gate, door, secure, stopping));
    let mut serving = tokio::spawn(net::serve(ports, Arc::clone(&service)));
    tokio::spawn(keep_systemd_informed(Arc::clone(&hub), misreadings));
    let reloading = async move {
        let mut running = config;
        while reload_requests.recv().await.is_some() {
            reload(arguments, &mut running, &hub, &service, &misread);
        }
    };
    tokio::select! {
        () = reloading => return Err(Error::new("the kernel no longer passes on SIGHUP")),
        signal = signals::asked_to_stop() => tracing::info!("stopping: {}", signal?),
        ended = &mut playing => return ended.unwrap_or_else(|_| Err(Error::new("the fan-out thread panicked"))),
        ended = &mut serving => return Err(Error::new("the network service ended by itself")
            .because(ended.err().map_or("without an error".to_owned(), |error| error.to_string()))),
    }
    notify::stopping();
    let _ = stop.send(true);
    let captured = tokio::task::spawn_blocking(move || capture.stop());
    let _ = serving.await;
    let _ = playing.await;
    if tokio::time::timeout(CAPTURE_STOP_LIMIT, captured).await.is_err() {
        tracing::warn!("the sound device does not let go: ending without waiting for it");
    }
    Ok(())
}

/// Opens the ports, and says where they are.
async fn open_ports(config: &Config) -> Result<Listeners> {
    let plain = listener(HTTP_SOCKET, config.listen, "--listen").await?;
    let tls = match config.listen_tls {
        Some(address) => Some(tls(address, config).await?),
        None => None,
    };
    let address = plain.local_addr().unwrap_or(config.listen);
    tracing::info!("open http://{address}/ in a browser and press Listen");
    if let Some(address) = tls.as_ref().and_then(|tls| tls.listener.local_addr().ok()) {
        tracing::info!("others on the network come by https://{address}/");
    }
    Ok(Listeners { plain, tls })
}

/// Tells the network by what name this device is reached, if others can reach it at all.
fn announce_ports(Listeners { plain, tls }: &Listeners) {
    let tls = tls.as_ref().and_then(|tls| tls.listener.local_addr().ok());
    let offers = plain.local_addr().map_or_else(|_| Vec::new(), |plain| offers(plain, tls));
    if !offers.is_empty() {
        announce::announce(offers);
    }
}

/// Starts the thread that plays to everybody; what it ends with.
fn spawn_fan_out(
    frames: HandoffReader,
    newcomers: Newcomers,
    setup: Setup,
    priority: u8,
) -> Result<oneshot::Receiver<Result<()>>> {
    let (ended, end) = oneshot::channel();
    let play = move || {
        let state = become_prompt(priority);
        for refusal in &state.refusals {
            tracing::warn!("the fan-out thread has {refusal}");
        }
        let _ = setup.hub.fan_out.real_time.set(state);
        let _ = ended.send(fan_out::run(frames, newcomers, setup));
    };
    std::thread::Builder::new()
        .name("fan-out".into())
        .spawn(play)
        .map_err(|error| Error::new("cannot start the fan-out thread").because(error))?;
    Ok(end)
}

/// What others on the network can reach: a service that listens for this machine alone is nobody's business.
fn offers(plain: SocketAddr, tls: Option<SocketAddr>) -> Vec<Offer> {
    let found = [("_http._tcp", Some(plain)), ("_https._tcp", tls)].into_iter();
    let reached = found.filter_map(|(kind, address)| Some((kind, address?)));
    reached
        .filter(|(_, address)| !address.ip().is_loopback())
        .map(|(kind, address)| Offer { kind, port: address.port() })
        .collect()
}

/// The port for HTTPS and the certificate to show there.
async fn tls(address: SocketAddr, config: &Config) -> Result<Tls> {
    let identity = if let (Some(cert), Some(key)) = (&config.cert, &config.key) {
        Identity::supplied(Files { cert: cert.clone(), key: key.clone() })?
    } else {
        let folder = StateFolder::open(&config.state_folder(|name| std::env::var_os(name))?)?;
        Identity::own(folder, &machine::facts())?
    };
    Ok(Tls {
        listener: listener(HTTPS_SOCKET, address, "--listen-tls").await?,
        identity,
        facts: machine::facts,
    })
}

/// Reads the configuration again and applies what can be applied while the sound goes on. A mistake in it changes nothing.
fn reload(
    arguments: &ServeArguments,
    running: &mut Config,
    hub: &Hub,
    service: &Arc<Service>,
    misread: &watch::Sender<Option<String>>,
) {
    notify::reloading();
    let mistake = match arguments.settle() {
        Ok(new) => {
            tracing::info!("{}", standing::reloaded(running, &new));
            let before = std::mem::replace(running, running.with_live_keys_of(&new));
            hub.set_listeners_max(running.listeners_max as usize);
            // Whatever pair was chosen on the page stays, unless the file now names another than before.
            if running.first_channel != before.first_channel {
                service.reconfigure_pair(running.first_channel);
            }
            None
        }
        Err(error) => {
            tracing::error!("the configuration was not taken, the one before stays in effect: {error}");
            Some(format!("Configuration not taken: {error}."))
        }
    };
    misread.send_replace(mistake);
    notify::ready();
}

/// Keeps the line of `systemctl status` true, and feeds the watchdog while the capture side moves. That this runs at all
/// shows that the network side does.
async fn keep_systemd_informed(hub: Arc<Hub>, mut misread: watch::Receiver<Option<String>>) {
    let watchdog = notify::watchdog();
    let every = watchdog.map_or(TELL_EVERY, |limit| TELL_EVERY.min(limit / FEEDS_PER_WATCHDOG));
    let mut look = tokio::time::interval(every);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.tick().await; // the first is at once, before anything can have moved
    let mut source = hub.source();
    let mut pulse = Pulse::default();
    let mut said = String::new();
    loop {
        tokio::select! {
            _ = look.tick() => if watchdog.is_some() {
                match pulse.look(hub.counters.turns.load(Relaxed)) {
                    Beat::Alive => notify::alive(),
                    Beat::Stopped => tracing::warn!(
                        "the sound device has kept its threads for {} s: systemd's watchdog is not fed until they move",
                        every.as_secs_f32()
                    ),
                    Beat::Still => {}
                }
            },
            Ok(()) = source.changed() => {}
            Ok(()) = misread.changed() => {}
        }
        let losses = Cause::ALL.into_iter().map(|cause| hub.counters.losses(cause).0).sum();
        let line = standing::line(&source.borrow_and_update(), hub.listening(), losses);
        let line = misread.borrow_and_update().iter().fold(line, |line, mistake| format!("{mistake} {line}"));
        if said != line {
            notify::status(&line);
            said = line;
        }
    }
}

/// The socket that systemd passes under this name, or one of our own.
async fn listener(name: &str, address: SocketAddr, word: &str) -> Result<TcpListener> {
    match fds::passed_listener(name)? {
        Some(listener) => {
            tracing::info!("systemd passes the socket: '{word}' is not used");
            Ok(listener)
        }
        None => bind(address, word).await,
    }
}

async fn bind(address: SocketAddr, word: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "Another program has this port ('ss -ltnp' names it): end it, or choose another with"
            }
            std::io::ErrorKind::PermissionDenied => {
                "Ports below 1024 need a permission: start synthwire.socket, or choose a higher one with"
            }
            _ => "Choose an address of this machine ('ip address' lists them) with",
        };
        Error::new(format!("cannot listen on {address}")).because(error).try_this(format!("{remedy} {word}"))
    })
}

fn sizes(config: &Config) -> Sizes {
    Sizes {
        listeners_max: config.listeners_max as usize,
        queue_ms: config.queue_ms,
        chunk_frames: config.message_frames(),
        period_frames: config.period_frames,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeArguments,
    }

    fn parse(arguments: &[&str]) -> std::result::Result<ServeArguments, String> {
        let line = Line::try_parse_from(std::iter::once(&"serve").chain(arguments));
        line.map(|line| line.serve).map_err(|error| error.to_string())
    }

    #[test]
    fn a_source_and_its_skew_are_read() {
        let probe = parse(&["--source", "exact:probe", "--skew-ppm", "-300"]).unwrap();
        assert_eq!((probe.source, probe.skew_ppm), (Some(Choice::Exact(Pattern::Probe)), -300));
        assert_eq!(parse(&[]).unwrap().skew_ppm, 0);
    }

    #[test]
    fn a_source_or_skew_that_is_none_is_refused_with_what_there_is() {
        for (arguments, said) in [
            (["--source", "exact:prob"], "exact:counter, exact:probe or wav:FILE"),
            (["--source", "exact"], "exact:counter, exact:probe or wav:FILE"),
            (["--source", "wav:"], "exact:counter, exact:probe or wav:FILE"),
            (["--skew-ppm", "1001"], "1001 is not in -1000..=1000"),
            (["--skew-ppm", "fast"], "invalid"),
        ] {
            let error = parse(&arguments).unwrap_err();
            assert!(error.contains(said), "{arguments:?}: {error}");
        }
    }
}
