//! Parses what the user typed, line by line, so that a mistake affects only its own line.
//!
//! The file is TOML without sections. Marks added by editors (a byte order mark, Windows line ends) are no mistakes:
//! `crate::encoding` has removed them.

use super::keys::{self, Checked, KEYS, Key};
use super::{CardValues, Network, Problem};
use crate::encoding::VALUE_LINES_MAX;
use crate::suggestion;
use toml::{Table, Value};

/// A line that sets a value, and whether it was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The number of the line, from 1.
    pub line: usize,
    /// The key on the line; `None` if we have no such key.
    pub key: Option<&'static str>,
    /// The value to show to the user; `None` for secrets and for values that were not understood.
    pub shown: Option<String>,
    /// The problem with the line; `None` if the line can be applied.
    pub wrong: Option<String>,
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// Every line that is not a comment.
    pub entries: Vec<Entry>,
    /// The valid values.
    pub values: CardValues,
}

impl Sheet {
    /// Returns whether the file requests nothing.
    pub fn is_blank(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the problems, in the order of lines.
    pub fn problems(&self) -> Vec<Problem> {
        let wrong = self.entries.iter().filter_map(|entry| Some((entry.line, entry.wrong.clone()?)));
        wrong.map(|(line, says)| Problem { line, says }).collect()
    }

    /// Marks the values of `key` as not applied.
    pub fn refuse(&mut self, key: &str, says: &str) {
        for entry in self.entries.iter_mut().filter(|entry| entry.key == Some(key) && entry.wrong.is_none()) {
            entry.wrong = Some(says.to_owned());
        }
    }
}

/// Parses the file.
pub fn read(text: &str) -> Sheet {
    let mut sheet = Sheet::default();
    let mut values: Vec<(&'static Key, Value)> = Vec::new();
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).peekable();
    while let Some((number, line)) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut whole = line.to_owned();
        // A list may span several lines, so add lines until the list can be read or the next key begins.
        for _ in 1..VALUE_LINES_MAX {
            if !opens_list(&whole) || parse(&whole).is_ok() {
                break;
            }
            let Some((_, more)) = lines.next_if(|(_, next)| !begins_key(next)) else { break };
            whole.push('\n');
            whole.push_str(more);
        }
        let mut entry = Entry { line: number, key: None, shown: None, wrong: None };
        match understand(&whole) {
            Err(says) => entry.wrong = Some(says),
            Ok((key, value)) => {
                entry.key = Some(key.name);
                entry.shown = key.open.then(|| value.to_string());
                match earlier(&sheet, key.name) {
                    Some(line) => {
                        entry.wrong =
                            Some(format!("{} is set in line {line} already. Keep one of them", key.name));
                    }
                    None => values.push((key, value)),
                }
            }
        }
        sheet.entries.push(entry);
    }
    for (key, value) in values {
        match take(&mut sheet.values, key, &value) {
            Ok(wrong) if wrong.is_empty() => {}
            Ok(wrong) => sheet.refuse(key.name, &format!("{}. The others are taken", wrong.join(". "))),
            Err(says) => sheet.refuse(key.name, &says),
        }
    }
    join_wifi(&mut sheet);
    sheet
}

fn earlier(sheet: &Sheet, name: &str) -> Option<usize> {
    sheet.entries.iter().find(|entry| entry.key == Some(name)).map(|entry| entry.line)
}

fn opens_list(line: &str) -> bool {
    line.split_once('=').is_some_and(|(_, value)| value.trim_start().starts_with('['))
}

fn begins_key(line: &str) -> bool {
    line.split_once('=').is_some_and(|(name, _)| is_word(name.trim()))
}

