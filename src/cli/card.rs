//! `synthwire card`: sets the device up from `synthwire.toml` on the card's FAT partition, before network and service
//! start.
//!
//! In: the result of `crate::card`. Out: the system's files, each written completely. They go first to where they persist
//! (`--state`), then to where the running system sees them until the next start (`--root`). On the card, each applied line
//! is replaced by a comment. The card's own file is changed last, so that after an earlier power cut everything is repeated
//! with the same result.

use super::terminal::{remark, say};
use crate::card::left::{self, Report};
use crate::card::sheet::{self, Sheet};
use crate::card::{Network, Problem, files};
use crate::config::{Kind, Setting};
use crate::encoding::decode;
use crate::error::{Error, Result};
use crate::named_file;
use crate::net::access::key::HashedKey;
use crate::net::access::random;
use crate::state::{StateFile, StateFolder, Step, Stored, numbered, write_whole, write_whole_below};
use crate::sys::machine;
use clap::Args;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use toml::Value;

const SHEET: &str = "synthwire.toml";
const PROBLEMS: &str = "synthwire-problems.txt";
/// Names that an editor may give the file when the system hides file extensions.
const MISNAMED: [&str; 2] = ["synthwire.toml.txt", "synthwire.txt"];
/// Longest file that is read: far more than anybody types.
const SHEET_BYTES_MAX: u64 = 64 * 1024;
/// Longest of iwd's files and our own that is read; they have a few lines.
const FILE_BYTES_MAX: u64 = SHEET_BYTES_MAX;

/// The folder in which the service looks for the report, unless it is told another one. It belongs to root, because root
/// writes no files in the service's folder.
pub(super) const CARD_FOLDER: &str = "/data/card";
/// The name of this folder below `--state`.
const REPORT_FOLDER: &str = "card";
/// Random bytes that identify a reading of the card.
const READING_BYTES: usize = 8;
const CONFIG: &str = "etc/synthwire/synthwire.toml";
/// Where an unreadable configuration is copied.
const CONFIG_ASIDE: &str = "etc/synthwire/synthwire.toml.damaged";
/// The country, stored separately so that an update can change iwd's own file.
const COUNTRY: &str = "etc/synthwire/wifi-country";
const IWD_CONFIG: &str = "etc/iwd/main.conf";

/// The file of users that may log in, below `--state`.
const SSH_KEYS: &str = "root/.ssh/authorized_keys";
/// File modes: readable by everybody, and by root alone.
const OPEN: u32 = 0o644;
const SECRET: u32 = 0o600;

impl StateFile for Report {
    const NAME: &'static str = "card.json";
    const STEPS: &'static [Step] = &[numbered];
    /// The report must be readable for the service's user; it contains no secret.
    const MODE: u32 = OPEN;
}

/// The folders to use.
#[derive(Debug, Args)]
pub(super) struct CardArguments {
    /// Where the card's FAT partition is mounted; made writable for a moment if necessary
    #[arg(long, value_name = "DIR")]
    boot: PathBuf,
    /// Folder for what persists: etc/, iwd/ (Wi-Fi), root/ (SSH) and card/ (the report to the service) below it
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The running system, if it does not use the persistent files directly: its etc/ and host name are changed as well
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

pub(super) fn run(arguments: &CardArguments) -> Result<ExitCode> {
    let clock = machine::clock();
    let when = left::moment(clock.now_s, clock.set);
    let Some(report) = arguments.set_up(&when)? else {
        say(format!("nothing to do: {SHEET} on the card asks for nothing"));
        return Ok(ExitCode::SUCCESS);
    };
    say(format!("done: {}", if report.done.is_empty() { "nothing".into() } else { report.done.join(", ") }));
    for problem in &report.problems {
        say(format!("not done: {SHEET}, {problem}"));
    }
    Ok(ExitCode::SUCCESS)
}

impl CardArguments {
    /// Applies the card's file; `None` if it requests nothing.
    fn set_up(&self, when: &str) -> Result<Option<Report>> {
        let (mut sheet, mut further, found) = self.read_sheet();
        // Do this at every start, whatever else there is to do. A country in the card's file replaces a
        // damaged one.
        let lacking = self.keep_country().err().filter(|_| sheet.values.wifi_country.is_none());
        further.extend(lacking.map(|why| Problem {
            line: 0,
            says: format!(
                "iwd cannot be told the Wi-Fi country ({why}). Write it again: wifi_country = \"DE\""
            ),
        }));
        if sheet.is_blank() && further.is_empty() {
            if !found {
                self.on_card(|| {
                    write_whole(&self.boot.join(SHEET), left::sheet_text(&sheet, None).as_bytes(), OPEN)
                })
                .map_err(|error| self.cannot_write(SHEET, &error))?;
            }
            return Ok(None);
        }
        let unsaved = self.apply(&mut sheet);
        further.extend(unsaved.iter().cloned());
        let reading = random::<READING_BYTES>().map(|byte| format!("{byte:02x}")).concat();
        let mut report = Report::new(&sheet, &further, when, reading);
        // A failure of this step must not stop the rest; otherwise everything would be repeated at every start.
        if let Err(error) = self.on_card(|| self.put_problems(&report)) {
            report.problems.push(format!("{PROBLEMS} cannot be written ({error}). Remove what has its name"));
        }
        // The page shows problems from this report. If it cannot be written, the file on the card still lists
        // them.
        if let Err(error) = self.tell_service(&report) {
            remark(format!("synthwire: {error}."));
        }
        // Values that could not be saved stay on the card, for another attempt at the next start.
        if unsaved.is_empty() && !sheet.is_blank() {
            let text = left::sheet_text(&sheet, Some(&report));
            self.on_card(|| replace_secret(&self.boot.join(SHEET), text.as_bytes()))
                .map_err(|error| self.cannot_write(SHEET, &error))?;
        }
        Ok(Some(report))
    }

