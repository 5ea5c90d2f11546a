//! The arguments of `serve` and `doctor`: the command line, which overrides the configuration file.

use super::places::SettingPlaces;
use super::typed_settings::TypedSettings;
use crate::config::{Complaint, Config, DEFAULT_FILE, Https, Reading, SETTINGS};
use crate::error::{Error, Result};
use crate::source::opening::Choice;
use crate::source::tone::Pattern;
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Which configuration to use: the same option for every command.
#[derive(Debug, Default, Args)]
pub(super) struct Configured {
    /// Configuration file [default: /etc/synthwire/synthwire.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Returns the keys of the configuration file, as `serve --help` lists them, for errors to refer to.
pub(super) fn keys() -> String {
    let lines = SETTINGS.iter().map(|setting| format!("\n  {:<24} {}", setting.key, setting.kind.wants()));
    let lines: String = lines.collect();
    format!("Keys of the configuration file, each on a line of its own as KEY = VALUE:{lines}")
}

impl Configured {
    /// Reads the configuration.
    pub(super) fn read(&self) -> Result<Reading> {
        self.read_with(Https::InFile)
    }

    fn read_with(&self, https: Https) -> Result<Reading> {
        match &self.config {
            Some(file) => Reading::of_file(file, https),
            None => Ok(Reading::of_default_file(Path::new(DEFAULT_FILE), https)),
        }
    }

    /// Returns the name of the configuration file.
    fn name(&self) -> String {
        self.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE)).display().to_string()
    }

    /// Returns whether this is the configuration of the system's own service.
    pub(super) fn is_systems(&self) -> bool {
        self.config.is_none()
    }
}

/// The source of the sound and the addresses to serve; each option overrides the configuration's key of the same name.
#[derive(Debug, Default, Args)]
pub(super) struct ServeArguments {
    #[command(flatten)]
    configured: Configured,
    #[command(flatten)]
    given: TypedSettings,
    /// Instead of a device: demo, exact:music, exact:noise, exact:counter, exact:probe or wav:FILE
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["device", "demo"], value_parser = parse_source)]
    source: Option<Choice>,
    /// Error of the simulated crystal of such a source, in parts per million
    #[arg(long, value_name = "PPM", default_value_t = 0, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    pub(super) skew_ppm: i32,
    /// Folder in which the system's updater reports its state [default: /run/synthwire-updater]
    #[arg(long, value_name = "DIR")]
    pub(super) updater: Option<PathBuf>,
    /// Folder in which 'synthwire card' leaves its report [default: /data/card]
    #[arg(long, value_name = "DIR")]
    pub(super) card: Option<PathBuf>,
}

