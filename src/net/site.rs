//! Parses where a request goes and where a page comes from: host, port and scheme as `Host` and `Origin` write them (RFC
//! 9110, 4.2 and 7.2; RFC 6454, 6.2). Pure.

use crate::host_name::HostName;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The scheme of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// Parses a scheme. `ws` counts as `http` and `wss` as `https`, because some proxies use them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "http" | "ws" => Some(Self::Http),
            "https" | "wss" => Some(Self::Https),
            _ => None,
        }
    }

    fn usual_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A name or an address; contains nothing that needs escaping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// No host.
    Unnamed,
    Name(HostName),
    /// An address without an interface, which has a meaning only on the machine where it was typed (RFC 6874).
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => Ok(()),
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(v6)) => write!(f, "[{v6}]"),
            Self::Address(v4) => write!(f, "{v4}"),
        }
    }
}

/// The content of a `Host` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: Host,
    /// `None` for the scheme's default port.
    port: Option<u16>,
}

impl Authority {
    /// Parses a host with its port; `None` if either is invalid.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            (Host::Address(address_of(address)?), port)
        } else {
            let (name, port) = text.find(':').map_or((text, ""), |colon| text.split_at(colon));
            (host_of(name)?, port)
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some("") => None, // "host:" means the default port as well
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// Parses a `Host` header; an unreadable one becomes unnamed and matches no host.
    pub(super) fn parse_or_unnamed(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self { host: Host::Unnamed, port: None })
    }

    fn port_under(&self, scheme: Scheme) -> u16 {
        self.port.unwrap_or(scheme.usual_port())
    }
}

/// Parses an address between brackets, with or without an interface (`%25eth0`, or unescaped `%eth0`).
fn address_of(text: &str) -> Option<IpAddr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "any"));
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let zone = zone.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(zone);
    (!zone.is_empty() && zone.bytes().all(sound))
        .then(|| address.parse::<Ipv6Addr>().ok().map(|address| IpAddr::from(address).to_canonical()))?
}

fn host_of(name: &str) -> Option<Host> {
    if let Ok(address) = name.strip_suffix('.').unwrap_or(name).parse::<Ipv4Addr>() {
        return Some(Host::Address(address.into()));
    }
    if name.is_empty() { Some(Host::Unnamed) } else { HostName::parse(name).map(Host::Name) }
}

/// The origin of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) at: Authority,
}

impl Origin {
    /// Parses an `Origin` header; `None` for "null", and for anything that is no origin of a page.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let at = Authority::parse(authority)?;
        (at.host != Host::Unnamed).then_some(Self { scheme, at })
    }

    /// Returns whether a page of this origin belongs to the site `authority`: same host, same port. Either may omit the
    /// default port of the origin's scheme. The caller compares schemes.
    pub(super) fn is_at(&self, authority: &Authority) -> bool {
        self.at.host == authority.host && self.at.port_under(self.scheme) == authority.port_under(self.scheme)
    }

    /// Returns whether the origin's port is the default of its scheme.
    pub(super) fn has_usual_port(&self) -> bool {
        self.at.port_under(self.scheme) == self.scheme.usual_port()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_read_or_left_and_never_needs_escaping() {
        for (text, expected) in [
            ("synthwire.local", Some(("synthwire.local", None))),
            ("Synthwire.local.:8080", Some(("synthwire.local", Some(8080)))),
            ("roon_kitchen", Some(("roon_kitchen", None))),
            ("host:", Some(("host", None))),
            ("host:0080", Some(("host", Some(80)))),
            ("192.168.7.9:80", Some(("192.168.7.9", Some(80)))),
            ("[fd00::9]:8443", Some(("[fd00::9]", Some(8443)))),
            ("[FE80::1%25eth0]", Some(("[fe80::1]", None))),
            ("[fe80::1%eth0]:80", Some(("[fe80::1]", Some(80)))),
            ("[fe80::1%25]", Some(("[fe80::1]", None))), // an interface may be called 25
            ("[::1]:", Some(("[::1]", None))),
            ("[::ffff:10.0.0.1]", Some(("10.0.0.1", None))),
            ("", Some(("", None))),
            (":80", Some(("", Some(80)))),
            ("[fe80::1%]", None),
            ("[fe80::1%25\"]", None),
            ("[10.0.0.1]", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[::1]80", None),
            ("::1", None),
            ("a:b", None),
            ("a:80:80", None),
            ("a:99999", None),
            ("a:+80", None),
            ("a b", None),
            ("a@b", None),
            ("a/b", None),
            ("a%2eb", None),
            ("a\"><script>", None),
            ("é", None),
            ("a..b", None),
            (".", None),
        ] {
            let read = Authority::parse(text);
            let shown = read.as_ref().map(|authority| (authority.host.to_string(), authority.port));
            assert_eq!(shown, expected.map(|(host, port)| (host.to_owned(), port)), "{text:?}");
        }
        assert_eq!(Authority::parse(&"a".repeat(254)), None);
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (origin, authority, same) in [
            ("http://a.local", "a.local", true),
            ("http://a.local", "a.local:80", true),
            ("http://a.local:80", "a.local", true),
            ("https://a.local", "a.local:443", true),
            ("https://A.local:443", "a.local.", true),
            ("https://a.local:8443", "a.local:8443", true),
            ("http://[fd00::1]", "[FD00:0::1]:80", true),
            ("https://127.0.0.1", "127.0.0.1", true),
            ("https://a.local", "a.local:80", false),
            ("http://a.local", "a.local:443", false),
            ("http://a.local:8080", "a.local", false),
            ("http://b.local", "a.local", false),
        ] {
            let (origin, authority) = (Origin::parse(origin).unwrap(), Authority::parse(authority).unwrap());
            assert_eq!(origin.is_at(&authority), same, "{origin:?} {authority:?}");
        }
        for text in [
            "null",
            "",
            "file://",
            "ftp://a",
            "http://",
            "http://a/",
            "http:a",
            "a.local",
            "http://a http://b",
        ] {
            assert_eq!(Origin::parse(text), None, "{text:?}");
        }
    }
}
