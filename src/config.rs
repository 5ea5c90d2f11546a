//! Every setting once: its key, unit, range and default. From a TOML file, then the command line over it.
//!
//! What is wrong in the file is said with line and remedy, and keeps nothing else from being used ([`Reading`]). A reload
//! applies the keys of [`LIVE_KEYS`] while the sound goes on.

mod reading;

use crate::error::{Error, Result};
use crate::host_name::HostName;
use crate::units::CHANNELS_MAX;
use ipnet::IpNet;
pub use reading::{Complaint, Reading, keys};
use serde::Deserialize;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The file read when none is named and it is there.
pub const DEFAULT_FILE: &str = "/etc/synthwire/synthwire.toml";

/// Below 50, at which a real-time kernel runs the threads of its interrupts: with many listeners this thread works for tens of
/// milliseconds, and USB is served within 12 or loses packets. On the card USB's own are raised above the capture thread (image/README.md).
const FAN_OUT_PRIORITY_MAX: u8 = 45;

/// What a reload applies while the sound goes on; every other key takes effect at the next start. Opening the device anew,
/// or another message size in the middle of a stream, would be a gap.
pub const LIVE_KEYS: [&str; 2] = ["first_channel", "listeners_max"];

/// All settings, with their defaults. `docs/guide/configuration.md` and `--help` say the same.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// ALSA PCM to capture from, and no other; without it a MONTAGE or MODX is looked for.
    pub device: Option<String>,
    /// Play the built-in instrument until a synth has been found.
    pub demo: bool,
    /// Channels to ask the device for, 1 to 128; without it, as many as it has.
    pub channels: Option<u16>,
    /// First channel of the pair that is heard, 1 to 127.
    pub first_channel: u16,
    /// Frames between two wake-ups of the capture thread, 32 to 1024: 128 are 2.9 ms.
    pub period_frames: u32,
    /// Frames in one message to a listener, 32 to 2048, rounded up to whole periods; without it, one period.
    pub chunk_frames: Option<u32>,
    /// `SCHED_FIFO` priority of the capture thread, 0 (none) to 99.
    pub rt_priority: u8,
    /// CPU the capture thread runs on; without it, any.
    pub capture_cpu: Option<u16>,
    /// CPU the fan-out thread runs on; without it, any.
    pub fan_out_cpu: Option<u16>,
    /// Address and port for HTTP: the page for this machine itself, and for others the way to HTTPS where that is spoken.
    pub listen: SocketAddr,
    /// Address and port for HTTPS: page and socket, for everybody; without it no HTTPS is spoken.
    pub listen_tls: Option<SocketAddr>,
    /// Folder for what outlives the service: its certificate authority, keys and settings chosen on the page; without it, see
    /// [`Self::state_folder`].
    pub state: Option<PathBuf>,
    /// Certificate to show instead of the service's own, PEM, with those between it and its root.
    pub cert: Option<PathBuf>,
    /// The key of that certificate, PEM.
    pub key: Option<PathBuf>,
    /// Make the device known on its network as `host.local` (mDNS), where it listens for others.
    pub announce: bool,
    /// Names this device answers to besides its host name and its addresses.
    pub names: Vec<String>,
    /// Reverse proxies whose word on their visitors counts: addresses, or blocks of them.
    pub trusted_proxies: Vec<String>,
    /// Key without which nobody may listen, as `synthwire key` prints it.
    pub listening_key: Option<String>,
    /// Key without which nobody may change settings, as `synthwire key` prints it.
    pub settings_key: Option<String>,
    /// DSCP the packets to listeners are marked with, 0 to 63; without it, none.
    pub dscp: Option<u8>,
    /// What one listener's queue may hold before its oldest packets go, 10 to 2000 ms.
    pub queue_ms: u32,
    /// Listeners at once, 1 to 2000.
    pub listeners_max: u32,
    /// Connections one address may have, 1 to 4000; without it 64, and any number from this machine itself.
    pub connections_per_address: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            device: None,
            demo: false,
            channels: None,
            first_channel: 1,
            period_frames: 128,
            chunk_frames: None,
            rt_priority: 70,
            capture_cpu: None,
            fan_out_cpu: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            listen_tls: None,
            state: None,
            cert: None,
            key: None,
            announce: true,
            names: Vec::new(),
            trusted_proxies: ["127.0.0.0/8", "::1"].map(String::from).to_vec(),
            listening_key: None,
            settings_key: None,
            dscp: None,
            queue_ms: 250,
            listeners_max: 500,
            connections_per_address: None,
        }
    }
}

