//! The keys of the card's `synthwire.toml`: the values they accept, and the messages for other values.
//!
//! Keys that are settings of the service are declared with those, in `config::settings`.

use crate::config::{Kind, SETTINGS, Setting};
use crate::host_name::{GivenName, HostName};
use std::sync::LazyLock;
use toml::Value;

/// One key of the card's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The key as written in the file.
    pub(super) name: &'static str,
    /// An example to copy.
    pub(super) example: &'static str,
    /// The purpose of the key, for the user.
    pub(super) about: &'static str,
    /// False for secrets: their values are never shown.
    pub(super) open: bool,
    /// The service's setting of this key; `None` for a key of the system.
    pub(super) setting: Option<&'static Setting>,
}

/// The system's keys, in the order of the card's file.
const SYSTEMS: [Key; 5] = [
    Key {
        name: "hostname",
        example: "\"synthwire\"",
        about: "The name of this device: its page is then http://NAME.local",
        open: true,
        setting: None,
    },
    Key {
        name: "wifi_name",
        example: "\"My network\"",
        about: "The Wi-Fi to join, exactly as phones show it. With a cable, Wi-Fi is not needed and the sound is better",
        open: true,
        setting: None,
    },
    Key {
        name: "wifi_password",
        example: "\"its password\"",
        about: "Its password; \"\" for a network without one",
        open: false,
        setting: None,
    },
    Key {
        name: "wifi_country",
        example: "\"DE\"",
        about: "Your country in two letters: some Wi-Fi channels need it",
        open: true,
        setting: None,
    },
    Key {
        name: "ssh_key",
        example: "\"ssh-ed25519 AAAA... you@home\"",
        about: "For experts: who may log in (a public key). An empty file named ssh beside this one switches SSH on",
        open: false,
        setting: None,
    },
];

/// All keys, in the order of the card's file.
pub(super) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let mut keys = SYSTEMS.to_vec();
    for setting in SETTINGS {
        let Some(card) = &setting.card else { continue };
        let before = keys.iter().position(|key| key.name == card.after);
        debug_assert!(
            before.is_some(),
            "{} stands behind {}, which is no key before it",
            setting.key,
            card.after
        );
        let key = Key {
            name: setting.key,
            example: card.example,
            about: card.about,
            open: setting.kind != Kind::HashedKey,
            setting: Some(setting),
        };
        keys.insert(before.map_or(keys.len(), |before| before + 1), key);
    }
    keys
});

/// Returns the key of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// A checked value, or the message about it.
pub(super) type Checked<T> = Result<T, String>;

/// Returns a text; refuses other kinds of values.
pub(super) fn text<'a>(key: &Key, value: &'a Value) -> Checked<&'a str> {
    value.as_str().ok_or_else(|| {
        format!("{} wants its value between straight quotes: {} = {}", key.name, key.name, key.example)
    })
}

/// Checks a name for the network and returns it in lower case.
pub(super) fn hostname(text: &str) -> Checked<String> {
    let name = HostName::parse(text).filter(|name| name.is_strict() && !text.contains('.'));
    let Some(name) = name else {
        let says = if text.contains('.') {
            "hostname is one word without dots; .local is added automatically. Write: hostname = \"stage\""
        } else {
            "hostname can have the letters a to z, digits and '-' between them, 63 at most, no spaces. Write: hostname = \
             \"stage-left\""
        };
        return Err(says.into());
    };
    if &*name == "localhost" {
        return Err("hostname cannot be localhost: every device has this name. Choose another name".into());
    }
    Ok(name.to_string())
}

/// Maximum number of names: far more than a router assigns.
const NAMES_MAX: usize = 16;

/// Checks a name, or a list of names, and returns the valid ones in lower case, with what is wrong with the others. An
/// empty list removes the present ones.
pub(super) fn names(value: &Value) -> Checked<(Vec<GivenName>, Vec<String>)> {
    let texts: Option<Vec<&str>> = match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) if items.len() <= NAMES_MAX => items.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let texts = texts.ok_or_else(|| {
        format!(
            "names wants names between quotes, {NAMES_MAX} at most: names = [\"synthwire.fritz.box\", \"synth.lan\"]"
        )
    })?;
    let (good, wrong): (Vec<_>, Vec<_>) = texts.into_iter().map(GivenName::typed).partition(Result::is_ok);
    Ok((good.into_iter().flatten().collect(), wrong.into_iter().filter_map(Result::err).collect()))
}

/// Checks a setting of the service and returns it in the form of the configuration; an access key stays as it was typed. Also
/// returns what is wrong with a part of it; the rest is valid.
pub(super) fn setting(key: &Key, setting: &Setting, value: &Value) -> Checked<(Value, Vec<String>)> {
    if setting.kind != Kind::Names {
        return Ok((whole_setting(key, setting, value)?, Vec::new()));
    }
    let (good, wrong) = names(value)?;
    if good.is_empty() && !wrong.is_empty() {
        return Err(wrong.join(". "));
    }
    let good: Vec<Value> = good.iter().map(|name| Value::from(name.to_string())).collect();
    Ok((good.into(), wrong))
}