    /// Returns the card's file, problems outside it, and whether there was one.
    fn read_sheet(&self) -> (Sheet, Vec<Problem>, bool) {
        let about_file = |says: String| Problem { line: 0, says };
        let mut further: Vec<Problem> = MISNAMED
            .iter()
            .filter(|name| self.boot.join(name).exists())
            .map(|name| {
                about_file(format!(
                    "{name} was not read. Rename it to {SHEET} (Windows: show file name extensions)"
                ))
            })
            .collect();
        let mut bytes = Vec::new();
        let read = named_file::open(&self.boot.join(SHEET))
            .and_then(|file| file.take(SHEET_BYTES_MAX + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => (Sheet::default(), further, false),
            Err(error) => {
                further.push(about_file(format!(
                    "the file cannot be read ({error}). Save it again as plain text"
                )));
                (Sheet::default(), further, true)
            }
            Ok(length) if length as u64 > SHEET_BYTES_MAX => {
                further.push(about_file("the file is far too long. Save it again as plain text".into()));
                (Sheet::default(), further, true)
            }
            Ok(length) => match decode(&bytes) {
                Ok(text) => (sheet::read(&text), further, length > 0),
                Err(what) => {
                    further.push(about_file(format!(
                        "the file cannot be read: {what}. Save it again as plain text"
                    )));
                    (Sheet::default(), further, true)
                }
            },
        }
    }

    /// Applies everything it can; returns what could not be saved, and why.
    fn apply(&self, sheet: &mut Sheet) -> Vec<Problem> {
        let values = sheet.values.clone();
        let mut steps: Vec<(Vec<&str>, io::Result<()>)> = Vec::new();
        if let Some(name) = &values.hostname {
            steps.push((vec!["hostname"], self.name_host(name)));
        }
        if let Some(Network { name, password }) = &values.wifi {
            let path = format!("iwd/{}", files::iwd_file(name, password));
            let text = files::iwd_network(password);
            steps.push((vec!["wifi_name", "wifi_password"], self.put_kept(&path, text.as_bytes(), SECRET)));
        }
        if let Some(country) = &values.wifi_country {
            let kept = self.put(COUNTRY, format!("{country}\n").as_bytes(), OPEN);
            let told = kept.and_then(|()| self.keep_country().map_err(io::Error::other));
            steps.push((vec!["wifi_country"], told));
        }
        if let Some(keys) = &values.ssh_keys {
            let text = keys.join("\n") + "\n";
            steps.push((vec!["ssh_key"], self.put_kept(SSH_KEYS, text.as_bytes(), SECRET)));
        }
        let mut keys: Vec<(&str, Value)> = Vec::new();
        for (Setting { key, kind, .. }, value) in values.settings {
            match (kind, value) {
                (Kind::HashedKey, Value::String(typed)) => match hashed(&typed) {
                    Ok(hashed) => keys.push((key, hashed.into())),
                    Err(says) => sheet.refuse(key, &format!("{key}: {says}")),
                },
                (_, value) => keys.push((key, value)),
            }
        }
        if !keys.is_empty() {
            steps.push((keys.iter().map(|(key, _)| *key).collect(), self.configure(&keys)));
        }
        let mut unsaved = Vec::new();
        for (keys, saved) in steps {
            if let Err(error) = saved {
                let says = format!("it could not be saved ({error}); it is tried again at the next start");
                for key in &keys {
                    sheet.refuse(key, &says);
                }
                unsaved.push(Problem {
                    line: 0,
                    says: format!("{} could not be saved: {error}", keys.join(" and ")),
                });
            }
        }
        unsaved
    }

    fn name_host(&self, name: &str) -> io::Result<()> {
        self.put("etc/hostname", format!("{name}\n").as_bytes(), OPEN)?;
        // Set the kernel's name too, because systemd has already read the file.
        let kernels = self.root.as_ref().map(|root| root.join("proc/sys/kernel/hostname"));
        match kernels.filter(|path| path.exists()) {
            Some(path) => OpenOptions::new().write(true).open(path)?.write_all(name.as_bytes()),
            None => Ok(()),
        }
    }

    /// Sets keys of the service's configuration.
    fn configure(&self, keys: &[(&str, Value)]) -> io::Result<()> {
        let whole = |text: &String| !text.contains('\0');
        let damaged = || io::Error::new(ErrorKind::InvalidData, "it holds zeros");
        let now = self.now(CONFIG).and_then(|text| Some(text).filter(whole).ok_or_else(damaged));
        let text = match now {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                // Copy the file instead of moving it: if it were missing for a moment, a power cut would
                // leave the device without keys.
                self.put_kept(CONFIG_ASIDE, &self.bytes(CONFIG)?, OPEN)?;
                remark(format!(
                    "synthwire: the configuration could not be read ({error}). It is kept as {CONFIG_ASIDE}, and a new one was written."
                ));
                files::config_anew(keys)
            }
            now => files::config_with(&now?, keys),
        };
        self.put(CONFIG, text.as_bytes(), OPEN)
    }

