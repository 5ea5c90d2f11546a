//! `synthwire doctor --report`: everything an issue needs in one text that may be published.
//!
//! The report contains only what is known to be harmless: lines that fit a list of shapes (`shapes`), sentences of the guide
//! without the words in their placeholders (`guide`), and our own numbers. The rest is left out and counted. So no
//! name, address, key or serial number has to be recognised to be kept out. It asks the machine and the running service and
//! changes nothing.

use super::asking::ServiceAnswer;
use super::checks::Check;
use super::guide::sentence_of;
use super::programs::said;
use super::shapes::{self, Shapes};
use crate::config::{Config, Kind, SETTINGS, Setting};
use crate::core::cause::Cause;
use crate::net::refusals::Refusal;
use crate::source::discover::{self, SYSFS_SOUND, Verdict};
use crate::sys::{boot_loader, power};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Maximum number of bytes read from one file.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Maximum number of lines shown from one part.
const LINES_MAX: usize = 400;

/// The source of a part of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartSource {
    /// Files; a `*` stands for any name.
    Files(&'static str),
    /// A command's output.
    Command(&'static [&'static str]),
    /// A file whose words become one line each.
    Words(&'static str),
}

/// Title, source, and the shapes that may be shown.
type Part = (&'static str, PartSource, &'static [&'static str]);

const PARTS: [Part; 20] = [
    ("System", PartSource::Files("/etc/os-release"), shapes::SYSTEM),
    ("Kernel", PartSource::Files("/proc/sys/kernel/osrelease"), shapes::KERNEL),
    ("Architecture", PartSource::Command(&["uname", "-m"]), shapes::ARCHITECTURE),
    ("Real-time kernel (1 is yes)", PartSource::Files("/sys/kernel/realtime"), shapes::FLAG),
    ("Kernel command line", PartSource::Words("/proc/cmdline"), shapes::COMMAND_LINE),
    ("Board", PartSource::Files("/sys/firmware/devicetree/base/model"), shapes::BOARD),
    ("Load", PartSource::Files("/proc/loadavg"), shapes::LOAD),
    ("Memory", PartSource::Files("/proc/meminfo"), shapes::MEMORY),
    (
        "Governors",
        PartSource::Files("/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"),
        shapes::GOVERNOR,
    ),
    (
        "Temperatures in thousandths of a degree",
        PartSource::Files("/sys/class/thermal/thermal_zone*/temp"),
        shapes::NUMBER,
    ),
    (
        "Undervoltage alarms (0 is good)",
        PartSource::Files("/sys/class/hwmon/hwmon*/in0_lcrit_alarm"),
        shapes::FLAG,
    ),
    ("USB devices", PartSource::Files("/sys/bus/usb/devices/*/uevent"), shapes::USB_DRIVER),
    ("USB speeds in Mbit/s", PartSource::Files("/sys/bus/usb/devices/*/speed"), shapes::NUMBER),
    ("USB power", PartSource::Files("/sys/bus/usb/devices/*/bMaxPower"), shapes::USB_DEVICE),
    ("USB streams", PartSource::Files("/proc/asound/card*/stream0"), shapes::STREAM),
    ("What is captured", PartSource::Files("/proc/asound/card*/pcm*c/sub0/hw_params"), shapes::HARDWARE),
    (
        "Service",
        PartSource::Command(&[
            "systemctl",
            "show",
            "synthwire",
            "--property=ActiveState,SubState,Result,NRestarts,ExecMainStatus,MemoryCurrent,CPUUsageNSec,TasksCurrent,WatchdogUSec",
        ]),
        shapes::UNIT,
    ),
    ("Clock", PartSource::Command(&["timedatectl", "show"]), shapes::CLOCK),
    ("Kernel's words about USB and power", PartSource::Command(&KERNEL_LOG), shapes::KERNEL_WORDS),
    ("Throttling (0x0 is good)", PartSource::Files(power::THROTTLED_FILE), shapes::THROTTLED),
];
const KERNEL_LOG: [&str; 6] =
    ["journalctl", "--dmesg", "--no-pager", "--lines=200", "--output=cat", "--grep=usb|voltage|xhci|snd"];
const SERVICE_LOG: PartSource = PartSource::Command(&[
    "journalctl",
    "--unit=synthwire",
    "--no-pager",
    "--lines=60",
    "--output=json",
    "--output-fields=MESSAGE,PRIORITY,CODE_FILE,CODE_LINE",
]);
/// Raw descriptors, as the device sent them; they contain no strings.
const DESCRIPTORS: &str = "/sys/bus/usb/devices/*/descriptors";

/// Returns the whole text. `read` fetches the lines of a source, each with its origin if there are several.
pub(super) fn text(
    checks: &[Check],
    config: &Config,
    service: &ServiceAnswer,
    read: impl Fn(PartSource) -> Vec<String>,
) -> String {
    let mut text = format!("Synthwire {}\n\n", env!("CARGO_PKG_VERSION"));
    for check in checks {
        let sentence = sentence_of(&check.words).map_or_else(String::new, |sentence| format!(": {sentence}"));
        writeln!(text, "{}  {}{sentence}", check.verdict.mark(), check.name)
            .expect("a string can be written to");
    }
    for (title, from, shapes) in PARTS {
        part(&mut text, title, &shown(&read(from), &Shapes::of(shapes, "")));
    }
    part(
        &mut text,
        "Boot loader",
        &boot_loader::here().shown().lines().map(str::to_owned).collect::<Vec<_>>(),
    );
    part(&mut text, "Sound cards", &cards());
    part(&mut text, "USB descriptors of Yamaha devices", &descriptors());
    part(&mut text, "Service's log", &read(SERVICE_LOG).iter().map(|line| logged(line)).collect::<Vec<_>>());
    part(&mut text, "Configuration", &configured(config));
    let status = match service {
        ServiceAnswer::Runs(status) => shown(&flat(status), &Shapes::of(shapes::STATUS, &counted())),
        _ => Vec::new(),
    };
    part(&mut text, "What the service says", &status);
    text
}

fn part(text: &mut String, title: &str, lines: &[String]) {
    let content = if lines.is_empty() { "(not there)".to_owned() } else { lines.join("\n") };
    write!(text, "\n== {title}\n{content}\n").expect("a string can be written to");
}

/// Returns the lines of a source, trimmed, each after its origin if there are several.
pub(super) fn read(from: PartSource) -> Vec<String> {
    match from {
        PartSource::Command(line) => said(line).lines().map(|line| line.trim().to_owned()).collect(),
        PartSource::Words(file) => content(Path::new(file)).split_whitespace().map(str::to_owned).collect(),
        PartSource::Files(pattern) => {
            let found = matching(Path::new(pattern));
            let lines = |path: &PathBuf| {
                let place =
                    place(path, Path::new(pattern)).map_or_else(String::new, |place| place + PLACE_ENDS);
                let text = content(path);
                let lines: Vec<String> = text.lines().map(|line| format!("{place}{}", line.trim())).collect();
                lines
            };
            found.iter().flat_map(lines).collect()
        }
    }
}

/// Separates the origin from the line.
const PLACE_ENDS: &str = " » ";
/// The kernel's names of cards, processors, zones and places on the bus.
const PLACES: &[&str] =
    &["(?:(?:card|pcm|cpu|thermal_zone|hwmon)[0-9D]{1,5}[cp]?|<port>)(?: (?:pcm[0-9]{1,3}[cp]))?"];

/// Returns the names that the stars of a pattern stand for.
fn place(path: &Path, pattern: &Path) -> Option<String> {
    let both = path.components().zip(pattern.components());
    let stars = both.filter(|(_, pattern)| pattern.as_os_str().to_string_lossy().contains('*'));
    let names: Vec<String> = stars.map(|(name, _)| name.as_os_str().to_string_lossy().into_owned()).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// Returns the lines that may be shown, and how many were left out.
fn shown(lines: &[String], shapes: &Shapes) -> Vec<String> {
    let places = Shapes::of(PLACES, "");
    let fits = |line: &&String| match line.split_once(PLACE_ENDS) {
        Some((place, line)) => places.fit(place) && shapes.fit(line),
        None => shapes.fit(line),
    };
    let mut shown: Vec<String> = lines.iter().filter(fits).take(LINES_MAX).cloned().collect();
    let left_out = lines.iter().filter(|line| !line.is_empty()).count() - shown.len();
    if left_out > 0 {
        shown.push(format!("({left_out} lines left out)"));
    }
    shown
}

/// Files of our code; a test checks that every folder of src/ is listed.
const CODE_FILES: &str = "src/(?:(?:card|cli|config|core|hub|net|rt|source|state|sys|tls|update)/)?[a-z_]{2,24}(?:/[a-z_]{2,24}){0,2}\\.rs";

/// Converts an entry of the journal to its time, urgency, place in our code, and its sentence in the guide.
fn logged(line: &str) -> String {
    let entry: Value = serde_json::from_str(line).unwrap_or_default();
    let field = |name: &str| entry[name].as_str().unwrap_or_default();
    let seconds = field("__MONOTONIC_TIMESTAMP").parse().map_or(0, |us: u64| us / 1_000_000);
    let fits = |shape: &str, text: &str| {
        if Shapes::of(&[shape], "").fit(text) { text.to_owned() } else { "-".into() }
    };
    format!(
        "{seconds} {} {}:{} {}",
        fits("[0-7]", field("PRIORITY")),
        fits(CODE_FILES, field("CODE_FILE")),
        fits("[0-9]{1,4}", field("CODE_LINE")),
        sentence_of(field("MESSAGE")).unwrap_or_else(|| "(its words are left out)".into())
    )
}

/// Returns the files that match a pattern, in order.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let paths = glob::glob(&pattern.to_string_lossy()).expect("our own patterns are right");
    paths.flatten().collect() // a folder that may not be read has no files
}

fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)); // a missing file is empty
    bytes
}

