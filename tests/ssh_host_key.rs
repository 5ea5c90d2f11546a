//! The SSH host key of the card's system (image/overlay/usr/lib/synthwire/ssh-host-key): created once, and
//! repaired when the disk has lost a part of it.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/image/overlay/usr/lib/synthwire/");
const KEY: &str = "data/etc/ssh/ssh_host_ed25519_key";
const SHOWN: &str = "etc/ssh/ssh_host_ed25519_key";

/// A card's system in a folder, which is removed when the value is dropped.
struct Card(PathBuf);

impl Card {
    fn new(name: &str) -> Self {
        let card =
            Self(std::env::temp_dir().join(format!("synthwire-host-key-{name}-{}", std::process::id())));
        for folder in ["data/etc/ssh", "etc/ssh"] {
            fs::create_dir_all(card.0.join(folder)).unwrap();
        }
        card
    }

    /// Runs the script as at a system start, and returns its output.
    fn starts(&self) -> String {
        let top = self.0.display();
        let script = fs::read_to_string(format!("{SCRIPTS}ssh-host-key")).unwrap();
        let script = script
            .replace("/usr/lib/synthwire/", SCRIPTS)
            .replace("/data/", "@data/")
            .replace(" /etc/", &format!(" {top}/etc/"));
        let output = Command::new("sh")
            .args(["-c", &script.replace("@data/", &format!("{top}/data/"))])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        for (kept, shown) in [(KEY, SHOWN), (&format!("{KEY}.pub"), &format!("{SHOWN}.pub"))] {
            assert_eq!(self.text(kept), self.text(shown), "sshd sees what is kept");
        }
        let mode = fs::metadata(self.0.join(SHOWN)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "sshd refuses a key that others may read");
        String::from_utf8(output.stdout).unwrap()
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_key_is_made_once_and_its_public_half_again_whenever_it_is_lost() {
    let card = Card::new("once");
    assert_eq!(card.starts(), "");
    let (key, public) = (card.text(KEY), card.text(&format!("{KEY}.pub")));
    assert!(public.starts_with("ssh-ed25519 ") && public.ends_with(" synthwire\n"), "{public}");
    let half = card.0.join(format!("{KEY}.pub"));
    let lost: [fn(&PathBuf); 5] = [
        |_| (),
        |half| fs::remove_file(half).unwrap(),
        |half| fs::write(half, [0; 99]).unwrap(),
        |half| fs::write(half, "").unwrap(),
        |half| fs::remove_file(half).and_then(|()| fs::create_dir(half)).unwrap(),
    ];
    for lose in lost {
        lose(&half);
        assert_eq!(card.starts(), "");
        assert_eq!((card.text(KEY), card.text(&format!("{KEY}.pub"))), (key.clone(), public.clone()));
    }
    fs::set_permissions(card.0.join(KEY), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(card.starts(), "", "a good key is not given up for its rights");
    assert_eq!(card.text(KEY), key);
}

#[test]
fn a_damaged_key_is_kept_aside_and_made_anew_once() {
    for (name, damage) in [
        ("zeros", &[0; 411][..]),
        ("empty", b""),
        ("half", b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n"),
    ] {
        let card = Card::new(name);
        card.starts();
        let before = card.text(KEY);
        fs::write(card.0.join(KEY), damage).unwrap();
        let said = card.starts();
        assert!(said.contains("the kept SSH host key cannot be read: a new one is made"), "{name}: {said}");
        assert_ne!(card.text(KEY), before);
        assert_eq!(fs::read(card.0.join(format!("{KEY}.damaged"))).unwrap(), damage);
        assert_eq!(card.starts(), "", "{name}: once");
    }
}