    /// Writes the report to where the service reads it.
    fn tell_service(&self, report: &Report) -> Result<()> {
        let folder = StateFolder::made(&self.state.join(REPORT_FOLDER), 0o755)?;
        Stored::open(&folder).0.write(report)
    }

    /// Gives the stored country to iwd, for this start; an error says why that failed, in words.
    fn keep_country(&self) -> std::result::Result<(), String> {
        let (Some(root), Some(kept)) = (&self.root, read_if_any(&self.state.join(COUNTRY))?) else {
            return Ok(());
        };
        let country = files::kept_country(&kept).ok_or("the file that kept it is damaged")?;
        let path = root.join(IWD_CONFIG);
        let now = read_if_any(&path)?.unwrap_or_default();
        let new = files::iwd_with_country(&now, &country);
        if now == new {
            Ok(())
        } else {
            put_at(&path, new.as_bytes(), OPEN).map_err(|error| error.to_string())
        }
    }

    /// Returns the content of a file at this start: the persistent one, or the original of the system. Decodes it as the
    /// service does, whichever editor saved it.
    fn now(&self, path: &str) -> io::Result<String> {
        match self.bytes(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            read => decode(&read?).map_err(|what| io::Error::new(ErrorKind::InvalidData, what)),
        }
    }

    fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let kept = self.state.join(path);
        match &self.root {
            Some(root) if !kept.exists() => fs::read(root.join(path)),
            _ => fs::read(kept),
        }
    }

    /// Writes a file of `etc`: first where it persists, then where the running system sees it.
    fn put(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.put_kept(path, bytes, mode)?;
        self.root.as_ref().map_or(Ok(()), |root| put_at(&root.join(path), bytes, mode))
    }

    fn put_kept(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        put_at(&self.state.join(path), bytes, mode)
    }

    /// Writes the file beside the card's own, which exists as long as there are problems.
    fn put_problems(&self, report: &Report) -> io::Result<()> {
        let path = self.boot.join(PROBLEMS);
        if !report.problems.is_empty() {
            let text = report.problems_text();
            return if fs::read(&path).is_ok_and(|now| now == text.as_bytes()) {
                Ok(()) // unchanged: spare the card a write at every start
            } else {
                write_whole(&path, text.as_bytes(), OPEN)
            };
        }
        match fs::remove_file(&path) {
            // A folder with that name is not ours, and contains no problems of ours.
            Err(error) if error.kind() != ErrorKind::NotFound && !path.is_dir() => Err(error),
            _ => Ok(()),
        }
    }

