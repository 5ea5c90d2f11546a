//! Whether a request is meant for us, and comes from our own page. Pure.
//!
//! Two attacks end here. A page from elsewhere opens our socket in the listener's browser (cross-site WebSocket
//! hijacking): its `Origin` is not ours. A name from elsewhere is made to point at our address, so that its page becomes
//! "same origin" with us (DNS rebinding): its `Host` is none of our names. Addresses need no list: nobody can make a
//! browser believe that its own page came from our number.

use super::party::Party;
use super::refusals::Refusal;
use crate::identity::Names;
use hyper::header::{self, HeaderMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Who asks.
    pub(super) address: IpAddr,
    /// Which of this machine's addresses and ports was reached.
    pub(super) local: SocketAddr,
    /// Whether the connection is encrypted.
    pub(super) secure: bool,
}

impl Peer {
    /// Whom its limits are counted for.
    pub(super) fn party(self) -> Party {
        Party::of(self.address, self.local.ip())
    }

    /// The address that was reached, as one types it into a browser.
    pub(super) fn reached(self) -> String {
        let (scheme, usual_port) = if self.secure { ("https", 443) } else { ("http", 80) };
        // A new one: the old may hold an interface's number, which no browser takes.
        let address = SocketAddr::new(self.local.ip().to_canonical(), self.local.port()).to_string();
        let shown = address.strip_suffix(&format!(":{usual_port}")).unwrap_or(&address);
        format!("{scheme}://{shown}/")
    }
}

/// Whether a request with these headers is answered at all.
///
/// # Errors
/// The reason it is not.
pub(super) fn check_host(headers: &HeaderMap, peer: Peer, names: &Names) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::HostUnknown) };
    let known = host.to_str().ok().and_then(name_of).is_some_and(|name| match name {
        Named::Address(address) => is_near(address) || address == peer.local.ip().to_canonical(),
        Named::Name(name) => names.accept(&name),
    });
    if known { Ok(()) } else { Err(Refusal::HostUnknown) }
}

/// Whether the request comes from our own page, or from no page at all: programs send no Origin, browsers do whenever
/// a socket is opened or something is written.
///
/// # Errors
/// The reason it does not.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let same = match (origin.to_str().ok().and_then(|origin| origin.split_once("://")), host) {
        (Some(("http" | "https", authority)), Some(host)) => authority.eq_ignore_ascii_case(host),
        _ => false,
    };
    if same && origins.next().is_none() { Ok(()) } else { Err(Refusal::OriginForeign) }
}

enum Named {
    Address(IpAddr),
    Name(String),
}