fn whole_setting(key: &Key, setting: &Setting, value: &Value) -> Checked<Value> {
    match setting.kind {
        Kind::HashedKey => Ok(access_key(key, text(key, value)?)?.into()),
        Kind::Number { least, most, .. } => {
            let range = i64::from(least)..=i64::from(most);
            value.as_integer().filter(|number| range.contains(number)).map(Value::from).ok_or_else(|| {
                format!(
                    "{} wants a whole number from {least} to {most}, without quotes: {} = {}",
                    key.name, key.name, key.example
                )
            })
        }
        Kind::Cpu
        | Kind::Truth
        | Kind::Pcm
        | Kind::Address
        | Kind::Path { .. }
        | Kind::Names
        | Kind::Addresses => {
            let wants =
                || format!("{} wants {}: {} = {}", key.name, setting.kind.wants(), key.name, key.example);
            Some(value.clone()).filter(|value| setting.takes(value)).ok_or_else(wants)
        }
    }
}

/// Checks an access key; the code that hashes it knows the rules.
pub(super) fn access_key(key: &Key, text: &str) -> Checked<String> {
    if text.trim().is_empty() {
        return Err(format!(
            "{} is empty. Choose one of at least 8 characters, or remove the line",
            key.name
        ));
    }
    Ok(text.to_owned())
}

/// Checks the name of a Wi-Fi network.
pub(super) fn wifi_name(text: &str) -> Checked<String> {
    if text.is_empty() || text.len() > 32 || text.chars().any(char::is_control) {
        return Err("wifi_name has 1 to 32 characters (letters with accents count twice). \
                    Copy it exactly as phones show it"
            .into());
    }
    Ok(text.to_owned())
}

/// Checks the password of a Wi-Fi network; '' for none.
pub(super) fn wifi_password(text: &str) -> Checked<String> {
    let is_hashed = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let said = if text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
        "wifi_password holds a character that Wi-Fi passwords cannot have: only plain letters without accents, digits \
         and signs. Check it, or change the password of the network"
    } else if text.is_empty() || is_hashed || (8..=63).contains(&text.len()) {
        return Ok(text.to_owned());
    } else {
        "wifi_password must have 8 to 63 characters: every Wi-Fi password has. Type it again; for a network without one \
         write: wifi_password = \"\""
    };
    Err(said.into())
}

/// Checks a country of two letters.
pub(super) fn wifi_country(text: &str) -> Checked<String> {
    let code = text.to_ascii_uppercase();
    match code.as_str() {
        "UK" => Err("wifi_country of the United Kingdom is GB. Write: wifi_country = \"GB\"".into()),
        code if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(code.to_owned()),
        _ => Err("wifi_country wants two letters, such as \"DE\", \"GB\" or \"US\"".into()),
    }
}

/// Checks a public SSH key, or a list of them.
pub(super) fn ssh_keys(value: &Value) -> Checked<Vec<String>> {
    let none =
        || "ssh_key wants a public key between quotes, or several: ssh_key = [\"ssh-ed25519 ...\", \"...\"]";
    let texts: Option<Vec<&str>> = match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let texts = texts.filter(|texts| !texts.is_empty()).ok_or_else(none)?;
    texts.into_iter().map(|text| ssh_key(text.trim())).collect()
}

