//! Reads the configuration file so that a device without a screen always has a page: valid values apply, invalid ones get
//! their default and are reported.
//!
//! In: bytes that a person or a newer version wrote. Out: a [`Config`] in range, and a [`Complaint`] for each
//! value not accepted. Access keys are the exception: if one was intended but cannot be read, the rights that
//! it protects stay locked.

use super::items::item_fault;
use super::{Config, Kind, SETTINGS, Setting};
use crate::encoding::{VALUE_LINES_MAX, decode};
use crate::error::{Error, Result};
use crate::named_file;
use crate::suggestion::meant;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use toml::Value;
use toml::de::DeTable;

/// Longest file that is read: far more than anybody types.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Maximum number of complaints that are kept: a file of another kind would have one for every line.
const COMPLAINTS_MAX: usize = 20;
/// Replaces an access key that was intended but cannot be read. It is not a valid hash, so no key opens that
/// lock.
const UNREADABLE: &str = "unreadable";
/// Returns the names of the access keys.
fn locks() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().filter(|setting| setting.kind == Kind::HashedKey).map(|setting| setting.key)
}

/// Something in the file that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The place and the mistake: `FILE:LINE: words`.
    says: String,
    /// True for a key that this version does not know; a newer version may know it.
    pub is_unknown: bool,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

/// A file, as far as it can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The configuration, with every value in range.
    pub config: Config,
    /// The values that were not accepted, in the order of lines.
    pub complaints: Vec<Complaint>,
    /// The keys that were taken.
    pub taken: Vec<String>,
}

/// The place where the address for HTTPS is set. A certificate needs such an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Https {
    /// The file, or nowhere.
    InFile,
    /// The command line, which overrides the file.
    Elsewhere,
}

/// A key with its value, as written in the text.
struct Piece<'a> {
    key: String,
    line: usize,
    text: Cow<'a, str>,
}

impl Config {
    /// Reads a text that must have no mistakes, called `name` in errors.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let Reading { config, complaints, .. } = Reading::of_text(text, name, Https::InFile);
        complaints.first().map_or(Ok(config), |first| Err(Error::new(first.to_string())))
    }
}

impl Reading {
    /// Reads a file that the user named.
    ///
    /// # Errors
    /// If it cannot be read at all.
    pub fn of_file(file: &Path, https: Https) -> Result<Self> {
        let name = file.display().to_string();
        let bytes = bytes_of(file).map_err(|error| {
            let remedy = match error.kind() {
                ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::NotADirectory => {
                    "Check the path given with --config"
                }
                ErrorKind::FileTooLarge => "Check that it is the configuration: a few lines of text",
                _ => "See that this user may read it",
            };
            Error::new(format!("cannot read the configuration {name}")).because(error).try_this(remedy)
        })?;
        Ok(Self::of_bytes(&bytes, &name, https))
    }

    /// Reads the default file in the same way; it need not exist.
    pub fn of_default_file(file: &Path, https: Https) -> Self {
        let name = file.display().to_string();
        match bytes_of(file) {
            Ok(bytes) => Self::of_bytes(&bytes, &name, https),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Self { config: Config::default(), complaints: Vec::new(), taken: Vec::new() }
            }
            Err(error) => Self::of_nothing(&format!("{name} cannot be read ({error})")),
        }
    }

    /// Reads a file's bytes, called `name` in complaints.
    pub fn of_bytes(bytes: &[u8], name: &str, https: Https) -> Self {
        match decode(bytes) {
            // Zeros in the file mean that its content was lost.
            Ok(text) if text.contains('\0') => {
                Self::of_nothing(&format!("{name} cannot be read: it holds zeros. Write it anew"))
            }
            Ok(text) => Self::of_text(&text, name, https),
            Err(what) => Self::of_nothing(&format!("{name} cannot be read: {what}. Save it again as UTF-8")),
        }
    }

    /// Returns an empty reading that stays locked, because keys may have been set.
    fn of_nothing(why: &str) -> Self {
        let config = locks().fold(Config::default(), |config, lock| config.with(lock, UNREADABLE));
        let says = format!("{why}. Everything has its default, and nobody may listen or change settings");
        Self { config, complaints: vec![Complaint { says, is_unknown: false }], taken: Vec::new() }
    }

    /// Reads a text, called `name` in complaints.
    pub fn of_text(text: &str, name: &str, https: Https) -> Self {
        let mut sorting = Sorting::default();
        let pieces = match DeTable::parse(text) {
            Ok(table) => pieces(text, table.get_ref()),
            Err(_) => sorting.pieces_by_lines(text),
        };
        for piece in pieces {
            sorting.take(piece);
        }
        let mut config = sorting.settle(https);
        sorting.lock(&mut config, text);
        sorting.complaints.sort_by_key(|(line, _)| *line);
        sorting.complaints.truncate(COMPLAINTS_MAX);
        let complaints = sorting.complaints.into_iter().map(|(line, (says, is_unknown))| Complaint {
            says: format!("{name}:{line}: {says}"),
            is_unknown,
        });
        let taken = sorting.taken.into_iter().map(|piece| piece.key).collect();
        Self { config, complaints: complaints.collect(), taken }
    }
}