/// What a `Host` names, without its port; `None` when it is none.
fn name_of(host: &str) -> Option<Named> {
    let (name, port) = if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (Named::Address(IpAddr::from(address.parse::<Ipv6Addr>().ok()?).to_canonical()), port)
    } else {
        let (name, port) = host.find(':').map_or((host, ""), |colon| host.split_at(colon));
        let lower = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        match lower.parse::<Ipv4Addr>() {
            Ok(address) => (Named::Address(address.into()), port),
            Err(_) if !lower.is_empty() => (Named::Name(lower), port),
            Err(_) => return None,
        }
    };
    let port_is_one =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| digits(port) && port.len() <= 5);
    port_is_one.then_some(name)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Addresses that mean this machine or its own network, whoever says them.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_our_names_and_near_addresses_are_answered() {
        let names = Names::of("Stage-Pi\n", &["Synth.example.org.".into()]);
        let peer = Peer {
            address: IpAddr::from([203, 0, 113, 9]),
            local: (Ipv4Addr::new(198, 51, 100, 7).to_ipv6_mapped(), 80).into(),
            secure: false,
        };
        for (host, known) in [
            ("127.0.0.1:8080", true),
            ("localhost:8080", true),
            ("page.localhost", true),
            ("[::1]:8443", true),
            ("192.168.1.20", true),
            ("172.31.0.1:80", true),
            ("169.254.8.8", true),
            ("[fe80::1]", true),
            ("[fd00::1]:443", true),
            ("[::ffff:10.0.0.1]", true),
            ("198.51.100.7:8080", true), // where the connection came in
            ("stage-pi", true),
            ("STAGE-PI.local.", true),
            ("stage-pi.local:65535", true),
            ("stage-pi-2.local", true),
            ("synth.example.org:8443", true),
            ("8.8.8.8", false),
            ("[2001:db8::1]", false),
            ("0.0.0.0:8080", false),
            ("[::]", false),
            ("evil.example", false),
            ("stage-pi.evil.example", false),
            ("stage-pi.local.evil.example", false),
            ("stage-pi-x.local", false),
            ("stage-pi-1234.local", false),
            ("stage-pi-.local", false),
            ("other.local", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("stage-pi@evil.example", false),
            ("stage-pi:80:80", false),
            ("stage-pi:http", false),
            ("2130706433", false), // 127.0.0.1 as some would write it
            ("[::1", false),
            ("[::1]x", false),
            ("", false),
            (":80", false),
        ] {
            let checked = check_host(&headers(&[(header::HOST, host)]), peer, &names);
            assert_eq!(checked.is_ok(), known, "{host:?}");
        }
        assert!(check_host(&headers(&[]), peer, &names).is_err(), "no Host");
        let mut two = headers(&[(header::HOST, "localhost")]);
        two.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(check_host(&two, peer, &names).is_err(), "two Hosts");
    }

    #[test]
    fn what_was_reached_can_be_typed_into_a_browser() {
        let reached = |local: &str, secure| {
            let local = local.parse().expect("an address and port");
            Peer { address: IpAddr::from([10, 0, 0, 2]), local, secure }.reached()
        };
        for (local, secure, typed) in [
            ("10.0.0.1:80", false, "http://10.0.0.1/"),
            ("10.0.0.1:8080", false, "http://10.0.0.1:8080/"),
            ("10.0.0.1:443", false, "http://10.0.0.1:443/"),
            ("10.0.0.1:443", true, "https://10.0.0.1/"),
            ("10.0.0.1:8443", true, "https://10.0.0.1:8443/"),
            ("[fd00::1]:80", false, "http://[fd00::1]/"),
            ("[fe80::1%2]:8080", false, "http://[fe80::1]:8080/"),
            ("[::ffff:10.0.0.1]:8080", false, "http://10.0.0.1:8080/"),
        ] {
            assert_eq!(reached(local, secure), typed);
        }
    }

    #[test]
    fn a_machine_with_a_domain_is_known_by_its_whole_name_and_on_its_network_by_the_first_part() {
        let peer =
            Peer { address: IpAddr::from([10, 0, 0, 2]), local: ([10, 0, 0, 1], 80).into(), secure: false };
        let names = Names::of("stage.example.org", &[]);
        for (host, known) in [
            ("stage.example.org", true),
            ("stage.local", true),
            ("stage-2.local", true),
            ("stage", true),
            ("example.org", false),
            ("stage.evil.example", false),
            ("stage.example.org.local", false),
        ] {
            let checked = check_host(&headers(&[(header::HOST, host)]), peer, &names);
            assert_eq!(checked.is_ok(), known, "{host:?}");
        }
    }

    #[test]
    fn a_machine_without_a_name_is_not_everybody() {
        let peer =
            Peer { address: IpAddr::from([10, 0, 0, 2]), local: ([10, 0, 0, 1], 80).into(), secure: false };
        for host in ["evil.example", ".local", "-2.local"] {
            assert!(
                check_host(&headers(&[(header::HOST, host)]), peer, &Names::default()).is_err(),
                "{host}"
            );
        }
    }

    #[test]
    fn only_our_own_page_or_a_program_may_open_the_socket_and_write() {
        for (origin, host, allowed) in [
            (None, "synthwire.local", true),
            (Some("http://synthwire.local"), "synthwire.local", true),
            (Some("https://Synthwire.local:8443"), "synthwire.local:8443", true),
            (Some("http://[fd00::1]:8080"), "[fd00::1]:8080", true),
            (Some("http://synthwire.local:8080"), "synthwire.local:8443", false),
            (Some("http://synthwire.local"), "synthwire.local:8443", false),
            (Some("http://evil.example"), "synthwire.local", false),
            (Some("http://synthwire.local.evil.example"), "synthwire.local", false),
            (Some("http://synthwire.local/"), "synthwire.local", false),
            (Some("ftp://synthwire.local"), "synthwire.local", false),
            (Some("file://"), "synthwire.local", false),
            (Some("null"), "synthwire.local", false),
            (Some(""), "synthwire.local", false),
        ] {
            let mut asked = headers(&[(header::HOST, host)]);
            if let Some(origin) = origin {
                asked.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(check_origin(&asked).is_ok(), allowed, "{origin:?} {host:?}");
        }
        assert!(check_origin(&headers(&[(header::ORIGIN, "http://synthwire.local")])).is_err(), "no Host");
        let mut two = headers(&[(header::HOST, "a"), (header::ORIGIN, "http://a")]);
        two.append(header::ORIGIN, HeaderValue::from_static("http://evil.example"));
        assert!(check_origin(&two).is_err(), "two Origins");
    }
}
