//! Computes the new contents of the system's files from the card's values. Each function takes the present
//! content of a file and returns the new one; applying it twice changes nothing more.

use super::keys;
use crate::config::{Kind, SETTINGS};
use crate::encoding::VALUE_LINES_MAX;
use data_encoding::HEXLOWER;
use std::fmt::Write as _;
use toml::Value;

/// Returns the service's configuration with these keys set, and everything else unchanged. The keys go before the first
/// [section], which a newer version may have; after it they would belong to the section.
pub fn config_with(now: &str, keys: &[(&str, Value)]) -> String {
    let lines: Vec<&str> = now.lines().collect();
    let (mut text, mut rest) = (String::new(), &lines[..]);
    while let Some(line) = rest.first().filter(|line| !line.trim_start().starts_with('[')) {
        let (piece, after) = rest.split_at(lines_of_value(rest));
        if !keys.iter().any(|(key, _)| key_of(line) == Some(key)) {
            text.extend(piece.iter().flat_map(|line| [*line, "\n"]));
        }
        rest = after;
    }
    for (key, value) in keys {
        writeln!(text, "{key} = {value}").expect("a string can be written to");
    }
    text.extend(rest.iter().flat_map(|line| [*line, "\n"]));
    text
}

/// Replaces an access key that may have been set in a lost configuration. It is not a valid hash, so no key
/// opens that lock.
const LOST_KEY: &str = "lost";

/// Returns a configuration that replaces an unreadable one: with these keys, and locked where the old one may
/// have had an access key.
pub fn config_anew(keys: &[(&str, Value)]) -> String {
    let is_set = |name: &str| keys.iter().any(|(key, _)| *key == name);
    let locks = SETTINGS.iter().filter(|setting| setting.kind == Kind::HashedKey && !is_set(setting.key));
    let lost: Vec<(&str, Value)> = locks.map(|lock| (lock.key, LOST_KEY.into())).collect();
    config_with("# The file before this one could not be read.\n", &[keys, &lost].concat())
}

/// Returns the key that a line sets, without quotes.
fn key_of(line: &str) -> Option<&str> {
    let key = line.split_once('=')?.0.trim();
    let bare =
        ['"', '\''].iter().find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(key);
    let is_word = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    is_word.then_some(bare)
}

/// Returns how many lines the value in the first line spans: a list or a long text may continue up to the next key. An
/// unreadable value counts as one line.
fn lines_of_value(lines: &[&str]) -> usize {
    let goes_on = |line: &str| {
        let value = line.split_once('=').map_or("", |(_, value)| value.trim_start());
        key_of(line).is_some() && ["[", "\"\"\"", "'''"].iter().any(|opens| value.starts_with(opens))
    };
    if !goes_on(lines[0]) {
        return 1;
    }
    let more = lines[1..].iter().take(VALUE_LINES_MAX - 1).take_while(|line| key_of(line).is_none());
    let whole = |count: &usize| {
        toml::from_str::<toml::Table>(&lines[..*count].join("\n")).is_ok_and(|table| table.len() == 1)
    };
    (1..=more.count() + 1).find(whole).unwrap_or(1)
}

/// Returns the name of iwd's file for a network: plain names unchanged, others in hexadecimal (iwd.network(5)).
pub fn iwd_file(name: &str, password: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _-".contains(&byte));
    let stem = if is_plain { name.to_owned() } else { format!("={}", HEXLOWER.encode(name.as_bytes())) };
    format!("{stem}.{}", if password.is_empty() { "open" } else { "psk" })
}

/// Returns the content of iwd's file for a network. iwd searches for every network by its name, because it finds hidden ones
/// only that way. It also joins visible ones sooner, within 16 s in a test (docs/guide/unproven.md).
pub fn iwd_network(password: &str) -> String {
    let settings = "[Settings]\nAutoConnect=true\nHidden=true\n";
    match password.len() {
        0 => settings.into(),
        64 => format!("{settings}[Security]\nPreSharedKey={}\n", password.to_ascii_lowercase()),
        _ => format!("{settings}[Security]\nPassphrase={}\n", escaped(password)),
    }
}

/// Escapes a value for iwd, which would drop a leading space and takes a backslash as the start of an escape.
fn escaped(value: &str) -> String {
    let doubled = value.replace('\\', "\\\\");
    match doubled.strip_prefix(' ') {
        Some(rest) => format!("\\s{rest}"),
        None => doubled,
    }
}

/// Returns the country that iwd's configuration stores; `None` if it stores none.
pub fn kept_country(text: &str) -> Option<String> {
    keys::wifi_country(text.trim()).ok()
}

