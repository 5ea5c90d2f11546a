//! The settings ([`settings`] declares each once): from a TOML file, overridden by the command line.
//!
//! Each mistake in the file is reported with its line and a remedy, and the rest of the file still applies ([`Reading`]).

mod items;
mod reading;
mod settings;

use crate::error::{Error, Result};
use ipnet::IpNet;
use items::{block_of, item_fault};
pub use reading::{Complaint, Https, Reading};
pub use settings::{Card, Config, Kind, SETTINGS, Setting};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The file to read if none is named; it need not exist.
pub const DEFAULT_FILE: &str = "/etc/synthwire/synthwire.toml";

/// Below 50, the priority of interrupt threads in a real-time kernel. With many listeners this thread works for tens of
/// milliseconds, but USB must be served within 12 ms or loses packets. On the card, USB's interrupt threads run above the
/// capture thread (image/README.md).
const FAN_OUT_PRIORITY_MAX: u8 = 45;

impl Config {
    /// Returns the real-time priority of the fan-out thread: below the capture thread's and below the kernel's interrupts,
    /// or none if there is none below.
    pub fn fan_out_priority(&self) -> u8 {
        self.rt_priority.saturating_sub(1).min(FAN_OUT_PRIORITY_MAX)
    }

    /// Returns the folder for everything that outlives the service: the one named, systemd's, or the user's own (XDG).
    /// `variable` reads the environment.
    ///
    /// # Errors
    /// If nothing names one.
    pub fn state_folder(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
        // XDG says to ignore a relative path, which would mean another folder wherever the program is started.
        let named = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        self.state
            .clone()
            .or_else(|| named("STATE_DIRECTORY"))
            .or_else(|| Some(named("XDG_STATE_HOME")?.join("synthwire")))
            .or_else(|| Some(named("HOME")?.join(".local/state/synthwire")))
            .ok_or_else(|| Error::new("there is no folder to keep this device's certificate in"))
    }

    /// Returns the folder to keep keys and settings in, if there is one: the one named, systemd's, or that of the
    /// certificate. A user who just tries the service gets no folder in their home for these alone; then keys and settings
    /// are forgotten.
    ///
    /// # Errors
    /// As [`Self::state_folder`].
    pub fn keeping_folder(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<PathBuf>> {
        let has_own_certificate = self.listen_tls.is_some() && self.cert.is_none();
        let is_given = self.state.is_some()
            || variable("STATE_DIRECTORY").is_some_and(|path| Path::new(&path).is_absolute());
        (is_given || has_own_certificate).then(|| self.state_folder(variable)).transpose()
    }

    /// Returns [`Self::trusted_proxies`] as address blocks.
    pub fn trusted_blocks(&self) -> Vec<IpNet> {
        self.trusted_proxies.iter().filter_map(|text| block_of(text)).collect()
    }

    /// Returns the keys that have a value, in the form of the file.
    ///
    /// # Panics
    /// Never: paths come from texts.
    pub fn table(&self) -> Table {
        Table::try_from(self).expect("settings serialise")
    }

    /// Returns the value of a key, if it has one.
    pub fn value(&self, key: &str) -> Option<Value> {
        self.table().remove(key)
    }

    /// Returns the same configuration with this value of a key.
    ///
    /// # Panics
    /// If the key does not take this value; [`Setting::takes`] tells.
    #[must_use]
    pub fn with(&self, key: &str, value: impl Into<Value>) -> Self {
        let mut table = self.table();
        table.insert(key.to_owned(), value.into());
        table.try_into().expect("a value of this key")
    }

    /// Returns the keys whose values differ from those of `new`.
    pub fn differing_keys(&self, new: &Self) -> Vec<&'static str> {
        let (ours, theirs) = (self.table(), new.table());
        SETTINGS.iter().map(|setting| setting.key).filter(|key| ours.get(*key) != theirs.get(*key)).collect()
    }

    /// Returns this configuration with the live keys of `new`, as it runs after a reload.
    ///
    /// # Panics
    /// Never: its values were settings before.
    #[must_use]
    pub fn with_live_keys_of(&self, new: &Self) -> Self {
        let is_live = |key: &str| Setting::of(key).is_some_and(|setting| setting.is_live);
        let kept = self.table().into_iter().filter(|(key, _)| !is_live(key));
        let taken = new.table().into_iter().filter(|(key, _)| is_live(key));
        kept.chain(taken).collect::<Table>().try_into().expect("values of settings are theirs")
    }

    /// Checks every range.
    ///
    /// # Errors
    /// The key of the first value out of range, and what is wrong with it.
    pub fn check(&self) -> std::result::Result<(), (&'static str, String)> {
        self.check_beside(Https::InFile)
    }

    /// Checks the ranges of a file alone.
    fn check_beside(&self, https: Https) -> std::result::Result<(), (&'static str, String)> {
        let table = self.table();
        for Setting { key, kind, .. } in SETTINGS {
            if let Some(wrong) = table.get(*key).and_then(|value| fault(key, *kind, value)) {
                return Err((key, wrong));
            }
        }
        self.check_certificate(https)
    }

