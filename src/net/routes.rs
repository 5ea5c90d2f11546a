//! Finds the answer to each request: first checks whether the request is acceptable at all, then whether its
//! sender may make it.
//! `endpoints` declares all endpoints. The upgrade itself happens in `link`.

use super::access::rules::PerPurpose;
use super::access::{Access, Denied};
use super::access_control::AccessControl;
use super::admitted_request::AdmittedRequest;
use super::answers::{self, denied, json, words};
use super::client::Client;
use super::endpoints::{Body, Declared, Endpoint, Method, Who};
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
use hyper::{Request, Response, StatusCode};

/// A connection that is about to become a WebSocket.
pub(super) struct Upgrade {
    pub(super) connection: OnUpgrade,
    /// The client at its other end.
    pub(super) client: Client,
}

/// The result of a request.
pub(super) struct Route {
    /// The answer.
    pub(super) response: Response<answers::Body>,
    /// The connection, if it becomes a WebSocket after the answer.
    pub(super) upgrade: Option<Upgrade>,
}

/// Answers one request.
pub(super) async fn answer(request: Request<Incoming>, service: &Service, peer: Peer) -> Route {
    let mut upgrade = None;
    let peer = service.proxies.visitor(peer, request.headers());
    let declared = Declared::at(request.uri().path());
    let method = declared.map_or(Method::Read, |declared| declared.method);
    let response = match admitted(&request, method, service, peer) {
        Err(why) => Err(why),
        Ok(()) => match declared {
            None => Ok(page(request.uri().path(), request.headers(), service.secure.as_deref(), peer)),
            Some(declared) => declared_answer(declared, request, service, peer, &mut upgrade).await,
        },
    };
    let mut response = response.unwrap_or_else(|why| denied(&service.access_control.refusals, &why));
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(method.allowed()));
    }
    headers::add_always(response.headers_mut());
    Route { response, upgrade }
}