/// Returns iwd's own configuration with this country.
pub fn iwd_with_country(now: &str, country: &str) -> String {
    let mut text = String::new();
    let (mut in_general, mut written) = (false, false);
    for line in now.lines() {
        let bare = line.trim();
        if in_general && bare.split('=').next().is_some_and(|key| key.trim() == "Country") {
            continue;
        }
        text.push_str(line);
        text.push('\n');
        if bare.starts_with('[') {
            in_general = bare == "[General]";
            if in_general && !written {
                writeln!(text, "Country={country}").expect("a string can be written to");
                written = true;
            }
        }
    }
    if !written {
        write!(text, "[General]\nCountry={country}\n").expect("a string can be written to");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_keeps_what_it_says_and_takes_what_is_new() {
        let now = "# mine\nlisten = \"0.0.0.0:80\"\nfirst_channel=1\n#first_channel = 5\nfirst_channels = 2";
        let keys = [("first_channel", Value::Integer(3)), ("listening_key", Value::String("$a\"b".into()))];
        let new = config_with(now, &keys);
        let kept = "# mine\nlisten = \"0.0.0.0:80\"\n#first_channel = 5\nfirst_channels = 2\nfirst_channel = 3\nlistening_key = ";
        assert!(new.starts_with(kept), "{new}");
        assert_eq!(config_with(&new, &keys), new, "twice is once");
        let read: toml::Table = toml::from_str(&new).unwrap();
        assert_eq!(read["listening_key"].as_str(), Some("$a\"b"));
        let list = "names = [\n  \"a\", # mine\n  \"b\",\n]\ndemo = true\n";
        let names = [("names", Value::Array(vec![Value::String("c".into())]))];
        assert_eq!(
            config_with(list, &names),
            "demo = true\nnames = [\"c\"]\n",
            "a list over several lines goes whole"
        );
        assert_eq!(config_with("names = [\ndemo = true\n", &names), "demo = true\nnames = [\"c\"]\n");
        assert_eq!(config_with("", &keys[..1]), "first_channel = 3\n");
    }

    #[test]
    fn what_is_new_stands_before_a_newer_versions_sections_and_in_the_place_of_quoted_keys() {
        let keys = [("names", Value::Array(vec![Value::String("c".into())]))];
        for (now, new) in [
            ("demo = true\n[net]\nnames = 1\n", "demo = true\nnames = [\"c\"]\n[net]\nnames = 1\n"),
            ("\"names\" = [\"a\"]\n", "names = [\"c\"]\n"),
            ("'names' = [\n\"a\"\n]\n# words = [\n", "# words = [\nnames = [\"c\"]\n"),
            ("other = [\n[1],\n[2],\n]\n", "other = [\n[1],\n[2],\n]\nnames = [\"c\"]\n"),
        ] {
            assert_eq!(config_with(now, &keys), new, "{now}");
            assert_eq!(config_with(new, &keys), new, "twice is once: {now}");
        }
    }

    #[test]
    fn networks_are_named_and_written_as_iwd_reads_them() {
        assert_eq!(iwd_file("Home net-5_G", "secret12"), "Home net-5_G.psk");
        assert_eq!(iwd_file("Café/..", ""), "=436166c3a92f2e2e.open");
        let hidden_too = "[Settings]\nAutoConnect=true\nHidden=true\n";
        assert_eq!(iwd_network(""), hidden_too);
        assert_eq!(iwd_network("open sesame"), format!("{hidden_too}[Security]\nPassphrase=open sesame\n"));
        assert_eq!(iwd_network(" a\\b  12"), format!("{hidden_too}[Security]\nPassphrase=\\sa\\\\b  12\n"));
        let hashed = format!("{hidden_too}[Security]\nPreSharedKey={}\n", "a0".repeat(32));
        assert_eq!(iwd_network(&"A0".repeat(32)), hashed);
    }

    #[test]
    fn the_country_is_set_once_and_the_rest_stays() {
        let now = "[General]\n# words\nEnableNetworkConfiguration=false\nCountry = FR\n\n[DriverQuirks]\nPowerSaveDisable=*\n";
        let new = iwd_with_country(now, "DE");
        let expected = "[General]\nCountry=DE\n# words\nEnableNetworkConfiguration=false\n\n[DriverQuirks]\nPowerSaveDisable=*\n";
        assert_eq!(new, expected);
        assert_eq!(iwd_with_country(&new, "DE"), new);
        assert_eq!(iwd_with_country("", "DE"), "[General]\nCountry=DE\n");
        assert_eq!(
            iwd_with_country("[Network]\nCountry=x\n", "DE"),
            "[Network]\nCountry=x\n[General]\nCountry=DE\n"
        );
    }
}
