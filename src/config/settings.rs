//! Every setting, declared once. To add one, add a row to the table at the end of this file and use its field of
//! [`Config`].
//!
//! A row defines the field and its default, what the file and the command line accept, the checked range, what a reload
//! applies, and the key on the card. It also feeds the report of `synthwire doctor`, `--help`, and what `make documents`
//! writes: the guide's table, the man page and the package's configuration file.

use crate::units::{CHANNELS_MAX, FIRST_CHANNEL_MAX};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::{Table, Value};

/// The declaration of one setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The setting's key in the file.
    pub key: &'static str,
    /// The setting's purpose: a sentence without a full stop.
    pub about: &'static str,
    /// The values that the setting takes, with unit and range.
    pub kind: Kind,
    /// The command line option, with a word for the value; empty if the setting has no option. `--no-…` switches it off.
    pub option: &'static str,
    /// A description of what applies without the key, if there is no default value.
    pub unset: &'static str,
    /// More about the setting, for the guide, in Markdown.
    pub more: &'static str,
    /// An example for the package's configuration file, in TOML; empty if the key is not in that file.
    pub example: &'static str,
    /// True if a reload applies the setting without interrupting the sound. All other keys take effect at the next start,
    /// because reopening the device, or another message size within a stream, would cause a gap.
    pub is_live: bool,
    /// The setting's entry in the file on the card, if it has one.
    pub card: Option<Card>,
}

/// The values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number in a range.
    Number {
        /// The thing that the number counts, such as "a whole number of frames".
        of: &'static str,
        /// The smallest value.
        least: u16,
        /// The largest value.
        most: u16,
    },
    /// A CPU of this machine.
    Cpu,
    /// True or false.
    Truth,
    /// An ALSA PCM.
    Pcm,
    /// An address of this machine and a port.
    Address,
    /// A path of a folder or a file.
    Path {
        /// The thing at that path, such as "a folder".
        of: &'static str,
    },
    /// Host names.
    Names,
    /// Addresses or blocks of them.
    Addresses,
    /// A hashed access key. If one was intended but cannot be read, no key opens that lock.
    HashedKey,
}

/// The entry of a setting in the file on the card, which the user edits.
#[derive(Debug, PartialEq, Eq)]
pub struct Card {
    /// The purpose, for a musician: a sentence without a full stop.
    pub about: &'static str,
    /// An example to copy, in TOML.
    pub example: &'static str,
    /// The key after which this one stands in the file.
    pub after: &'static str,
}

/// Defaults for a row.
const REST: Setting = Setting {
    key: "",
    about: "",
    kind: Kind::Truth,
    option: "",
    unset: "",
    more: "",
    example: "",
    is_live: false,
    card: None,
};

impl Kind {
    /// Returns in words what a key of this kind needs.
    pub fn wants(self) -> String {
        match self {
            Self::Number { of, least, most } => format!("{of} without quotes, {least} to {most}"),
            Self::Cpu => "the number of a CPU without quotes, from 0".into(),
            Self::Truth => "true or false, without quotes".into(),
            Self::Pcm => "the name of an ALSA PCM between quotes, such as \"hw:CARD=MONTAGE,DEV=0\"".into(),
            Self::Address => "an address and a port between quotes, such as \"0.0.0.0:8080\"".into(),
            Self::Path { of } => format!("the path of {of} between quotes"),
            Self::Names => "a list of names in brackets, such as [\"synth.lan\"]".into(),
            Self::Addresses => {
                "a list of addresses in brackets, such as [\"127.0.0.1\", \"172.17.0.0/16\"]".into()
            }
            Self::HashedKey => "a hashed key between quotes, as 'synthwire key' prints it".into(),
        }
    }

    /// Parses an option's text to a value of the file; `None` if it is invalid.
    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Number { .. } | Self::Cpu => text.parse().ok().map(Value::Integer),
            Self::Truth => text.parse().ok().map(Value::Boolean),
            Self::Names | Self::Addresses => Some(Value::Array(vec![text.into()])),
            Self::Pcm | Self::Address | Self::Path { .. } | Self::HashedKey => Some(text.into()),
        }
    }
}

