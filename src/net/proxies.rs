//! The information that a reverse proxy gives about the visitor behind it: `X-Forwarded-For`, `-Proto` and
//! `-Host`, or `Forwarded` (RFC 7239). Pure.
//!
//! Only the proxies in `trusted_proxies` are believed, and these headers never allow anything that would be
//! refused without them. The request's own `Host` must be ours in any case, because a page rebound to this
//! machine can write all of these headers. The host that the proxy was asked for must be ours too, because a
//! name can also be rebound to the proxy (`guard`).

use super::peer::{Peer, Relay};
use super::site::{Authority, Scheme};
use hyper::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(super) fn new(trusted: Vec<IpNet>) -> Self {
        Self(trusted)
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(&address))
    }

    /// Returns the visitor behind `peer`, or `peer` itself if it is not one of our proxies.
    pub(super) fn visitor(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        if !self.trust(peer.address) {
            return peer;
        }
        let said = ForwardedHeaders::read(headers);
        let client = self.client(&said.hops);
        let scheme = said.scheme(client);
        Peer {
            address: client.and_then(|at| said.hops[at]).unwrap_or(peer.address),
            secure: scheme.map_or(peer.secure, |scheme| scheme == Scheme::Https),
            relay: if scheme.is_some() { Relay::Said } else { Relay::Silent },
            ..peer
        }
    }

    /// Returns the index of the last hop that is not one of our proxies. Earlier hops may be made up.
    fn client(&self, hops: &[Option<IpAddr>]) -> Option<usize> {
        let mut client = None;
        for (at, hop) in hops.iter().enumerate().rev() {
            client = Some(at);
            if !self.trust((*hop)?) {
                break;
            }
        }
        client
    }
}

/// Returns the host that a visitor of one of our proxies asked for, if the proxy tells it.
pub(super) fn host(headers: &HeaderMap) -> Option<Authority> {
    ForwardedHeaders::read(headers).host
}

/// The forwarding headers; `None` stands for what they do not tell.
#[derive(Debug, Default, PartialEq)]
struct ForwardedHeaders {
    /// The hops, beginning with the visitor if the headers tell the truth.
    hops: Vec<Option<IpAddr>>,
    /// The schemes that the proxies tell, in the same order.
    schemes: Vec<Option<Scheme>>,
    /// The host that the nearest proxy was asked for: each proxy appends.
    host: Option<Authority>,
}

impl ForwardedHeaders {
    /// Reads one of the two kinds of headers. A proxy that writes one kind may pass on the other as written by a visitor.
    /// We cannot tell which one the proxy wrote, so if both are present, no address is believed.
    fn read(headers: &HeaderMap) -> Self {
        if [FOR, PROTO, HOST].iter().any(|name| headers.contains_key(name)) {
            let hops = if headers.contains_key(header::FORWARDED) { Vec::new() } else { list(headers, &FOR) };
            return Self {
                hops: hops.into_iter().map(address).collect(),
                schemes: list(headers, &PROTO).into_iter().map(Scheme::parse).collect(),
                host: list(headers, &HOST).last().map(|host| Authority::parse_or_unnamed(host)),
            };
        }
        let lines: Vec<Cow<'_, str>> = headers
            .get_all(header::FORWARDED)
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()))
            .collect();
        let elements: Vec<Vec<(&str, Cow<'_, str>)>> =
            lines.iter().flat_map(|line| split(line, ',')).map(|element| pairs(element)).collect();
        let find = |pairs: &[(&str, Cow<'_, str>)], wanted: &str| {
            // An empty value tells nothing, as in the lists of the other kind.
            pairs
                .iter()
                .find(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.trim().is_empty())
                .map(|(_, value)| value.trim().to_owned())
        };
        let scheme = |pairs: &Vec<_>| find(pairs, "proto").and_then(|scheme| Scheme::parse(&scheme));
        let host = |pairs: &Vec<_>| find(pairs, "host").map(|host| Authority::parse_or_unnamed(&host));
        Self {
            hops: elements.iter().map(|pairs| find(pairs, "for").and_then(|hop| address(&hop))).collect(),
            schemes: elements.iter().map(scheme).collect(),
            host: elements.last().and_then(host),
        }
    }

    /// Returns the scheme of the hop at `client`; if the schemes are not given for each hop, that of the last.
    fn scheme(&self, client: Option<usize>) -> Option<Scheme> {
        let beside = client.filter(|_| self.schemes.len() == self.hops.len());
        *beside.map_or(self.schemes.last(), |at| self.schemes.get(at))?
    }
}

