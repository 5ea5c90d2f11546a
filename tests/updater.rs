//! The system's updater (image/overlay/usr/lib/synthwire/update) with a fake rauc that returns what the test
//! wants: obstacles, failures in the middle, and that nothing is left behind. Also the trial of a newly
//! installed system (slot-good), with a fake service. `make test-update` does the same with the real rauc and
//! systemd.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use synthwire::state::StateFolder;
use synthwire::update::{Age, Updater};

const OVERLAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/image/overlay/usr/lib");
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
struct Card(PathBuf);

impl Card {
    /// A card on which version 1.0 runs.
    fn new(name: &str) -> Self {
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

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn program(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn runs(&self, words: &[&str], environment: &[(&str, &str)]) -> Output {
        self.within("", words, environment)
    }

    /// Runs the trial of slot b while the service gives these answers in order and then repeats the last one.
    /// Returns the output.
    fn tries(&self, answers: &[&str], seconds_max: u32) -> String {
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
    fn real_slots(&self) {
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
    fn says(&self) -> String {
        let mut command = Command::new("bash");
        let output =
            command.arg(self.path("lib/slot-good")).arg("1").envs(self.environment()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    fn environment(&self) -> [(&'static str, String); 4] {
        let path = |name: &str| self.path(name).display().to_string();
        [
            ("PATH", format!("{}:{}", path("bin"), std::env::var("PATH").unwrap())),
            ("INSTALLED", path("installed")),
            ("ASKED", path("asked")),
            ("SLEPT", path("slept")),
        ]
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.path("asked")).unwrap()
    }

    /// Returns the seconds for which a script has slept, by its own clock.
    fn slept(&self) -> usize {
        fs::read_to_string(self.path("slept")).unwrap().lines().count()
    }

    /// Runs the updater after these preparations, in a separate mount namespace if they include mounts.
    fn within(&self, preparations: &str, words: &[&str], environment: &[(&str, &str)]) -> Output {
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

    fn said(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("run/synthwire-updater/state.json")).unwrap()).unwrap()
    }

    fn outcome(&self) -> String {
        let said = self.said();
        format!("{} {}", said["state"].as_str().unwrap(), said["reason"].as_str().unwrap()).trim().to_owned()
    }

    /// Returns everything that updates have left anywhere.
    fn left(&self) -> Vec<String> {
        let folders = ["data/synthwire", "data/rauc", "run/synthwire-updater"];
        let names =
            |folder: &str| fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let names = folders.into_iter().flat_map(names).map(|name| name.into_string().unwrap());
        names.filter(|name| name != "state.json").collect()
    }

    /// Checks that the next good bundle is accepted.
    fn takes_a_good_one(&self, after: &str) {
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

/// A function that puts something at a path.
type Put = Box<dyn Fn(&Path)>;

#[test]
fn what_is_no_good_bundle_is_refused_and_gone_and_the_next_is_taken() {
    let card = Card::new("refused");
    let bundle = |text: &'static str| move |way: &Path| fs::write(way, text).unwrap();
    let cases: [(&str, Put, &str); 9] = [
        ("junk", Box::new(bundle("junk\n")), "refused no_bundle"),
        ("an empty file", Box::new(bundle("")), "refused older"),
        ("one that cannot be written", Box::new(bundle("fails 2.0\n")), "refused failed"),
        ("an older one", Box::new(bundle("good 0.9\n")), "refused older"),
        ("one without a version", Box::new(bundle("good \n")), "refused older"),
        ("a folder", Box::new(|way| fs::create_dir_all(way.join("deep/er")).unwrap()), "refused no_bundle"),
        ("a link", Box::new(|way| symlink("/etc/passwd", way).unwrap()), "refused no_bundle"),
        ("a link to a folder", Box::new(|way| symlink("/etc", way).unwrap()), "refused no_bundle"),
        ("a link to nothing", Box::new(|way| symlink("/nowhere", way).unwrap()), "refused no_bundle"),
    ];
    for (what, put, outcome) in cases {
        put(&card.path("data/synthwire/update.raucb"));
        let output = card.runs(&[], &[]);
        assert!(output.status.success(), "{what}: {output:?}");
        assert_eq!(card.outcome(), outcome, "{what}: {output:?}");
        assert_eq!(card.left(), Vec::<String>::new(), "{what}");
        card.takes_a_good_one(what);
    }
}

#[test]
fn what_lies_in_the_updaters_own_way_is_taken_away() {
    let card = Card::new("way");
    for way in ["data/rauc/update.raucb", "data/synthwire/update.restart"] {
        fs::create_dir_all(card.path(way).join("deep/er")).unwrap();
        card.takes_a_good_one(way);
        fs::write(card.path(way), "a file").unwrap();
        card.takes_a_good_one(way);
    }
}

#[test]
fn an_older_version_is_installed_under_its_own_name_alone() {
    let card = Card::new("older");
    for (version, running, newer) in [
        ("0.9", "1.0", "refused older"),
        ("1.0~rc1", "1.0", "refused older"),
        ("1.0-1", "1.0-2", "refused older"),
        ("1.9", "1.10", "refused older"),
        ("1.0", "1.0", "waiting"),
        ("1.0+git5", "1.0", "waiting"),
        ("2.0", "1.10", "waiting"),
        ("next", "1.0", "waiting"),
        ("1:", "1.0", "refused older"),
        ("2 0", "1.0", "refused older"),
        ("2.0-", "1.0", "refused older"),
    ] {
        fs::write(card.path("share/system-version"), running).unwrap();
        for (name, expected) in [("update.raucb", newer), ("update-any.raucb", "waiting")] {
            fs::write(card.path("data/synthwire").join(name), format!("good {version}\n")).unwrap();
            card.runs(&[], &[]);
            assert_eq!(card.outcome(), expected, "{version} over {running} as {name}");
            assert_eq!(card.left(), Vec::<String>::new());
        }
    }
    fs::remove_file(card.path("share/system-version")).unwrap();
    fs::write(card.path("data/synthwire/update.raucb"), "good 0.1\n").unwrap();
    card.runs(&[], &[]);
    assert_eq!(card.outcome(), "waiting", "nobody knows what runs");
}

#[test]
fn one_that_is_ended_in_the_middle_says_so_and_leaves_nothing() {
    let card = Card::new("ended");
    fs::write(card.path("data/synthwire/update.raucb"), "dies 2.0\n").unwrap();
    card.runs(&[], &[]);
    // systemd runs this after the updater ends, for whatever reason (ExecStopPost=).
    card.runs(&["ended"], &[("SERVICE_RESULT", "timeout")]);
    assert_eq!(card.outcome(), "refused interrupted");
    assert_eq!(card.said()["detail"], "ended by timeout");
    assert_eq!(card.asked(), "systemctl stop rauc.service\n", "rauc goes on by itself");
    assert_eq!(card.left(), Vec::<String>::new());
    card.takes_a_good_one("an end in the middle");

    fs::write(card.path("data/synthwire/update.raucb"), "dies 2.0\n").unwrap();
    card.runs(&[], &[]);
    card.runs(&["ended"], &[("SERVICE_RESULT", "success")]);
    assert_eq!(card.said()["detail"], "ended by a stop", "the machine shuts down");
    card.takes_a_good_one("a stop");

    card.runs(&["ended"], &[("SERVICE_RESULT", "success")]);
    assert_eq!(card.outcome(), "waiting", "a good end changes nothing");

    // The restart failed: the update still waits, and the user can try again.
    fs::write(card.path("data/rauc/trial"), "b new\n").unwrap();
    fs::write(card.path("data/synthwire/update.restart"), "").unwrap();
    card.runs(&[], &[]);
    assert_eq!(card.outcome(), "restarting");
    card.runs(&["ended"], &[("SERVICE_RESULT", "exit-code")]);
    assert_eq!(card.outcome(), "waiting");
    assert_eq!(card.said()["version"], "2.0");
}

#[test]
fn while_a_version_is_on_trial_the_one_to_go_back_to_is_not_written_over() {
    let card = Card::new("trial");
    fs::write(card.path("data/rauc/state.json"), r#"{"state":"waiting","version":"2.0"}"#).unwrap();
    for trial in ["b tried\n", "b tried no_answer\n"] {
        fs::write(card.path("data/rauc/trial"), trial).unwrap();
        for name in ["update.raucb", "update-any.raucb"] {
            fs::write(card.path("data/synthwire").join(name), "good 3.0\n").unwrap();
            card.runs(&[], &[]);
            assert_eq!(card.outcome(), "refused busy", "{trial}");
            assert_eq!(card.said()["version"], "2.0", "the one on trial is the one to be told of");
            assert_eq!(card.left(), ["trial"], "{trial}");
            assert!(!card.path("installed").exists(), "{trial}");
        }
    }
    // An update that waits for its trial is replaced.
    fs::write(card.path("data/rauc/trial"), "b new\n").unwrap();
    fs::write(card.path("data/synthwire/update.raucb"), "good 3.0\n").unwrap();
    card.runs(&[], &[]);
    assert_eq!(card.outcome(), "waiting");
}

/// The folder is like a partition that has become read-only: systemd starts the updater again as soon as it
/// ends.
#[test]
fn what_cannot_be_taken_away_is_no_tight_loop() {
    let stays = |program: &str| {
        format!("#!/bin/sh\ncase $* in *data/synthwire/*) exit 1 ;; esac\nexec /bin/{program} \"$@\"\n")
    };
    for (name, trial) in [("update.raucb", ""), ("update.raucb", "b tried\n"), ("update.restart", "b new\n")]
    {
        let card = Card::new("stays");
        card.program("bin/mv", &stays("mv"));
        card.program("bin/rm", &stays("rm"));
        fs::write(card.path("data/synthwire").join(name), "good 2.0\n").unwrap();
        fs::write(card.path("data/rauc/trial"), trial).unwrap();
        let output = card.runs(&[], &[]);
        assert!(!output.status.success(), "{name} {trial}");
        assert_eq!(fs::read_to_string(card.path("slept")).unwrap(), "60\n", "{name} {trial}");
        assert!(!card.path("installed").exists());
    }
}

const ALIVE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
const ILL: &str = "HTTP/1.1 503 Service Unavailable\r\n\r\nThere is sound, and none of it goes anywhere.\n";

#[test]
fn a_version_that_is_alive_for_twenty_seconds_on_end_is_settled() {
    let nineteen_then_ill: Vec<&str> = std::iter::repeat_n(ALIVE, 19).chain([ILL, ALIVE]).collect();
    for (what, answers, waited_s, said) in [
        ("at once", vec![ALIVE], 19, ""),
        ("after a silence", vec!["", "", ALIVE], 21, "not alive: no answer\n"),
        (
            "after a bad second",
            nineteen_then_ill,
            39,
            "not alive: There is sound, and none of it goes anywhere.\n",
        ),
    ] {
        let card = Card::new("alive");
        assert_eq!(card.tries(&answers, 180), said, "{what}");
        assert_eq!(card.outcome(), "installed", "{what}");
        assert_eq!(card.said()["version"], "2.0", "{what}");
        assert_eq!(card.asked(), "rauc status mark-good\n", "{what}");
        assert_eq!(card.slept(), waited_s, "{what}");
        assert_eq!(fs::read_to_string(card.path("run/synthwire-updater/running")).unwrap(), "1.0\n");
    }
}

#[test]
fn a_version_that_is_not_gives_way_and_says_why() {
    let never_for_long: Vec<&str> =
        std::iter::repeat_n([[ALIVE; 19].as_slice(), &[ILL]].concat(), 9).flatten().collect();
    for (what, answers, said) in [
        ("ill", vec![ILL], "There is sound, and none of it goes anywhere."),
        ("silent", vec![""], "no answer"),
        ("no HTTP", vec!["ok\n"], "no answer"),
        ("alive, but never for long", never_for_long, "There is sound, and none of it goes anywhere."),
    ] {
        let card = Card::new("ill");
        assert_eq!(card.tries(&answers, 180), format!("not alive: {said}\n"), "{what}");
        assert_eq!(card.outcome(), "trying", "{what}");
        assert_eq!(card.asked(), "systemctl reboot\n", "{what}");
        assert_eq!(
            fs::read_to_string(card.path("data/rauc/trial")).unwrap(),
            "b tried no_answer\n",
            "{what}"
        );
        assert_eq!(card.slept(), 180, "{what}");
    }
}

#[test]
fn what_was_kept_is_told_again_at_the_next_start_and_damage_keeps_no_update_out() {
    let card = Card::new("kept");
    card.program("lib/slots", "#!/bin/sh\necho b\n");
    let starts = |kept: &[u8]| {
        fs::write(card.path("data/rauc/state.json"), kept).unwrap();
        let mut command = Command::new("bash");
        command.arg(card.path("lib/slot-good")).arg("1").envs(card.environment());
        assert!(command.status().unwrap().success());
        card.said()
    };
    for (kept, state) in [
        (&br#"{"state":"installed","version":"2.0"}"#[..], "installed"), // of format 0, like all others
        (br#"{"state":"refused","version":"","reason":"busy","format":9,"more":[1]}"#, "refused"),
        (b"", "idle"),
        (b"{", "idle"),
        (&[0; 512], "idle"),
        (br#"{"state":"waiting","ver"#, "idle"),
        (b"[]", "idle"),
    ] {
        assert_eq!(starts(kept)["state"], state, "{}", String::from_utf8_lossy(kept));
    }
    fs::remove_file(card.path("run/synthwire-updater/running")).unwrap(); // slot-good leaves it there
    card.takes_a_good_one("damage");
    assert_eq!(card.said()["format"], 1);
}

#[test]
fn a_damaged_note_on_the_version_to_try_is_forgotten_and_said_once() {
    for (note, waits) in [
        (&b"x tried\n"[..], true),
        (b"", true),
        (&[0; 16], true),
        (b"ab new\n", true),
        (b"\xff\xfe\n", true),
        (b"trial new\n", false),
    ] {
        let card = Card::new("damaged-note");
        card.real_slots();
        fs::write(card.path("data/rauc/trial"), note).unwrap();
        let kept = if waits { "waiting" } else { "installed" };
        fs::write(card.path("data/rauc/state.json"), format!(r#"{{"state":"{kept}","version":"2.0"}}"#))
            .unwrap();
        assert_eq!(card.says(), "the note on the version to try is damaged, and is forgotten\n", "{note:?}");
        assert!(!card.path("data/rauc/trial").exists(), "{note:?}");
        assert_eq!(card.said()["state"], if waits { "refused" } else { "installed" }, "{note:?}");
        assert_eq!(card.said()["version"], "2.0", "{note:?}");
        assert_eq!(card.says(), "", "once is enough: {note:?}");
        assert_eq!(card.asked(), "", "nothing is restarted: {note:?}");
    }
}

#[test]
fn a_note_is_written_whole_and_one_that_is_whole_is_read() {
    let card = Card::new("whole-note");
    card.program("bin/sync", "#!/bin/sh\necho \"sync ${1##*/} $(cat \"$1\" 2>/dev/null)\" >>\"$ASKED\"\n");
    let ill = card.tries(&[ILL], 1);
    assert!(ill.starts_with("not alive"), "{ill}");
    let written = card.asked();
    assert!(written.contains("sync trial.new b tried no_answer\nsync rauc"), "a new file first: {written}");

    let card = Card::new("read-note");
    card.real_slots();
    for (note, primary) in
        [("b tried no_answer\n", "b\n"), ("a new\n", "a\n"), ("b", "b\n"), ("x new\n", "a\n"), ("", "a\n")]
    {
        fs::write(card.path("data/rauc/trial"), note).unwrap();
        let output = Command::new("sh").arg(card.path("lib/slots")).arg("get-primary").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), primary, "{note:?}: {output:?}");
    }
}

/// Mounts as the unit's `ReadWritePaths=` does it, on a partition with room for only one copy of a bundle.
#[test]
fn a_bundle_that_just_fits_is_taken_where_the_unit_lets_the_updater_write() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: mounting needs root");
        return;
    }
    let card = Card::new("fits");
    let unit = fs::read_to_string(format!("{OVERLAY}/systemd/system/synthwire-update.service")).unwrap();
    let paths = unit.lines().find_map(|line| line.strip_prefix("ReadWritePaths=")).unwrap();
    let top = card.0.display();
    let mut prepare =
        format!("mount -t tmpfs -o size=4m data {top}/data && mkdir {top}/data/rauc {top}/data/synthwire\n");
    for path in paths.split(' ').filter(|path| path.starts_with("/data")) {
        writeln!(prepare, "mount --bind {top}{path} {top}{path}").unwrap();
    }
    let prepare = prepare
        + &format!(
            "{{ echo good 2.0; head -c 3000000 /dev/zero; }} >{top}/data/synthwire/update.raucb\n\
             trap 'ls {top}/data/* >{top}/listed' EXIT\n({top}/lib/update)\nls {top}/data/* >{top}/listed\nexit"
        );
    let output = card.within(&prepare, &[], &[]);
    assert_eq!(card.outcome(), "waiting", "{output:?}");
    let listed = fs::read_to_string(card.path("listed")).unwrap();
    assert!(!listed.contains("raucb"), "{listed}");
}

/// Bytes of a bundle that takes a while to read.
const LONG_BUNDLE_BYTES: u64 = 64 << 20;
/// More than the command reads at once.
const PIECE_BYTES_MAX: u64 = 1 << 20;

/// Returns how far this process has read the file; `None` if the process does not have it open.
fn has_read(process: Pid, file: &Path) -> Option<u64> {
    let mut open = fs::read_dir(format!("/proc/{process}/fd")).ok()?.flatten();
    let number = open.find(|number| fs::read_link(number.path()).is_ok_and(|path| path == file))?;
    let shown =
        fs::read_to_string(format!("/proc/{process}/fdinfo/{}", number.file_name().display())).ok()?;
    shown.lines().find_map(|line| line.strip_prefix("pos:"))?.trim().parse().ok()
}

/// The end of `synthwire update` while it reads: by Ctrl-C, by a kill, or by lack of memory.
#[test]
fn a_command_that_is_ended_while_it_reads_leaves_nothing_and_keeps_nobody_out() {
    let card = Card::new("interrupted");
    fs::write(card.path("run/synthwire-updater/state.json"), r#"{"state":"idle"}"#).unwrap();
    let (state, updater, bundle) =
        (card.path("data/synthwire"), card.path("run/synthwire-updater"), card.path("bundle"));
    fs::write(&bundle, "hsqs").unwrap();
    fs::OpenOptions::new().write(true).open(&bundle).unwrap().set_len(LONG_BUNDLE_BYTES).unwrap();
    let begin = || {
        // If the tests run in the background of a shell, or under nohup, some signals are ignored, and a
        // child inherits that.
        Command::new("env")
            .arg("--default-signal")
            .arg(env!("CARGO_BIN_EXE_synthwire"))
            .args(["update", bundle.to_str().unwrap(), "--state", state.to_str().unwrap()])
            .args(["--updater", updater.to_str().unwrap()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        loop {
            let mut command = begin();
            let process = Pid::from_raw(command.id().cast_signed());
            while has_read(process, &bundle).is_none_or(|bytes| bytes == 0) && card.left().is_empty() {
                std::thread::yield_now();
            }
            kill(process, Signal::SIGSTOP).unwrap();
            let read = has_read(process, &bundle);
            let is_within = read.is_some_and(|bytes| bytes + PIECE_BYTES_MAX < LONG_BUNDLE_BYTES);
            kill(process, signal).unwrap();
            kill(process, Signal::SIGCONT).unwrap();
            assert!(!command.wait().unwrap().success(), "{signal}");
            if is_within {
                break;
            }
            let _ = fs::remove_file(state.join("update.raucb")); // it was faster than this test: once more
        }
        assert_eq!(card.left(), Vec::<String>::new(), "{signal}");
        let next = Updater::new(&updater, Some(StateFolder::open(&state).unwrap())).begin(None, Age::Newer);
        assert!(next.is_ok(), "{signal}: {next:?}");
    }
}

/// Records the words of `sync` and `mv`; `mv` also does its work.
const RECORDED_SYNC: &str = "#!/bin/sh\necho \"sync $*\" >>\"$ASKED\"\n";
const RECORDED_MV: &str = "#!/bin/sh\necho \"mv $*\" >>\"$ASKED\"\nPATH=${PATH#*:} exec mv \"$@\"\n";
/// Makes a key and a certificate in the files that its arguments name.
const OPENSSL: &str =
    "#!/bin/sh\nwhile [ $# -gt 1 ]; do case $1 in -keyout | -out) echo \"$1\" >\"$2\" ;; esac; shift; done\n";

#[test]
fn no_file_takes_anothers_place_before_the_disk_has_it() {
    let card = Card::new("in-place");
    card.program("bin/sync", RECORDED_SYNC);
    card.program("bin/mv", RECORDED_MV);
    card.program("bin/journalctl", "#!/bin/sh\necho a line of the log\n");
    card.program("bin/openssl", OPENSSL);
    for folder in ["data/log", "boot", "key"] {
        fs::create_dir_all(card.path(folder)).unwrap();
    }
    fs::write(card.path("data/log/new"), "half").unwrap();
    fs::write(card.path("boot/cmdline.txt"), "quiet synthwire.slot=a panic=5\n").unwrap();
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/image/update");
    let make_key = format!(". {image}/key.sh; make_key {} me", card.path("key").display());
    for (command, files, written) in [
        (
            format!("sh {}", card.path("lib/log-tail").display()),
            &["data/log/this-boot.log"][..],
            "a line of the log\n",
        ),
        (
            format!("sh {image}/hook slot-post-install"),
            &["boot/cmdline.txt"],
            "quiet synthwire.slot=b panic=5\n",
        ),
        (make_key, &["key/key.pem", "key/cert.pem"], "-out\n"),
    ] {
        fs::write(card.path("asked"), "").unwrap();
        let path = format!("{}:{}", card.path("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .args(["-ec", &command])
            .env("PATH", path)
            .env("ASKED", card.path("asked"))
            .env("RAUC_SLOT_NAME", "boot.1")
            .env("RAUC_SLOT_MOUNT_POINT", card.path("boot"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        let mut expected = String::new();
        for file in files {
            let file = card.path(file);
            let (name, folder) = (file.display(), file.parent().unwrap().display());
            writeln!(expected, "sync {name}.new\nmv -fT {name}.new {name}\nsync {folder}").unwrap();
        }
        assert_eq!(fs::read_to_string(card.path("asked")).unwrap(), expected, "{command}");
        assert_eq!(fs::read_to_string(card.path(files.last().unwrap())).unwrap(), written, "{command}");
    }
    let logs: Vec<_> =
        fs::read_dir(card.path("data/log")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(logs, ["this-boot.log"], "what a power cut left is gone");
}
