//! The board's light: the state that systemd reports becomes a pattern, and the pattern becomes settings for
//! the kernel.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use synthwire::core::liveness::Ill;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/image/overlay/usr/lib/synthwire/led");

/// A board with one light, and a `systemctl` that prints what the test wants.
struct Board {
    top: PathBuf,
    light: &'static str,
}

impl Board {
    fn new(name: &str, light: &'static str) -> Self {
        let top = std::env::temp_dir().join(format!("synthwire-led-{name}-{}", std::process::id()));
        let folder = top.join("leds").join(light);
        fs::create_dir_all(&folder).unwrap();
        for (file, content) in [("trigger", "[mmc0]"), ("max_brightness", "255\n"), ("brightness", "0")] {
            fs::write(folder.join(file), content).unwrap();
        }
        Self { top, light }
    }

    /// The light's settings, and the pattern's name, when systemd reports this state.
    fn shows(&self, active: &str, status: &str) -> (String, String) {
        let program = self.top.join("systemctl");
        let script = "#!/bin/sh\nprintf 'ActiveState=%s\\nStatusText=%s\\n' \"$ACTIVE\" \"$STATUS\"\n";
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", self.top.display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args([SCRIPT, "--once"])
            .envs([("LEDS", self.top.join("leds").to_str().unwrap()), ("PATH", &path)])
            .envs([("ACTIVE", active), ("STATUS", status)])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = |name: &str| self.file(name).unwrap_or_default();
        let told = match file("trigger").as_str() {
            "timer" => format!("{} ms on, {} ms off", file("delay_on"), file("delay_off")),
            trigger => format!("{trigger}, brightness {}", file("brightness")),
        };
        (told, String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    fn file(&self, name: &str) -> Option<String> {
        let path = self.top.join("leds").join(self.light).join(name);
        fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.top);
    }
}

#[test]
fn every_state_of_the_service_has_its_pattern() {
    let board = Board::new("states", "ACT");
    let playing = "Playing MONTAGE, channels 1 and 2 of 8, SCHED_FIFO 70, to 1 listener.";
    let named = "Playing Good for more than 5 s, channels 1 and 2 of 8, to 1 listener.";
    let misread = format!("Configuration not taken: x:1: demo wants true or false. {playing}");
    let quick = ("100 ms on, 100 ms off".to_owned(), "booting".to_owned());
    let flash = ("100 ms on, 1900 ms off".to_owned(), "no synth".to_owned());
    let steady = ("none, brightness 255".to_owned(), "playing".to_owned());
    let slow = ("500 ms on, 500 ms off".to_owned(), "fault".to_owned());
    for (active, status, shown) in [
        ("inactive", "", &quick),
        ("activating", "", &quick),
        ("active", "", &flash),
        ("active", "Looking for the synth. 0 listeners.", &flash),
        (
            "active",
            "No synth found. Connect its USB TO HOST socket to this device and switch it on. 0 listeners.",
            &flash,
        ),
        (
            "active",
            "MONTAGE is gone. Check its cable and that it is switched on; sound returns automatically. 2 listeners.",
            &flash,
        ),
        ("active", playing, &steady),
        ("active", misread.as_str(), &steady),
        ("active", named, &steady),
        ("reloading", playing, &steady),
        (
            "active",
            "MONTAGE is connected but sends nothing. Switch it off and on; sound returns automatically.",
            &slow,
        ),
        ("active", "cannot open hw:1: it is busy. End the other program. 0 listeners.", &slow),
        ("failed", "", &slow),
    ] {
        assert_eq!(board.shows(active, status), *shown, "{active} {status}");
    }
}

#[test]
fn a_service_that_is_not_alive_shows_a_fault_whatever_it_would_play() {
    let board = Board::new("ill", "ACT");
    for ill in Ill::ALL {
        for would in
            ["Playing MONTAGE, channels 1 and 2 of 8, to 1 listener.", "No synth found. 0 listeners."]
        {
            let status = format!("{} {would}", ill.words());
            let (active, pattern) =
                if ill.is_start() { ("activating", "booting") } else { ("active", "fault") };
            assert_eq!(board.shows(active, &status).1, pattern, "{status}");
        }
    }
}

#[test]
fn the_light_is_found_under_each_of_its_names() {
    for light in ["ACT", "led0", "green:activity", "green:status"] {
        let board = Board::new(&light.replace(':', "-"), light);
        assert_eq!(board.shows("failed", "").1, "fault", "{light}");
    }
}

#[test]
fn a_board_without_a_light_is_no_failure() {
    let output = Command::new("sh").arg(SCRIPT).env("LEDS", Path::new("/nowhere")).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "this board has no light to show anything with\n");
}
