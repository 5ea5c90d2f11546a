//! HTTP and WebSocket: the only folder with asynchronous networking. It knows the hub, never the sound card.
//!
//! [`serve`] runs on a listener the caller made and ends when the caller says so. Every connection is one task, owned here, until
//! it becomes a WebSocket: then it is handed to the fan-out thread, which [`fan_out::run`] is.

pub mod assets;
mod connection;
pub mod control;
pub mod fan_out;
mod headers;
mod line;
mod packets;
mod routes;
mod socket;
mod status;
mod ws;

use crate::config::Config;
use crate::hub::Hub;
use connection::Connection;
use fan_out::Door;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use routes::{Route, Upgrade};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
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
    config: Config,
    started: tokio::time::Instant,
    stop: watch::Receiver<bool>,
    /// Where listeners go.
    door: Door,
    /// Connections closed at once because there were too many.
    connections_refused: AtomicU64,
}

/// Answers on `listener` until `stop` is true, then ends every connection within a second. Listeners leave by the `door`.
pub async fn serve(
    listener: TcpListener,
    hub: Arc<Hub>,
    config: Config,
    door: Door,
    mut stop: watch::Receiver<bool>,
) {
    let connections_max = config.listeners_max as usize + SPARE_CONNECTIONS;
    let service = Arc::new(Service {
        hub,
        config,
        started: tokio::time::Instant::now(),
        stop: stop.clone(),
        door,
        connections_refused: AtomicU64::new(0),
    });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Stopping first: a flood of connections must not keep it.
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next() => report_panic(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < connections_max => {
                    connections.spawn(connection(stream, Arc::clone(&service)));
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
    drop(listener);
    let _ = timeout(STOP_GRACE, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
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

/// One connection: requests, and after an upgrade the listener's session.
async fn connection(stream: TcpStream, service: Arc<Service>) {
    if stream.set_nodelay(true).is_err() {
        return; // the peer is gone already
    }
    let upgrade: Arc<Mutex<Option<Upgrade>>> = Arc::default();
    let answer = service_fn(|request| {
        let Route { response, upgrade: asked } = routes::answer(request, &service);
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
        .serve_connection(TokioIo::new(Connection::Plain(stream)), answer)
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