/// The values accepted so far, and the complaints.
#[derive(Default)]
struct Sorting<'a> {
    taken: Vec<Piece<'a>>,
    /// Each complaint by its line, with true if the complaint is only about an unknown key.
    complaints: Vec<(usize, (String, bool))>,
    /// Access keys that were intended but not accepted.
    meant: Vec<&'static str>,
}

impl<'a> Sorting<'a> {
    fn complain(&mut self, line: usize, says: String) {
        self.complaints.push((line, (says, false)));
    }

    /// Accepts a value if it is valid on its own.
    fn take(&mut self, piece: Piece<'a>) {
        let key = piece.key.as_str();
        let Some(setting) = Setting::of(key) else {
            let near = meant(key, SETTINGS.iter().map(|setting| setting.key));
            self.meant.extend(locks().find(|lock| near == Some(*lock)));
            let hint = near.map_or_else(
                || "a newer version may know it".to_owned(),
                |near| format!("did you mean {near}? (A newer version may know it, too)"),
            );
            self.complaints.push((piece.line, (format!("there is no key {key:?} here: {hint}"), true)));
            return;
        };
        if self.taken.iter().any(|taken| taken.key == key) {
            return self.complain(
                piece.line,
                format!("{key} is set twice: keep one of the lines. The first counts"),
            );
        }
        let Ok(config) = toml::from_str::<Config>(&piece.text) else {
            return self.complain(piece.line, format!("{key} wants {}", setting.kind.wants()));
        };
        let good = match config.value(key) {
            Some(Value::Array(items)) => self.good_items(piece, setting.kind, items),
            _ => Some(piece),
        };
        self.taken.extend(good);
    }