    fn on_card(&self, work: impl Fn() -> io::Result<()>) -> io::Result<()> {
        on_card(&self.boot, work)
    }

    fn cannot_write(&self, name: &str, error: &io::Error) -> Error {
        Error::new(format!("cannot write {} on the card", self.boot.join(name).display()))
            .because(error.to_string())
            .try_this("Check that the card's small switch is not on LOCK and that it is not full")
    }
}

/// Does `work` on the FAT partition, and makes it writable meanwhile if it is mounted read-only.
pub(super) fn on_card(boot: &Path, work: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match work() {
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
            remount(boot, "rw")?;
            let done = work();
            remount(boot, "ro")?;
            done
        }
        done => done,
    }
}

fn remount(boot: &Path, how: &str) -> io::Result<()> {
    let done = Command::new("mount").arg("-o").arg(format!("remount,{how}")).arg(boot).status()?;
    if done.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("mount -o remount,{how} ended with {done}")))
    }
}

fn hashed(key: &str) -> std::result::Result<String, String> {
    let hashed =
        if key.starts_with("$argon2") { HashedKey::parse(key) } else { HashedKey::of(key, random()) };
    hashed.map(|hashed| hashed.as_str().to_owned()).map_err(|error| error.to_string())
}

/// Reads a text file, if it exists; an error says why it cannot be read, in words.
fn read_if_any(path: &Path) -> std::result::Result<Option<String>, String> {
    let name = path.file_name().unwrap_or_default().display();
    let file = match named_file::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file,
    };
    let mut bytes = Vec::new();
    let read = file.and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|error| format!("{name} cannot be read: {error}"))?;
    decode(&bytes).map(Some).map_err(|what| format!("{name} cannot be read: {what}"))
}

/// Writes a file completely. Missing folders are created with the file's access, for root alone if the file is.
fn put_at(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write_whole_below(path, bytes, mode, if mode == SECRET { 0o700 } else { 0o755 })
}

