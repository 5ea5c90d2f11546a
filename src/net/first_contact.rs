//! First contact over plain HTTP, where browsers cannot play live sound, and the steps by which a device
//! comes to trust this one.
//!
//! The page is `web/first-contact/page.html`, filled in here; it works without scripts. Further endpoints give the
//! authority's certificate in two forms, show whether it is trusted, and take the time of a listener's clock.

use super::answers::{Body, words};
use super::browser::{browser, system};
use super::peer::Peer;
use super::secure::Secure;
use super::site::{Authority, Host, Origin};
use super::{assets, qr};
use crate::identity::is_permitted;
use crate::tls::Trusted;
use crate::tls::profile::profile;
use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use std::fmt::Write as _;
use std::net::IpAddr;

/// The page before it is filled in, which is never served as it is.
pub(super) const TEMPLATE: &str = "/first-contact/page.html";
/// The systems for which the page has steps.
const SYSTEMS: [&str; 6] = ["ios", "mac", "android", "windows", "linux", "firefox"];

/// Returns the authority's certificate.
pub(super) fn certificate(secure: &Secure) -> Response<Body> {
    file(secure, "application/x-x509-ca-cert", |trusted| Bytes::copy_from_slice(&trusted.der))
}

/// Returns the certificate in the form for iOS and macOS.
pub(super) fn ios_profile(secure: &Secure) -> Response<Body> {
    file(secure, "application/x-apple-aspen-config", |trusted| {
        profile(&trusted.name, &trusted.der, trusted.fingerprint.as_bytes()).into()
    })
}

/// Returns whether the browser considers this service local to its machine: then it plays without encryption.
pub(super) fn is_at_home(headers: &HeaderMap) -> bool {
    match host(headers) {
        Some(Host::Name(name)) => &*name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Address(address)) => address.is_loopback(),
        Some(Host::Unnamed) | None => false,
    }
}

