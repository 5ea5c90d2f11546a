//! Where `serve` listens: sockets from systemd or its own, the certificate for HTTPS, and what is announced on the network.

use super::places::{SettingPlace, SettingPlaces};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::identity::Names;
use crate::net::{BoundPorts, Tls};
use crate::plain::Plain;
use crate::state::StateFolder;
use crate::sys::announce::Offer;
use crate::sys::{fds, machine};
use crate::tls::{Files, Identity};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The names that synthwire.socket gives its sockets.
const HTTP_SOCKET: &str = "http";
const HTTPS_SOCKET: &str = "https";

/// Opens the ports, and logs their addresses. If an address on the command line cannot be used, the start
/// fails. If an address in the file cannot be used, this continues with the rest, at least with HTTP for this
/// machine itself, and returns the problem.
pub(super) async fn open(
    config: &Config,
    names: &watch::Receiver<Names>,
    places: &SettingPlaces,
) -> Result<(BoundPorts, Vec<Plain>)> {
    let (plain, moved) = plain(config.listen, &places.of("listen")).await?;
    let place = places.of("listen_tls");
    let (tls, off) = match config.listen_tls {
        None => (None, None),
        Some(address) => match tls(address, config, names.clone(), places).await {
            Ok(tls) => (Some(tls), None),
            Err(error) if place.is_typed() => return Err(error),
            Err(error) => (
                None,
                Some(format!(
                    "HTTPS is off until the configuration is mended and the service restarted: {error}"
                )),
            ),
        },
    };
    let problems: Vec<Plain> = moved.into_iter().chain(off).map(Plain::from).collect();
    for problem in &problems {
        tracing::warn!("{problem}");
    }
    let address = plain.local_addr().unwrap_or(config.listen);
    tracing::info!("open http://{address}/ in a browser and press Listen");
    if let Some(address) = tls.as_ref().and_then(|tls| tls.listener.local_addr().ok()) {
        tracing::info!("others on the network open https://{address}/");
    }
    Ok((BoundPorts { plain, tls }, problems))
}

/// Opens the port for HTTP; also returns the problem with the file's address. In that case it opens the
/// default port or any free one, for this machine only, because the user did not ask to admit others there.
async fn plain(address: SocketAddr, place: &SettingPlace) -> Result<(TcpListener, Option<String>)> {
    let error = match listener(HTTP_SOCKET, address, place).await {
        Err(error) if place.is_in_file() => error,
        had => return Ok((had?, None)),
    };
    let own = Config::default().listen;
    for instead in [own, SocketAddr::new(own.ip(), 0)] {
        if let Ok(listener) = TcpListener::bind(instead).await {
            let at = listener.local_addr().unwrap_or(instead);
            return Ok((listener, Some(moved(at, &error))));
        }
    }
    Err(error)
}

/// Returns the message about HTTP at another address than the file's. `asking` reads it in the line of `systemctl status`.
pub(super) fn moved(at: SocketAddr, error: &Error) -> String {
    format!(
        "HTTP is at {at}, for this machine alone, until the configuration is mended and the service restarted: {error}"
    )
}

/// Returns what to announce on the network; nothing if announcing is switched off.
pub(super) fn offered(config: &Config, BoundPorts { plain, tls }: &BoundPorts) -> Vec<Offer> {
    let address = |listener: &TcpListener| listener.local_addr().ok();
    let tls = tls.as_ref().and_then(|tls| address(&tls.listener));
    match address(plain) {
        Some(plain) if config.announce => offers(plain, tls),
        _ => Vec::new(),
    }
}

/// Returns the services that other machines can reach; a service that listens on this machine alone is not announced.
fn offers(plain: SocketAddr, tls: Option<SocketAddr>) -> Vec<Offer> {
    let found = [("_http._tcp", Some(plain)), ("_https._tcp", tls)].into_iter();
    let reached = found.filter_map(|(kind, address)| Some((kind, address?)));
    reached
        .filter(|(_, address)| !address.ip().is_loopback())
        .map(|(kind, address)| Offer { kind, port: address.port() })
        .collect()
}

/// Returns the paths of a certificate supplied by the user, if one is configured.
pub(super) fn files(config: &Config) -> Option<Files> {
    Some(Files { cert: config.cert.clone()?, key: config.key.clone()? })
}

/// Opens the port for HTTPS with its certificate.
async fn tls(
    address: SocketAddr,
    config: &Config,
    names: watch::Receiver<Names>,
    places: &SettingPlaces,
) -> Result<Tls> {
    let facts = move || machine::facts(names.borrow().clone());
    let folder = || {
        let path = config.state_folder(|name| std::env::var_os(name));
        path.and_then(|path| StateFolder::open(&path)).map_err(|error| places.of("state").named(error))
    };
    let identity = match files(config) {
        Some(files) => Identity::supplied(files, config.names.clone(), &facts(), folder)?,
        None => Identity::own(&folder()?, &facts())?,
    };
    let place = places.of("listen_tls");
    // If we use the same port for HTTP, the message must not blame another program.
    let is_own = address == config.listen && address.port() != 0;
    let at_one_port = |error| {
        if !is_own {
            return error;
        }
        let error = Error::new(format!("HTTP and HTTPS cannot both be at {address}"));
        error.try_this(format!("Choose another port with {place}"))
    };
    Ok(Tls {
        listener: listener(HTTPS_SOCKET, address, &place).await.map_err(at_one_port)?,
        identity,
        facts: Arc::new(facts),
    })
}

/// Returns the socket that systemd passes under this name, or opens one.
async fn listener(name: &str, address: SocketAddr, place: &SettingPlace) -> Result<TcpListener> {
    match fds::passed_listener(name)? {
        Some(listener) => {
            tracing::info!("systemd passes the socket: {place} is not used");
            Ok(listener)
        }
        None => bind(address, place).await,
    }
}

async fn bind(address: SocketAddr, place: &SettingPlace) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "Another program has this port ('ss -ltnp' names it): end it, or choose another with"
            }
            std::io::ErrorKind::PermissionDenied => {
                "Ports below 1024 need a permission: start synthwire.socket, or choose a higher one with"
            }
            _ => "Choose an address of this machine ('ip address' lists them) with",
        };
        Error::new(format!("cannot listen on {address}")).because(error).try_this(format!("{remedy} {place}"))
    })
}
