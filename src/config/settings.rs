//! Every setting, declared once. To add one, add a row to the table at the end of this file and use its field of [`Config`].
//!
//! From the row come: the field and its default, what the file and the command line take, the range that is checked, what a reload
//! applies, the key on the card, the report of `synthwire doctor`, `--help`, and what `make documents` writes: the guide's table,
//! the man page and the configuration file of the package.

use crate::units::{CHANNELS_MAX, FIRST_CHANNEL_MAX};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::{Table, Value};

/// What is said of one setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// As it stands in the file.
    pub key: &'static str,
    /// What it does: a sentence without its full stop.
    pub about: &'static str,
    /// What it can hold, with unit and range.
    pub kind: Kind,
    /// The option on the command line, with a word for its value; empty where there is none. `--no-…` switches off.
    pub option: &'static str,
    /// What holds without the key, where that is no value.
    pub unset: &'static str,
    /// More about it, for the guide: Markdown.
    pub more: &'static str,
    /// What to write in the file of the package, as TOML; empty where the key does not stand there.
    pub example: &'static str,
    /// Whether a reload applies it while the sound goes on. Every other key takes effect at the next start: opening the device anew,
    /// or another message size in the middle of a stream, would be a gap.
    pub is_live: bool,
    /// How it stands in the file on the card, where it does.
    pub card: Option<Card>,
}

/// What a setting can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number in a range.
    Number {
        /// "a whole number", and of what.
        of: &'static str,
        /// The least.
        least: u16,
        /// The most.
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
    /// A path, of a folder or a file.
    Path {
        /// "a folder".
        of: &'static str,
    },
    /// Host names.
    Names,
    /// Addresses or blocks of them.
    Addresses,
    /// An access key, hashed. Where one was meant and cannot be read, nothing opens what it locks.
    HashedKey,
}

/// A setting in the file on the card, which a person edits.
#[derive(Debug, PartialEq, Eq)]
pub struct Card {
    /// What it is, for a musician: a sentence without its full stop.
    pub about: &'static str,
    /// A value to copy, as TOML.
    pub example: &'static str,
    /// The key it stands behind.
    pub after: &'static str,
}

/// What a row leaves out.
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
    /// What a key of this kind wants, for a person.
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

    /// What an option says, as the file has it; `None` where it cannot be.
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
    /// The setting with this key.
    pub fn of(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Whether this value is of its kind; its range is checked by [`Config::check`].
    pub fn takes(&self, value: &Value) -> bool {
        Table::from_iter([(self.key.to_owned(), value.clone())]).try_into::<Config>().is_ok()
    }

    /// What an option says.
    ///
    /// # Errors
    /// What the key wants instead.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        // Quotes are the file's.
        let wants = || self.kind.wants().replace(" without quotes", "").replace(" between quotes", "");
        self.kind.read(text).filter(|value| self.takes(value)).ok_or_else(wants)
    }

    /// Its long option without the dashes, and the word for its value.
    pub fn option(&self) -> Option<(&'static str, Option<&'static str>)> {
        let option = self.option.strip_prefix("--")?;
        Some(option.split_once(' ').map_or((option, None), |(long, value)| (long, Some(value))))
    }

    /// What holds without the key, in words.
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

        /// What is said of each, in the order of the guide.
        pub static SETTINGS: &[Setting] = &[
            $(Setting { key: stringify!($key), about: concat!($($about),+).trim_ascii(), $($rest)*, ..REST },)+
        ];
    };
}

