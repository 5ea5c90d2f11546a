//! The trial of a newly installed system (slot-good), with a fake service, and the notes about it.

use crate::card::Card;
use std::fs;
use std::process::Command;

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
