//! `synthwire doctor --report`: everything an issue needs in one text, without what is nobody's business (`redact`).
//!
//! It asks the machine and the running service and changes nothing. What is not there is named as not there.

use super::redact::redacted;
use crate::config::Config;
use crate::sys::{boot_loader, machine, power};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long a command, or the service, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most of one part that goes into the report: a whole `lsusb -v` of a synth has about 20 KiB.
const PART_BYTES_MAX: u64 = 64 * 1024;

/// What is said by commands: a title, and the line.
const COMMANDS: [(&str, &[&str]); 7] = [
    ("USB devices", &["lsusb"]),
    ("USB tree", &["lsusb", "-t"]),
    ("USB descriptors of Yamaha devices", &["lsusb", "-v", "-d", "0499:"]),
    ("Service", &["systemctl", "status", "synthwire", "--no-pager", "--full", "--lines=0"]),
    (
        "Service's log",
        &["journalctl", "--unit=synthwire", "--no-pager", "--lines=60", "--output=short-monotonic"],
    ),
    (
        "Kernel's words about USB and power",
        &["journalctl", "--dmesg", "--no-pager", "--lines=60", "--grep=usb|voltage|xhci|snd"],
    ),
    ("Clock", &["timedatectl", "show"]),
];

/// What is said by files; a `*` stands for any name.
const FILES: [(&str, &str); 14] = [
    ("System", "/etc/os-release"),
    ("Kernel", "/proc/version"),
    ("Real-time kernel (1 is yes)", "/sys/kernel/realtime"),
    ("Kernel command line", "/proc/cmdline"),
    ("Board", "/sys/firmware/devicetree/base/model"),
    ("Load", "/proc/loadavg"),
    ("Memory", "/proc/meminfo"),
    ("Governors", "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"),
    ("Temperatures in thousandths of a degree", "/sys/class/thermal/thermal_zone*/temp"),
    ("Throttling (0x0 is good)", power::THROTTLED_FILE),
    ("Undervoltage alarms (0 is good)", "/sys/class/hwmon/hwmon*/in0_lcrit_alarm"),
    ("Sound cards", "/proc/asound/cards"),
    ("USB streams", "/proc/asound/card*/stream0"),
    ("What is captured", "/proc/asound/card*/pcm*c/sub0/hw_params"),
];

/// The whole text; `findings` are doctor's own.
pub(super) fn text(findings: &str, config: &Config) -> String {
    let mut text = format!("Synthwire {}\n\n{findings}", env!("CARGO_PKG_VERSION"));
    let mut part = |title: &str, content: &str| {
        let content =
            if content.trim().is_empty() { "(not there)" } else { content.trim_end_matches(['\n', '\0']) };
        write!(text, "\n== {title}\n{content}\n").expect("a string can be written to");
    };
    for (title, pattern) in FILES {
        let found = matching(Path::new(pattern));
        let several = found.len() > 1;
        let content: String = found.iter().map(|path| shown(path, several)).collect();
        part(title, &content);
    }
    part("Boot loader", &boot_loader::here().shown());
    for (title, line) in COMMANDS {
        part(title, &said(line));
    }
    part("Configuration", &format!("{config:#?}"));
    part("What the service says", &status(config));
    redacted(&hide_keys(&text, config), &machine::host())
}

/// The keys of the configuration are hashes, and yet nobody's business.
fn hide_keys(text: &str, config: &Config) -> String {
    let keys = [&config.listening_key, &config.settings_key].into_iter().flatten();
    keys.fold(text.to_owned(), |text, key| text.replace(key.as_str(), "(key)"))
}

/// The files a pattern means, in order.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    pattern.components().fold(vec![PathBuf::new()], |found, component| {
        let part = component.as_os_str().to_string_lossy();
        let next = |folder: PathBuf| match part.split_once('*') {
            None => vec![folder.join(component)],
            Some((start, end)) => {
                let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
                let fits = |name: &str| {
                    name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
                };
                let mut paths: Vec<PathBuf> = entries
                    .filter(|entry| entry.file_name().to_str().is_some_and(fits))
                    .map(|entry| entry.path())
                    .collect();
                paths.sort();
                paths
            }
        };
        found.into_iter().flat_map(next).collect()
    })
}

fn shown(path: &Path, named: bool) -> String {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(PART_BYTES_MAX).read_to_end(&mut bytes));
    let content = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\0']).to_owned();
    match (read, named) {
        (Err(_), _) => String::new(),
        (Ok(_), true) => format!("{}: {content}\n", path.display()),
        (Ok(_), false) => content + "\n",
    }
}

/// What a command says; nothing when there is none.
fn said(line: &[&str]) -> String {
    // `timeout` of coreutils ends what hangs: lsusb waits for a device that does not answer.
    let limit = PATIENCE.as_secs().to_string();
    let output =
        Command::new("timeout").arg(limit).args(line).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let bytes = output.map(|output| output.stdout).unwrap_or_default();
    let end = bytes.len().min(usize::try_from(PART_BYTES_MAX).expect("64 KiB fit"));
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// `/api/status` of the service on this machine: under systemd's port, or its own.
fn status(config: &Config) -> String {
    let ports = [80, config.listen.port()];
    let answers = ports.into_iter().filter_map(|port| ask(port).ok());
    let good = answers.filter_map(|answer| {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let is_ours = head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 401");
        is_ours.then(|| body.to_owned())
    });
    good.map(|body| match serde_json::from_str::<serde_json::Value>(&body) {
        Ok(json) => serde_json::to_string_pretty(&json).expect("what was JSON is JSON"),
        Err(_) => body,
    })
    .next()
    .unwrap_or_default()
}

fn ask(port: u16) -> std::io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /api/status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.take(PART_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_name() {
        let top = std::env::temp_dir().join(format!("synthwire-report-{}", std::process::id()));
        for name in ["card1/pcm0c", "card0/pcm0c", "card0/pcm0p", "cards"] {
            fs::create_dir_all(top.join(name)).unwrap();
        }
        let found = matching(&top.join("card*/pcm*c"));
        assert_eq!(found, [top.join("card0/pcm0c"), top.join("card1/pcm0c")]);
        assert_eq!(matching(&top.join("none*/x")), Vec::<PathBuf>::new());
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn the_report_has_every_part_and_no_key() {
        let config = Config { listening_key: Some("$argon2id$v=19$hunter2".into()), ..Config::default() };
        let text = text("good  real time: yes\n", &config);
        assert!(text.starts_with(concat!(
            "Synthwire ",
            env!("CARGO_PKG_VERSION"),
            "\n\ngood  real time: yes\n"
        )));
        for title in FILES.iter().map(|(title, _)| title).chain(COMMANDS.iter().map(|(title, _)| title)) {
            assert!(text.contains(&format!("\n== {title}\n")), "{title}");
        }
        assert!(text.contains("Linux version") && text.contains("period_frames: 128"));
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        assert_eq!(said(&["/nowhere/program"]), "");
        assert_eq!(said(&["echo", "hello"]), "hello\n");
        assert_eq!(shown(Path::new("/nowhere"), true), "");
    }
}