/// Checks whether the request can be answered here at all.
fn admitted(
    request: &Request<Incoming>,
    method: Method,
    service: &Service,
    peer: Peer,
) -> Result<(), Denied> {
    let url_bytes = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if url_bytes > URL_BYTES_MAX {
        return Err(Denied::new(Refusal::UrlTooLong, "This address is longer than any of ours."));
    }
    if *request.method() == hyper::Method::CONNECT {
        // A CONNECT target names where the client wants to go, not the host it contacts.
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
    let (is_right, only) = match method {
        Method::Read | Method::Socket => {
            let reads = [hyper::Method::GET, hyper::Method::HEAD].contains(request.method());
            (reads, "Only GET and HEAD are answered here.")
        }
        Method::Write => (*request.method() == hyper::Method::POST, "Only POST is answered here."),
    };
    if !is_right {
        return Err(Denied::new(Refusal::Method, only));
    }
    if method.is_guarded() {
        guard::check_origin(request.headers(), peer, &service.names.borrow()).map_err(|refusal| {
            let remedy = "Behind a proxy, let it pass the Host on with its port and say X-Forwarded-Proto, or add the page's name to 'names' in the configuration if the page is on port 80 or 443.";
            Denied::new(refusal, format!("Only this device's own page may do this. {remedy}"))
        })?;
    }
    Ok(())
}

/// Returns the keys that the client shows and that matter here; none if keys do not count for this endpoint.
async fn shown(
    who: Who,
    headers: &HeaderMap,
    access: &Access,
    peer: Peer,
) -> Result<PerPurpose<bool>, Denied> {
    if who == Who::Anybody {
        return Ok(PerPurpose::default());
    }
    let shown = access.shown(headers, peer).await?;
    let grant = access.grant(shown);
    let missing = match who {
        Who::Listener | Who::Overseer if !grant.listen => {
            "A key is needed to listen. Open the page and enter it."
        }
        Who::Overseer if !grant.set => "Only the holder of the settings key can see who listens.",
        Who::SettingsHolder if !grant.set => "Enter the settings key first.",
        Who::Updater => return access.check_update(shown).map(|()| shown),
        Who::Anybody | Who::Known | Who::Listener | Who::Overseer | Who::SettingsHolder => return Ok(shown),
    };
    Err(Denied::new(Refusal::KeyMissing, missing))
}

/// Checks that the body claims to be of the expected type.
fn check_body(body: Body, headers: &HeaderMap) -> Result<(), Denied> {
    match body {
        Body::Nothing => Ok(()),
        Body::Json { .. } => negotiation::check_json(headers),
        Body::Bundle { media_type, .. } if negotiation::is_of_type(headers, media_type) => Ok(()),
        Body::Bundle { media_type, .. } => {
            Err(Denied::new(Refusal::BodyUnreadable, format!("An update is sent as {media_type}.")))
        }
    }
}

/// Answers at a declared endpoint, if the client may use it.
async fn declared_answer(
    declared: &Declared,
    request: Request<Incoming>,
    service: &Service,
    peer: Peer,
    upgrade: &mut Option<Upgrade>,
) -> Result<Response<answers::Body>, Denied> {
    let Service { access_control: AccessControl { access, .. }, overview, secure, .. } = service;
    let secure = secure.as_deref();
    let shown = shown(declared.who, request.headers(), access, peer).await?;
    check_body(declared.body, request.headers())?;
    let mut asked = AdmittedRequest { request, peer, shown, body: declared.body };
    let headers = asked.request.headers();
    // Without HTTPS there is nothing to trust, and no such page.
    let trust = |answer: &dyn Fn(&Secure) -> Response<answers::Body>| {
        secure.map_or_else(|| page(declared.path, headers, None, peer), answer)
    };
    match declared.endpoint {
        Endpoint::Health => Ok(health(service)),
        Endpoint::Status => Ok(json(&status::of(overview))),
        Endpoint::Metrics => Ok(exposition(overview)),
        Endpoint::Clients => Ok(json(&service.listening.clients.shown(&overview.hub.numbers.reports))),
        Endpoint::Access => Ok(api::access(access, shown, overview.notices.locked())),
        Endpoint::Socket => Ok(socket(&mut asked, access, upgrade)),
        Endpoint::EnterKey => api::enter(asked, access).await,
        Endpoint::SetKey => api::set_key(asked, access).await,
        Endpoint::ReplaceAuthority => api::replace_authority(asked, secure).await,
        Endpoint::Settings => api::set(asked, &service.settings, &service.now_playing).await,
        Endpoint::Update => update::take(asked, access, &service.updates).await,
        Endpoint::Restart => update::restart(&asked, &service.updates).await,
        Endpoint::Clock => Ok(clock(&asked.request, secure, peer)),
        Endpoint::Trust => Ok(trust(&|secure| first_contact::page(headers, secure, peer))),
        Endpoint::Certificate => Ok(trust(&first_contact::certificate)),
        Endpoint::Profile => Ok(trust(&first_contact::ios_profile)),
        Endpoint::Check => Ok(trust(&|_| first_contact::check(headers, peer))),
    }
}

/// Answers whether the service is alive, and if not, why.
fn health(service: &Service) -> Response<answers::Body> {
    match service.overview.hub.health.ill(mono_raw_now()) {
        None => words(StatusCode::OK, "ok"),
        Some(ill) => words(StatusCode::SERVICE_UNAVAILABLE, ill.words()),
    }
}

/// Returns a file of the page; if the page could not play, returns a page that leads to where it can.
fn page(path: &str, headers: &HeaderMap, secure: Option<&Secure>, peer: Peer) -> Response<answers::Body> {
    if let Some(secure) = secure {
        let is_played_elsewhere = path == "/" && !peer.secure && !first_contact::is_at_home(headers);
        if is_played_elsewhere || path == first_contact::TEMPLATE {
            return first_contact::page(headers, secure, peer);
        }
    }
    match assets::find(path) {
        Some((asset, for_ever)) => file(asset, for_ever, headers),
        None => words(StatusCode::NOT_FOUND, "There is nothing here. The page is at /."),
    }
}

/// Notes the time of a listener's clock, which affects only the dates of the next certificate.
fn clock(request: &Request<Incoming>, secure: Option<&Secure>, peer: Peer) -> Response<answers::Body> {
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

/// Upgrades the connection to a WebSocket.
fn socket(
    asked: &mut AdmittedRequest,
    access: &Access,
    upgrade: &mut Option<Upgrade>,
) -> Response<answers::Body> {
    match upgrade::accept(&mut asked.request) {
        Ok(response) => {
            let agent = asked.request.headers().get(header::USER_AGENT).map(HeaderValue::as_bytes);
            let client = Client::new(asked.peer, agent.unwrap_or_default(), asked.shown, access);
            *upgrade = Some(Upgrade { connection: hyper::upgrade::on(&mut asked.request), client });
            response
        }
        Err(refusal) => *refusal,
    }
}

fn file(asset: &'static assets::Asset, for_ever: bool, asked: &HeaderMap) -> Response<answers::Body> {
    let (content, etag) = match negotiation::coding(asked, !asset.gzip.is_empty()) {
        Some(Coding::Identity) => (asset.plain, asset.etag),
        Some(Coding::Gzip) => (asset.gzip, asset.gzip_etag),
        None => {
            return words(
                StatusCode::NOT_ACCEPTABLE,
                "This file is available uncompressed or compressed with gzip.",
            );
        }
    };
    let known = negotiation::has(asked, etag);
    let mut response = Response::new(if known {
        answers::Body::default()
    } else {
        answers::Body::from(Bytes::from_static(content))
    });
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

fn exposition(overview: &Overview) -> Response<answers::Body> {
    let mut response = words(StatusCode::OK, metrics::text(overview));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