    /// Returns a list without its invalid items; `None` if no item is valid.
    fn good_items(&mut self, piece: Piece<'a>, kind: Kind, items: Vec<Value>) -> Option<Piece<'a>> {
        let fault = |item: &Value| item.as_str().and_then(|text| item_fault(kind, text));
        let (wrong, good): (Vec<Value>, Vec<Value>) =
            items.into_iter().partition(|item| fault(item).is_some());
        if wrong.is_empty() {
            return Some(piece);
        }
        wrong.iter().filter_map(fault).for_each(|wrong| self.complain(piece.line, wrong));
        let text = format!("{} = {}", piece.key, Value::Array(good.clone()));
        (!good.is_empty()).then_some(Piece { text: text.into(), ..piece })
    }

    /// Returns all accepted values, without those out of range.
    fn settle(&mut self, https: Https) -> Config {
        loop {
            let text: String = self.taken.iter().flat_map(|piece| [&*piece.text, "\n"]).collect();
            let config: Config = toml::from_str(&text).unwrap_or_default();
            let Err((key, wrong)) = config.check_beside(https) else { return config };
            let Some(at) = self.taken.iter().position(|piece| piece.key == key) else {
                return Config::default();
            };
            let line = self.taken.remove(at).line;
            self.complain(line, wrong);
        }
    }

    /// Locks each access key that appears in the text but was not accepted. If other parts were not understood either, the
    /// key's bare name is enough, however it is written: in a section, with a colon, in other quotes.
    fn lock(&mut self, config: &mut Config, text: &str) {
        let is_doubtful = !self.complaints.is_empty();
        let is_named = |line: &str, lock: &str| {
            is_doubtful && line.split('#').next().is_some_and(|said| said.contains(lock))
        };
        let stands = |lock: &str| {
            text.lines().any(|line| {
                key_of(line).is_some_and(|(key, _)| unquoted(key) == lock) || is_named(line, lock)
            })
        };
        for lock in locks().filter(|lock| stands(lock) || self.meant.contains(lock)) {
            if config.value(lock).is_none() {
                *config = config.with(lock, UNREADABLE);
            }
        }
    }

    /// Returns the keys of a text that is not valid TOML as a whole, reading each line separately; lists may span several
    /// lines.
    fn pieces_by_lines(&mut self, text: &'a str) -> Vec<Piece<'a>> {
        let starts: Vec<usize> =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let end_of = |index: usize| starts.get(index + 1).map_or(text.len(), |next| next - 1);
        let (mut found, mut index, mut in_section) = (Vec::new(), 0, false);
        while let Some(start) = starts.get(index) {
            let (line, mut end) = (index + 1, end_of(index));
            let typed = text[*start..end].trim();
            index += 1;
            if typed.is_empty() || typed.starts_with('#') {
                continue;
            }
            if typed.starts_with('[') || in_section {
                in_section = true;
                self.complain(line, "sections in [brackets] have no key that this version knows".into());
                continue;
            }
            let Some((key, value)) = key_of(typed) else {
                self.complain(
                    line,
                    format!("this line cannot be read ({}): a line is KEY = VALUE", shortened(typed)),
                );
                continue;
            };
            let is_whole = |end: usize| DeTable::parse(&text[*start..end]).is_ok();
            // A list continues until it can be read, or the next key begins.
            while value.trim_start().starts_with('[') && !is_whole(end) {
                if index - line >= VALUE_LINES_MAX - 1
                    || starts.get(index).is_none_or(|next| key_of(&text[*next..end_of(index)]).is_some())
                {
                    break;
                }
                end = end_of(index);
                index += 1;
            }
            if is_whole(end) {
                found.push(Piece { key: unquoted(key).to_owned(), line, text: text[*start..end].into() });
            } else {
                let meant = Setting::of(unquoted(key));
                self.complain(
                    line,
                    meant.map_or_else(
                        || {
                            "this line cannot be read: a line is KEY = VALUE, texts stand between quotes"
                                .to_owned()
                        },
                        |setting| format!("{} wants {}", setting.key, setting.kind.wants()),
                    ),
                );
            }
        }
        found
    }
}

/// Returns the keys of a valid text, in the order of lines.
fn pieces<'a>(text: &'a str, table: &DeTable<'_>) -> Vec<Piece<'a>> {
    let mut pieces: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let (from, to) = (key.span().start, value.span().end);
            // For a section, the parser's value may begin before its key ends; no setting accepts such a piece.
            let text_of = text.get(from..to.max(key.span().end)).unwrap_or_default();
            Piece { key: key.get_ref().to_string(), line: line_at(text, from), text: text_of.into() }
        })
        .collect();
    pieces.sort_by_key(|piece| piece.line);
    pieces
}

/// Returns a line's key as typed, and the text after its '='.
fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    is_word(unquoted(key)).then_some((key, value))
}

fn unquoted(key: &str) -> &str {
    let key = key.trim();
    ['"', '\''].iter().find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(key)
}