fn is_word(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn parse(line: &str) -> Result<Table, toml::de::Error> {
    toml::from_str(line)
}

/// Returns the key and value of a line.
fn understand(line: &str) -> Checked<(&'static Key, Value)> {
    if line.starts_with('[') {
        return Err(
            "sections in [brackets] are not needed here. Remove this line and write the keys by themselves"
                .into(),
        );
    }
    let Some((name, typed)) = line.split_once('=') else {
        return Err(
            "there is no '=' in this line. Write a key and its value, such as: hostname = \"synthwire\""
                .into(),
        );
    };
    let (name, typed) = (name.trim(), typed.trim());
    let Some(key) = keys::find(name) else { return Err(unknown(name)) };
    match parse(line).map(|mut table| table.remove(name)) {
        Ok(Some(value)) => Ok((key, value)),
        _ => Err(misread(key, typed)),
    }
}

/// Returns the message about an unknown key.
fn unknown(name: &str) -> String {
    let all: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    let there_are = format!("There are: {}", all.join(", "));
    if !is_word(name) {
        return format!("what stands before the '=' is no key. {there_are}");
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "");
    let meant = match plain(name).as_str() {
        "ssid" | "wifi" | "wifissid" => Some("wifi_name"),
        "psk" | "password" | "wifipsk" | "wifikey" => Some("wifi_password"),
        "country" => Some("wifi_country"),
        "name" | "host" => Some("hostname"),
        "channel" | "channels" | "pair" => Some("first_channel"),
        _ => suggestion::meant(name, all.into_iter()),
    };
    match meant {
        Some(meant) => format!("{name:?} is no key of this file. Do you mean {meant}? {there_are}"),
        None => format!("{name:?} is no key of this file. {there_are}"),
    }
}

/// Returns the message about a value that is not TOML. It never repeats the value, which may be a password.
fn misread(key: &Key, typed: &str) -> String {
    let Key { name, example, .. } = key;
    if typed.contains(['“', '”', '„', '‟', '‘', '’', '«', '»']) {
        return format!(
            "these are typographic quotes. Use the straight ones of a plain text editor: {name} = {example}"
        );
    }
    match typed.chars().next() {
        None => format!("there is nothing after the '='. Write: {name} = {example}"),
        Some('"') if typed.contains('\\') => {
            format!("a \\ means something else between \" quotes. Use ' instead: {name} = '...'")
        }
        Some(quote @ ('"' | '\'')) if typed.matches(quote).count() == 1 => {
            format!("the {quote} at the end of the value is missing. Write: {name} = {example}")
        }
        Some('"') if typed.matches('"').count() > 2 => {
            format!("a value that holds \" itself stands between ' instead: {name} = '...'")
        }
        Some('"' | '\'' | '[') => format!("the value of {name} cannot be read. Write: {name} = {example}"),
        Some(_) => format!("the value must stand as in this example: {name} = {example}"),
    }
}

/// Checks the value of one key and stores it. Returns what is wrong with parts of it that were left out.
fn take(values: &mut CardValues, key: &Key, value: &Value) -> Checked<Vec<String>> {
    let text = || keys::text(key, value);
    if let Some(setting) = key.setting {
        let (value, wrong) = keys::setting(key, setting, value)?;
        values.settings.push((setting, value));
        return Ok(wrong);
    }
    match key.name {
        "hostname" => values.hostname = Some(keys::hostname(text()?)?),
        "wifi_name" => network(values).name = keys::wifi_name(text()?)?,
        "wifi_password" => network(values).password = keys::wifi_password(text()?)?,
        "wifi_country" => values.wifi_country = Some(keys::wifi_country(text()?)?),
        _ => values.ssh_keys = Some(keys::ssh_keys(value)?),
    }
    Ok(Vec::new())
}

fn network(values: &mut CardValues) -> &mut Network {
    values.wifi.get_or_insert_with(|| Network { name: String::new(), password: String::new() })
}

/// Returns whether this key is present and valid.
fn is_good(sheet: &Sheet, key: &str) -> bool {
    sheet.entries.iter().any(|entry| entry.key == Some(key) && entry.wrong.is_none())
}

/// Checks that a network has both name and password, because neither is useful without the other.
fn join_wifi(sheet: &mut Sheet) {
    const PAIR: [&str; 2] = ["wifi_name", "wifi_password"];
    for (this, other) in [(PAIR[0], PAIR[1]), (PAIR[1], PAIR[0])] {
        if is_good(sheet, this) && !is_good(sheet, other) {
            let open =
                if this == PAIR[0] { "; for a network without one write: wifi_password = \"\"" } else { "" };
            sheet.refuse(this, &format!("{this} needs {other} beside it, without a mistake{open}"));
        }
    }
    if !is_good(sheet, PAIR[0]) {
        sheet.values.wifi = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::encoding::decode;

    #[test]
    fn a_file_without_a_mistake_is_all_done() {
        let ssh = format!("ssh-ed25519 AAAA{} me", "C".repeat(64));
        let text = format!(
            "# mine\r\nhostname = \"Stage\"\r\nnames = [\n \"Stage.Lan\",\n]\nfirst_channel = 3 # the second pair\r\nwifi_name = 'Café'\n\
             wifi_password = \"open sesame\"\nwifi_country = \"de\"\nlistening_key = \"for the band\"\n\
             settings_key = \"for myself\"\nssh_key = [\n  \"{ssh}\",\n]\n"
        );
        let sheet = read(&text);
        assert_eq!(sheet.problems(), []);
        let CardValues { hostname, settings, wifi, wifi_country, ssh_keys } = sheet.values;
        let found = |name: &str| settings.iter().find(|(setting, _)| setting.key == name).unwrap().1.clone();
        assert_eq!((hostname.as_deref(), found("first_channel")), (Some("stage"), 3.into()));
        assert_eq!(found("names"), vec![Value::from("stage.lan")].into());
        assert_eq!(
            (found("listening_key").as_str(), found("settings_key").as_str()),
            (Some("for the band"), Some("for myself"))
        );
        assert_eq!(wifi, Some(Network { name: "Café".into(), password: "open sesame".into() }));
        assert_eq!((wifi_country.as_deref(), ssh_keys), (Some("DE"), Some(vec![ssh])));
    }

    #[test]
    fn what_editors_do_to_a_file_is_no_mistake() {
        let plain = "hostname = \"a\"\n";
        let wide: Vec<u16> = plain.encode_utf16().collect();
        let little: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(wide.iter().flat_map(|unit| unit.to_le_bytes())).collect();
        let big: Vec<u8> =
            [0xfe, 0xff].into_iter().chain(wide.iter().flat_map(|unit| unit.to_be_bytes())).collect();
        for bytes in [plain.as_bytes(), b"\xef\xbb\xbfhostname = \"a\"\r\n", &little, &big] {
            assert_eq!(read(&decode(bytes).unwrap()).values.hostname.as_deref(), Some("a"), "{bytes:?}");
        }
        assert!(read(&decode(b"\xff\xfe").unwrap()).is_blank() && read(&decode(b"").unwrap()).is_blank());
        assert_eq!(
            read(&decode(b"hostname = \"\xe4\"\n").unwrap()).problems().len(),
            1,
            "an umlaut of Windows is no letter of a host name"
        );
    }

    #[test]
    fn every_slip_is_said_with_its_line_and_spoils_nothing_else() {
        for (line, said) in [
            ("hostname: stage", "there is no '='"),
            ("hostname =", "there is nothing after the '='"),
            ("hostname = stage", "as in this example: hostname = \"synthwire\""),
            ("hostname = “stage”", "typographic quotes"),
            ("hostname = \"stage", "at the end of the value is missing"),
            ("hostname = 'stage", "at the end of the value is missing"),
            ("hostname = \"stage\" left", "cannot be read"),
            ("hostname = 5", "between straight quotes"),
            ("hostname = true", "between straight quotes"),
            ("hostname = \"my stage\"", "no spaces"),
            ("host_name = \"x\"", "Do you mean hostname?"),
            ("Wifi-Name = \"x\"", "Do you mean wifi_name?"),
            ("ssid = \"x\"", "Do you mean wifi_name?"),
            ("volume = 11", "\"volume\" is no key of this file. There are: hostname, names, wifi_name"),
            ("a b = 1", "is no key. There are:"),
            ("[wifi]", "Remove this line"),
            ("first_channel = \"3\"", "without quotes"),
            ("first_channel = 199", "1 to 127"),
            ("listening_key = \"\"", "listening_key is empty"),
            ("wifi_name = \"alone\"", "wifi_name needs wifi_password beside it"),
            ("wifi_password = \"alone by itself\"", "wifi_password needs wifi_name beside it"),
            ("wifi_password = \"back\\slash1\"", "Use ' instead"),
            ("wifi_password = \"with \"quotes\" inside\"", "stands between ' instead"),
            ("ssh_key = [\"x\"", "cannot be read"),
            ("\u{0}\u{1}", "there is no '='"),
        ] {
            let sheet = read(&format!("wifi_country = \"DE\"\n{line}\nsettings_key = \"long enough\"\n"));
            let problems = sheet.problems();
            assert_eq!(problems.len(), 1, "{line:?}: {problems:?}");
            assert_eq!(problems[0].line, 2, "{line:?}");
            assert!(problems[0].says.contains(said), "{line:?}: {}", problems[0]);
            let found = sheet.values.settings.iter().find(|(setting, _)| setting.key == "settings_key");
            let done = (sheet.values.wifi_country.as_deref(), found.and_then(|(_, key)| key.as_str()));
            assert_eq!(done, (Some("DE"), Some("long enough")), "{line:?}");
        }
    }

    #[test]
    fn a_wrong_name_is_said_as_the_configuration_says_it_and_the_others_are_taken() {
        let sheet = read("names = [\"Synth.Lan\", \"a:80\", \"http://b\"]\n");
        let (setting, names) = &sheet.values.settings[0];
        assert_eq!((setting.key, names), ("names", &vec![Value::from("synth.lan")].into()));
        let said = sheet.problems()[0].to_string();
        let file = Config::parse("names = [\"a:80\"]\n", "line 1").unwrap_err().to_string();
        let words = file.strip_prefix("line 1:1: ").unwrap();
        assert!(said.starts_with(&format!("line 1: {words}. \"http://b\" is no name")), "{said}");
        assert!(said.ends_with("The others are taken"), "{said}");
        let none = read("names = [\"a:80\"]\n");
        assert!(none.values.settings.is_empty() && none.problems()[0].says == words, "{:?}", none.problems());
    }

    #[test]
    fn twice_is_once_and_said() {
        let sheet = read("hostname = \"a\"\nhostname = \"b\"\n");
        assert_eq!(sheet.values.hostname.as_deref(), Some("a"));
        assert_eq!(
            sheet.problems()[0].to_string(),
            "line 2: hostname is set in line 1 already. Keep one of them"
        );
    }

    #[test]
    fn a_bad_password_leaves_the_network_alone() {
        let sheet = read("wifi_name = \"Home\"\nwifi_password = \"short\"\n");
        assert_eq!((sheet.values.wifi.clone(), sheet.problems().len()), (None, 2));
        assert!(sheet.problems()[0].says.contains("needs wifi_password beside it, without a mistake"));
    }

    #[test]
    fn no_slip_ever_repeats_a_secret() {
        for secret in ["hunter2", "hunter2hunter2", "hunter2\\", "\"hunter2", "“hunter2”", "häunter2"] {
            for key in ["listening_key", "wifi_password", "wifi_pasword", "ssh_key", "pass word"] {
                for quoted in [
                    secret.to_owned(),
                    format!("\"{secret}\""),
                    format!("'{secret}"),
                    format!("[\"{secret}\""),
                ] {
                    for line in [format!("{key} = {quoted}"), format!("{key} {quoted}")] {
                        let sheet = read(&line);
                        let said = format!("{:?} {:?}", sheet.problems(), sheet.entries);
                        assert!(!said.contains("hunter2") && !said.contains("unter2"), "{line}: {said}");
                    }
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read() {
        for seed in 0..500_u32 {
            let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
            let mut bytes = b"hostname = \"a\"\nssh_key = [".to_vec();
            for _ in 0..(seed % 90) {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                bytes.push((state >> 24) as u8);
            }
            let sheet = read(&decode(&bytes).unwrap_or_default());
            assert_eq!(sheet.values.hostname.as_deref(), Some("a"), "seed {seed}");
        }
    }
}
