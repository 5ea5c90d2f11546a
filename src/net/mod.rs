//! HTTP and WebSocket: the only folder with asynchronous networking. It knows the hub, never the sound card.
//!
//! [`serve`] uses ports that the caller opened, and ends when the caller says so. Every connection is a task, owned here,
//! until it becomes a WebSocket; then it is handed to the fan-out thread, which runs [`fan_out::run`].

pub mod access;
mod access_control;
mod admitted_request;
mod answers;
mod api;
pub mod assets;
mod broadcast;
mod browser;
mod client;
mod client_id;
mod clients;
mod connection_limits;
pub mod control;
pub mod endpoints;
pub mod events;
mod exposition;
pub mod fan_out;
mod first_contact;
pub mod guard;
mod handshake;
mod headers;
#[cfg(feature = "hostile")]
pub mod hostile;
mod keeper;
pub mod limits;
mod link;
mod listeners;
mod listening;
mod metrics;
mod negotiation;
pub mod new_listeners;
mod outgoing;
mod overview;
mod patience;
mod peer;
mod process;
mod proxies;
mod qr;
pub mod refusals;
mod refused_connections;
mod routes;
mod secure;
mod service;
mod session;
pub mod settings;
mod site;
mod status;
mod stopping;
mod turns;
mod update;
mod updates;

pub use access_control::AccessControl;
pub use secure::{Look, Secure};
pub use service::{Gate, Service};

use crate::hub::handover::Taker;
use crate::tls::Identity;
use connection_limits::ConnectionPermit;
use handshake::Handshakes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use limits::{HEAD_BYTES_MAX, HEAD_TIMEOUT, HEADERS_MAX, SPARE_CONNECTIONS};
use link::connection::Connection;
use link::{WebSocketArrival, socket};
use patience::Patient;
use peer::{Peer, Relay};
use refusals::Refusal;
use refused_connections::RefusedConnections;
use routes::{Route, Upgrade};
use settings::Settings;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stopping::stopped;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The part of the one second for stopping that is reserved for telling the listeners.
const STOP_GRACE: Duration = Duration::from_millis(700);
/// Pause after a failed accept (no descriptors left), so that some can be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The ports that the caller opened.
pub struct BoundPorts {
    /// The HTTP port.
    pub plain: TcpListener,
    /// The HTTPS port.
    pub tls: Option<Tls>,
}

/// The parts that HTTPS needs.
pub struct Tls {
    /// The port for HTTPS.
    pub listener: TcpListener,
    /// The certificate and its authority.
    pub identity: Identity,
    /// Reads the properties of the machine that the certificate must fit.
    pub facts: Look,
}

/// The ports alone, without the information on HTTPS.
pub struct Ports {
    plain: TcpListener,
    tls: Option<TcpListener>,
}

impl BoundPorts {
    /// Separates the ports from the information on HTTPS that requests need.
    pub fn part(self) -> (Ports, Option<Secure>) {
        let Self { plain, tls } = self;
        let (tls, secure) = tls.map(|tls| secure(tls, &plain)).unzip();
        (Ports { plain, tls }, secure)
    }
}