/// Replaces the file, and overwrites its old content first, so that no tool for deleted files can recover it.
fn replace_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut old = OpenOptions::new().write(true).open(path)?;
    let length = old.metadata()?.len();
    old.write_all(&vec![b'\n'; usize::try_from(length).map_err(io::Error::other)?])?;
    old.sync_all()?;
    write_whole(path, bytes, OPEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::net::access::key::Workspace;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// A card, a persistent folder and a system, in a temporary folder.
    struct Device {
        arguments: CardArguments,
        top: PathBuf,
    }

    impl Device {
        fn new(name: &str) -> Self {
            let top = std::env::temp_dir().join(format!("synthwire-card-{name}-{}", std::process::id()));
            let folder = |name: &str| {
                fs::create_dir_all(top.join(name)).unwrap();
                top.join(name)
            };
            let arguments =
                CardArguments { boot: folder("boot"), state: folder("state"), root: Some(folder("root")) };
            Self { arguments, top }
        }

        fn with(self, path: &str, text: &str) -> Self {
            put_at(&self.top.join(path), text.as_bytes(), OPEN).unwrap();
            self
        }

        fn run(&self) -> Option<Report> {
            self.arguments.set_up("today").unwrap()
        }

        fn text(&self, path: &str) -> String {
            fs::read_to_string(self.top.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
        }

        fn has(&self, path: &str) -> bool {
            self.top.join(path).exists()
        }
    }

    impl Drop for Device {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.top);
        }
    }

    const WHOLE: &str = "hostname = \"Stage\"\nwifi_name = \"Home\"\nwifi_password = \"hunter2hunter2\"\nwifi_country = \"de\"\n\
                         first_channel = 3\nlistening_key = \"hunter2hunter3\"\n\
                         ssh_key = \"ssh-ed25519 AAAACCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC me\"\n";

    #[test]
    fn a_card_is_done_once_and_keeps_no_secret() {
        let device = Device::new("whole")
            .with("boot/synthwire.toml", WHOLE)
            .with("boot/synthwire-problems.txt", "of the last time")
            .with("root/etc/synthwire/synthwire.toml", "listen_tls = \"[::]:443\"\nfirst_channel = 1\n")
            .with("root/etc/iwd/main.conf", "[General]\nEnableNetworkConfiguration=false\n")
            .with("root/proc/sys/kernel/hostname", "synthwire")
            .with("state/synthwire/settings.json", "{\"first_channel\":7}");
        let service = [device.top.join("state/synthwire"), device.top.join("outside")];
        fs::create_dir(&service[1]).unwrap();
        let targets = ["settings.json.new", "card.json", "card.json.new"];
        for name in targets {
            symlink(service[1].join(name), service[0].join(name)).unwrap();
        }
        let report = device.run().unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        assert_eq!(report.done.len(), 7);
        for place in ["state", "root"] {
            assert_eq!(device.text(&format!("{place}/etc/hostname")), "stage\n");
            let config =
                Config::parse(&device.text(&format!("{place}/etc/synthwire/synthwire.toml")), "x").unwrap();
            assert_eq!((config.first_channel, config.listen_tls.is_some()), (3, true));
            let key = HashedKey::parse(&config.listening_key.unwrap()).unwrap();
            assert!(key.is("hunter2hunter3", &mut Workspace::default()));
        }
        assert_eq!(
            device.text("root/proc/sys/kernel/hostname"),
            "stagewire",
            "the kernel takes what is written over its own"
        );
        assert!(device.text("state/iwd/Home.psk").ends_with("[Security]\nPassphrase=hunter2hunter2\n"));
        assert!(device.text("root/etc/iwd/main.conf").starts_with("[General]\nCountry=DE\n"));
        assert!(!device.has("state/etc/iwd/main.conf"), "an update may bring another");
        let ssh_keys = format!("state/{SSH_KEYS}");
        assert!(device.text(&ssh_keys).starts_with("ssh-ed25519 "));
        assert_eq!(
            device.text("state/synthwire/settings.json"),
            "{\"first_channel\":7}",
            "the service's own affair"
        );
        assert_eq!(
            fs::read_dir(&service[0]).unwrap().count(),
            4,
            "root writes nothing in the service's folder"
        );
        assert_eq!(fs::read_dir(&service[1]).unwrap().count(), 0, "and nothing where links in it lead");
        let mode = |path: &str| fs::metadata(device.top.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("state/iwd"), mode("state/iwd/Home.psk")), (0o700, 0o600));
        assert_eq!(
            (mode(ssh_keys.trim_end_matches("/authorized_keys")), mode("state/card/card.json")),
            (0o700, 0o644)
        );
        let left = device.text("boot/synthwire.toml");
        assert!(left.contains("# Done: wifi_password = (taken out") && !left.contains("hunter2"), "{left}");
        assert!(!device.has("boot/synthwire-problems.txt"));
        let kept: Report = serde_json::from_str(&device.text("state/card/card.json")).unwrap();
        assert_eq!(kept, report);
        assert_eq!(device.run(), None, "the second time there is nothing to do");
        assert_eq!(device.text("boot/synthwire.toml"), left);
    }

    #[test]
    fn however_an_editor_saved_the_configuration_the_card_sets_keys_in_it_and_the_rest_stays() {
        let utf16 = "\u{feff}listening_key = \"old\"\r\nqueue_ms = 100\r\n".encode_utf16();
        for (name, before) in [
            ("latin-1", b"# f\xfcr\nqueue_ms = 100\n".to_vec()),
            ("mark", b"\xef\xbb\xbflistening_key = \"old\"\nqueue_ms = 100\n".to_vec()),
            ("utf-16", utf16.flat_map(u16::to_le_bytes).collect()),
        ] {
            let device =
                Device::new(name).with("boot/synthwire.toml", "listening_key = \"hunter2hunter3\"\n");
            put_at(&device.top.join("root").join(CONFIG), &before, OPEN).unwrap();
            assert_eq!(device.run().unwrap().problems, Vec::<String>::new(), "{name}");
            let text = device.text(&format!("state/{CONFIG}"));
            assert_eq!(text.matches("listening_key").count(), 1, "{name}: {text}");
            let config = Config::parse(&text, name).unwrap();
            assert!(config.queue_ms == 100 && config.listening_key.unwrap().starts_with("$argon2"), "{text}");
            assert!(name != "latin-1" || text.starts_with("# für\n"), "{text}");
        }
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_kept_aside_and_made_anew_without_opening_the_door() {
        let keys = "listening_key = \"hunter2hunter3\"\nsettings_key = \"hunter2hunter4\"\n";
        for (name, before) in [
            ("zeros", vec![0; 4096]),
            ("zeros-within", b"queue_ms = 1\0\x000\n".to_vec()),
            ("utf-32", b"\xff\xfe\0\0q\0\0\0".to_vec()),
        ] {
            let device = Device::new(name).with("boot/synthwire.toml", "first_channel = 3\n");
            put_at(&device.top.join("state").join(CONFIG), &before, OPEN).unwrap();
            assert_eq!(device.run().unwrap().problems, Vec::<String>::new(), "{name}");
            assert_eq!(fs::read(device.top.join("state").join(CONFIG_ASIDE)).unwrap(), before, "{name}");
            for place in ["state", "root"] {
                let config = Config::parse(&device.text(&format!("{place}/{CONFIG}")), name).unwrap();
                assert_eq!(config.first_channel, 3, "{name}");
                for key in [config.listening_key, config.settings_key] {
                    assert!(HashedKey::parse(&key.unwrap()).is_err(), "{name}: there may have been a key");
                }
            }
            let device = device.with("boot/synthwire.toml", keys);
            assert_eq!(device.run().unwrap().problems, Vec::<String>::new(), "{name}");
            let config = Config::parse(&device.text(&format!("state/{CONFIG}")), name).unwrap();
            assert_eq!(config.first_channel, 3, "{name}");
            for key in [config.listening_key, config.settings_key] {
                assert!(HashedKey::parse(&key.unwrap()).is_ok(), "{name}: the card opens it again");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_both_places_and_the_rest_is_done() {
        let device = Device::new("wrong")
            .with("boot/synthwire.toml", "hostname = stage\nlistening_key = \"short\"\nfirst_channel = 5\n")
            .with("boot/synthwire.toml.txt", "x");
        let report = device.run().unwrap();
        assert_eq!(report.done, ["first_channel"]);
        for (number, said) in [
            (0, "line 1: the value must stand as in this example: hostname = \"synthwire\""),
            (1, "line 2: listening_key: a key has at least 8 characters"),
            (2, "synthwire.toml.txt was not read. Rename it"),
        ] {
            assert!(report.problems[number].starts_with(said), "{:?}", report.problems);
            assert!(device.text("boot/synthwire-problems.txt").contains(said));
            assert!(device.text("state/card/card.json").contains(&said.replace('"', "\\\"")));
        }
        assert!(device.text("state/etc/synthwire/synthwire.toml").contains("first_channel = 5"));
        assert!(!device.has("state/etc/hostname"));
        assert!(device.text("boot/synthwire.toml").contains("# Not done: (a line that was not understood)"));
    }

    #[test]
    fn a_problem_stays_until_the_card_asks_for_something_else() {
        let device = Device::new("stays").with("boot/synthwire.toml", "hostname = 5\n");
        device.run().unwrap();
        assert_eq!(device.run(), None);
        assert!(device.has("boot/synthwire-problems.txt"));
        let device = device.with("boot/synthwire.toml", "hostname = \"ok\"\n");
        assert_eq!(device.run().unwrap().problems, Vec::<String>::new());
        assert!(!device.has("boot/synthwire-problems.txt"));
    }

    #[test]
    fn an_empty_card_gets_the_file_to_fill_in() {
        let device = Device::new("empty");
        assert_eq!(device.run(), None);
        assert!(device.text("boot/synthwire.toml").contains("#wifi_name = \"My network\"\r\n"));
        let device = device.with("boot/synthwire.toml", "");
        assert_eq!(device.run(), None);
        assert!(device.text("boot/synthwire.toml").contains("#hostname"));
        assert!(!device.has("state/card"), "nothing was set up");
    }

    #[test]
    fn what_cannot_be_saved_stays_on_the_card() {
        // A file where a folder should be: nobody can write there, not even root.
        let device =
            Device::new("unsaved").with("boot/synthwire.toml", WHOLE).with("state/iwd", "in the way");
        let report = device.run().unwrap();
        assert!(
            report
                .problems
                .iter()
                .any(|said| said.starts_with("wifi_name and wifi_password could not be saved"))
        );
        assert!(report.done.contains(&"hostname".into()) && !report.done.contains(&"wifi_name".into()));
        assert_eq!(device.text("boot/synthwire.toml"), WHOLE, "it is tried again");
        fs::remove_file(device.top.join("state/iwd")).unwrap();
        assert_eq!(device.run().unwrap().problems, Vec::<String>::new());
        assert!(device.has("state/iwd/Home.psk") && !device.has("boot/synthwire-problems.txt"));
    }

    #[test]
    fn the_country_is_told_at_every_start() {
        let device = Device::new("country").with("state/etc/synthwire/wifi-country", "DE\n");
        device.arguments.keep_country().unwrap();
        assert_eq!(device.text("root/etc/iwd/main.conf"), "[General]\nCountry=DE\n");
        let other = Device::new("no-country");
        other.arguments.keep_country().unwrap();
        assert!(!other.has("root/etc/iwd"));
    }

    #[test]
    fn a_damaged_country_is_said_and_stops_nothing() {
        for (what, path, bytes) in [
            ("no UTF-8", COUNTRY, b"\xff\xfe\xfd".to_vec()),
            ("a folder", COUNTRY, Vec::new()),
            ("zeros", COUNTRY, vec![0; 4]),
            ("a lone newline", COUNTRY, b"\n".to_vec()),
            ("two keys", COUNTRY, b"DE\nEnableNetworkConfiguration=true\n".to_vec()),
            ("a system's file of zeros", IWD_CONFIG, vec![0; 4]),
            ("a folder as the system's file", IWD_CONFIG, Vec::new()),
        ] {
            let device = Device::new("damaged").with("boot/synthwire.toml", "hostname = \"stage\"\n");
            let device = if path == COUNTRY {
                device
            } else {
                device.with("state/etc/synthwire/wifi-country", "DE\n")
            };
            let place = device.top.join(if path == COUNTRY { "state" } else { "root" }).join(path);
            if bytes.is_empty() {
                fs::create_dir_all(&place).unwrap();
            } else {
                put_at(&place, &bytes, OPEN).unwrap();
            }
            let report = device.run().unwrap();
            assert_eq!(report.done, ["hostname"], "{what}");
            let [problem] = &report.problems[..] else { panic!("{what}: {:?}", report.problems) };
            assert!(problem.starts_with("iwd cannot be told the Wi-Fi country ("), "{what}: {problem}");
            assert!(device.text("boot/synthwire-problems.txt").contains("wifi_country = \"DE\""), "{what}");
            assert!(!device.text("boot/synthwire.toml").contains("\nhostname"), "{what}");
            let iwd = device.top.join("root").join(IWD_CONFIG);
            assert!(!fs::read_to_string(iwd).unwrap_or_default().contains("Country"), "{what}");
            if path == COUNTRY && !place.is_dir() {
                let device = device.with("boot/synthwire.toml", "wifi_country = \"fr\"\n");
                assert_eq!(device.run().unwrap().problems, Vec::<String>::new(), "{what}");
                assert!(device.text("root/etc/iwd/main.conf").contains("Country=FR\n"), "{what}");
                assert!(!device.has("boot/synthwire-problems.txt"), "{what}");
            }
        }
    }

    #[test]
    fn a_folder_with_the_name_of_the_problems_is_said_and_what_was_done_is_done_once() {
        let device = Device::new("in-the-way").with("boot/synthwire-problems.txt/photo.jpg", "x");
        let device = device.with("boot/synthwire.toml", "hostname = \"stage\"\nfirst_channel = none\n");
        let report = device.run().unwrap();
        assert_eq!(report.done, ["hostname"]);
        let last = report.problems.last().unwrap();
        assert!(last.starts_with("synthwire-problems.txt cannot be written ("), "{last}");
        assert!(device.text("state/card/card.json").contains("Remove what has its name"));
        assert_eq!(device.run(), None, "the sheet asks for nothing any more");
        let device = device.with("boot/synthwire.toml", "hostname = \"ok\"\n");
        assert_eq!(device.run().unwrap().problems, Vec::<String>::new());
        assert!(device.has("boot/synthwire-problems.txt/photo.jpg"), "it is not ours");
    }

    #[test]
    fn a_file_too_long_or_no_file_is_said() {
        let long = format!("hostname = \"a\"\n{}", "#".repeat(SHEET_BYTES_MAX as usize));
        let device = Device::new("long").with("boot/synthwire.toml", &long);
        assert!(device.run().unwrap().problems[0].contains("far too long"));
        assert_eq!(device.text("boot/synthwire.toml"), long);
        let device = Device::new("folder");
        fs::create_dir(device.top.join("boot/synthwire.toml")).unwrap();
        assert!(device.run().unwrap().problems[0].contains("cannot be read"));
    }
}
