//! Which path answers what: first whether at all, then to whom. The upgrade itself happens in `link`.

use super::access::{Access, Denied};
use super::answers::{Body, denied, json, words};
use super::client::Client;
use super::entry::Entry;
use super::guard;

use super::limits::URL_BYTES_MAX;
use super::link::upgrade;
use super::negotiation::{self, Coding};
use super::overview::Overview;
use super::peer::Peer;
use super::refusals::Refusal;
use super::secure::Secure;
use super::service::Service;
use super::{api, assets, first_contact, headers, metrics, status, update};
use crate::clock::mono_raw_now;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};

/// A connection that is about to be a WebSocket.
pub(super) struct Upgrade {
    pub(super) connection: OnUpgrade,
    /// Who is at its other end.
    pub(super) client: Client,
}

/// What a request leads to.
pub(super) struct Route {
    /// The answer.
    pub(super) response: Response<Body>,
    /// The connection, when it becomes a WebSocket after the answer.
    pub(super) upgrade: Option<Upgrade>,
}

/// Answers one request.
pub(super) async fn answer(mut request: Request<Incoming>, service: &Service, peer: Peer) -> Route {
    let mut upgrade = None;
    let peer = service.proxies.visitor(peer, request.headers());
    let allow = allowed_methods(request.uri().path());
    let mut response = match admitted(&request, service, peer) {
        Err(why) => denied(&service.entry.refusals, &why),
        Ok(()) if request.method() != Method::POST => read(&mut request, service, peer, &mut upgrade).await,
        Ok(()) if request.uri().path() == first_contact::CLOCK => {
            clock(&request, service.secure.as_deref(), peer)
        }
        Ok(()) => {
            let done = write(request, service, peer).await;
            done.unwrap_or_else(|why| denied(&service.entry.refusals, &why))
        }
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    headers::add_always(response.headers_mut());
    Route { response, upgrade }
}

/// Whether the request is one that is answered here at all.
fn admitted(request: &Request<Incoming>, service: &Service, peer: Peer) -> Result<(), Denied> {
    let uri = request.uri();
    let url_bytes = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if url_bytes > URL_BYTES_MAX {
        return Err(Denied::new(Refusal::UrlTooLong, "This address is longer than any of ours."));
    }
    if *request.method() == Method::CONNECT {
        // What it names is where it wants to go, not whom it asks.
        return Err(Denied::new(Refusal::Method, "Only GET and HEAD are answered here."));
    }
    guard::check_host(request, peer, &service.names.borrow()).map_err(|refusal| {
        if refusal == Refusal::HostUnreadable {
            return Denied::new(refusal, "A request says once which host it is for.");
        }
        let remedy =
            format!("Open {} instead, or add this name to 'names' in the configuration.", peer.reached());
        Denied::new(refusal, format!("This device does not go by the name it was asked for. {remedy}"))
    })?;
    let allow = allowed_methods(uri.path());
    let (reads, writes) = match *request.method() {
        Method::GET | Method::HEAD => (true, false),
        Method::POST => (false, true),
        _ => (false, false),
    };
    if !(if allow == WRITTEN { writes } else { reads }) {
        let words = if allow == WRITTEN {
            "Only POST is answered here."
        } else {
            "Only GET and HEAD are answered here."
        };
        return Err(Denied::new(Refusal::Method, words));
    }
    if writes || uri.path() == "/ws" {
        guard::check_origin(request.headers(), peer, &service.names.borrow()).map_err(|refusal| {
            let remedy = "Behind a proxy, let it pass the Host on and say X-Forwarded-Proto, or add the page's name to 'names' in the configuration.";
            Denied::new(refusal, format!("Only this device's own page may do this. {remedy}"))
        })?;
    }
    Ok(())
}

const READ: &str = "GET, HEAD";
const WRITTEN: &str = "POST";

/// What is answered at `path`.
fn allowed_methods(path: &str) -> &'static str {
    if api::takes(path) || path == first_contact::CLOCK { WRITTEN } else { READ }
}