fn content(path: &Path) -> String {
    String::from_utf8_lossy(&bytes(path)).trim_end_matches(['\n', '\0']).to_owned()
}

/// Returns the sound cards by kind, without their names unless they are of the family.
fn cards() -> Vec<String> {
    let names = Shapes::of(&["(?i:MONTAGE|MODX)(?: ?[M0-9]{1,2}\\+?)?"], "");
    let numbers = Shapes::of(&["<x>"], "");
    let cards = discover::cards(Path::new(SYSFS_SOUND)).into_iter().map(|card| {
        let captures = if card.captures { "captures" } else { "only plays" };
        let bus = card.usb.as_ref().filter(|usb| numbers.fit(&usb.vendor) && numbers.fit(&usb.product));
        let bus =
            bus.map_or_else(|| "not on USB".to_owned(), |usb| format!("USB {}:{}", usb.vendor, usb.product));
        let name = if names.fit(card.name()) { card.name() } else { "" };
        let synth = if card.verdict() == Verdict::Synth { ", a synth of the family" } else { "" };
        format!("{}: {captures}, {bus}{synth} {name}", card.number).trim_end().to_owned()
    });
    cards.collect()
}

/// Returns the synth's descriptors as bytes, one line each, only those whose meaning is known.
fn descriptors() -> Vec<String> {
    let of_yamaha = |bytes: &Vec<u8>| bytes.get(8..10) == Some(&[0x99, 0x04]);
    matching(Path::new(DESCRIPTORS))
        .iter()
        .map(|path| bytes(path))
        .filter(of_yamaha)
        .flat_map(|all| hexadecimal(&all))
        .collect()
}