impl Setting {
    /// Returns the setting with this key.
    pub fn of(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Returns whether this value is of the right kind; [`Config::check`] checks its range.
    pub fn takes(&self, value: &Value) -> bool {
        Table::from_iter([(self.key.to_owned(), value.clone())]).try_into::<Config>().is_ok()
    }

    /// Parses an option's text.
    ///
    /// # Errors
    /// The kind of value that the key needs.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        // Only the file needs quotes, so messages about the command line do not mention them.
        let wants = || self.kind.wants().replace(" without quotes", "").replace(" between quotes", "");
        self.kind.read(text).filter(|value| self.takes(value)).ok_or_else(wants)
    }

    /// Returns the long option without the dashes, and the word for the value.
    pub fn option(&self) -> Option<(&'static str, Option<&'static str>)> {
        let option = self.option.strip_prefix("--")?;
        Some(option.split_once(' ').map_or((option, None), |(long, value)| (long, Some(value))))
    }

    /// Returns in words what applies without the key.
    pub fn default(&self) -> String {
        match Config::default().value(self.key) {
            Some(Value::String(text)) => text,
            Some(value) if self.unset.is_empty() => value.to_string(),
            _ => self.unset.to_owned(),
        }
    }
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $key:ident: $type:ty = $default:expr, { $($rest:tt)* })+) => {
        /// All settings.
        #[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config { $($(#[doc = $about])+ pub $key: $type,)+ }

        impl Default for Config {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        /// The declarations of all settings, in the order of the guide.
        pub static SETTINGS: &[Setting] = &[
            $(Setting { key: stringify!($key), about: concat!($($about),+).trim_ascii(), $($rest)*, ..REST },)+
        ];
    };
}