/// Returns the page, adapted to the browser.
pub(super) fn page(headers: &HeaderMap, secure: &Secure, peer: Peer) -> Response<Body> {
    let (asset, _) = assets::find(TEMPLATE).expect("build.rs put it in");
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let host = host(headers).unwrap_or(Host::Address(peer.local.ip())).to_string();
    let https = url("https", &vouched_for(&host, secure), secure.port, 443);
    let trusted = secure.identity.authority();
    let mut text = String::from_utf8_lossy(asset.plain).into_owned();
    let mut fill = |mark: &str, with: &str| text = text.replace(&format!("{{{{{mark}}}}}"), with);
    for name in SYSTEMS {
        fill(&format!("open_{name}"), if system(agent) == name { "open" } else { "" });
    }
    fill("browser", browser(agent));
    fill("https", &https);
    fill("host", &host);
    fill("place", https.trim_start_matches("https://"));
    let hidden_unless = |shown: bool| if shown { "" } else { "hidden" };
    fill("own_hidden", hidden_unless(trusted.is_some()));
    fill("lacking_hidden", hidden_unless(secure.identity.notice().is_some()));
    fill("authority", trusted.as_ref().map_or("", |trusted| &trusted.name)); // letters, digits, '-' and ' '
    fill("fingerprint", &trusted.as_ref().map(|trusted| trusted.fingerprint.to_string()).unwrap_or_default());
    fill("until", trusted.as_ref().map_or("", |trusted| &trusted.until));
    fill("former", &trusted.as_ref().map(former).unwrap_or_default());
    fill("codes", &codes(secure, peer));

    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {https}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Returns the time of a listener's clock in seconds, from a query; `None` if the query has none.
pub(super) fn claimed_s(query: Option<&str>) -> Option<i64> {
    query?.split('&').find_map(|pair| pair.strip_prefix("unix_s="))?.parse().ok()
}

fn file(secure: &Secure, mime: &'static str, content: impl Fn(&Trusted) -> Bytes) -> Response<Body> {
    let Some(trusted) = secure.identity.authority() else {
        let why = if secure.identity.notice().is_some() {
            "This device has no certificate of its own that lasts: there is nothing to install. Its page says what to do."
        } else {
            "This device shows a certificate from elsewhere: there is nothing to install."
        };
        return words(StatusCode::NOT_FOUND, why);
    };
    let mut response = Response::new(Body::from(content(&trusted)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answers over TLS, so only clients that trust the certificate can read the answer. Among pages, only our
/// own (on another port) may read it.
pub(super) fn check(headers: &HeaderMap, peer: Peer) -> Response<Body> {
    if !peer.secure {
        return words(StatusCode::BAD_REQUEST, "This says something only when it is asked for over https.");
    }
    let mut response = words(StatusCode::OK, "It worked: no warning came before these words.");
    let origin = headers.get(header::ORIGIN);
    let ours = origin
        .and_then(|origin| Origin::parse(origin.to_str().ok()?))
        .is_some_and(|origin| host(headers) == Some(origin.at.host));
    if let (true, Some(origin)) = (ours, origin) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn host(headers: &HeaderMap) -> Option<Host> {
    let authority = Authority::parse(headers.get(header::HOST)?.to_str().ok()?)?;
    Some(authority.host).filter(|host| *host != Host::Unnamed)
}

/// Returns the name to use from now on: the requested one, unless our certificate can never contain it, such as a router's
/// name.
fn vouched_for(host: &str, secure: &Secure) -> String {
    let is_name = host.parse::<IpAddr>().is_err() && !host.starts_with('[');
    if secure.identity.authority().is_none() || !is_name || is_permitted(host) {
        return host.to_owned();
    }
    (secure.facts)().names.announced()
}

/// Returns the text about certificates that this device showed before.
fn former(trusted: &Trusted) -> String {
    let mut text = String::new();
    for (fingerprint, until) in &trusted.former {
        let _ = write!(
            text,
            r#"<p class="quiet">Until {until} a certificate from before is good as well: <span class="fingerprint">{fingerprint}</span>. Whoever trusts it hears on until then; when there is time, remove it and install this one.</p>"#
        );
    }
    text
}

fn url(scheme: &str, host: &str, port: u16, usual_port: u16) -> String {
    if port == usual_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") }
}

/// Returns QR codes of this page's address by name and by number.
fn codes(secure: &Secure, peer: Peer) -> String {
    let facts = (secure.facts)();
    let name = Some(facts.names.announced());
    let near = facts.names.certified(&facts.addresses).addresses;
    let reached = Some(peer.local.ip()).filter(|address| !address.is_loopback());
    let number =
        reached.or_else(|| near.into_iter().find(|address| address.is_ipv4() && !address.is_loopback()));
    let mut codes = String::new();
    for host in [name, number.map(|address| Host::Address(address).to_string())].into_iter().flatten() {
        let address = format!("{}/", url("http", &host, secure.plain_port, 80));
        if let Some(picture) = qr::svg(&address) {
            let _ =
                write!(codes, r#"<figure class="code">{picture}<figcaption>{address}</figcaption></figure>"#);
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_itself_is_at_home() {
        for (host, home) in [
            ("localhost:8080", true),
            ("127.0.0.1", true),
            ("[::1]:8080", true),
            ("page.localhost", true),
            ("synthwire.local", false),
            ("192.168.7.9", false),
            ("localhost.example.org", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            assert_eq!(is_at_home(&headers), home, "{host}");
        }
        assert!(!is_at_home(&HeaderMap::new()));
    }

    #[test]
    fn what_a_clock_shows_is_a_whole_number_of_seconds() {
        assert_eq!(claimed_s(Some("unix_s=1790000000")), Some(1_790_000_000));
        assert_eq!(claimed_s(Some("a=b&unix_s=-7")), Some(-7));
        for query in
            [None, Some(""), Some("unix_s=soon"), Some("unix_s=1.5"), Some("unix_s=99999999999999999999")]
        {
            assert_eq!(claimed_s(query), None, "{query:?}");
        }
    }
}
