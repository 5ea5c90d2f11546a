//! A card's system in a folder: the real scripts with fake programs beside them, and their results.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

pub(crate) const OVERLAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/image/overlay/usr/lib");
/// Knows `info` and `install`. The content of a bundle is the answer: the version, or a fault.
const RAUC: &str = r#"#!/bin/bash
{ IFS= read -r said <"${@: -1}"; } 2>/dev/null
case $1-$said in
    info-junk*) echo 'Invalid bundle format'; exit 1 ;;
    info-*) echo "RAUC_MF_VERSION='${said#* }'" ;;
    install-fails*) echo 'LastError: no space'; exit 1 ;;
    install-dies*) read -r _ _ _ updater _ <"/proc/$PPID/stat" && kill -KILL "$updater" ;;
    install-*) echo ' 40% Checking bundle done.'; echo "$said" >"$INSTALLED" ;;
    status-*) echo "rauc $*" >>"$ASKED" ;;
esac
"#;
/// This program records its arguments.
const SYSTEMCTL: &str = "#!/bin/sh\necho \"systemctl $*\" >>\"$ASKED\"\n";
/// This `sleep` ends at once.
const SLEEP: &str = "#!/bin/sh\necho \"$1\" >>\"$SLEPT\"\n";

/// The paths of the card's system, in a folder that is removed when the value is dropped.
pub(crate) struct Card(pub(crate) PathBuf);

