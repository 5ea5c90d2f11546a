//! Checks that a request is meant for us and comes from our own page. Pure.
//!
//! The guard stops two attacks. In cross-site WebSocket hijacking, a foreign page opens our socket in the listener's browser:
//! its `Origin` is not ours. In DNS rebinding, a foreign name is made to point to our address, so that its page becomes
//! "same origin" with us: its `Host` is none of our names. Numeric addresses need no list: nobody can make a browser
//! believe that a foreign page came from our address. For the same reason a trusted proxy may be reached under any numeric
//! address.

use super::peer::{Peer, Relay};
use super::proxies;
use super::refusals::Refusal;
use super::site::{Authority, Host, Origin, Scheme};
use crate::identity::Names;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Version};
use std::net::IpAddr;

/// Checks that the request names its target exactly once, and that this is us (RFC 9112, 3.2).
///
/// # Errors
/// Why it is refused.
pub(super) fn check_host<B>(request: &Request<B>, peer: Peer, names: &Names) -> Result<(), Refusal> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        // Old programs send no `Host`. Browsers, which this guard is about, do not use that version.
        (None, _) if request.version() == Version::HTTP_10 && changes_nothing(request) => None,
        (Some(host), None) => {
            Some(host.to_str().ok().and_then(Authority::parse).ok_or(Refusal::HostUnreadable)?)
        }
        _ => return Err(Refusal::HostUnreadable),
    };
    // A target that is a full URI takes precedence over the Host; neither may name another host.
    let target = match request.uri().authority() {
        Some(target) => Some(Authority::parse(target.as_str()).ok_or(Refusal::HostUnreadable)?),
        None => None,
    };
    let ours = |Authority { host, .. }: &Authority| match host {
        Host::Address(address) => {
            is_near(*address)
                || *address == peer.local.ip().to_canonical()
                || peer.relay != Relay::None
                || names.is_configured_address(*address)
        }
        Host::Name(name) => names.accept(name),
        Host::Unnamed => false,
    };
    // If a proxy contacts us under a numeric address, this is the host that the visitor's browser used.
    let forwarded = forwarded(request.headers(), peer).filter(|to| !matches!(to.host, Host::Address(_)));
    if host.iter().chain(&target).chain(&forwarded).all(ours) { Ok(()) } else { Err(Refusal::HostUnknown) }
}

/// Returns the host that one of our proxies was asked for.
fn forwarded(headers: &HeaderMap, peer: Peer) -> Option<Authority> {
    if peer.relay == Relay::None { None } else { proxies::host(headers) }
}

fn changes_nothing<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Checks that the request comes from our own page, or from no page at all. Programs send no Origin; browsers
/// send one whenever they open a socket or write something. Our page has the scheme, host and port of the
/// request. Behind one of our proxies, it has those of the request to the proxy. A page under a configured
/// name is ours too.
///
/// # Errors
/// Why it is refused.
pub(super) fn check_origin(headers: &HeaderMap, peer: Peer, names: &Names) -> Result<(), Refusal> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let foreign = Err(Refusal::OriginForeign);
    let (Some(origin), None) = (origin.to_str().ok().and_then(Origin::parse), origins.next()) else {
        return foreign;
    };
    let host = headers.get(header::HOST).and_then(|host| Authority::parse(host.to_str().ok()?));
    let asked: Vec<Authority> = host.into_iter().chain(forwarded(headers, peer)).collect();
    let same_site = asked.iter().any(|authority| origin.is_at(authority));
    let own_name = !asked.is_empty()
        && origin.has_usual_port()
        && match &origin.at.host {
            Host::Name(name) => names.is_configured(name),
            Host::Address(address) => names.is_configured_address(*address),
            Host::Unnamed => false,
        };
    let scheme = peer.scheme();
    let same = match scheme {
        // If a proxy that we do not know ends encryption, the page is https, but its requests reach us by http.
        Some(Scheme::Http) => (same_site && origin.scheme == Scheme::Http) || own_name,
        Some(Scheme::Https) => (same_site || own_name) && origin.scheme == Scheme::Https,
        None => same_site || own_name,
    };
    if same { Ok(()) } else { foreign }
}