/// Returns the items of a header that is a list, over all its lines. Unreadable items keep their place, because a visitor
/// may have written them, and the proxy's own items come after them.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let items = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    let readable = items.map(|item| str::from_utf8(item).unwrap_or("\u{fffd}"));
    readable.map(str::trim).filter(|item| !item.is_empty()).collect()
}

/// Parses an address as proxies write it: bare, with a port, and for IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// Splits at each `mark` that is not inside quotes.
fn split(text: &str, mark: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |c: char| {
        let here = !quoted && c == mark;
        let closes = c == '"' && !escaped;
        quoted ^= closes;
        escaped = quoted && c == '\\' && !escaped;
        here
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Returns the pairs of one element of `Forwarded`, with unquoted values.
fn pairs(element: &str) -> Vec<(&str, Cow<'_, str>)> {
    split(element, ';')
        .into_iter()
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            let plain = match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(quoted) if quoted.contains('\\') => Cow::Owned(unescaped(quoted)),
                Some(quoted) => Cow::Borrowed(quoted),
                None => Cow::Borrowed(value),
            };
            Some((name, plain))
        })
        .collect()
}

fn unescaped(quoted: &str) -> String {
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::site::Host;
    use super::*;
    use hyper::header::HeaderValue;

    /// Returns how the visitor is seen for this client and these header lines.
    fn visitor(from: &str, lines: &[(&'static str, &'static str)]) -> (String, bool, Relay) {
        let blocks = ["127.0.0.0/8", "::1/128", "10.9.0.0/16"];
        let proxies = Proxies::new(blocks.iter().map(|block| block.parse().unwrap()).collect());
        let local = ([127, 0, 0, 1], 8080).into();
        let peer = Peer { address: from.parse().unwrap(), local, secure: false, relay: Relay::None };
        let seen = proxies.visitor(peer, &headers(lines));
        (seen.address.to_string(), seen.secure, seen.relay)
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    /// The client's address and header lines; then the visitor's address, whether it is encrypted, and the relay.
    type Case = (&'static str, Vec<(&'static str, &'static str)>, &'static str, bool, Relay);

    fn check(cases: impl IntoIterator<Item = Case>) {
        for (from, lines, address, secure, relay) in cases {
            assert_eq!(visitor(from, &lines), (address.to_owned(), secure, relay), "{from} {lines:?}");
        }
    }

    #[test]
    fn what_a_proxy_of_ours_says_is_believed_as_far_as_it_added_it() {
        check([
            ("127.0.0.1", vec![], "127.0.0.1", false, Relay::Silent),
            ("127.0.0.1", vec![("x-forwarded-proto", "https")], "127.0.0.1", true, Relay::Said),
            ("127.0.0.1", vec![("x-forwarded-proto", "wss")], "127.0.0.1", true, Relay::Said),
            // This proxy appends to the lines that the visitor wrote.
            ("127.0.0.1", vec![("x-forwarded-proto", "https, HTTP")], "127.0.0.1", false, Relay::Said),
            (
                "127.0.0.1",
                vec![("x-forwarded-for", "1.1.1.1, 203.0.113.7"), ("x-forwarded-proto", "http, https")],
                "203.0.113.7",
                true,
                Relay::Said,
            ),
            (
                "127.0.0.1",
                vec![("forwarded", "for=1.1.1.1;proto=https, for=203.0.113.7;proto=http")],
                "203.0.113.7",
                false,
                Relay::Said,
            ),
            // The request passed two proxies of ours; the outer one knows the visitor.
            (
                "127.0.0.1",
                vec![("x-forwarded-for", "203.0.113.7, 10.9.0.2"), ("x-forwarded-proto", "https, http")],
                "203.0.113.7",
                true,
                Relay::Said,
            ),
            ("127.0.0.1", vec![("x-forwarded-proto", "gopher")], "127.0.0.1", false, Relay::Silent),
            ("::1", vec![("x-forwarded-for", "203.0.113.7")], "203.0.113.7", false, Relay::Silent),
            ("10.9.3.3", vec![("x-forwarded-for", "203.0.113.7:4711")], "203.0.113.7", false, Relay::Silent),
            (
                "10.9.3.3",
                vec![("x-forwarded-for", "[2001:db8::7]:4711")],
                "2001:db8::7",
                false,
                Relay::Silent,
            ),
            (
                "127.0.0.1",
                vec![("x-forwarded-for", "1.1.1.1, 203.0.113.7, 10.9.0.2")],
                "203.0.113.7",
                false,
                Relay::Silent,
            ),
            (
                "127.0.0.1",
                vec![("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.7")],
                "203.0.113.7",
                false,
                Relay::Silent,
            ),
            ("127.0.0.1", vec![("x-forwarded-for", "unknown")], "127.0.0.1", false, Relay::Silent),
            (
                "127.0.0.1",
                vec![("x-forwarded-for", "203.0.113.7, nonsense")],
                "127.0.0.1",
                false,
                Relay::Silent,
            ),
        ]);
    }

    #[test]
    fn the_standards_own_line_is_believed_alone_and_strangers_never() {
        check([
            (
                "127.0.0.1",
                vec![("forwarded", "for=203.0.113.7;proto=https")],
                "203.0.113.7",
                true,
                Relay::Said,
            ),
            (
                "127.0.0.1",
                vec![("forwarded", "For=\"[2001:db8::7]:4711\"; Proto=\"https\"")],
                "2001:db8::7",
                true,
                Relay::Said,
            ),
            (
                "127.0.0.1",
                vec![("forwarded", "for=1.1.1.1;host=\"a,b\", for=\"203.0.113.7\"")],
                "203.0.113.7",
                false,
                Relay::Silent,
            ),
            ("127.0.0.1", vec![("forwarded", "for=_hidden;proto=http")], "127.0.0.1", false, Relay::Said),
            // A proxy that writes one kind passes on the visitor's own lines of the other kind; we cannot
            // tell them apart.
            (
                "127.0.0.1",
                vec![("forwarded", "for=1.1.1.1;proto=https"), ("x-forwarded-for", "203.0.113.7")],
                "127.0.0.1",
                false,
                Relay::Silent,
            ),
            (
                "192.168.1.5",
                vec![("x-forwarded-proto", "https"), ("x-forwarded-for", "1.1.1.1")],
                "192.168.1.5",
                false,
                Relay::None,
            ),
            ("10.8.0.1", vec![("forwarded", "for=1.1.1.1;proto=https")], "10.8.0.1", false, Relay::None),
            (
                "::ffff:127.0.0.1",
                vec![("x-forwarded-proto", "https")],
                "::ffff:127.0.0.1",
                false,
                Relay::None,
            ),
        ]);
    }

    #[test]
    fn bytes_that_nobody_can_read_hide_nothing_of_what_the_proxy_added() {
        let bytes = |lines: &[(&'static str, &'static [u8])]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_bytes(value).unwrap());
            }
            headers
        };
        let said = |lines: &[(&'static str, &'static [u8])]| ForwardedHeaders::read(&bytes(lines));
        let visitor = Some(IpAddr::from([203, 0, 113, 7]));
        assert_eq!(said(&[("x-forwarded-for", b"\xe9, 203.0.113.7")]).hops, [None, visitor]);
        assert_eq!(
            said(&[("x-forwarded-for", b"\xe9"), ("x-forwarded-for", b"203.0.113.7")]).hops,
            [None, visitor]
        );
        assert_eq!(said(&[("forwarded", b"for=\xe9, for=203.0.113.7")]).hops, [None, visitor]);
        let evil = Authority::parse("evil.example");
        assert_eq!(said(&[("x-forwarded-host", b"\xe9, evil.example")]).host, evil);
        assert_eq!(said(&[("forwarded", b"host=\xe9, host=evil.example")]).host, evil);
        for unreadable in [&b"\xe9"[..], b"a b", b"stage:http", b"\"unfinished"] {
            let lines = bytes(&[("x-forwarded-host", unreadable)]);
            assert!(host(&lines).is_some_and(|at| at.host == Host::Unnamed), "{unreadable:?}");
        }
    }

    #[test]
    fn the_host_that_was_asked_for_is_read_out_of_quotes() {
        for (name, line, expected) in [
            ("x-forwarded-host", "synth.example.org", Some("synth.example.org")),
            ("x-forwarded-host", "made.up, synth.example.org:8443", Some("synth.example.org:8443")),
            ("forwarded", "for=1.1.1.1;host=synth.example.org", Some("synth.example.org")),
            (
                "forwarded",
                "for=1.1.1.1;host=made.up, for=2.2.2.2;host=synth.example.org",
                Some("synth.example.org"),
            ),
            ("forwarded", "for=1.1.1.1;host=made.up, for=2.2.2.2", None),
            ("forwarded", "host=\"synth.example.org:8443\"", Some("synth.example.org:8443")),
            ("forwarded", "host=\"syn\\th.example.org\"", Some("synth.example.org")),
            ("forwarded", "=;;,,\"", None),
            ("forwarded", "for=1.1.1.1;host=\"\"", None),
            ("forwarded", "host=", None),
            ("forwarded", "host=\" synth.example.org \"", Some("synth.example.org")),
            ("x-forwarded-host", "", None),
            ("x-forwarded-host", " , ", None),
        ] {
            assert_eq!(host(&headers(&[(name, line)])), expected.and_then(Authority::parse), "{line}");
        }
    }
}