impl Card {
    /// A card on which version 1.0 runs.
    pub(crate) fn new(name: &str) -> Self {
        let card =
            Self(std::env::temp_dir().join(format!("synthwire-updater-{name}-{}", std::process::id())));
        for folder in ["data/synthwire", "data/rauc", "run/synthwire-updater", "lib", "share", "bin"] {
            fs::create_dir_all(card.path(folder)).unwrap();
        }
        for script in ["update", "update-state", "slot-good", "take-place", "log-tail"] {
            let text = fs::read_to_string(format!("{OVERLAY}/synthwire/{script}")).unwrap();
            let top = card.0.display();
            let text = text
                .replace("/usr/lib/synthwire/", &format!("{top}/lib/"))
                .replace("/usr/share/synthwire/", &format!("{top}/share/"))
                .replace("=/data/", &format!("={top}/data/"))
                .replace("=/run/", &format!("={top}/run/"))
                .replace("$(cat /proc/sys/kernel/random/boot_id)", "this-boot")
                .replace("/127.0.0.1/80", "/127.0.0.1/$PORT")
                .replace("\"$SECONDS\"", "\"$(wc -l <\"$SLEPT\")\"");
            card.program(&format!("lib/{script}"), &text);
        }
        card.program("bin/rauc", RAUC);
        card.program("bin/chown", "#!/bin/sh\n");
        card.program("bin/systemctl", SYSTEMCTL);
        card.program("bin/sleep", SLEEP);
        card.program("lib/slots", "#!/bin/sh\nexit 1\n");
        for file in ["asked", "slept"] {
            fs::write(card.path(file), "").unwrap();
        }
        fs::write(card.path("share/system-version"), "1.0\n").unwrap();
        card
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn runs(&self, words: &[&str], environment: &[(&str, &str)]) -> Output {
        self.within("", words, environment)
    }

    /// Runs the trial of slot b while the service gives these answers in order and then repeats the last one.
    /// Returns the output.
    pub(crate) fn tries(&self, answers: &[&str], seconds_max: u32) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        std::thread::spawn(move || {
            for (place, connection) in listener.incoming().enumerate() {
                let mut connection = BufReader::new(connection.unwrap());
                let mut line = String::new();
                while connection.read_line(&mut line).is_ok_and(|length| length > 2) {
                    line.clear();
                }
                let _ = connection.get_mut().write_all(answers[place.min(answers.len() - 1)].as_bytes());
            }
        });
        self.program("lib/slots", "#!/bin/sh\necho b\n");
        fs::write(self.path("data/rauc/trial"), "b tried\n").unwrap();
        fs::write(self.path("data/rauc/state.json"), r#"{"state":"waiting","version":"2.0"}"#).unwrap();
        let seconds_max = seconds_max.to_string();
        let output = Command::new("bash")
            .arg(self.path("lib/slot-good"))
            .arg(&seconds_max)
            .envs(self.environment())
            .env("PORT", port)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Replaces the fake `slots` by the real one, on a card that runs from slot a, which has passed its
    /// trial.
    pub(crate) fn real_slots(&self) {
        let text = fs::read_to_string(format!("{OVERLAY}/synthwire/slots")).unwrap();
        let top = self.0.display().to_string();
        let text = text
            .replace("/usr/lib/synthwire/", &format!("{top}/lib/"))
            .replace("/boot/synthwire/", &format!("{top}/"))
            .replace("/proc/cmdline", &format!("{top}/cmdline"));
        self.program("lib/slots", &text);
        fs::write(self.path("cmdline"), "quiet synthwire.slot=a\n").unwrap();
        fs::write(self.path("autoboot.txt"), "[all]\nboot_partition=2\n[tryboot]\nboot_partition=3\n")
            .unwrap();
    }

    /// The output of slot-good at a start.
    pub(crate) fn says(&self) -> String {
        let mut command = Command::new("bash");
        let output =
            command.arg(self.path("lib/slot-good")).arg("1").envs(self.environment()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    pub(crate) fn environment(&self) -> [(&'static str, String); 4] {
        let path = |name: &str| self.path(name).display().to_string();
        [
            ("PATH", format!("{}:{}", path("bin"), std::env::var("PATH").unwrap())),
            ("INSTALLED", path("installed")),
            ("ASKED", path("asked")),
            ("SLEPT", path("slept")),
        ]
    }

    pub(crate) fn asked(&self) -> String {
        fs::read_to_string(self.path("asked")).unwrap()
    }

    /// Returns the seconds for which a script has slept, by its own clock.
    pub(crate) fn slept(&self) -> usize {
        fs::read_to_string(self.path("slept")).unwrap().lines().count()
    }

    /// Runs the updater after these preparations, in a separate mount namespace if they include mounts.
    pub(crate) fn within(&self, preparations: &str, words: &[&str], environment: &[(&str, &str)]) -> Output {
        let script =
            format!("{preparations}\nexec {} {}", self.path("lib/update").display(), words.join(" "));
        let mut command = if preparations.is_empty() {
            Command::new("bash")
        } else {
            let mut command = Command::new("unshare");
            command.args(["--mount", "bash"]);
            command
        };
        let command = command.args(["-c", &script]).envs(self.environment());
        command.envs(environment.iter().copied()).output().unwrap()
    }

    pub(crate) fn said(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("run/synthwire-updater/state.json")).unwrap()).unwrap()
    }

    pub(crate) fn outcome(&self) -> String {
        let said = self.said();
        format!("{} {}", said["state"].as_str().unwrap(), said["reason"].as_str().unwrap()).trim().to_owned()
    }

    /// Returns everything that updates have left anywhere.
    pub(crate) fn left(&self) -> Vec<String> {
        let folders = ["data/synthwire", "data/rauc", "run/synthwire-updater"];
        let names =
            |folder: &str| fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let names = folders.into_iter().flat_map(names).map(|name| name.into_string().unwrap());
        names.filter(|name| name != "state.json").collect()
    }

    /// Checks that the next good bundle is accepted.
    pub(crate) fn takes_a_good_one(&self, after: &str) {
        let _ = fs::remove_file(self.path("installed"));
        fs::write(self.path("data/synthwire/update.raucb"), "good 2.0\n").unwrap();
        let output = self.runs(&[], &[]);
        assert!(output.status.success(), "{after}: {output:?}");
        assert_eq!(self.outcome(), "waiting", "{after}");
        assert_eq!(fs::read_to_string(self.path("installed")).unwrap(), "good 2.0\n", "{after}");
        assert_eq!(self.left(), Vec::<String>::new(), "{after}");
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