/// Returns whether an address means this machine or its own network, whichever machine uses it.
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
    use std::net::Ipv4Addr;

    fn peer(local: &str, secure: bool, relay: Relay) -> Peer {
        Peer { address: IpAddr::from([10, 0, 0, 2]), local: local.parse().unwrap(), secure, relay }
    }

    fn asked(target: &str, version: Version, headers: HeaderMap) -> Request<()> {
        let mut request = Request::builder().uri(target).version(version).body(()).unwrap();
        *request.headers_mut() = headers;
        request
    }

    fn host(host: &'static str) -> Request<()> {
        asked("/", Version::HTTP_11, headers(&[(header::HOST, host)]))
    }

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
            relay: Relay::None,
        };
        for (host, known) in [
            ("host:80", false),
            ("stage-pi:", true),
            ("[fe80::1%25eth0]", true),
            ("[fe80::1%eth0]:80", true),
            ("[fe80::1%25eth0%25x]", false),
            ("[2001:db8::1%25eth0]", false),
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
            ("198.51.100.7:8080", true), // the address the connection came in on
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
            ("2130706433", false), // 127.0.0.1 in an unusual notation
            ("[::1", false),
            ("[::1]x", false),
            ("", false),
            (":80", false),
        ] {
            let checked = check_host(&self::host(host), peer, &names);
            assert_eq!(checked.is_ok(), known, "{host:?}");
        }
    }

    #[test]
    fn an_address_among_the_names_is_answered_and_an_unreadable_forwarded_host_is_not() {
        let names =
            Names::of("stage", &["198.51.100.7".into(), "[2001:db8::1]".into(), "2001:DB8:0::2".into()]);
        let direct = peer("10.0.0.1:80", false, Relay::None);
        for (said, known) in [
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("[2001:db8::1]", true),
            ("[2001:0DB8::1]:8443", true),
            ("[2001:db8::2]", true),
            ("[2001:db8::3]", false),
        ] {
            assert_eq!(check_host(&host(said), direct, &names).is_ok(), known, "{said}");
            assert!(
                check_host(&host(said), peer("127.0.0.1:80", false, Relay::Silent), &names).is_ok(),
                "{said}"
            );
        }
        let behind = peer("127.0.0.1:80", false, Relay::Said);
        for (forwarded, known) in
            [("stage", true), ("evil.example", false), ("a b", false), ("\u{e9}", false)]
        {
            let mut request = host("stage");
            let value = hyper::header::HeaderValue::from_bytes(forwarded.as_bytes()).expect("a header");
            request.headers_mut().insert("x-forwarded-host", value);
            assert_eq!(check_host(&request, behind, &names).is_ok(), known, "{forwarded:?}");
        }
    }

    #[test]
    fn a_request_names_where_it_goes_once() {
        use Refusal::{HostUnknown, HostUnreadable};
        let names = Names::of("stage", &[]);
        let peer = peer("10.0.0.1:80", false, Relay::None);
        let (one, ten) = (Version::HTTP_11, Version::HTTP_10);
        for (target, version, hosts, expected) in [
            ("/", one, vec!["stage"], Ok(())),
            ("/", one, vec![], Err(HostUnreadable)),
            ("/", one, vec!["stage", "stage"], Err(HostUnreadable)),
            ("/", one, vec!["stage:http"], Err(HostUnreadable)),
            ("/", one, vec!["a b"], Err(HostUnreadable)),
            ("/", one, vec![""], Err(HostUnknown)),
            ("/", ten, vec![], Ok(())),
            ("/", ten, vec!["stage"], Ok(())),
            ("/", ten, vec!["evil.example"], Err(HostUnknown)),
            ("/", ten, vec!["stage", "stage"], Err(HostUnreadable)),
            ("http://stage/", one, vec!["stage"], Ok(())),
            ("http://evil.example/", one, vec!["stage"], Err(HostUnknown)),
            ("http://stage/", one, vec!["evil.example"], Err(HostUnknown)),
            ("http://me@stage/", one, vec!["stage"], Err(HostUnreadable)),
            ("http://stage/", one, vec![], Err(HostUnreadable)),
        ] {
            let mut headers = HeaderMap::new();
            for host in &hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            let request = asked(target, version, headers);
            assert_eq!(check_host(&request, peer, &names), expected, "{target} {version:?} {hosts:?}");
        }
        let mut post = asked("/", ten, HeaderMap::new());
        *post.method_mut() = Method::POST;
        assert_eq!(check_host(&post, peer, &names), Err(HostUnreadable), "what changes something says where");
    }

    #[test]
    fn what_was_reached_can_be_typed_into_a_browser() {
        let reached = |local: &str, secure| {
            let local = local.parse().expect("an address and port");
            Peer { address: IpAddr::from([10, 0, 0, 2]), local, secure, relay: Relay::None }.reached()
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
        let peer = peer("10.0.0.1:80", false, Relay::None);
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
            let checked = check_host(&self::host(host), peer, &names);
            assert_eq!(checked.is_ok(), known, "{host:?}");
        }
    }

    #[test]
    fn a_machine_without_a_name_is_not_everybody() {
        let peer = peer("10.0.0.1:80", false, Relay::None);
        for host in ["evil.example", ".local", "-2.local"] {
            assert!(check_host(&self::host(host), peer, &Names::default()).is_err(), "{host}");
        }
    }

    #[test]
    fn only_our_own_page_or_a_program_may_open_the_socket_and_write() {
        let names = Names::of("synthwire", &["synth.example.org".into(), "[2001:db8::1]".into()]);
        let (plain, tls) = ((false, Relay::None), (true, Relay::None));
        let (silent, by_https, by_http) = ((false, Relay::Silent), (true, Relay::Said), (false, Relay::Said));
        for (origin, host, (secure, relay), allowed) in [
            (None, "synthwire.local", plain, true),
            (Some("http://synthwire.local"), "synthwire.local", plain, true),
            (Some("http://synthwire.local"), "synthwire.local:80", plain, true),
            (Some("http://synthwire.local:80"), "synthwire.local", plain, true),
            (Some("https://synthwire.local"), "synthwire.local:443", tls, true),
            (Some("https://Synthwire.local:8443"), "synthwire.local:8443", tls, true),
            (Some("http://[fd00::1]:8080"), "[fd00::1]:8080", plain, true),
            (Some("http://synthwire.local"), "synthwire.local", tls, false),
            (Some("http://synthwire.local:443"), "synthwire.local", tls, false),
            (Some("https://synthwire.local"), "synthwire.local", plain, false),
            (Some("https://synthwire.local:80"), "synthwire.local", plain, false),
            (Some("http://synthwire.local:8080"), "synthwire.local:8443", plain, false),
            (Some("http://synthwire.local"), "synthwire.local:8443", plain, false),
            (Some("http://evil.example"), "synthwire.local", plain, false),
            (Some("http://synthwire.local.evil.example"), "synthwire.local", plain, false),
            (Some("http://synthwire.local/"), "synthwire.local", plain, false),
            (Some("ftp://synthwire.local"), "synthwire.local", plain, false),
            (Some("file://"), "synthwire.local", plain, false),
            (Some("null"), "synthwire.local", plain, false),
            (Some(""), "synthwire.local", plain, false),
            // The page was opened behind one of our proxies.
            (Some("https://127.0.0.1"), "127.0.0.1", silent, true),
            (Some("https://synthwire.local"), "synthwire.local", silent, true),
            (Some("http://synthwire.local"), "synthwire.local", silent, true),
            (Some("https://synthwire.local"), "synthwire.local", by_https, true),
            (Some("http://synthwire.local"), "synthwire.local", by_https, false),
            (Some("https://synthwire.local"), "synthwire.local", by_http, false),
            (Some("https://evil.example"), "synthwire.local", silent, false),
            (Some("https://localhost"), "localhost:8080", silent, false),
            // The page was opened under a configured name.
            (Some("https://synth.example.org"), "127.0.0.1:8080", plain, true),
            (Some("http://synth.example.org"), "127.0.0.1:8080", plain, true),
            (Some("https://synth.example.org"), "127.0.0.1:8080", by_https, true),
            (Some("https://synth.example.org"), "synthwire.local", tls, true),
            (Some("http://synth.example.org"), "synthwire.local", tls, false),
            (Some("http://synth.example.org"), "127.0.0.1:8080", by_https, false),
            (Some("https://synth.example.org:8443"), "127.0.0.1:8080", plain, false),
            (Some("https://synth.example.org:8443"), "synth.example.org:8443", by_https, true),
            (Some("https://x.synth.example.org"), "127.0.0.1:8080", plain, false),
            (Some("https://[2001:db8::1]"), "127.0.0.1:8080", plain, true),
            (Some("https://[2001:db8::2]"), "127.0.0.1:8080", plain, false),
        ] {
            let mut headers = headers(&[(header::HOST, host)]);
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            let checked = check_origin(&headers, peer("10.0.0.1:80", secure, relay), &names);
            assert_eq!(checked.is_ok(), allowed, "{origin:?} {host:?} {secure} {relay:?}");
        }
    }

    #[test]
    fn a_name_that_was_rebound_to_a_proxy_is_refused_there() {
        let names = Names::of("stage", &["synth.example.org".into()]);
        for (to, relay, ours) in [
            ("synth.example.org", Relay::Said, true),
            ("synth.example.org:8443", Relay::Silent, true),
            ("203.0.113.7", Relay::Said, true),
            ("evil.example", Relay::Said, false),
            ("evil.example", Relay::Silent, false),
            ("evil.example", Relay::None, true), // a client that is not one of our proxies can claim anything
        ] {
            let mut request = host("127.0.0.1:8080");
            request.headers_mut().insert("x-forwarded-host", HeaderValue::from_static(to));
            let peer = peer("127.0.0.1:8080", false, relay);
            assert_eq!(check_host(&request, peer, &names).is_ok(), ours, "{to} {relay:?}");
        }
    }

    #[test]
    fn what_a_proxy_was_asked_for_counts_for_ours_only() {
        let names = Names::of("synthwire", &[]);
        let asked = |origin| {
            let mut headers = headers(&[(header::HOST, "127.0.0.1:8080"), (header::ORIGIN, origin)]);
            headers.insert("x-forwarded-host", HeaderValue::from_static("synth.example.org"));
            headers
        };
        let check =
            |origin, relay| check_origin(&asked(origin), peer("127.0.0.1:8080", true, relay), &names).is_ok();
        assert!(check("https://synth.example.org", Relay::Said));
        assert!(!check("https://synth.example.org", Relay::None));
        assert!(!check("https://synth.example.org:8443", Relay::Said));
        assert!(!check("https://evil.example", Relay::Said));
    }

    #[test]
    fn an_origin_stands_alone_and_beside_a_host() {
        let names = Names::default();
        let peer = peer("10.0.0.1:80", false, Relay::None);
        let alone = headers(&[(header::ORIGIN, "http://synthwire.local")]);
        assert!(check_origin(&alone, peer, &names).is_err(), "no Host");
        let mut two = headers(&[(header::HOST, "a"), (header::ORIGIN, "http://a")]);
        two.append(header::ORIGIN, HeaderValue::from_static("http://evil.example"));
        assert!(check_origin(&two, peer, &names).is_err(), "two Origins");
    }
}
