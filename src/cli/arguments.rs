//! What `serve` and `doctor` are told: the command line, over the configuration file.

use crate::config::{self, Complaint, Config, DEFAULT_FILE, Reading};
use crate::error::{Error, Result};
use crate::source::opening::Choice;
use crate::source::tone::Pattern;
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Which configuration: the same for every command.
#[derive(Debug, Default, Args)]
pub(super) struct Configured {
    /// Configuration file [default: /etc/synthwire/synthwire.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The keys of the configuration file, as `serve --help` lists them: what an error sends people to.
pub(super) fn keys() -> String {
    let line = |(key, wants)| format!("\n  {key:<24} {wants}");
    let lines: String = config::keys().map(line).collect();
    format!("Keys of the configuration file, each on a line of its own as KEY = VALUE:{lines}")
}

impl Configured {
    /// Reads it.
    pub(super) fn read(&self) -> Result<Reading> {
        match &self.config {
            Some(file) => Reading::of_file(file),
            None => Ok(Reading::of_default_file(Path::new(DEFAULT_FILE))),
        }
    }

    /// Whether it is the one the system's own service has.
    pub(super) fn is_systems(&self) -> bool {
        self.config.is_none()
    }
}

/// Where the sound comes from and where it goes; each overrides the configuration's key of the same name.
#[derive(Debug, Default, Args)]
pub(super) struct ServeArguments {
    #[command(flatten)]
    configured: Configured,
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
    pub(super) skew_ppm: i32,
    /// Channels to ask the device for, 1 to 128 [default: as many as it has]
    #[arg(long, value_name = "N")]
    channels: Option<u16>,
    /// First channel of the pair that is heard, 1 to 127 [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) first_channel: Option<u16>,
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
    /// CPU the thread that sends runs on [default: any]
    #[arg(long, value_name = "N")]
    fan_out_cpu: Option<u16>,
    /// Address and port for HTTP: the page on this machine, for others the way to HTTPS [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
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
    pub(super) updater: Option<PathBuf>,
    /// Folder in which 'synthwire card' says what became of the card [default: /data/card]
    #[arg(long, value_name = "DIR")]
    pub(super) card: Option<PathBuf>,
    /// Do not make the device known on its network as HOST.local
    #[arg(long)]
    no_announce: bool,
    /// A further name this device is reached by, for example synth.lan; may be given several times
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// A reverse proxy whose word on its visitors counts, or a block of them; several times [default: this machine's own]
    #[arg(long = "trusted-proxy", value_name = "ADDR")]
    trusted_proxies: Vec<String>,
    /// DSCP the packets to listeners are marked with, 0 to 63 [default: none]
    #[arg(long, value_name = "N")]
    dscp: Option<u8>,
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
    /// The configuration file with the command line over it, and what is wrong in the file.
    pub(super) fn settle(&self) -> Result<(Config, Vec<Complaint>)> {
        let Reading { mut config, complaints } = self.configured.read()?;
        config.device = self.device.clone().or(config.device);
        config.demo |= self.demo;
        config.channels = self.channels.or(config.channels);
        config.first_channel = self.first_channel.unwrap_or(config.first_channel);
        config.period_frames = self.period_frames.unwrap_or(config.period_frames);
        config.chunk_frames = self.chunk_frames.or(config.chunk_frames);
        config.rt_priority = self.rt_priority.unwrap_or(config.rt_priority);
        config.capture_cpu = self.capture_cpu.or(config.capture_cpu);
        config.fan_out_cpu = self.fan_out_cpu.or(config.fan_out_cpu);
        config.listen = self.listen.unwrap_or(config.listen);
        config.listen_tls = self.listen_tls.or(config.listen_tls);
        config.state = self.state.clone().or(config.state);
        config.cert = self.cert.clone().or(config.cert);
        config.key = self.key.clone().or(config.key);
        config.announce &= !self.no_announce;
        config.names.extend(self.names.iter().cloned());
        config.trusted_proxies.extend(self.trusted_proxies.iter().cloned());
        config.dscp = self.dscp.or(config.dscp);
        config.queue_ms = self.queue_ms.unwrap_or(config.queue_ms);
        config.listeners_max = self.listeners_max.unwrap_or(config.listeners_max);
        config.connections_per_address = self.connections_per_address.or(config.connections_per_address);
        config.check().map_err(|(_, wrong)| Error::new(wrong))?;
        Ok((config, complaints))
    }

    /// Whether these lead to where the system's own service answers.
    pub(super) fn is_systems(&self) -> bool {
        self.configured.is_systems() && self.listen.is_none()
    }

    /// Where the sound comes from.
    pub(super) fn choice(&self, config: &Config) -> Choice {
        match (&self.source, &config.device) {
            (Some(source), _) => source.clone(),
            (None, Some(device)) => Choice::Device(device.clone()),
            (None, None) => Choice::Auto { demo: config.demo },
        }
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
    fn help_lists_every_key_of_the_file_in_the_files_spelling() {
        let help = keys();
        for key in ["listening_key", "settings_key", "first_channel", "connections_per_address", "listen_tls"]
        {
            assert!(help.contains(&format!("\n  {key} ")), "{help}");
        }
        assert_eq!(help.lines().count() - 1, config::keys().count());
        let guide = include_str!("../../docs/guide/configuration.md");
        for (key, _) in config::keys() {
            assert!(guide.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn a_source_and_its_skew_are_read() {
        let probe = parse(&["--source", "exact:probe", "--skew-ppm", "-300"]).unwrap();
        assert_eq!((probe.source, probe.skew_ppm), (Some(Choice::Exact(Pattern::Probe)), -300));
        assert_eq!(parse(&[]).unwrap().skew_ppm, 0);
    }

    #[test]
    fn the_systems_own_service_is_meant_where_nothing_else_is_named() {
        assert!(parse(&[]).unwrap().is_systems());
        assert!(!parse(&["--config", "mine.toml"]).unwrap().is_systems());
        assert!(!parse(&["--listen", "127.0.0.1:8081"]).unwrap().is_systems());
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
