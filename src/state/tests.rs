use super::super::whole::{Folder, Step as Moment, write_whole, write_whole_below};
use super::*;
use serde::Deserialize;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A temporary folder, removed after the test.
struct TestFolder {
    path: PathBuf,
    folder: StateFolder,
}

impl TestFolder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("synthwire-state-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self { folder: StateFolder::open(&path).unwrap(), path }
    }

    fn put(&self, bytes: impl AsRef<[u8]>) {
        fs::write(self.path.join(Sound::NAME), bytes).unwrap();
    }

    fn open(&self) -> (Stored<Sound>, Found<Sound>) {
        Stored::open(&self.folder)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A file of format 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Sound {
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<u16>,
    names: Vec<String>,
    room: Room,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Room {
    size: u8,
}

/// Upgrades to format 2, in which `channel` is called `pair`.
fn renamed(fields: &mut Fields) {
    if let Some(channel) = fields.remove("channel") {
        fields.insert("pair".into(), channel);
    }
}

impl StateFile for Sound {
    const NAME: &'static str = "sound.json";
    const STEPS: &'static [Step] = &[numbered, renamed];
}

fn pair(found: &Found<Sound>) -> Option<u16> {
    match found {
        Found::Stored { value, .. } => value.pair,
        _ => None,
    }
}

#[test]
fn what_is_written_is_read_again_and_nobody_else_may() {
    let test_folder = TestFolder::new("again");
    let (mut kept, found) = test_folder.open();
    assert_eq!(found, Found::Nothing);
    let value = Sound { pair: Some(3), names: vec!["a".into()], room: Room { size: 2 } };
    kept.write(&value).unwrap();
    assert_eq!(test_folder.open().1, Found::Stored { value, strange: Vec::new() });
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&test_folder.path), mode(&test_folder.path.join(Sound::NAME))), (0o700, 0o600));
    assert_eq!(test_folder.names(), [Sound::NAME]);
    assert!(test_folder.text(Sound::NAME).contains("\"format\": 2"));
}

