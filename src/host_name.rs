//! A host name, parsed in the same way from a request, the configuration, the card or a certificate. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Deref;

/// Longest name (RFC 1035, 2.3.4, without the root's dot).
const NAME_BYTES_MAX: usize = 253;
/// Longest label, the part between two dots (same section).
pub const LABEL_BYTES_MAX: usize = 63;

/// Labels of letters, digits, `-` and `_`, separated by dots, in lower case, without a final dot. It contains nothing that
/// needs escaping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// Parses a name; `None` if the text is none. An IPv4 address passes as a name; callers that care must check for it
    /// first.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_label = |label: &str| (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(sound);
        (name.len() <= NAME_BYTES_MAX && name.split('.').all(is_label))
            .then(|| Self(name.to_ascii_lowercase()))
    }

    /// Returns whether the name is allowed in a certificate and as a host's name in DNS (RFC 1123, 2.1). Routers and
    /// Windows also assign other names, and browsers send them.
    pub fn is_strict(&self) -> bool {
        !self.contains('_') && self.split('.').all(|label| !label.starts_with('-') && !label.ends_with('-'))
    }
}

/// A further name of a device: a name, or an address. An IPv6 address may be in brackets, as in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenName {
    /// A name.
    Name(HostName),
    /// An address.
    Address(IpAddr),
}

impl GivenName {
    /// Parses a name or an address; `None` if the text is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_suffix('.').unwrap_or(text);
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            None => bare.parse().ok(),
        };
        address
            .map(|address| Self::Address(address.to_canonical()))
            .or_else(|| HostName::parse(text).map(Self::Name))
    }

    /// Parses a name as a person typed it.
    ///
    /// # Errors
    /// What is wrong with it and what to write instead, as part of a sentence.
    pub fn typed(text: &str) -> Result<Self, String> {
        Self::parse(text.trim()).ok_or_else(|| {
            let why = if text.contains('/') {
                "write it without http:// and without a /"
            } else if text.contains(':') {
                "write it without a port"
            } else if text.is_ascii() {
                "it has letters, digits, '-' and '.', no spaces"
            } else {
                "one with accents begins with xn--, as a browser's address bar shows it when it is copied"
            };
            format!("{text:?} is no name such as \"synthwire.fritz.box\": {why}")
        })
    }
}

impl fmt::Display for GivenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl Deref for HostName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_small_letters_or_not_at_all() {
        let (label, long) = ("a".repeat(63), [63, 63, 63, 61].map(|length| "a".repeat(length)).join("."));
        for (text, name, strict) in [
            ("synthwire.local", "synthwire.local", true),
            ("Synthwire.Local.", "synthwire.local", true),
            ("roon_kitchen", "roon_kitchen", false),
            ("-a.local", "-a.local", false),
            ("a-.local", "a-.local", false),
            ("a-b", "a-b", true),
            ("xn--kche-0ra.lan", "xn--kche-0ra.lan", true),
            (&label, &label, true),
            (&long, &long, true),
        ] {
            let read = HostName::parse(text).unwrap();
            assert_eq!((&*read, read.is_strict()), (name, strict), "{text}");
        }
        for (text, given) in [
            ("Synth.Lan.", "synth.lan"),
            ("198.51.100.7", "198.51.100.7"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
        ] {
            assert_eq!(GivenName::parse(text).map(|name| name.to_string()).as_deref(), Some(given), "{text}");
        }
        for text in ["[2001:db8::1", "[2001:db8::1]:80", "[198.51.100.7]", "[synth]", "fe80::1%eth0", "a:80"]
        {
            assert_eq!(GivenName::parse(text), None, "{text:?}");
        }
        for (text, said) in [
            ("http://synthwire.fritz.box", "without http://"),
            ("synthwire.fritz.box/", "without a /"),
            ("synthwire.fritz.box:80", "without a port"),
            ("synth wire", "no spaces"),
            ("bühne.example", "xn--"),
        ] {
            let error = GivenName::typed(text).unwrap_err();
            assert!(error.contains(said) && error.contains(text), "{error}");
        }
        assert_eq!(GivenName::typed(" Synth.Lan. ").unwrap().to_string(), "synth.lan");
        let (label, long) = (label + "a", long + "a");
        for text in [
            "", ".", "a..b", ".a", "a..", "a b", "a:80", "a/b", "a%2eb", "Küche", "a\0", "[::1]", &label,
            &long,
        ] {
            assert_eq!(HostName::parse(text), None, "{text:?}");
        }
    }
}