/// The settings that `serve` and `doctor` use.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) config: Config,
    /// The mistakes in the file.
    pub(super) complaints: Vec<Complaint>,
    pub(super) places: SettingPlaces,
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
    /// Returns the configuration file, overridden by the command line, and the mistakes in the file.
    pub(super) fn settle(&self) -> Result<Settled> {
        self.settle_beside(None)
    }

    /// Does the same as [`Self::settle`], for a system service whose unit gives HTTPS this address on its command line.
    pub(super) fn settle_beside(&self, units: Option<SocketAddr>) -> Result<Settled> {
        self.check_pair()?;
        let is_elsewhere = units.is_some() || self.give("listen_tls");
        let https = if is_elsewhere { Https::Elsewhere } else { Https::InFile };
        let Reading { mut config, complaints, taken } = self.configured.read_with(https)?;
        config.listen_tls = units.or(config.listen_tls);
        let config = self.given.over(&config);
        config.check().map_err(|(_, wrong)| Error::new(wrong))?;
        let places =
            SettingPlaces { typed: self.given.clone(), file: self.configured.name(), in_file: taken };
        Ok(Settled { config, complaints, places })
    }

    /// Checks that a certificate and its key come from one place: one given here and the other in the file
    /// would not belong together.
    fn check_pair(&self) -> Result<()> {
        let (half, other) = match (self.give("cert"), self.give("key")) {
            (true, false) => ("cert", "key"),
            (false, true) => ("key", "cert"),
            _ => return Ok(()),
        };
        Err(Error::new(format!("{half} needs {other} beside it: a certificate and its key belong together"))
            .try_this(format!("Give --{other} as well, or write both into the configuration file")))
    }

    /// Returns whether a setting is given here.
    pub(super) fn give(&self, key: &str) -> bool {
        self.given.has(key)
    }

    /// Returns whether these arguments lead to the address of the system's own service.
    pub(super) fn is_systems(&self) -> bool {
        self.configured.is_systems() && !self.given.has("listen")
    }

    /// Returns which source to use.
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
    use crate::config::Setting;
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
        assert_eq!(help.lines().count() - 1, SETTINGS.len());
        let guide = include_str!("../../docs/ref/configuration.md");
        for Setting { key, .. } in SETTINGS {
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
    fn the_command_line_goes_over_the_file_and_adds_to_its_lists() {
        let file = Config::parse("queue_ms = 100\nnames = [\"a\"]\ndscp = 3\n", "x").unwrap();
        let line = ["--queue-ms", "200", "--name", "b", "--name", "c", "--no-announce", "--demo"];
        let config = parse(&line).unwrap().given.over(&file);
        assert_eq!((config.queue_ms, config.dscp, config.announce, config.demo), (200, Some(3), false, true));
        assert_eq!(config.names, ["a", "b", "c"]);
    }

    #[test]
    fn a_certificate_in_the_file_is_kept_where_the_address_of_https_is_on_the_command_line() {
        let file = std::env::temp_dir().join(format!("synthwire-{}-certificate.toml", std::process::id()));
        std::fs::write(&file, "cert = \"a.pem\"\nkey = \"b.pem\"\n").unwrap();
        let name = file.to_str().unwrap();
        let settled = |more: &[&str]| {
            let Settled { config, complaints, .. } =
                parse(&[&["--config", name], more].concat()).unwrap().settle().unwrap();
            let said: Vec<String> = complaints.iter().map(ToString::to_string).collect();
            ([config.cert, config.key], said.join("\n"))
        };
        let both = [Some("a.pem".into()), Some("b.pem".into())];
        assert_eq!(settled(&["--listen-tls", "[::]:443"]), (both, String::new()));
        let (neither, said) = settled(&[]);
        let words = "cert is for HTTPS: name its address and port with listen_tls as well";
        assert!(neither == [None, None] && said.starts_with(&format!("{name}:1: {words}")), "{said}");
        let units = parse(&["--config", name]).unwrap().settle_beside("[::]:443".parse().ok()).unwrap();
        assert_eq!((units.complaints, units.config.cert), (vec![], Some("a.pem".into())));
        for half in ["--cert", "--key"] {
            let settled =
                parse(&["--config", name, "--listen-tls", "[::]:443", half, "c.pem"]).unwrap().settle();
            let said = settled.unwrap_err().to_string();
            assert!(said.contains("belong together. Give --"), "{half}: {said}");
        }
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn the_systems_own_service_is_meant_where_nothing_else_is_named() {
        assert!(parse(&[]).unwrap().is_systems());
        assert!(!parse(&["--config", "mine.toml"]).unwrap().is_systems());
        assert!(!parse(&["--listen", "127.0.0.1:8081"]).unwrap().is_systems());
    }

    #[test]
    fn a_value_that_is_none_is_refused_with_what_there_is() {
        for (arguments, said) in [
            (["--source", "exact:prob"], "exact:counter, exact:probe or wav:FILE"),
            (["--source", "exact"], "exact:counter, exact:probe or wav:FILE"),
            (["--source", "wav:"], "exact:counter, exact:probe or wav:FILE"),
            (["--queue-ms", "long"], "'--queue-ms <MS>': a whole number of milliseconds, 10 to 2000"),
            (["--listen", "8080"], "'--listen <ADDR:PORT>': an address and a port, such as"),
            (["--skew-ppm", "1001"], "1001 is not in -1000..=1000"),
            (["--skew-ppm", "fast"], "invalid"),
        ] {
            let error = parse(&arguments).unwrap_err();
            assert!(error.contains(said), "{arguments:?}: {error}");
        }
    }
}
