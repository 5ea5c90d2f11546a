//! Which path answers what. Pure but for reading the hub's numbers; the upgrade itself happens in `ws`.

use super::{Peer, Service, assets, first_contact, headers, status};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

/// The body of every answer.
pub(super) type Body = Full<Bytes>;
/// A connection that is about to be a WebSocket.
pub(super) type Upgrade = OnUpgrade;

/// What a request leads to.
pub(super) struct Route {
    /// The answer.
    pub(super) response: Response<Body>,
    /// The connection, when it becomes a WebSocket after the answer.
    pub(super) upgrade: Option<Upgrade>,
}

/// Answers one request.
pub(super) fn answer(mut request: Request<Incoming>, service: &Service, peer: Peer) -> Route {
    let mut upgrade = None;
    let mut response = match (request.uri().path(), is_read(request.method())) {
        (first_contact::CLOCK, false) if request.method() == Method::POST => clock(&request, service, peer),
        (_, false) => words(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are answered here."),
        ("/ws", _) => socket(&mut request, &mut upgrade),
        ("/healthz", _) => words(StatusCode::OK, "ok"),
        ("/api/status", _) => json(&status::of(service)),
        (path, _) => page(path, request.headers(), service, peer),
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    headers::add_always(response.headers_mut());
    Route { response, upgrade }
}

/// A file of the page; or, where the page could not play, what leads to where it does.
fn page(path: &str, headers: &HeaderMap, service: &Service, peer: Peer) -> Response<Body> {
    if let Some(secure) = &service.secure {
        if let Some(response) = first_contact::answer(path, headers, secure, peer) {
            return response;
        }
        if path == "/" && !peer.secure && !first_contact::is_at_home(headers) {
            return first_contact::page(headers, secure, peer);
        }
    }
    match assets::find(path) {
        Some((asset, for_ever)) => file(asset, for_ever, headers),
        None => words(StatusCode::NOT_FOUND, "There is nothing here. The page is at /."),
    }
}

/// Notes what a listener's clock shows. All it can change is the dates of the next certificate.
fn clock(request: &Request<Incoming>, service: &Service, peer: Peer) -> Response<Body> {
    if !same_origin(request.headers()) {
        return words(StatusCode::FORBIDDEN, "Only this device's own page may say what a clock shows.");
    }
    match (&service.secure, first_contact::claimed_s(request.uri().query())) {
        (None, _) => {
            words(StatusCode::NOT_FOUND, "This service has no certificate that a clock could concern.")
        }
        (_, None) => words(StatusCode::BAD_REQUEST, "unix_s is the clock's time, whole seconds since 1970."),
        (Some(secure), Some(claimed_s)) => {
            secure.identity.claim(peer.address, claimed_s);
            secure.news.notify_one();
            words(StatusCode::OK, "Noted.")
        }
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Becomes a WebSocket, for pages of our own origin only: any other page a listener has open could ask as well.
fn socket(request: &mut Request<Incoming>, upgrade: &mut Option<Upgrade>) -> Response<Body> {
    if !same_origin(request.headers()) {
        return words(StatusCode::FORBIDDEN, "Only this device's own page may open its socket.");
    }
    match create_response_with_body(request, Body::default) {
        Ok(response) => {
            *upgrade = Some(hyper::upgrade::on(request));
            response
        }
        Err(_) => words(StatusCode::UPGRADE_REQUIRED, "This address speaks WebSocket (version 13) only."),
    }
}

/// Whether the request comes from our own page, or from no page at all (programs send no Origin).
fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let origin = origin.to_str().unwrap_or_default();
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

fn file(asset: &'static assets::Asset, for_ever: bool, asked: &HeaderMap) -> Response<Body> {
    let lists = |name, wanted: &str| {
        let values = asked.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|item| item.split(';').next().unwrap_or("").trim() == wanted)
    };
    let known = lists(header::IF_NONE_MATCH, asset.etag);
    let gzipped = !asset.gzip.is_empty() && lists(header::ACCEPT_ENCODING, "gzip");
    let content = match (known, gzipped) {
        (true, _) => &[],
        (_, true) => asset.gzip,
        _ => asset.plain,
    };
    let mut response = Response::new(Body::from(Bytes::from_static(content)));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    let caching = if for_ever { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.mime));
    headers.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzipped && !known {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

pub(super) fn words(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn json(value: &impl serde::Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).expect("our own types serialise");
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_page_may_open_the_socket() {
        for (origin, host, allowed) in [
            (None, Some("synthwire.local"), true),
            (Some("http://synthwire.local"), Some("synthwire.local"), true),
            (Some("https://Synthwire.local:8443"), Some("synthwire.local:8443"), true),
            (Some("http://evil.example"), Some("synthwire.local"), false),
            (Some("http://synthwire.local.evil.example"), Some("synthwire.local"), false),
            (Some("null"), Some("synthwire.local"), false),
            (Some("http://synthwire.local"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            let mut put = |name, value: Option<&'static str>| {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            };
            put(header::ORIGIN, origin);
            put(header::HOST, host);
            assert_eq!(same_origin(&headers), allowed, "{origin:?} {host:?}");
        }
    }
}
