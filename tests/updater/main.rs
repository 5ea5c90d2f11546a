//! Tests the system's updater (image/overlay/usr/lib/synthwire/update) with a fake rauc that returns what the test wants:
//! obstacles, failures in the middle, and that nothing is left behind. `trial` tests the trial of a newly installed system.
//! `make test-update` does the same with the real rauc and systemd.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

mod card;
mod trial;

use card::{Card, OVERLAY};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use synthwire::state::StateFolder;
use synthwire::update::{Age, Updater};

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
            let _ = fs::remove_file(state.join("update.raucb")); // the command read the file faster than this test could look: try again
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