settings! {
    /// Capture from this ALSA PCM and from no other
    device: Option<String> = None, {
        kind: Kind::Pcm, option: "--device PCM", unset: "a MONTAGE or MODX, when there is one",
        example: "\"hw:CARD=MONTAGE,DEV=0\""
    }
    /// Play the built-in instrument until a synth has been found
    demo: bool = false, { kind: Kind::Truth, option: "--demo", example: "false" }
    /// Channels to ask the device for
    channels: Option<u16> = None, {
        kind: Kind::Number { of: "a whole number of channels", least: 1, most: CHANNELS_MAX },
        option: "--channels N", unset: "as many as it has", example: "8"
    }
    /// First channel of the pair that is heard
    first_channel: u16 = 1, {
        kind: Kind::Number { of: "the number of a channel", least: 1, most: FIRST_CHANNEL_MAX },
        option: "--first-channel N", example: "1", is_live: true,
        card: Some(Card {
            about: "The first channel of the pair that is heard: 1 is the main output",
            example: "1",
            after: "wifi_country",
        })
    }
    /// Frames between two wake-ups of the capture thread; 128 are 2.9 ms
    period_frames: u32 = 128, {
        kind: Kind::Number { of: "a whole number of frames", least: 32, most: 1024 },
        option: "--period-frames FRAMES", example: "128"
    }
    /// Frames in one message to a listener, rounded up to whole periods; more cost delay and save CPU
    chunk_frames: Option<u32> = None, {
        kind: Kind::Number { of: "a whole number of frames", least: 32, most: 2048 },
        option: "--chunk-frames FRAMES", unset: "one period", example: "128"
    }
    /// Real-time (FIFO) priority of the capture thread; 0 asks for none, the systemd unit allows 95
    rt_priority: u8 = 70, {
        kind: Kind::Number { of: "a whole number", least: 0, most: 99 },
        option: "--rt-priority N", example: "70",
        more: "the thread that sends has one less, 45 at most ([why](../design/real-time.md#who-goes-before-whom))"
    }
    /// CPU the capture thread runs on
    capture_cpu: Option<u16> = None, { kind: Kind::Cpu, option: "--capture-cpu N", unset: "any", example: "3" }
    /// CPU the thread that sends runs on: best another one
    fan_out_cpu: Option<u16> = None, { kind: Kind::Cpu, option: "--fan-out-cpu N", unset: "any", example: "2" }
    /// Address and port for HTTP: page and sound for this machine itself, for others the way to HTTPS where that is spoken
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), {
        kind: Kind::Address, option: "--listen ADDR:PORT", example: "\"127.0.0.1:8080\"",
        more: "others get the [first-contact page](../guide/first-contact.md)"
    }
    /// Address and port for HTTPS: page and sound for everybody
    listen_tls: Option<SocketAddr> = None, { kind: Kind::Address, option: "--listen-tls ADDR:PORT", unset: "no HTTPS" }
    /// Folder for what outlives the service: its certificate authority, access keys, settings chosen on the page
    state: Option<PathBuf> = None, {
        kind: Kind::Path { of: "a folder" }, option: "--state DIR",
        unset: "systemd's ($STATE_DIRECTORY); with HTTPS also $XDG_STATE_HOME/synthwire or ~/.local/state/synthwire",
        more: "where there is no folder they are forgotten"
    }
    /// Certificate to show over HTTPS instead of the service's own, with its chain; read again when it changes
    cert: Option<PathBuf> = None, {
        kind: Kind::Path { of: "a PEM file" }, option: "--cert FILE", unset: "the service's own"
    }
    /// Key of that certificate
    key: Option<PathBuf> = None, {
        kind: Kind::Path { of: "a PEM file" }, option: "--key FILE", unset: "the service's own"
    }
    /// Make the device known as NAME.local on its network (mDNS), where it listens for others
    announce: bool = true, { kind: Kind::Truth, option: "--no-announce" }
    /// Further names this device is reached by, besides its host name, that name with .local, and its addresses
    names: Vec<String> = Vec::new(), {
        kind: Kind::Names, option: "--name NAME", unset: "none", example: "[\"synth.lan\"]",
        more: "[why](limits.md); such as a router's or a [proxy](../guide/proxies.md)'s; its page under one of them is its own",
        card: Some(Card {
            about: "Further names that your router or a proxy has for this device. NAME.local needs none of this",
            example: "[\"synthwire.fritz.box\"]",
            after: "hostname",
        })
    }
    /// Reverse proxies whose word on their visitors counts: addresses, or blocks of them
    trusted_proxies: Vec<String> = ["127.0.0.0/8", "::1"].map(String::from).to_vec(), {
        kind: Kind::Addresses, option: "--trusted-proxy ADDR", example: "[\"127.0.0.0/8\", \"::1\"]",
        more: "[proxies](../guide/proxies.md); `[]` believes none"
    }
    /// Key without which nobody listens
    listening_key: Option<String> = None, {
        kind: Kind::HashedKey, unset: "none, or the one set on the page", example: "\"$argon2id$...\"",
        more: "[access](../guide/access.md)",
        card: Some(Card {
            about: "Nobody listens without it. At least 8 characters",
            example: "\"a word for the band\"",
            after: "first_channel",
        })
    }
    /// Key without which nobody changes settings
    settings_key: Option<String> = None, {
        kind: Kind::HashedKey, unset: "none, or the one set on the page", example: "\"$argon2id$...\"",
        more: "[access](../guide/access.md)",
        card: Some(Card {
            about: "Nobody changes settings without it. At least 8 characters",
            example: "\"a word for yourself\"",
            after: "listening_key",
        })
    }
    /// DSCP that marks the packets to listeners, for networks that look at it; 46 (EF) is a voice
    dscp: Option<u8> = None, {
        kind: Kind::Number { of: "a whole number", least: 0, most: 63 },
        option: "--dscp N", unset: "no mark", example: "46", more: "the access point decides"
    }
    /// What one listener's queue may hold before its oldest packets go
    queue_ms: u32 = 250, {
        kind: Kind::Number { of: "a whole number of milliseconds", least: 10, most: 2000 },
        option: "--queue-ms MS", example: "250",
        more: "the service keeps less for a listener that plays close behind"
    }
    /// Listeners at once; more are told so
    listeners_max: u32 = 500, {
        kind: Kind::Number { of: "a whole number of listeners", least: 1, most: 2000 },
        option: "--listeners-max N", example: "500", is_live: true
    }
    /// Connections one address may have
    connections_per_address: Option<u32> = None, {
        kind: Kind::Number { of: "a whole number of connections", least: 1, most: 4000 },
        option: "--connections-per-address N", unset: "64, and any number from this machine itself", example: "64",
        more: "[limits](limits.md)"
    }
}