    fn check_certificate(&self, https: Https) -> std::result::Result<(), (&'static str, String)> {
        if self.cert.is_some() != self.key.is_some() {
            let (given, missing) = if self.cert.is_some() { ("cert", "key") } else { ("key", "cert") };
            return Err((
                given,
                format!("{given} needs {missing} beside it: a certificate and its key belong together"),
            ));
        }
        if self.cert.is_some() && self.listen_tls.is_none() && https == Https::InFile {
            return Err((
                "cert",
                "cert is for HTTPS: name its address and port with listen_tls as well".into(),
            ));
        }
        Ok(())
    }
}

/// Longest name of an ALSA PCM: room for a definition in place, such as `plug:{SLAVE="hw:2"}`.
const PCM_BYTES_MAX: usize = 1000;
/// Returns what is wrong with a value of the right kind.
fn fault(key: &str, kind: Kind, value: &Value) -> Option<String> {
    let mut texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    match kind {
        Kind::Number { least, most, .. } => {
            let number = value.as_integer()?;
            let is_out = !(i64::from(least)..=i64::from(most)).contains(&number);
            is_out.then(|| format!("{key} is {number} but must lie between {least} and {most}"))
        }
        Kind::Pcm => {
            let name = value.as_str()?;
            if name.trim().is_empty() {
                return Some(format!("{key} is empty: name an ALSA PCM or leave the key out"));
            }
            let is_long = name.len() > PCM_BYTES_MAX;
            is_long.then(|| {
                format!(
                    "{key} has {} bytes, and the name of an ALSA PCM has {PCM_BYTES_MAX} at most",
                    name.len()
                )
            })
        }
        Kind::Names | Kind::Addresses => texts.find_map(|text| item_fault(kind, text)),
        Kind::Path { of } => {
            let is_empty = value.as_str().is_some_and(str::is_empty);
            is_empty.then(|| format!("{key} is empty: write the path of {of} or leave the key out"))
        }
        Kind::Cpu | Kind::Truth | Kind::Address | Kind::HashedKey => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

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
        assert!(folder(None, &[]).unwrap_err().contains("there is no folder"));
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
    fn a_trusted_proxy_is_known_by_its_address_however_it_is_written() {
        let v4 = "172.17.0.1";
        for (block, address, is_in) in [
            ("172.17.0.1", v4, true),
            ("::ffff:172.17.0.1", v4, true),
            ("::ffff:ac11:1", v4, true),
            ("::ffff:172.17.0.2", v4, false),
            ("::ffff:172.17.0.0/112", v4, true),
            ("::ffff:172.18.0.0/112", v4, false),
            ("::ffff:0:0/96", v4, true),
            ("::ffff:0:0/95", v4, false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("::1", "::1", true),
        ] {
            let config = Config { trusted_proxies: vec![block.into()], ..Config::default() };
            assert_eq!(config.check(), Ok(()), "{block}");
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(config.trusted_blocks()[0].contains(&address), is_in, "{address} in {block}");
        }
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
        let live = SETTINGS.iter().filter(|setting| setting.is_live).map(|setting| setting.key);
        assert_eq!(running.differing_keys(&after), live.collect::<Vec<_>>());
        assert_eq!(
            after.differing_keys(&new),
            ["demo", "period_frames", "queue_ms"],
            "these wait for the next start"
        );
        assert!(new.differing_keys(&new).is_empty());
    }

    #[test]
    fn every_key_says_what_it_wants() {
        for Setting { key, .. } in SETTINGS {
            let error = Config::parse(&format!("{key} = {{}}"), "x").unwrap_err().to_string();
            assert!(error.starts_with(&format!("x:1: {key} wants ")), "{error}");
        }
    }

    /// Returns a value for a setting of this kind, other than its default, as the command line takes it.
    fn other(setting: &Setting) -> String {
        let default = setting.default();
        match setting.kind {
            Kind::Number { least, most, .. } => {
                if default == least.to_string() { most } else { least }.to_string()
            }
            Kind::Cpu => "1".into(),
            Kind::Truth => (default != "true").to_string(),
            Kind::Address => "127.0.0.1:1".into(),
            Kind::Addresses => "10.0.0.1".into(),
            Kind::Pcm | Kind::Path { .. } | Kind::Names | Kind::HashedKey => "x".into(),
        }
    }

    #[test]
    fn every_key_is_taken_alone_and_told_apart() {
        for setting in SETTINGS {
            let line = format!("{} = {}\n", setting.key, setting.read(&other(setting)).unwrap());
            let pair = ["cert", "key"].contains(&setting.key);
            let Reading { config, complaints, .. } = Reading::of_text(&line, "x", Https::InFile);
            assert_eq!(complaints.is_empty(), !pair, "{line}: {complaints:?}");
            let differing = Config::default().differing_keys(&config);
            assert_eq!(differing, if pair { vec![] } else { vec![setting.key] }, "{line}");
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