impl Config {
    /// Real-time priority of the fan-out thread: below the capture thread's and below the kernel's interrupts, and none where there
    /// is none below.
    pub fn fan_out_priority(&self) -> u8 {
        self.rt_priority.saturating_sub(1).min(FAN_OUT_PRIORITY_MAX)
    }

    /// The folder for what outlives the service: the one named, systemd's, or the user's own (XDG). `variable` reads the
    /// environment.
    ///
    /// # Errors
    /// When nothing names one.
    pub fn state_folder(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
        let named = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        self.state
            .clone()
            .or_else(|| named("STATE_DIRECTORY"))
            .or_else(|| Some(named("XDG_STATE_HOME")?.join("synthwire")))
            .or_else(|| Some(named("HOME")?.join(".local/state/synthwire")))
            .ok_or_else(|| {
                Error::new("there is no folder to keep this device's certificate in")
                    .try_this("Name one with --state that this user may write")
            })
    }

    /// The folder to keep keys and settings in, where there is one: named, systemd's, or that of the certificate. None is made
    /// for them alone in the home of somebody who just tries this; then they are forgotten.
    ///
    /// # Errors
    /// As [`Self::state_folder`].
    pub fn keeping_folder(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<PathBuf>> {
        let has_own_certificate = self.listen_tls.is_some() && self.cert.is_none();
        let is_given =
            self.state.is_some() || variable("STATE_DIRECTORY").is_some_and(|path| !path.is_empty());
        (is_given || has_own_certificate).then(|| self.state_folder(variable)).transpose()
    }

    /// The blocks of [`Self::trusted_proxies`].
    pub fn trusted_blocks(&self) -> Vec<IpNet> {
        self.trusted_proxies.iter().filter_map(|text| block_of(text)).collect()
    }

    /// The keys whose values differ from those of `new`.
    pub fn differing_keys(&self, new: &Self) -> Vec<&'static str> {
        /// Names each key once, and the compiler those that are forgotten.
        macro_rules! differing {
            ($($key:ident)*) => {{
                let Self { $($key),* } = self;
                [$((stringify!($key), *$key != new.$key)),*]
            }};
        }
        let differs = differing! {
            device demo channels first_channel period_frames chunk_frames rt_priority capture_cpu fan_out_cpu
            listen listen_tls state cert key announce names trusted_proxies listening_key settings_key
            dscp queue_ms listeners_max connections_per_address
        };
        differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
    }

    /// This configuration with the [`LIVE_KEYS`] of `new`: what runs after a reload.
    #[must_use]
    pub fn with_live_keys_of(&self, new: &Self) -> Self {
        Self { first_channel: new.first_channel, listeners_max: new.listeners_max, ..self.clone() }
    }

    /// Checks every range; the key at fault and what is wrong with it.
    ///
    /// # Errors
    /// The first value out of its range.
    pub fn check(&self) -> std::result::Result<(), (&'static str, String)> {
        if self.device.as_deref().is_some_and(|device| device.trim().is_empty()) {
            return Err(("device", "device is empty: name an ALSA PCM or leave the key out".into()));
        }
        within("channels", u32::from(self.channels.unwrap_or(2)), 1, CHANNELS_MAX.into())?;
        within("first_channel", u32::from(self.first_channel), 1, u32::from(CHANNELS_MAX) - 1)?;
        within("period_frames", self.period_frames, 32, 1024)?;
        within("chunk_frames", self.chunk_frames.unwrap_or(128), 32, 2048)?;
        within("rt_priority", u32::from(self.rt_priority), 0, 99)?;
        self.check_certificate()?;
        if let Some(name) = self.names.iter().find(|name| HostName::parse(name).is_none()) {
            return Err((
                "names",
                format!("{name:?} is no name: letters, digits, '-' and '.', without a port"),
            ));
        }
        if let Some(block) = self.trusted_proxies.iter().find(|text| block_of(text).is_none()) {
            return Err((
                "trusted_proxies",
                format!("{block:?} is no address: an address, or a block of them such as 172.17.0.0/16"),
            ));
        }
        within("dscp", u32::from(self.dscp.unwrap_or(0)), 0, 63)?;
        within("queue_ms", self.queue_ms, 10, 2000)?;
        within("listeners_max", self.listeners_max, 1, 2000)?;
        within("connections_per_address", self.connections_per_address.unwrap_or(1), 1, 4000)
    }