/// Device, configuration, interface, endpoint and their association, and those of the audio class (USB 2.0, 9.6; Audio 1.0,
/// A.4).
fn hexadecimal(mut rest: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    while let [length, kind, ..] = *rest {
        let length = usize::from(length).clamp(2, rest.len());
        if matches!((kind, length), (0x01 | 0x02 | 0x04 | 0x05 | 0x0b, ..=18) | (0x24 | 0x25, ..=64)) {
            lines.push(rest[..length].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "));
        }
        rest = &rest[length..];
    }
    lines.truncate(LINES_MAX);
    lines
}

/// Returns the configuration: numbers as they are; for names and keys, only whether they are set.
fn configured(config: &Config) -> Vec<String> {
    SETTINGS.iter().map(|setting| format!("{}: {}", setting.key, told(setting, config))).collect()
}

/// Returns the value of a setting, as far as a report may show it.
fn told(Setting { key, kind, .. }: &Setting, config: &Config) -> String {
    let value = config.value(key);
    match (kind, &value) {
        (Kind::Number { .. } | Kind::Cpu, None) => "default".to_owned(),
        (Kind::Number { .. } | Kind::Cpu | Kind::Truth, Some(value)) => value.to_string(),
        (Kind::Names | Kind::Addresses, value) => {
            value.as_ref().and_then(toml::Value::as_array).map_or(0, Vec::len).to_string()
        }
        (_, None) => "not set".to_owned(),
        (Kind::Address, Some(value)) => value.as_str().and_then(listens).unwrap_or_else(|| "set".to_owned()),
        (Kind::Pcm, Some(value)) => {
            let kinds = ["hw:", "plughw:", "plug:", "default"];
            let named = |kind: &&str| value.as_str().is_some_and(|device| device.starts_with(kind));
            kinds.into_iter().find(named).unwrap_or("set").to_owned()
        }
        (Kind::Path { .. } | Kind::HashedKey, Some(_)) => "set".to_owned(),
    }
}

fn listens(address: &str) -> Option<String> {
    let address: std::net::SocketAddr = address.parse().ok()?;
    let ip = address.ip();
    let whom = if ip.is_loopback() {
        "this machine"
    } else if ip.is_unspecified() {
        "everybody"
    } else {
        "one address"
    };
    Some(format!("port {} for {whom}", address.port()))
}

/// Returns the names that the status counts: losses and refusals.
fn counted() -> String {
    let losses = Cause::ALL.map(|cause| format!("losses\\.{}\\.(?:events|frames)", cause.name()));
    let queue = format!("losses\\.{}\\.(?:events|frames)", Cause::QueueDrop.name());
    let refusals = Refusal::ALL.iter().map(|refusal| format!("refusals\\.{}", refusal.name()));
    let all: Vec<String> = losses.into_iter().chain([queue]).chain(refusals).collect();
    format!("(?:{})", all.join("|"))
}

/// Flattens a status to lines: `stream.frames: 12`. It skips lists, which hold texts of listeners and of the device that
/// must not be shown.
fn flat(status: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = vec![(String::new(), status)];
    while let Some((path, value)) = left.pop() {
        match value {
            Value::Object(fields) => left.extend(fields.iter().rev().map(|(key, value)| {
                (if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value)
            })),
            Value::Array(_) => {}
            Value::String(text) => lines.push(format!("{path}: {text}")),
            value => lines.push(format!("{path}: {value}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