settings! {
    /// Capture only from this ALSA PCM
    device: Option<String> = None, {
        kind: Kind::Pcm, option: "--device PCM", unset: "a MONTAGE or MODX, if there is one",
        example: "\"hw:CARD=MONTAGE,DEV=0\""
    }
    /// Play the built-in instrument until a synth has been found
    demo: bool = false, { kind: Kind::Truth, option: "--demo", example: "false" }
    /// Channels to ask the device for
    channels: Option<u16> = None, {
        kind: Kind::Number { of: "a whole number of channels", least: 1, most: CHANNELS_MAX },
        option: "--channels N", unset: "as many as it has", example: "8"
    }
    /// First channel of the pair that listeners hear
    first_channel: u16 = 1, {
        kind: Kind::Number { of: "the number of a channel", least: 1, most: FIRST_CHANNEL_MAX },
        option: "--first-channel N", example: "1", is_live: true,
        card: Some(Card {
            about: "The first channel of the pair that listeners hear: 1 is the main output",
            example: "1",
            after: "wifi_country",
        })
    }
    /// Frames between two wake-ups of the capture thread; 128 are 2.9 ms
    period_frames: u32 = 128, {
        kind: Kind::Number { of: "a whole number of frames", least: 32, most: 1024 },
        option: "--period-frames FRAMES", example: "128"
    }
    /// Frames in one message to a listener, rounded up to whole periods; larger messages add delay and save CPU
    chunk_frames: Option<u32> = None, {
        kind: Kind::Number { of: "a whole number of frames", least: 32, most: 2048 },
        option: "--chunk-frames FRAMES", unset: "one period", example: "128"
    }
    /// Real-time (FIFO) priority of the capture thread; 0 asks for none, the systemd unit allows 95
    rt_priority: u8 = 70, {
        kind: Kind::Number { of: "a whole number", least: 0, most: 99 },
        option: "--rt-priority N", example: "70",
        more: "the fan-out thread has one less, 45 at most ([why](../design/real-time.md#who-goes-before-whom))"
    }
    /// CPU the capture thread runs on
    capture_cpu: Option<u16> = None, { kind: Kind::Cpu, option: "--capture-cpu N", unset: "any", example: "3" }
    /// CPU the fan-out thread runs on, preferably another one
    fan_out_cpu: Option<u16> = None, { kind: Kind::Cpu, option: "--fan-out-cpu N", unset: "any", example: "2" }
    /// Address and port for HTTP: page and sound for this machine itself
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), {
        kind: Kind::Address, option: "--listen ADDR:PORT", example: "\"127.0.0.1:8080\"",
        more: "other machines get the [first-contact page](../guide/first-contact.md)"
    }
    /// Address and port for HTTPS: page and sound for everybody
    listen_tls: Option<SocketAddr> = None, { kind: Kind::Address, option: "--listen-tls ADDR:PORT", unset: "no HTTPS" }
    /// Folder for data that outlives the service: its certificate authority, access keys, settings chosen on the page
    state: Option<PathBuf> = None, {
        kind: Kind::Path { of: "a folder" }, option: "--state DIR",
        unset: "systemd's ($STATE_DIRECTORY); with HTTPS also $XDG_STATE_HOME/synthwire or ~/.local/state/synthwire",
        more: "without one, this data is lost when the service ends"
    }
    /// Certificate for HTTPS instead of the service's own, with its chain; read again when it changes
    cert: Option<PathBuf> = None, {
        kind: Kind::Path { of: "a PEM file" }, option: "--cert FILE", unset: "the service's own"
    }
    /// Key of that certificate
    key: Option<PathBuf> = None, {
        kind: Kind::Path { of: "a PEM file" }, option: "--key FILE", unset: "the service's own"
    }
    /// Announce the device as NAME.local on its network (mDNS), if it accepts connections from other machines
    announce: bool = true, { kind: Kind::Truth, option: "--no-announce" }
    /// Further names of this device, besides its host name, that name with .local, and its addresses
    names: Vec<String> = Vec::new(), {
        kind: Kind::Names, option: "--name NAME", unset: "none", example: "[\"synth.lan\"]",
        more: "[why](limits.md); such as a name from a router or a [proxy](../guide/proxies.md); a page opened under one of them counts as the device's own",
        card: Some(Card {
            about: "Further names that your router or a proxy has for this device. Not needed for NAME.local",
            example: "[\"synthwire.fritz.box\"]",
            after: "hostname",
        })
    }
    /// Reverse proxies that are believed about their visitors: addresses, or blocks of them
    trusted_proxies: Vec<String> = ["127.0.0.0/8", "::1"].map(String::from).to_vec(), {
        kind: Kind::Addresses, option: "--trusted-proxy ADDR", example: "[\"127.0.0.0/8\", \"::1\"]",
        more: "[proxies](../guide/proxies.md); `[]` trusts no proxy"
    }
    /// Key needed to listen
    listening_key: Option<String> = None, {
        kind: Kind::HashedKey, unset: "none, or the one set on the page", example: "\"$argon2id$...\"",
        more: "[access](../guide/access.md)",
        card: Some(Card {
            about: "The key that listeners must enter. At least 8 characters",
            example: "\"a word for the band\"",
            after: "first_channel",
        })
    }
    /// Key needed to change settings
    settings_key: Option<String> = None, {
        kind: Kind::HashedKey, unset: "none, or the one set on the page", example: "\"$argon2id$...\"",
        more: "[access](../guide/access.md)",
        card: Some(Card {
            about: "The key for changing settings. At least 8 characters",
            example: "\"a word for yourself\"",
            after: "listening_key",
        })
    }
    /// DSCP value of the packets to listeners, for networks that use it; 46 (EF) means voice
    dscp: Option<u8> = None, {
        kind: Kind::Number { of: "a whole number", least: 0, most: 63 },
        option: "--dscp N", unset: "no mark", example: "46", more: "the access point decides"
    }
    /// Length of one listener's queue; beyond that, its oldest packets are dropped
    queue_ms: u32 = 250, {
        kind: Kind::Number { of: "a whole number of milliseconds", least: 10, most: 2000 },
        option: "--queue-ms MS", example: "250",
        more: "the queue is shorter for a listener with a short delay"
    }
    /// Maximum number of listeners; further ones are refused
    listeners_max: u32 = 500, {
        kind: Kind::Number { of: "a whole number of listeners", least: 1, most: 2000 },
        option: "--listeners-max N", example: "500", is_live: true
    }
    /// Maximum number of connections from one address
    connections_per_address: Option<u32> = None, {
        kind: Kind::Number { of: "a whole number of connections", least: 1, most: 4000 },
        option: "--connections-per-address N", unset: "64, and any number from this machine itself", example: "64",
        more: "[limits](limits.md)"
    }
}
