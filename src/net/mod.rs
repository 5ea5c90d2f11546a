//! HTTP and WebSocket: the only folder with asynchronous networking. It knows the hub, never the sound card.
//!
//! [`serve`] runs on a listener the caller made and ends when the caller says so. Every connection is one task, owned here, until
//! it becomes a WebSocket: then it is handed to the fan-out thread, which [`fan_out::run`] is.

pub mod access;
mod api;
pub mod assets;
mod clients;
mod connection;
pub mod control;
mod crowd;
mod exposition;
pub mod fan_out;
mod frames;
pub mod guard;
mod guest;
mod headers;
#[cfg(feature = "hostile")]
pub mod hostile;
pub mod limits;
mod line;
mod metrics;
mod packets;
mod process;
pub mod refusals;
mod routes;
pub mod settings;
mod socket;
mod status;
mod ws;

use crate::config::Config;
use crate::error;
use crate::hub::Hub;
use crate::state::StateFolder;
use crate::units::MonoNs;
use access::Access;
use access::rules::Each;
use clients::Clients;
use connection::Connection;
use crowd::{Bounds, Crowd, Place};
use fan_out::Door;
use guard::{Names, Peer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use limits::{CONNECTIONS_PER_ADDRESS, HEAD_BYTES_MAX, HEAD_TIMEOUT, HEADERS_MAX, SPARE_CONNECTIONS};
use refusals::{Refusal, Refusals};
use routes::{Route, Upgrade};
use settings::KeptSettings;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

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
    names: Names,
    access: Access,
    settings: KeptSettings,
    /// Who was turned away, by reason.
    refusals: Refusals,
    /// Every connection there is.
    crowd: Crowd,
    /// Who listens.
    clients: Clients,
    /// Where listeners go.
    door: Door,
}

impl Service {
    /// Behind the `gate`; listeners leave by the `door`.
    pub fn new(hub: Arc<Hub>, config: Config, gate: Gate, door: Door, stop: watch::Receiver<bool>) -> Self {
        let crowd = Crowd::new(Bounds {
            total: config.listeners_max as usize + SPARE_CONNECTIONS,
            per_address: config.connections_per_address.map_or(CONNECTIONS_PER_ADDRESS, |most| most as usize),
            and_loopback: config.connections_per_address.is_some(),
        });
        Self {
            hub,
            config,
            started: tokio::time::Instant::now(),
            stop,
            names: gate.names,
            access: gate.access,
            settings: gate.settings,
            refusals: Refusals::default(),
            crowd,
            clients: Clients::default(),
            door,
        }
    }
}

/// Who may come in and what they may change: what is read before the first connection.
pub struct Gate {
    /// The names this device answers to.
    pub names: Names,
    /// The keys.
    pub access: Access,
    /// The settings chosen on the page.
    pub settings: KeptSettings,
}

impl Gate {
    /// Reads the state folder and the machine's name.
    ///
    /// # Errors
    /// When the folder cannot be used, or holds what is not ours.
    pub fn open(config: &Config) -> error::Result<Self> {
        let folder = config.state.as_deref().map(StateFolder::open).transpose()?;
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let keys =
            Each { listening: config.listening_key.as_deref(), settings: config.settings_key.as_deref() };
        Ok(Self {
            names: Names::new(&hostname, &config.names),
            // The clock counts from the moment the machine was switched on.
            access: Access::open(keys, folder.clone(), MonoNs(0))?,
            settings: KeptSettings::open(folder)?,
        })
    }
}

/// Answers on `listener` until the service is to stop, then ends every connection within a second.
pub async fn serve(listener: TcpListener, service: Arc<Service>) {
    let mut stop = service.stop.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Stopping first: a flood of connections must not keep it.
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next() => report_panic(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => match service.crowd.admit(from.ip()) {
                    Ok(place) => {
                        connections.spawn(connection(stream, from, place, Arc::clone(&service)));
                    }
                    Err(refusal) => {
                        service.refusals.count(refusal);
                        turn_away(&stream, refusal);
                    }
                },
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

/// Says why on a connection that is closed at once, if that can be said without waiting.
fn turn_away(stream: &TcpStream, refusal: Refusal) {
    let words = "There are too many connections. Close other pages of this device, or try again later.\n";
    let code = refusal.code();
    let answer = format!(
        "HTTP/1.1 {code} Too many connections\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Retry-After: 5\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{words}",
        words.len()
    );
    let _ = stream.try_write(answer.as_bytes()); // whoever does not wait for it loses nothing
}

/// One connection: requests, and after an upgrade the listener's session. It has its place until it ends.
async fn connection(stream: TcpStream, from: SocketAddr, _place: Place, service: Arc<Service>) {
    let (Ok(()), Ok(local)) = (stream.set_nodelay(true), stream.local_addr()) else {
        return; // the peer is gone already
    };
    let peer = Peer { address: from.ip().to_canonical(), local: local.ip().to_canonical(), secure: false };
    let upgrade: Arc<Mutex<Option<Upgrade>>> = Arc::default();
    let answer = service_fn(async |request| {
        let Route { response, upgrade: asked } = routes::answer(request, &service, peer).await;
        if asked.is_some() {
            *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        }
        Ok::<_, std::convert::Infallible>(response)
    });
    let serving = http().serve_connection(TokioIo::new(Connection::Plain(stream)), answer).with_upgrades();
    let mut stop = service.stop.clone();
    tokio::select! {
        served = serving => if let Err(error) = served {
            if let Some(refusal) = refusal_of(&error) {
                service.refusals.count(refusal);
            }
            tracing::debug!("a connection ended: {error}");
        },
        () = stopped(&mut stop) => return,
    }
    let asked = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(upgrade) = asked {
        ws::listen(upgrade, service).await;
    }
}

/// HTTP within its limits.
fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    http
}

/// What hyper has refused by itself; nothing, when the other side just left.
fn refusal_of(error: &hyper::Error) -> Option<Refusal> {
    match () {
        () if error.is_timeout() => Some(Refusal::HeadLate),
        () if error.is_parse_too_large() => Some(Refusal::HeadTooLong),
        () if error.is_parse() => Some(Refusal::HeadUnreadable),
        () => None,
    }
}