    fn check_certificate(&self) -> std::result::Result<(), (&'static str, String)> {
        if self.cert.is_some() != self.key.is_some() {
            let (given, missing) = if self.cert.is_some() { ("cert", "key") } else { ("key", "cert") };
            return Err((
                given,
                format!("{given} needs {missing} beside it: a certificate and its key belong together"),
            ));
        }
        if self.cert.is_some() && self.listen_tls.is_none() {
            return Err((
                "cert",
                "cert is for HTTPS: name its address and port with listen_tls as well".into(),
            ));
        }
        Ok(())
    }
}

/// An address alone, or a block of them.
fn block_of(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)))
}

fn within(
    key: &'static str,
    value: u32,
    least: u32,
    most: u32,
) -> std::result::Result<(), (&'static str, String)> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err((key, format!("{key} is {value} but must lie between {least} and {most}")))
}

#[cfg(test)]
mod tests {
    use super::reading::WANTS;
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("", "x").unwrap(), Config::default());
    }

    #[test]
    fn the_state_folder_is_the_one_named_else_systemds_else_the_users() {
        let folder = |state: Option<&str>, variables: &[(&str, &str)]| {
            let config = Config { state: state.map(PathBuf::from), ..Config::default() };
            let value =
                |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
            config
                .state_folder(value)
                .map(|path| path.display().to_string())
                .map_err(|error| error.to_string())
        };
        let home = ("HOME", "/home/a");
        let systemd = ("STATE_DIRECTORY", "/var/lib/synthwire");
        assert_eq!(folder(Some("/x"), &[systemd, home]).unwrap(), "/x");
        assert_eq!(folder(None, &[systemd, home]).unwrap(), "/var/lib/synthwire");
        assert_eq!(folder(None, &[("XDG_STATE_HOME", "/s"), home]).unwrap(), "/s/synthwire");
        assert_eq!(folder(None, &[("XDG_STATE_HOME", ""), home]).unwrap(), "/home/a/.local/state/synthwire");
        assert!(folder(None, &[]).unwrap_err().contains("--state"));
    }

    #[test]
    fn keys_are_kept_where_a_folder_is_given_or_holds_a_certificate_and_nowhere_else() {
        let folder = |text: &str, variables: &[&str]| {
            let given = |name: &str| variables.contains(&name).then(|| OsString::from("/given"));
            Config::parse(text, "x").unwrap().keeping_folder(given).unwrap()
        };
        assert_eq!(folder("", &["HOME", "XDG_STATE_HOME"]), None);
        assert_eq!(folder("state = \"/x\"", &["HOME"]), Some("/x".into()));
        assert_eq!(folder("", &["HOME", "STATE_DIRECTORY"]), Some("/given".into()));
        assert_eq!(folder("listen_tls = \"[::]:1\"", &["XDG_STATE_HOME"]), Some("/given/synthwire".into()));
        let supplied = "listen_tls = \"[::]:1\"\ncert = \"a\"\nkey = \"b\"";
        assert_eq!(folder(supplied, &["HOME"]), None);
    }

    #[test]
    fn the_fan_out_comes_after_the_capture_and_the_interrupts() {
        let priority = |rt_priority| Config { rt_priority, ..Config::default() }.fan_out_priority();
        assert_eq!([99, 70, 46, 45, 5, 1, 0].map(priority), [45, 45, 45, 44, 4, 0, 0]);
    }

    #[test]
    fn a_reload_takes_the_live_keys_and_names_the_others() {
        let running = Config::default();
        let text = "first_channel = 3\nqueue_ms = 100\nlisteners_max = 7\nperiod_frames = 64\ndemo = true\n";
        let new = Config::parse(text, "x").unwrap();
        let changed = ["demo", "first_channel", "period_frames", "queue_ms", "listeners_max"];
        assert_eq!(running.differing_keys(&new), changed);
        let after = running.with_live_keys_of(&new);
        assert_eq!(running.differing_keys(&after), LIVE_KEYS);
        assert_eq!(
            after.differing_keys(&new),
            ["demo", "period_frames", "queue_ms"],
            "these wait for the next start"
        );
        assert!(new.differing_keys(&new).is_empty());
    }

    #[test]
    fn every_key_says_what_it_wants() {
        for key in Config::default().differing_keys(&other()) {
            let error = Config::parse(&format!("{key} = {{}}"), "x").unwrap_err().to_string();
            assert!(error.starts_with(&format!("x:1: {key} wants ")), "{error}");
        }
        assert_eq!(Config::default().differing_keys(&other()).len(), WANTS.len());
    }

    /// Differs from the default in every key.
    fn other() -> Config {
        let port = SocketAddr::from(([127, 0, 0, 1], 1));
        Config {
            device: Some("x".into()),
            demo: true,
            channels: Some(2),
            first_channel: 2,
            period_frames: 64,
            chunk_frames: Some(64),
            rt_priority: 1,
            capture_cpu: Some(1),
            fan_out_cpu: Some(1),
            listen: port,
            names: vec!["x".into()],
            trusted_proxies: Vec::new(),
            listening_key: Some("x".into()),
            settings_key: Some("x".into()),
            dscp: Some(1),
            listen_tls: Some(port),
            state: Some("x".into()),
            cert: Some("x".into()),
            key: Some("x".into()),
            announce: false,
            queue_ms: 100,
            listeners_max: 1,
            connections_per_address: Some(1),
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, said) in [
            ("demo = true\nperiod = 64\n", "synthwire.toml:2: there is no key \"period\""),
            (
                "\n\nperiod_frames = 7\n",
                "synthwire.toml:3: period_frames is 7 but must lie between 32 and 1024",
            ),
            ("dscp = 64\n", "synthwire.toml:1: dscp is 64 but must lie between 0 and 63"),
            (
                "queue_ms = \"long\"\n",
                "synthwire.toml:1: queue_ms wants a whole number of milliseconds without quotes, 10 to",
            ),
            ("queue_ms = -1\n", "synthwire.toml:1: queue_ms wants a whole number"),
            ("queue_ms = 2.5\n", "synthwire.toml:1: queue_ms wants a whole number"),
            ("first_channel = 70000\n", "synthwire.toml:1: first_channel wants the number of a channel"),
            ("demo = yes\n", "synthwire.toml:1: demo wants true or false, without quotes"),
            ("demo = \"true\"\n", "synthwire.toml:1: demo wants true or false, without quotes"),
            ("device = hw:1\n", "synthwire.toml:1: device wants the name of an ALSA PCM between quotes"),
            ("demo = true\ndemo = true\n", "synthwire.toml:2: demo is set twice"),
            ("names = \"a\"\n", "synthwire.toml:1: names wants a list of names in brackets"),
            ("[network]\nlisten = 1\n", "synthwire.toml:1: "),
            ("hello\n", "synthwire.toml:1: this line cannot be read ("),
            ("listen = \"8080\"\n", "synthwire.toml:1: listen wants an address and a port between quotes"),
            ("demo = true\ndevice = [\n", "synthwire.toml:2: "),
            ("device = \" \"\n", "synthwire.toml:1: device is empty"),
            ("names = [\"synth.lan:80\"]\n", "synthwire.toml:1: \"synth.lan:80\" is no name"),
            ("trusted_proxies = [\"nginx\"]\n", "synthwire.toml:1: \"nginx\" is no address"),
            ("demo = true\ncert = \"a.pem\"\n", "synthwire.toml:2: cert needs key beside it"),
            ("key = \"a.pem\"\n", "synthwire.toml:1: key needs cert beside it"),
            ("cert = \"a\"\nkey = \"b\"\n", "synthwire.toml:1: cert is for HTTPS: name its address"),
        ] {
            let error = Config::parse(text, "synthwire.toml").unwrap_err().to_string();
            assert!(error.starts_with(said), "{text:?}: {error}");
        }
    }
}
