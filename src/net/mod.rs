//! HTTP and WebSocket: the only folder with asynchronous networking. It knows the hub, never the sound card.
//!
//! [`serve`] runs on a listener the caller made and ends when the caller says so. Every connection is one task, owned here, until
//! it becomes a WebSocket: then it is handed to the fan-out thread, which [`fan_out::run`] is.

pub mod access;
mod api;
pub mod assets;
mod browser;
mod clients;
mod connection;
pub mod control;
mod crowd;
pub mod door;
mod doorstep;
mod exposition;
pub mod fan_out;
mod first_contact;
mod frames;
pub mod guard;
mod guest;
mod handshake;
mod headers;
#[cfg(feature = "hostile")]
pub mod hostile;
mod keeper;
pub mod limits;
mod line;
mod metrics;
mod negotiation;
mod packets;
mod party;
mod patience;
mod process;
mod proxies;
mod qr;
pub mod refusals;
mod routes;
pub mod settings;
mod site;
mod socket;
mod status;
mod turns;
mod update;
mod upgrade;
mod ws;

use crate::config::Config;
use crate::hub::Hub;
use crate::hub::handover::Taker;
use crate::identity::Names;
use crate::plain::Plain;
use crate::state::StateFolder;
use crate::tls::fingerprint::Fingerprint;
use crate::tls::{Facts, Identity};
use crate::units::MonoNs;
use crate::update::{UPDATER_FOLDER, Updater};
use access::Access;
use access::rules::Each;
use clients::Clients;
use connection::Connection;
use crowd::{Bounds, Crowd, Place};
use door::Door;
use doorstep::Doorstep;
use guard::{Peer, Relay};
use handshake::Handshakes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use limits::{CONNECTIONS_PER_ADDRESS, HEAD_BYTES_MAX, HEAD_TIMEOUT, HEADERS_MAX, SPARE_CONNECTIONS};
use patience::Patient;
use proxies::Proxies;
use refusals::{Refusal, Refusals};
use routes::{Route, Upgrade};
use settings::{KeptSettings, Settings};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use update::Updates;

/// What is left of the second a stop may take, for listeners to be told.
const STOP_GRACE: Duration = Duration::from_millis(700);
/// After a failed accept (no descriptors left): time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every request needs.
pub struct Service {
    hub: Arc<Hub>,
    started: tokio::time::Instant,
    stop: watch::Receiver<bool>,
    names: watch::Receiver<Names>,
    proxies: Proxies,
    access: Access,
    settings: KeptSettings,
    /// What a person should know of this device.
    notices: Vec<Plain>,
    /// What is to be said of power and heat.
    power: Mutex<Option<&'static str>>,
    updates: Updates,
    /// Who was turned away, by reason.
    refusals: Refusals,
    /// Every connection there is.
    crowd: Crowd,
    /// Who listens.
    clients: Clients,
    /// Where listeners go.
    door: Door,
    /// How to come to HTTPS, where it is spoken.
    secure: Option<Secure>,
}

impl Service {
    /// Behind the `gate`; listeners leave by the `door`.
    pub fn new(
        hub: Arc<Hub>,
        gate: Gate,
        door: Door,
        secure: Option<Secure>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            hub,
            started: tokio::time::Instant::now(),
            stop,
            names: gate.names,
            proxies: gate.proxies,
            access: gate.access,
            settings: gate.settings,
            notices: gate.notices,
            power: Mutex::default(),
            updates: Updates::new(gate.updater),
            refusals: Refusals::default(),
            crowd: gate.crowd,
            clients: Clients::default(),
            door,
            secure,
        }
    }

    /// Says from now on this of power and heat, or nothing.
    pub fn tell_power(&self, notice: Option<&'static str>) {
        *self.power.lock().unwrap_or_else(PoisonError::into_inner) = notice;
    }

    /// The fingerprint of the certificate that listeners' devices are asked to trust, where it is one of our own.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        Some(self.secure.as_ref()?.identity.authority()?.fingerprint)
    }

    /// What a person should know of this device besides its sound, at this moment: plain sentences.
    fn notices(&self) -> Vec<Plain> {
        let identity = self.secure.iter().flat_map(|secure| secure.identity.notices());
        let power = *self.power.lock().unwrap_or_else(PoisonError::into_inner);
        let kept =
            [power.map(str::to_owned), self.access.notice(), self.settings.notice()].into_iter().flatten();
        kept.chain(identity).map(Plain::from).chain(self.notices.iter().cloned()).collect()
    }
}

/// Who may come in and what they may change: what is read before the first connection.
pub struct Gate {
    /// The names this device answers to, as they change.
    pub names: watch::Receiver<Names>,
    /// The keys.
    pub access: Access,
    /// The settings chosen on the page.
    pub settings: KeptSettings,
    /// What a person should know of this device besides its sound: plain sentences.
    pub notices: Vec<Plain>,
    /// The way to the system's updater.
    pub updater: Updater,
    /// Whose word on a visitor counts.
    proxies: Proxies,
    crowd: Crowd,
}