/// Answers on `ports` and makes the changes that listeners request, until the service must stop. Then ends every connection
/// within a second.
pub async fn serve(ports: Ports, changes: Taker<Settings>, service: Arc<Service>) {
    let Ports { plain, tls } = ports;
    tokio::spawn(settings::make_changes(
        Arc::clone(&service.settings),
        Arc::clone(&service.now_playing),
        changes,
    ));
    let mut stop = service.stop.clone();
    if let Some(Secure { identity, facts, news, .. }) = service.secure.as_deref() {
        let news = keeper::News { claims: Arc::clone(news), names: service.names.clone() };
        tokio::spawn(keeper::keep(Arc::clone(identity), Arc::clone(facts), news, stop.clone()));
    }
    let connections_max = || service.listening.admissions.most() + SPARE_CONNECTIONS;
    let (mut connections, refused_connections) = (JoinSet::new(), RefusedConnections::default());
    loop {
        tokio::select! {
            // The stop is polled first, so that a flood of connections cannot delay it.
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next() => report_panic(ended),
            (accepted, is_secure) = accept(&plain, tls.as_ref()) => match accepted {
                Ok((stream, from)) => {
                    // The other side may have gone already.
                    let Ok(local) = stream.local_addr() else { continue };
                    let peer = Peer { address: from.ip().to_canonical(), local, secure: is_secure, relay: Relay::None };
                    match service.connections.admit(peer.client_id(), connections_max()) {
                        Ok(place) => {
                            connections.spawn(connection(stream, peer, place, Arc::clone(&service)));
                        }
                        Err(refusal) => {
                            service.access_control.refusals.count(refusal);
                            // A refusal under TLS cannot give its reason before the handshake.
                            let telling = if is_secure { None } else { refused_connections.tell(stream, refusal) };
                            telling.map(|telling| connections.spawn(telling));
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection ({error}): waiting a moment");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop((plain, tls));
    let _ = timeout(STOP_GRACE, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

fn secure(tls: Tls, plain: &TcpListener) -> (TcpListener, Secure) {
    let Tls { listener, identity, facts } = tls;
    let port = |listener: &TcpListener| listener.local_addr().map_or(0, |address| address.port());
    let secure = Secure {
        handshakes: Handshakes::new(identity.server_config()),
        identity: Arc::new(identity),
        facts,
        news: Arc::default(),
        port: port(&listener),
        plain_port: port(plain),
    };
    (listener, secure)
}

/// Waits for the next connection; returns it, and whether it is for HTTPS. May be cancelled.
async fn accept(
    plain: &TcpListener,
    tls: Option<&TcpListener>,
) -> (std::io::Result<(TcpStream, SocketAddr)>, bool) {
    let Some(tls) = tls else { return (plain.accept().await, false) };
    // Poll in random order, so that a flood on one port cannot starve the other.
    tokio::select! {
        accepted = plain.accept() => (accepted, false),
        accepted = tls.accept() => (accepted, true),
    }
}

/// Logs a panic, which ends only its own connection.
fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked: {error}");
    }
}

/// Runs one connection: its handshake, its requests, and after an upgrade the listener's session. It keeps its permit until
/// it ends.
async fn connection(stream: TcpStream, peer: Peer, _permit: ConnectionPermit, service: Arc<Service>) {
    if stream.set_nodelay(true).and_then(|()| socket::prepare_answers(&stream)).is_err() {
        return; // the other side has gone already
    }
    let stream = match &service.secure {
        Some(secure) if peer.secure => match secure.handshakes.shake(stream, peer.client_id()).await {
            Ok(stream) => stream,
            Err(refusal) => return service.access_control.refusals.count(refusal),
        },
        _ => Connection::Plain(stream),
    };
    let upgrade: Arc<Mutex<Option<Upgrade>>> = Arc::default();
    let answer = service_fn(async |request| {
        let Route { response, upgrade: asked } = routes::answer(request, &service, peer).await;
        if asked.is_some() {
            *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        }
        Ok::<_, std::convert::Infallible>(response)
    });
    let serving = http().serve_connection(TokioIo::new(Patient::new(stream)), answer).with_upgrades();
    let mut stop = service.stop.clone();
    tokio::select! {
        served = serving => if let Err(error) = served {
            if let Some(refusal) = refusal_of(&error) {
                service.access_control.refusals.count(refusal);
            }
            tracing::debug!("a connection ended: {error}");
        },
        () = stopped(&mut stop) => return,
    }
    let asked = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(Upgrade { connection, client }) = asked
        && let Some(arrival) = WebSocketArrival::after(connection).await
    {
        service.listening.listen(Box::new(arrival), client).await;
    }
}

/// Returns an HTTP/1 server with our limits.
fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    http
}

/// Returns the reason why hyper refused a request; `None` if the other side just left.
fn refusal_of(error: &hyper::Error) -> Option<Refusal> {
    match () {
        () if error.is_timeout() => Some(Refusal::HeadLate),
        () if has_timed_out(error) => Some(Refusal::AnswerNotTaken),
        () if error.is_parse_too_large() => Some(Refusal::HeadTooLong),
        () if error.is_parse() => Some(Refusal::HeadUnreadable),
        () => None,
    }
}

/// Returns whether the kernel, or [`Patient`], gave up on the other side.
fn has_timed_out(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut)
}
