//! HTTP and WebSocket: the only folder with asynchronous networking. It knows the hub, never the sound card.
//!
//! [`serve`] runs on a listener the caller made and ends when the caller says so. Every connection is one task, owned here, until
//! it becomes a WebSocket: then it is handed to the fan-out thread, which [`fan_out::run`] is.

pub mod assets;
mod browser;
mod connection;
pub mod control;
pub mod fan_out;
mod first_contact;
mod handshake;
mod headers;
mod keeper;
mod line;
mod packets;
mod qr;
mod routes;
mod socket;
mod status;
mod ws;

use crate::hub::Hub;
use crate::tls::{Facts, Identity};
use connection::Connection;
use fan_out::Door;
use handshake::Handshakes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use routes::{Route, Upgrade};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a request's head may take to arrive; also ends idle connections.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Most header lines of a request.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Connections beyond the listeners' own: pages, scripts, status.
const SPARE_CONNECTIONS: usize = 256;
/// What is left of the second a stop may take, for listeners to be told.
const STOP_GRACE: Duration = Duration::from_millis(700);
/// After a failed accept (no descriptors left): time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every request needs.
pub struct Service {
    hub: Arc<Hub>,
    started: tokio::time::Instant,
    stop: watch::Receiver<bool>,
    /// Where listeners go.
    door: Door,
    /// Connections closed at once because there were too many.
    connections_refused: AtomicU64,
    /// How to come to HTTPS, where it is spoken.
    secure: Option<Secure>,
}

/// Where it is listened, on ports the caller opened.
pub struct Listeners {
    /// For HTTP.
    pub plain: TcpListener,
    /// For HTTPS.
    pub tls: Option<Tls>,
}

/// What HTTPS needs.
pub struct Tls {
    /// Its port.
    pub listener: TcpListener,
    /// Its certificate.
    pub identity: Identity,
    /// Looks at the machine: what the certificate must fit.
    pub facts: fn() -> Facts,
}

/// HTTPS as requests see it.
struct Secure {
    identity: Arc<Identity>,
    handshakes: Handshakes,
    facts: fn() -> Facts,
    /// Somebody said something the certificate may depend on.
    news: Arc<Notify>,
    port: u16,
    plain_port: u16,
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
struct Peer {
    /// Who asks.
    address: IpAddr,
    /// Which of this machine's addresses was reached.
    local: IpAddr,
    /// Whether the connection is encrypted.
    secure: bool,
}

/// Answers on `listeners` until `stop` is true, then ends every connection within a second. Who listens leaves by the `door`.
pub async fn serve(listeners: Listeners, hub: Arc<Hub>, door: Door, mut stop: watch::Receiver<bool>) {
    let Listeners { plain, tls } = listeners;
    let (tls, secure) = tls.map(|tls| secure(tls, &plain)).unzip();
    let service = Arc::new(Service {
        hub,
        started: tokio::time::Instant::now(),
        stop: stop.clone(),
        door,
        connections_refused: AtomicU64::new(0),
        secure,
    });
    if let Some(Secure { identity, facts, news, .. }) = &service.secure {
        tokio::spawn(keeper::keep(Arc::clone(identity), *facts, Arc::clone(news), stop.clone()));
    }
    let connections_max = || service.hub.sizes().listeners_max + SPARE_CONNECTIONS;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Stopping first: a flood of connections must not keep it.
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next() => report_panic(ended),
            (accepted, is_secure) = accept(&plain, tls.as_ref()) => match accepted {
                Ok((stream, from)) if connections.len() < connections_max() => {
                    connections.spawn(connection(stream, from, is_secure, Arc::clone(&service)));
                }
                Ok(_) => {
                    service.connections_refused.fetch_add(1, Relaxed);
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

/// The next connection, and whether it is for HTTPS. May be cancelled.
async fn accept(
    plain: &TcpListener,
    tls: Option<&TcpListener>,
) -> (std::io::Result<(TcpStream, SocketAddr)>, bool) {
    let Some(tls) = tls else { return (plain.accept().await, false) };
    // In no order: neither port's flood keeps the other from its turn.
    tokio::select! {
        accepted = plain.accept() => (accepted, false),
        accepted = tls.accept() => (accepted, true),
    }
}

/// Waits until the service is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // an error means that whoever could say so is gone
}

/// A panic ends one connection; it is told here and harms nobody else.
fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked: {error}");
    }
}

/// One connection: its handshake, its requests, and after an upgrade the listener's session.
async fn connection(stream: TcpStream, from: SocketAddr, is_secure: bool, service: Arc<Service>) {
    let (Ok(()), Ok(local)) = (stream.set_nodelay(true), stream.local_addr()) else {
        return; // the peer is gone already
    };
    let peer =
        Peer { address: from.ip().to_canonical(), local: local.ip().to_canonical(), secure: is_secure };
    let stream = match &service.secure {
        Some(secure) if is_secure => match secure.handshakes.shake(stream).await {
            Some(stream) => stream,
            None => return, // counted there
        },
        _ => Connection::Plain(stream),
    };
    let upgrade: Arc<Mutex<Option<Upgrade>>> = Arc::default();
    let answer = service_fn(|request| {
        let Route { response, upgrade: asked } = routes::answer(request, &service, peer);
        if asked.is_some() {
            *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        }
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let mut stop = service.stop.clone();
    tokio::select! {
        served = serving => if let Err(error) = served {
            tracing::debug!("a connection ended: {error}");
        },
        () = stopped(&mut stop) => return,
    }
    let asked = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(upgrade) = asked {
        ws::listen(upgrade, service).await;
    }
}