impl Gate {
    /// For a machine of these names; reads the state folder, where there is one, whatever it holds.
    /// `by_hand`: somebody switched the machine on, rather than software.
    pub fn open(
        config: &Config,
        names: watch::Receiver<Names>,
        folder: Option<StateFolder>,
        by_hand: bool,
    ) -> Self {
        let keys =
            Each { listening: config.listening_key.as_deref(), settings: config.settings_key.as_deref() };
        let per_address = config.connections_per_address;
        let bounds = Bounds {
            per_address: per_address.map_or(CONNECTIONS_PER_ADDRESS, |most| most as usize),
            and_loopback: per_address.is_some(),
        };
        Self {
            names,
            proxies: Proxies::new(config.trusted_blocks()),
            // The clock counts from the moment the machine was switched on.
            access: Access::open(keys, folder.as_ref(), by_hand.then_some(MonoNs(0))),
            settings: KeptSettings::open(folder.as_ref()),
            notices: Vec::new(),
            updater: Updater::new(Path::new(UPDATER_FOLDER), folder),
            crowd: Crowd::new(bounds),
        }
    }
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
    pub facts: Look,
}

/// A look at the machine.
pub type Look = Arc<dyn Fn() -> Facts + Send + Sync>;

/// The ports alone.
pub struct Ports {
    plain: TcpListener,
    tls: Option<TcpListener>,
}

/// HTTPS as requests see it.
pub struct Secure {
    identity: Arc<Identity>,
    handshakes: Handshakes,
    facts: Look,
    /// Somebody said something the certificate may depend on.
    news: Arc<Notify>,
    port: u16,
    plain_port: u16,
}

impl Listeners {
    /// What is accepted on, and what requests must know of HTTPS.
    pub fn part(self) -> (Ports, Option<Secure>) {
        let Self { plain, tls } = self;
        let (tls, secure) = tls.map(|tls| secure(tls, &plain)).unzip();
        (Ports { plain, tls }, secure)
    }
}

/// Answers on `ports` and fulfils listeners' wishes until the service is to stop, then ends every connection within a second.
pub async fn serve(ports: Ports, wishes: Taker<Settings>, service: Arc<Service>) {
    let Ports { plain, tls } = ports;
    tokio::spawn(settings::fulfil(Arc::clone(&service), wishes));
    let mut stop = service.stop.clone();
    if let Some(Secure { identity, facts, news, .. }) = &service.secure {
        let news = keeper::News { claims: Arc::clone(news), names: service.names.clone() };
        tokio::spawn(keeper::keep(Arc::clone(identity), Arc::clone(facts), news, stop.clone()));
    }
    let connections_max = || service.hub.sizes().listeners_max + SPARE_CONNECTIONS;
    let (mut connections, doorstep) = (JoinSet::new(), Doorstep::default());
    loop {
        tokio::select! {
            // Stopping first: a flood of connections must not keep it.
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next() => report_panic(ended),
            (accepted, is_secure) = accept(&plain, tls.as_ref()) => match accepted {
                Ok((stream, from)) => {
                    // The other side may be gone already.
                    let Ok(local) = stream.local_addr() else { continue };
                    let peer = Peer { address: from.ip().to_canonical(), local, secure: is_secure, relay: Relay::None };
                    match service.crowd.admit(peer.party(), connections_max()) {
                        Ok(place) => {
                            connections.spawn(connection(stream, peer, place, Arc::clone(&service)));
                        }
                        Err(refusal) => {
                            service.refusals.count(refusal);
                            // Under TLS nothing can be said before the handshake.
                            let telling = if is_secure { None } else { doorstep.tell(stream, refusal) };
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

/// One connection: its handshake, its requests, and after an upgrade the listener's session. It has its place until it ends.
async fn connection(stream: TcpStream, peer: Peer, _place: Place, service: Arc<Service>) {
    if stream.set_nodelay(true).and_then(|()| socket::prepare_answers(&stream)).is_err() {
        return; // the other side is gone already
    }
    let stream = match &service.secure {
        Some(secure) if peer.secure => match secure.handshakes.shake(stream, peer.party()).await {
            Ok(stream) => stream,
            Err(refusal) => return service.refusals.count(refusal),
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
        () if has_timed_out(error) => Some(Refusal::AnswerNotTaken),
        () if error.is_parse_too_large() => Some(Refusal::HeadTooLong),
        () if error.is_parse() => Some(Refusal::HeadUnreadable),
        () => None,
    }
}

/// Whether the kernel, or [`Patient`], gave up on the other side.
fn has_timed_out(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut)
}