#[test]
fn each_format_is_brought_up_step_by_step_and_written_in_the_newest() {
    let test_folder = TestFolder::new("steps");
    for (text, expected) in [
        (r#"{"channel":3}"#, Some(3)),
        (r#"{"format":0,"channel":3}"#, Some(3)),
        (r#"{"format":1,"channel":3}"#, Some(3)),
        (r#"{"format":2,"pair":3}"#, Some(3)),
        (r#"{"format":2,"channel":3}"#, None),
        (r#"{"format":3,"pair":3}"#, Some(3)),
        (r#"{"format":"of tomorrow","pair":3}"#, Some(3)),
    ] {
        test_folder.put(text);
        let (mut kept, found) = test_folder.open();
        assert_eq!(pair(&found), expected, "{text}");
        assert_eq!(test_folder.text(Sound::NAME), text, "reading changes nothing");
        kept.write(&Sound { pair: Some(9), ..Sound::default() }).unwrap();
        assert_eq!(pair(&test_folder.open().1), Some(9), "{text}");
    }
}

#[test]
fn what_a_newer_version_wrote_is_kept_however_deep_and_whatever_is_changed() {
    let test_folder = TestFolder::new("newer");
    let newer = serde_json::json!({
        "format": 7, "pair": 3, "volume": 1, "names": ["a"], "room": {"size": 1, "walls": ["n", "s"]}, "left": null
    });
    test_folder.put(newer.to_string());
    let (mut kept, found) = test_folder.open();
    let Found::Stored { mut value, strange } = found else { panic!("{found:?}") };
    assert!(strange.is_empty());
    value.pair = None;
    value.room.size = 5;
    kept.write(&value).unwrap();
    let mut expected = newer;
    expected["room"]["size"] = 5.into();
    expected.as_object_mut().unwrap().remove("pair");
    let written: Value = serde_json::from_str(&test_folder.text(Sound::NAME)).unwrap();
    assert_eq!(written, expected);
}

#[test]
fn a_field_of_another_form_spoils_no_other_and_stays_until_it_is_changed() {
    let test_folder = TestFolder::new("strange");
    test_folder.put(r#"{"format":3,"pair":{"first":3},"names":["a"]}"#);
    let (mut kept, found) = test_folder.open();
    let Found::Stored { mut value, strange } = found else { panic!("{found:?}") };
    assert_eq!(
        (value.pair, &value.names[..], &strange[..]),
        (None, &["a".to_owned()][..], &["pair".to_owned()][..])
    );
    value.names.push("b".into());
    kept.write(&value).unwrap();
    assert!(test_folder.text(Sound::NAME).contains("\"first\": 3"));
    value.pair = Some(4);
    kept.write(&value).unwrap();
    assert_eq!(pair(&test_folder.open().1), Some(4));
}

/// Returns files as power cuts, editors, other programs and other versions may leave them.
fn odd_files() -> Vec<(&'static str, Vec<u8>, Option<u16>)> {
    let whole = br#"{"format":2,"pair":3}"#;
    let utf16: Vec<u8> =
        std::iter::once(0xfeffu16).chain("{\"pair\":3}".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    vec![
        ("empty", vec![], None),
        ("one zero", vec![0], None),
        ("a block of zeros", vec![0; 4096], None),
        ("zeros behind the text", [&whole[..], &[0; 100]].concat(), Some(3)),
        ("zeros before the text", [&[0; 100], &whole[..]].concat(), None),
        ("blanks alone", b" \n\t\n".to_vec(), None),
        ("half of it", whole[..10].to_vec(), None),
        ("half of it, then zeros", [&whole[..10], &[0; 502]].concat(), None),
        ("a byte order mark", [b"\xef\xbb\xbf", &whole[..]].concat(), Some(3)),
        ("UTF-16", utf16, None),
        ("no UTF-8", b"{\"pair\":3,\"names\":[\"\xe9\"]}".to_vec(), None),
        ("Windows line ends", b"{\r\n\"pair\":3\r\n}\r\n".to_vec(), Some(3)),
        ("another kind of JSON", b"[3]".to_vec(), None),
        ("null", b"null".to_vec(), None),
        ("a text", b"\"pair\"".to_vec(), None),
        ("no JSON", b"pair = 3\n".to_vec(), None),
        ("two files in one", [&whole[..], &whole[..]].concat(), None),
        ("a key twice", br#"{"pair":1,"pair":3}"#.to_vec(), Some(3)),
        ("deeper than anybody writes", [vec![b'['; 100_000], vec![b']'; 100_000]].concat(), None),
        (
            "deep inside",
            format!("{{\"pair\":3,\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000)).into_bytes(),
            None,
        ),
        ("a number of no kind", br#"{"pair":1e999}"#.to_vec(), None),
        ("a negative number", br#"{"pair":-1}"#.to_vec(), None),
        ("a number too large", br#"{"pair":65536}"#.to_vec(), None),
        ("a negative format", br#"{"format":-1,"pair":3}"#.to_vec(), Some(3)),
        ("a format of fractions", br#"{"format":1.5,"pair":3}"#.to_vec(), Some(3)),
        ("a format beyond counting", br#"{"format":18446744073709551615,"pair":3}"#.to_vec(), Some(3)),
        ("no format", br#"{"format":null,"channel":4,"pair":3}"#.to_vec(), Some(3)),
        ("too long", [&whole[..], &vec![b' '; FILE_BYTES_MAX as usize]].concat(), None),
        ("an executable", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(), None),
    ]
}

#[test]
fn no_bytes_keep_the_service_from_starting_or_from_writing_and_none_are_lost() {
    let test_folder = TestFolder::new("odd");
    for (name, bytes, expected) in odd_files() {
        let file = test_folder.path.join(Sound::NAME);
        fs::write(&file, &bytes).unwrap();
        let (mut kept, found) = test_folder.open();
        assert_eq!(pair(&found), expected, "{name}: {found:?}");
        assert_eq!(fs::read(&file).unwrap(), bytes, "{name}: reading changes nothing");
        kept.write(&Sound { pair: Some(8), ..Sound::default() }).unwrap();
        assert_eq!(pair(&test_folder.open().1), Some(8), "{name}");
        let aside = test_folder.path.join("sound.json.damaged");
        if let Found::Damaged(why) = found {
            assert!(!why.is_empty(), "{name}");
            assert_eq!(fs::read(&aside).unwrap(), bytes, "{name}: kept aside");
            fs::remove_file(aside).unwrap();
        } else {
            assert!(!aside.exists(), "{name}: what is understood is not kept twice");
        }
    }
}

#[test]
fn whatever_has_the_files_name_is_looked_at_kept_and_replaced() {
    let test_folder = TestFolder::new("kinds");
    let (file, outside) = (test_folder.path.join(Sound::NAME), test_folder.path.join("outside"));
    fs::write(&outside, r#"{"pair":3}"#).unwrap();
    let makers: [(&str, &dyn Fn()); 7] = [
        ("a link", &|| symlink(&outside, &file).unwrap()),
        ("a link to nothing", &|| symlink("/nowhere/at/all", &file).unwrap()),
        ("a link to itself", &|| symlink(&file, &file).unwrap()),
        ("a folder", &|| fs::create_dir(&file).unwrap()),
        ("a folder with something in it", &|| fs::create_dir_all(file.join("deep")).unwrap()),
        ("a pipe", &|| nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap()),
        ("a socket", &|| drop(std::os::unix::net::UnixListener::bind(&file).unwrap())),
    ];
    for (number, (name, make)) in makers.into_iter().enumerate() {
        make();
        let (mut kept, found) = test_folder.open();
        assert!(matches!(found, Found::Damaged(_)), "{name}: {found:?}");
        kept.write(&Sound { pair: Some(8), ..Sound::default() }).unwrap();
        assert_eq!(pair(&test_folder.open().1), Some(8), "{name}");
        let aside = ["sound.json.damaged".into(), format!("sound.json.damaged-{}", number + 1)];
        assert!(test_folder.path.join(&aside[usize::from(number > 0)]).symlink_metadata().is_ok(), "{name}");
        fs::remove_file(&file).unwrap();
    }
    assert_eq!(test_folder.text("outside"), r#"{"pair":3}"#, "nothing a link leads to is touched");
}

#[test]
fn damage_is_kept_aside_nine_times_and_then_in_the_place_of_the_last() {
    let test_folder = TestFolder::new("nine");
    let aside = |n: usize| match n {
        1 => "sound.json.damaged".to_owned(),
        n => format!("sound.json.damaged-{n}"),
    };
    let damage = |n: usize| {
        test_folder.put(format!("{{ {n}"));
        test_folder.open().0.write(&Sound { pair: Some(8), ..Sound::default() }).unwrap();
        assert_eq!(pair(&test_folder.open().1), Some(8), "{n}");
    };
    (1..=12).for_each(damage);
    assert_eq!(test_folder.names().len(), 10);
    for (n, held) in [(1, "{ 1"), (8, "{ 8"), (9, "{ 12")] {
        assert_eq!(test_folder.text(&aside(n)), held);
    }
    fs::remove_file(test_folder.path.join(aside(9))).unwrap();
    fs::create_dir_all(test_folder.path.join(aside(9)).join("deep")).unwrap();
    damage(13);
    assert_eq!(test_folder.text(&aside(8)), "{ 13", "a folder cannot make room");
}

#[test]
fn after_a_cut_at_any_moment_the_old_bytes_or_the_new_are_there_and_writing_goes_on() {
    let test_folder = TestFolder::new("cuts");
    let moments = [Moment::Made, Moment::Written, Moment::Synced, Moment::Renamed];
    // The possible contents of a file that was written but not synced.
    let unsynced: [&dyn Fn(&Path); 4] = [
        &|_| {},
        &|fresh| fs::write(fresh, "").unwrap(),
        &|fresh| fs::write(fresh, [0; 512]).unwrap(),
        &|fresh| fs::remove_file(fresh).unwrap(),
    ];
    for cut in moments {
        for lose in unsynced {
            test_folder.put("old");
            let folder = Folder::to_write(&test_folder.path).unwrap();
            let mut passed = Vec::new();
            let written = folder.write_in_steps(OsStr::new(Sound::NAME), b"new", 0o600, &mut |moment| {
                passed.push(moment);
                if moment == cut { Err(io::Error::other("the power is gone")) } else { Ok(()) }
            });
            assert!(written.is_err());
            assert_eq!(passed, moments[..=moments.iter().position(|moment| *moment == cut).unwrap()]);
            let fresh = test_folder.path.join("sound.json.new");
            if cut != Moment::Renamed && cut != Moment::Synced {
                lose(&fresh);
            }
            let expected = if cut == Moment::Renamed { "new" } else { "old" };
            assert_eq!(test_folder.text(Sound::NAME), expected, "{cut:?}");
            folder.write(OsStr::new(Sound::NAME), b"next", 0o600).unwrap();
            assert_eq!((test_folder.text(Sound::NAME).as_str(), fresh.exists()), ("next", false), "{cut:?}");
        }
    }
}

#[test]
fn a_folder_in_the_way_of_a_write_is_gone_around() {
    let test_folder = TestFolder::new("way");
    fs::create_dir_all(test_folder.path.join("sound.json.new/deep")).unwrap();
    let (mut kept, _) = test_folder.open();
    kept.write(&Sound { pair: Some(8), ..Sound::default() }).unwrap();
    assert_eq!(test_folder.names(), ["sound.json", "sound.json.new"]);
}

#[test]
fn nothing_outside_is_touched_by_links_in_the_folder() {
    let test_folder = TestFolder::new("links");
    let (outside, state) = (test_folder.path.join("outside"), test_folder.path.join("state"));
    fs::create_dir(&state).unwrap();
    fs::write(&outside, "precious").unwrap();
    for name in ["sound.json", "sound.json.new"] {
        symlink(&outside, state.join(name)).unwrap();
    }
    write_whole(&state.join("sound.json"), b"bytes", 0o600).unwrap();
    assert_eq!(test_folder.text("outside"), "precious");
    assert_eq!(fs::read(state.join("sound.json")).unwrap(), b"bytes");
    assert!(fs::symlink_metadata(state.join("sound.json")).unwrap().is_file());
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing_beside_it() {
    let test_folder = TestFolder::new("nothing-beside");
    fs::create_dir(test_folder.path.join("sound.json")).unwrap(); // no file can take a folder's name
    assert!(write_whole(&test_folder.path.join("sound.json"), b"bytes", 0o600).is_err());
    let names: Vec<_> =
        fs::read_dir(&test_folder.path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["sound.json"]);
}

#[test]
fn root_does_not_write_where_another_user_decides_what_names_mean() {
    use super::super::whole::{Decides, who_decides};
    for (user, group, mode, decides) in [
        (0, 0, 0o755, Decides::Root),
        (0, 0, 0o775, Decides::Root),
        (0, 999, 0o755, Decides::Root),
        (0, 999, 0o1777, Decides::Root),
        (0, 999, 0o775, Decides::Group),
        (0, 0, 0o777, Decides::Everybody),
        (1000, 0, 0o700, Decides::Other),
    ] {
        let mode_bits = nix::sys::stat::Mode::from_bits_truncate(mode);
        assert_eq!(who_decides(user, group, mode_bits), decides, "{user} {group} {mode:o}");
    }
    if !nix::unistd::geteuid().is_root() {
        return; // only root walks down to a folder like this; the test above covers which folders it trusts
    }
    let test_folder = TestFolder::new("root");
    let nobody = Some(nix::unistd::Uid::from_raw(65_534));
    let (theirs, outside) = (test_folder.path.join("theirs"), test_folder.path.join("outside"));
    for folder in [&theirs, &outside] {
        fs::create_dir(folder).unwrap();
    }
    symlink(&outside, theirs.join("link")).unwrap();
    fs::create_dir(theirs.join("roots")).unwrap();
    nix::unistd::chown(&theirs, nobody, None).unwrap();
    let group = test_folder.path.join("group");
    fs::create_dir(&group).unwrap();
    nix::unistd::chown(&group, None, Some(nix::unistd::Gid::from_raw(65_534))).unwrap();
    fs::set_permissions(&group, fs::Permissions::from_mode(0o775)).unwrap();
    let open = test_folder.path.join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    symlink(&outside, test_folder.path.join("link")).unwrap();
    for folder in [
        "theirs",
        "theirs/link",
        "theirs/roots",
        "theirs/missing",
        "open",
        "group",
        "link",
        "link/missing",
        "theirs/../outside",
    ] {
        let path = test_folder.path.join(folder).join("authorized_keys");
        let error = write_whole_below(&path, b"mine", 0o600, 0o700).unwrap_err();
        assert!(
            matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput),
            "{folder}: {error}"
        );
        assert!(write_whole(&path, b"mine", 0o600).is_err(), "{folder}");
        // What cannot be written later is refused before anything relies on it.
        let refused = StateFolder::open(&test_folder.path.join(folder)).unwrap_err().to_string();
        assert!(
            refused.contains("cannot use the state folder") && refused.contains("so root does not"),
            "{refused}"
        );
    }
    for folder in [&outside, &open, &theirs.join("roots")] {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{}", folder.display());
    }
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 2);
    // In a folder that root does not own, root reads only files of the folder's owner, and follows no links.
    let state = StateFolder::of_others(&theirs);
    fs::write(theirs.join(Sound::NAME), r#"{"pair":3}"#).unwrap();
    nix::unistd::chown(&theirs.join(Sound::NAME), Some(nix::unistd::Uid::from_raw(65_533)), None).unwrap();
    assert!(matches!(Stored::<Sound>::open(&state).1, Found::Damaged(_)));
    nix::unistd::chown(&theirs.join(Sound::NAME), nobody, None).unwrap();
    let (mut kept, found) = Stored::<Sound>::open(&state);
    assert_eq!(pair(&found), Some(3));
    assert!(kept.write(&Sound::default()).unwrap_err().to_string().contains("root does not write there"));
    assert_eq!(pair(&Stored::<Sound>::open(&StateFolder::of_others(&test_folder.path.join("none"))).1), None);
}