fn ssh_key(text: &str) -> Checked<String> {
    if text.contains("PRIVATE KEY") {
        return Err("ssh_key is the private half of a key, which should never leave your computer. Copy the content of the \
                    file that ends in .pub, and make a new pair: this card has held the old one"
            .into());
    }
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let kind = words.next().unwrap_or_default();
    let kinds = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-ed25519@", "sk-ecdsa-sha2-"];
    let body = words.next().unwrap_or_default();
    let fits = kinds.iter().any(|start| kind.starts_with(start))
        && body.starts_with("AAAA")
        && body.len() >= 64
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        && !text.chars().any(char::is_control);
    if fits {
        return Ok(text.to_owned());
    }
    Err("ssh_key is no public key, or not the whole of it. Copy the one line of the file that ends in .pub: it begins with \
         ssh-ed25519 or ssh-rsa"
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_networks_do() {
        assert_eq!(hostname("Stage-Left"), Ok("stage-left".into()));
        let long = "x".repeat(64);
        for (text, said) in [
            ("synthwire.local", "without dots"),
            ("my synth", "no spaces"),
            ("-x", "between them"),
            ("x-", "between them"),
            ("", "63 at most"),
            (long.as_str(), "63 at most"),
            ("bühne", "letters a to z"),
            ("a\nb", "no spaces"),
            ("LOCALHOST", "another name"),
        ] {
            assert!(hostname(text).unwrap_err().contains(said), "{text:?}");
        }
    }

    #[test]
    fn further_names_are_names_alone() {
        let list =
            |texts: &[&str]| Value::Array(texts.iter().map(|text| Value::String((*text).into())).collect());
        for (value, expected) in [
            (list(&["Synthwire.Fritz.Box", "synth.lan."]), vec!["synthwire.fritz.box", "synth.lan"]),
            (Value::String("synth".into()), vec!["synth"]),
            (list(&["roon_kitchen", "xn--bhne-1ra.example"]), vec!["roon_kitchen", "xn--bhne-1ra.example"]),
            (list(&["[2001:db8::1]", "198.51.100.7"]), vec!["2001:db8::1", "198.51.100.7"]),
            (list(&[]), vec![]),
        ] {
            let (good, wrong) = names(&value).unwrap();
            assert_eq!(good.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
            assert!(wrong.is_empty(), "{wrong:?}");
        }
        for text in [
            "http://synthwire.fritz.box",
            "a:80",
            "",
            "a..b",
            "a\nlisten = 1",
            "bühne.example",
            &"x".repeat(64),
        ] {
            let (good, wrong) = names(&list(&["synth", text])).unwrap();
            assert_eq!(good, [GivenName::parse("synth").unwrap()]);
            assert_eq!(wrong, [GivenName::typed(text).unwrap_err()]);
        }
        assert!(names(&Value::Integer(5)).is_err() && names(&list(&["a"; 17])).is_err());
    }

    #[test]
    fn wifi_is_checked_as_radios_do() {
        assert_eq!(wifi_name("Café 5"), Ok("Café 5".into()));
        for text in ["", "a\nb", &"x".repeat(33), &"é".repeat(17)] {
            assert!(wifi_name(text).is_err(), "{text:?}");
        }
        for text in ["", "12345678", &"x".repeat(63), &"a0".repeat(32), "with space \"quotes\" \\ and all"] {
            assert_eq!(wifi_password(text), Ok(text.to_owned()));
        }
        for (text, said) in [
            ("short", "8 to 63"),
            ("x".repeat(64).as_str(), "8 to 63"),
            ("x".repeat(65).as_str(), "8 to 63"),
            ("pässword", "accents"),
            ("tab\tinside", "cannot have"),
        ] {
            let error = wifi_password(text).unwrap_err();
            assert!(error.contains(said) && !error.contains(text), "{text:?}: {error}");
        }
        assert_eq!(wifi_country("de"), Ok("DE".into()));
        for (text, said) in
            [("uk", "GB"), ("Germany", "two letters"), ("D1", "two letters"), ("", "two letters")]
        {
            assert!(wifi_country(text).unwrap_err().contains(said), "{text:?}");
        }
    }

    #[test]
    fn only_whole_public_keys_are_let_in() {
        let good = format!("ssh-ed25519 AAAA{} me@home", "C".repeat(64));
        assert_eq!(ssh_keys(&Value::String(format!(" {good}\n"))), Ok(vec![good.clone()]));
        let two = Value::Array(vec![Value::String(good.clone()), Value::String(good.clone())]);
        assert_eq!(ssh_keys(&two).unwrap().len(), 2);
        let options = format!("command=\"x\" {good}");
        let lines = format!("{good}\n{good}");
        for (text, said) in [
            ("-----BEGIN OPENSSH PRIVATE KEY-----", "never leave"),
            ("ssh-ed25519", "not the whole"),
            ("ssh-ed25519 AAAAC3", "not the whole"),
            ("ssh-dss AAAA", "no public key"),
            (options.as_str(), "no public key"),
            (lines.as_str(), "no public key"),
        ] {
            assert!(ssh_keys(&Value::String(text.into())).unwrap_err().contains(said), "{text:?}");
        }
        for value in [Value::Integer(1), Value::Array(vec![]), Value::Array(vec![Value::Integer(1)])] {
            assert!(ssh_keys(&value).unwrap_err().contains("or several"), "{value:?}");
        }
    }

    #[test]
    fn numbers_and_texts_say_which_of_them_is_wanted() {
        let key = find("first_channel").unwrap();
        let first_channel = |value: &Value| setting(key, key.setting.unwrap(), value);
        assert_eq!(first_channel(&Value::Integer(127)), Ok((Value::Integer(127), vec![])));
        for value in [
            Value::Integer(0),
            Value::Integer(128),
            Value::Integer(-1),
            Value::Float(1.5),
            Value::String("1".into()),
        ] {
            assert!(first_channel(&value).unwrap_err().contains("1 to 127, without quotes"), "{value:?}");
        }
        let key = find("wifi_password").unwrap();
        assert!(text(key, &Value::Integer(12_345_678)).unwrap_err().contains("straight quotes"));
        assert!(
            access_key(find("settings_key").unwrap(), "  ").unwrap_err().contains("settings_key is empty")
        );
    }

    #[test]
    fn every_example_is_one() {
        for Key { name, example, .. } in KEYS.iter() {
            let parsed: toml::Table = toml::from_str(&format!("{name} = {example}")).unwrap();
            assert!(parsed.contains_key(*name));
        }
    }
}