/// Returns only the start of a line, which may hold a secret.
fn shortened(line: &str) -> String {
    line.chars().take(12).collect()
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn bytes_of(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = named_file::open(file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is far too long"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(reading: &Reading) -> String {
        let lines: Vec<String> = reading.complaints.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    /// Description, bytes, whether `queue_ms = 100` applies, and the complaint (empty: no complaint).
    type Case = (&'static str, Vec<u8>, bool, &'static str);

    /// Checks that the service starts with every file, uses its valid parts and complains about the rest.
    fn check(cases: Vec<Case>) {
        for (what, bytes, taken, expected) in cases {
            let reading = Reading::of_bytes(&bytes, "x", Https::InFile);
            assert_eq!(reading.config.queue_ms == 100, taken, "{what}: {}", said(&reading));
            assert!(
                said(&reading).contains(expected) && reading.complaints.is_empty() == expected.is_empty(),
                "{what}: {}",
                said(&reading)
            );
            assert_eq!(reading.config.check(), Ok(()), "{what}");
        }
    }

    const LOCKED: &str = "nobody may listen or change settings";

    fn text(text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    #[test]
    fn however_an_editor_or_a_power_cut_left_it_what_can_be_read_is_used() {
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}queue_ms = 100\r\ndemo = true\r\n".encode_utf16().flat_map(bytes).collect()
        };
        check(vec![
            ("plain", text("queue_ms = 100\n"), true, ""),
            ("empty", vec![], false, ""),
            ("a byte order mark", text("\u{feff}queue_ms = 100\n"), true, ""),
            ("UTF-16, little end first", utf16(u16::to_le_bytes), true, ""),
            ("UTF-16, big end first", utf16(u16::to_be_bytes), true, ""),
            ("UTF-32", b"\xff\xfe\0\0q\0\0\0".to_vec(), false, "it is UTF-32. Save it again as UTF-8"),
            ("Latin-1 in a comment", b"# f\xfcr uns\nqueue_ms = 100\n".to_vec(), true, ""),
            ("Windows line ends", text("demo = true\r\nqueue_ms = 100\r\n"), true, ""),
            ("an old Mac's line ends", text("demo = true\rqueue_ms = 100\r"), true, ""),
            ("no line end", text("queue_ms = 100"), true, ""),
            ("a block of zeros", vec![0; 4096], false, LOCKED),
            ("zeros behind the text", text("queue_ms = 100\n\0\0\0"), true, ""),
            ("zeros within", text("queue_ms = 1\0\x000\n"), false, LOCKED),
            ("an executable", b"\x7fELF\x02\x01\0\0\0\x03".to_vec(), false, LOCKED),
        ]);
    }

    #[test]
    fn a_slip_or_a_key_of_a_newer_version_spoils_its_own_line_alone() {
        check(vec![
            (
                "a key of a newer version",
                text("volume = 3\nqueue_ms = 100\n"),
                true,
                ":1: there is no key \"volume\" here: a newer version",
            ),
            (
                "a slip",
                text("queue_ms = 100\nlisteners_maxx = 3\n"),
                true,
                ":2: there is no key \"listeners_maxx\" here: did you mean listeners_max?",
            ),
            ("a hyphen", text("queue_ms = 100\nperiod-frames = 64\n"), true, "did you mean period_frames?"),
            (
                "a section",
                text("queue_ms = 100\n[network]\nlisten = 1\n"),
                true,
                ":2: there is no key \"network\"",
            ),
            (
                "a list of sections",
                text("queue_ms = 100\n[[pair]]\nfirst = 1\n"),
                true,
                "there is no key \"pair\"",
            ),
            (
                "a key of a section",
                text("queue_ms = 100\nlisten.port = 1\n"),
                true,
                ":2: listen wants an address",
            ),
            ("no TOML in one line", text("hello\nqueue_ms = 100\n"), true, ":1: this line cannot be read"),
            ("no quotes", text("device = hw:1\nqueue_ms = 100\n"), true, ":1: device wants the name"),
            ("curly quotes", text("device = “hw:1”\nqueue_ms = 100\n"), true, ":1: device wants the name"),
            (
                "a list that never ends",
                text("names = [\"a\",\nqueue_ms = 100\n"),
                true,
                ":1: names wants a list",
            ),
            (
                "a text that never ends",
                text("device = \"hw\nqueue_ms = 100\n"),
                true,
                ":1: device wants the name",
            ),
            ("set twice", text("queue_ms = 100\nqueue_ms = 200\n"), true, ":2: queue_ms is set twice"),
            (
                "another type",
                text("queue_ms = 100\ndscp = \"high\"\n"),
                true,
                ":2: dscp wants a whole number",
            ),
        ]);
    }

    #[test]
    fn a_value_out_of_range_is_named_where_it_stands_and_what_is_no_toml_is_passed_over() {
        check(vec![
            (
                "out of range",
                text("dscp = 99\nqueue_ms = 100\n"),
                true,
                ":1: dscp is 99 but must lie between",
            ),
            (
                "out of range behind a quoted key",
                text("demo = true\n# dscp\n\"dscp\" = 99\nqueue_ms = 100\n"),
                true,
                ":3: dscp is 99",
            ),
            (
                "out of range itself",
                text("\n  queue_ms = 9\n"),
                false,
                ":2: queue_ms is 9 but must lie between",
            ),
            (
                "half a certificate",
                text("queue_ms = 100\ncert = \"a\"\n"),
                true,
                ":2: cert needs key beside it",
            ),
            (
                "a diff that was not merged",
                text("<<<<<<< a\nqueue_ms = 100\n=======\n>>>>>>> b\n"),
                true,
                ":1: this line cannot be read",
            ),
            ("another language", text("{\"queue_ms\": 200}\n"), false, "cannot be read"),
        ]);
        let many = Reading::of_text(&"?\n".repeat(1000), "x", Https::InFile);
        assert_eq!(many.complaints.len(), COMPLAINTS_MAX);
    }

    #[test]
    fn a_wrong_item_of_a_list_spoils_no_other_and_a_list_without_a_good_one_has_its_default() {
        let file = "names = [\"synth.lan\", \"http://a\", \"b:80\",\n  \"c\"]\ntrusted_proxies = [\"10.0.0.1\", \"nginx\"]\n";
        let reading = Reading::of_text(file, "x", Https::InFile);
        assert_eq!(reading.config.names, ["synth.lan", "c"]);
        assert_eq!(reading.config.trusted_proxies, ["10.0.0.1"]);
        assert_eq!(reading.complaints.len(), 3, "{}", said(&reading));
        for says in
            ["x:1: \"http://a\" is no name", "x:1: \"b:80\" is no name", "x:3: \"nginx\" is no address"]
        {
            assert!(said(&reading).contains(says), "{}", said(&reading));
        }
        let none = Reading::of_text("names = [\"a b\"]\ntrusted_proxies = [\"nginx\"]\n", "x", Https::InFile);
        assert_eq!(none.config, Config::default());
        assert_eq!(none.complaints.len(), 2);
    }

    #[test]
    fn a_list_without_an_end_is_given_up_and_what_follows_is_read() {
        let endless = format!("names = [\n{}queue_ms = 100\n", "1,\n".repeat(VALUE_LINES_MAX * 3));
        let reading = Reading::of_text(&endless, "x", Https::InFile);
        assert!(
            reading.config.queue_ms == 100 && said(&reading).contains("names wants a list"),
            "{}",
            said(&reading)
        );
        let long = format!("names = [\n{}]\n", "\"a\",\n".repeat(VALUE_LINES_MAX - 2));
        assert_eq!(
            Reading::of_text(&format!("{long}?\n"), "x", Https::InFile).config.names.len(),
            VALUE_LINES_MAX - 2
        );
    }

    #[test]
    fn a_key_of_access_that_was_meant_and_cannot_be_read_locks_and_no_other_does() {
        let locks = |text: &str| {
            let config = Reading::of_text(text, "x", Https::InFile).config;
            [config.listening_key, config.settings_key].map(|key| key.is_some())
        };
        for (text, expected) in [
            ("demo = true\n", [false, false]),
            ("# listening_key = \"x\"\nhello\n", [false, false]),
            ("queue_ms = 1\nvolume = 2\n", [false, false]),
            ("key = 5\n", [false, false]),
            ("listening_key = \"$argon2\"\n", [true, false]),
            ("listening_key = 5\n", [true, false]),
            ("\"listening_key\" = hello\n", [true, false]),
            ("settings-key = \"x\"\n", [false, true]),
            ("listning_key = \"x\"\n", [true, false]),
            ("[access]\nsettings_key = \"x\"\n", [false, true]),
            ("hello\n[access]\nsettings_key = \"x\"\n", [false, true]),
            ("names = [\nlistening_key = \"x\"\n", [true, false]),
            ("listening_key: \"$argon2id$v=19$x\"\n", [true, false]),
            ("listening_key \"$argon2id$v=19$x\"\n", [true, false]),
            ("access.settings_key = \"x\"\n", [false, true]),
            ("access = { listening_key = \"x\" }\n", [true, false]),
            ("{\"listening_key\": \"x\"}\n", [true, false]),
            ("\u{201c}listening_key\u{201d} = \"x\"\n", [true, false]),
            ("> settings_key = \"x\"\n", [false, true]),
            ("demo = true listening_key = \"x\"\n", [true, false]),
            ("demo = true # listening_key is set on the page\n", [false, false]),
            ("demo = 5 # listening_key is set on the page\n", [false, false]),
            ("device = \"\"\"\nlistening_key = \"x\"\n", [true, false]),
        ] {
            assert_eq!(locks(text), expected, "{text:?}");
        }
        let secret = Reading::of_text("my secret password here\n", "x", Https::InFile);
        assert!(!said(&secret).contains("password"), "{}", said(&secret));
    }

    #[test]
    fn a_file_that_was_named_must_be_there_and_the_remedy_fits() {
        let of = |path: &str| Reading::of_file(Path::new(path), Https::InFile).unwrap_err().to_string();
        assert!(of("/nowhere/synthwire.toml").contains("Check the path given with --config"));
        assert!(of("/").contains("Check the path given with --config"));
        assert_eq!(Reading::of_default_file(Path::new("/nowhere/at/all"), Https::InFile).complaints, []);
        let folder = Reading::of_default_file(Path::new("/"), Https::InFile);
        assert!(folder.config.listening_key.is_some() && said(&folder).contains("cannot be read"));
    }
}