/// Answers what changes nothing.
async fn read(
    request: &mut Request<Incoming>,
    service: &Service,
    peer: Peer,
    upgrade: &mut Option<Upgrade>,
) -> Response<Body> {
    match request.uri().path() {
        "/healthz" => health(service),
        "/api/access" => {
            let shown = api::access(request.headers(), &service.entry.access, peer).await;
            shown.unwrap_or_else(|why| denied(&service.entry.refusals, &why))
        }
        "/ws" | "/api/status" | "/api/clients" | "/metrics" => {
            match client(request.headers(), &service.entry.access, peer).await {
                Err(why) => denied(&service.entry.refusals, &why),
                Ok(client) => for_client(request, service, client, upgrade),
            }
        }
        path => page(path, request.headers(), service.secure.as_deref(), peer),
    }
}

/// Answers what changes something.
async fn write(request: Request<Incoming>, service: &Service, peer: Peer) -> Result<Response<Body>, Denied> {
    let Service { entry: Entry { access, .. }, settings, heard, updates, secure, .. } = service;
    match request.uri().path() {
        "/api/access/enter" => api::enter(request, access, peer).await,
        "/api/access/key" => api::set_key(request, access, peer).await,
        "/api/authority" => api::replace_authority(request, access, secure.as_deref(), peer).await,
        "/api/update" => update::take(request, access, updates, peer).await,
        "/api/update/restart" => update::restart(request, access, updates, peer).await,
        _ => api::set(request, access, (settings, heard), peer).await,
    }
}

/// Whether the service lives, and if not, why not.
fn health(service: &Service) -> Response<Body> {
    match service.overview.hub.health.ill(mono_raw_now()) {
        None => words(StatusCode::OK, "ok"),
        Some(ill) => words(StatusCode::SERVICE_UNAVAILABLE, ill.words()),
    }
}

/// Answers what only those get who may listen.
fn for_client(
    request: &mut Request<Incoming>,
    service: &Service,
    client: Client,
    upgrade: &mut Option<Upgrade>,
) -> Response<Body> {
    match request.uri().path() {
        "/api/status" => json(&status::of(&service.overview)),
        "/metrics" => exposition(&service.overview),
        "/api/clients" if client.grant(&service.entry.access).set => {
            json(&service.listening.clients.shown(&service.overview.hub.numbers.reports))
        }
        "/api/clients" => {
            let words = "Who listens is shown to the holder of the settings key.";
            denied(&service.entry.refusals, &Denied::new(Refusal::KeyMissing, words))
        }
        _ => socket(request, client, upgrade),
    }
}

/// Whoever may listen: everybody, or who has shown the key where one is set.
async fn client(headers: &HeaderMap, access: &Access, peer: Peer) -> Result<Client, Denied> {
    let shown = access.shown(headers, peer).await?;
    if !access.grant(shown).listen {
        return Err(Denied::new(
            Refusal::KeyMissing,
            "A key is needed to listen. Open the page and enter it.",
        ));
    }
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
    Ok(Client::new(peer, agent.unwrap_or_default(), shown, access))
}

/// A file of the page; or, where the page could not play, what leads to where it does.
fn page(path: &str, headers: &HeaderMap, secure: Option<&Secure>, peer: Peer) -> Response<Body> {
    if let Some(secure) = secure {
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
fn clock(request: &Request<Incoming>, secure: Option<&Secure>, peer: Peer) -> Response<Body> {
    match (secure, first_contact::claimed_s(request.uri().query())) {
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

/// Becomes a WebSocket.
fn socket(request: &mut Request<Incoming>, client: Client, upgrade: &mut Option<Upgrade>) -> Response<Body> {
    match upgrade::accept(request) {
        Ok(response) => {
            *upgrade = Some(Upgrade { connection: hyper::upgrade::on(request), client });
            response
        }
        Err(refusal) => *refusal,
    }
}

fn file(asset: &'static assets::Asset, for_ever: bool, asked: &HeaderMap) -> Response<Body> {
    let (content, etag) = match negotiation::coding(asked, !asset.gzip.is_empty()) {
        Some(Coding::Identity) => (asset.plain, asset.etag),
        Some(Coding::Gzip) => (asset.gzip, asset.gzip_etag),
        None => return words(StatusCode::NOT_ACCEPTABLE, "This file comes as it is or packed with gzip."),
    };
    let known = negotiation::has(asked, etag);
    let mut response =
        Response::new(if known { Body::default() } else { Body::from(Bytes::from_static(content)) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    let caching = if for_ever { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.mime));
    headers.insert(header::ETAG, HeaderValue::from_static(etag));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if etag == asset.gzip_etag && !known {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn exposition(overview: &Overview) -> Response<Body> {
    let mut response = words(StatusCode::OK, metrics::text(overview));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
