//! Gives test suites and fuzzers the parts of the service that strangers reach first, without any sound. Available only
//! with the feature `hostile`, which the tests enable; released builds do not contain it.

use super::access::rules::PerPurpose;
use super::client_id::ClientId;
use super::guard;
use super::handshake::Handshakes;
use super::limits::HEADERS_MAX;
use super::link::{Ending, frames, upgrade};
use super::peer::{Peer, Relay};
use super::proxies::Proxies;
use super::routes;
use super::{Gate, Service, http, new_listeners};
use crate::config::Config;
use crate::core::layout::Layout;
use crate::hub::{Hub, Sizes};
use crate::identity::Names;
use crate::state::{Memory, StateFolder};
use crate::tls::dates::Clock;
use crate::tls::{BUILD_S, CertificateInputs, Identity};
use futures_util::{SinkExt, StreamExt};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Longest message to echo: the conformance suite's longest has 16 MiB.
const ECHO_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Maximum bytes of an answer buffered between writing and reading.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Echoes every message, through the service's own HTTP limits, handshake and frames. Never returns.
pub async fn echo(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(echo_one(stream));
    }
}

async fn echo_one(stream: TcpStream) {
    let asked = Mutex::new(None);
    let answer = service_fn(async |mut request: Request<Incoming>| {
        let response = upgrade::accept(&mut request).unwrap_or_else(|refusal| *refusal);
        *asked.lock().expect("nobody panics with it") = Some(hyper::upgrade::on(&mut request));
        Ok::<_, Infallible>(response)
    });
    let _ = http().serve_connection(TokioIo::new(stream), answer).with_upgrades().await;
    let Some(upgrade) = asked.into_inner().expect("nobody panics with it") else { return };
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return };
    let limits = Some(frames::limits(ECHO_BYTES_MAX));
    let (stream, said) = (parts.io.into_inner(), parts.read_buf.into());
    let mut socket = WebSocketStream::from_partially_read(stream, said, Role::Server, limits).await;
    while let Some(message) = socket.next().await {
        match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return,
            Err(error) => {
                if let Some((refusal, words)) = frames::fault(&error) {
                    frames::close(&mut socket, Ending::Refused(refusal), words).await;
                }
                return;
            }
        }
    }
}

/// Returns the service's answer to a connection that sends these bytes and no more.
///
/// # Panics
/// If the service panics, which is what a fuzzer looks for.
pub fn answer(request: &[u8]) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (mut client, server) = duplex(ANSWER_BYTES_MAX);
        client.write_all(request).await.expect("it takes a megabyte");
        client.shutdown().await.expect("it can be shut");
        let service = Arc::new(deaf_service());
        let here = Ipv4Addr::LOCALHOST;
        let peer = Peer { address: here.into(), local: (here, 80).into(), secure: false, relay: Relay::None };
        let answer = service_fn(async |request| {
            Ok::<_, Infallible>(routes::answer(request, &service, peer).await.response)
        });
        // A client that sends nothing more still gets its answer.
        let _ = http().half_close(true).serve_connection(TokioIo::new(server), answer).with_upgrades().await;
        let mut said = Vec::new();
        client.read_to_end(&mut said).await.expect("memory can be read");
        said
    })
}

/// Returns the HTTPS port's answer to a connection that sends these bytes and no more, and whether the handshake succeeded.
///
/// # Panics
/// If the service panics, which is what a fuzzer looks for.
pub fn shake(bytes: &[u8]) -> (Vec<u8>, bool) {
    static CONFIG: OnceLock<Arc<ServerConfig>> = OnceLock::new();
    let handshakes = Handshakes::new(Arc::clone(CONFIG.get_or_init(tls_config)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let mut client =
            TcpStream::connect(listener.local_addr().expect("it is bound")).await.expect("it listens");
        let (server, _) = listener.accept().await.expect("somebody comes");
        let hear = async {
            // A client that is refused early still reads what was sent before the connection was cut.
            let _ = client.write_all(bytes).await;
            let _ = client.shutdown().await;
            let mut said = Vec::new();
            let _ = client.read_to_end(&mut said).await;
            said
        };
        let client_id = ClientId::of(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into());
        let shake = async { handshakes.shake(server, client_id).await.is_ok() };
        tokio::join!(hear, shake)
    })
}

/// The behaviour of a service with a state folder in which every file contains these bytes.
pub struct Remembered {
    /// True if anybody may listen without a key.
    pub open: bool,
    /// The settings' file after a value from the card was written into it.
    pub settings: Vec<u8>,
}

/// Starts a service on a state folder in which every file contains `bytes`, reads all files, and writes into the folder.
///
/// # Panics
/// If the service panics, or if reading alone changed anything other than the certificate. A fuzzer looks for this.
pub fn remember(bytes: &[u8]) -> Remembered {
    let path = std::env::temp_dir().join(format!("synthwire-hostile-state-{}", std::process::id()));
    let folder = StateFolder::open(&path).expect("a folder that can be written");
    let file = |name: &str| path.join(name);
    for name in ["settings.json", "access.json", "authority.json", "leaf.json"] {
        std::fs::write(file(name), bytes).expect("a file that can be written");
    }
    let gate = Gate::open(
        &Config::default(),
        watch::channel(Names::default()).1,
        &Memory::In(Some(folder.clone())),
        true,
    );
    Identity::own(&folder, &first_facts()).expect("there is always a certificate");
    for name in ["settings.json", "access.json"] {
        assert_eq!(std::fs::read(file(name)).expect("it is there"), bytes, "reading changes nothing");
    }
    gate.settings.give_way("fuzz");
    let settings = std::fs::read(file("settings.json")).expect("it was written");
    std::fs::remove_dir_all(&path).expect("it was there");
    Remembered { open: gate.access_control.access.grant(PerPurpose::default()).listen, settings }
}

fn first_facts() -> CertificateInputs {
    CertificateInputs {
        clock: Clock { now_s: BUILD_S, set: true },
        names: Names::default(),
        addresses: Vec::new(),
    }
}

/// The effect of the header lines that a proxy adds: four independent answers.
#[allow(clippy::struct_excessive_bools)]
pub struct ProxyVerdict {
    /// True if a page under a foreign name gets rights that only our page may have.
    pub foreign_page: bool,
    /// True if our own page on plain HTTP gets these rights.
    pub plain_page: bool,
    /// True if the visitor's connection counts as encrypted.
    pub secure: bool,
    /// True if the same lines had any effect when sent by a client that is no proxy of ours.
    pub believed_of_stranger: bool,
}

/// Reads `lines` as headers, each `name: value`, as from a proxy on this machine, and skips invalid ones. `Host` and
/// `Origin` are replaced.
pub fn proxy_verdict(lines: &str) -> ProxyVerdict {
    let mut headers = HeaderMap::new();
    for (name, value) in lines.lines().take(HEADERS_MAX).filter_map(|line| line.split_once(':')) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.trim().parse::<HeaderValue>()) {
            headers.append(name, value);
        }
    }
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    let proxies = Proxies::new(Config::default().trusted_blocks());
    let peer = |address: Ipv4Addr| Peer {
        address: address.into(),
        local: (Ipv4Addr::LOCALHOST, 80).into(),
        secure: false,
        relay: Relay::None,
    };
    let (visitor, stranger) =
        (proxies.visitor(peer(Ipv4Addr::LOCALHOST), &headers), peer(Ipv4Addr::new(192, 0, 2, 1)));
    let seen = proxies.visitor(stranger, &headers);
    let mut may = |origin: &'static str| {
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        let mut request = Request::new(());
        request.headers_mut().clone_from(&headers);
        let names = Names::default();
        guard::check_host(&request, visitor, &names).is_ok()
            && guard::check_origin(&headers, visitor, &names).is_ok()
    };
    ProxyVerdict {
        foreign_page: may("https://evil.example") || may("http://evil.example") || may("null"),
        plain_page: may("http://localhost"),
        secure: visitor.secure,
        believed_of_stranger: seen.address != stranger.address || seen.secure || seen.relay != Relay::None,
    }
}

/// Returns the TLS configuration of a first start.
fn tls_config() -> Arc<ServerConfig> {
    let folder = std::env::temp_dir().join(format!("synthwire-hostile-{}", std::process::id()));
    let identity = StateFolder::open(&folder).and_then(|folder| Identity::own(&folder, &first_facts()));
    let _ = std::fs::remove_dir_all(&folder);
    identity.expect("a folder that can be written").server_config()
}

/// Returns a service without a source and without keys.
fn deaf_service() -> Service {
    let sizes = Sizes { queue_ms: 250, chunk_frames: None, expected: Layout::expected(128) };
    let hub = Hub::new(sizes, 1, Arc::default(), Arc::default());
    let gate = Gate::open(&Config::default(), watch::channel(Names::default()).1, &Memory::In(None), true);
    Service::new(
        hub,
        gate,
        new_listeners::new_listeners().expect("an eventfd").0,
        None,
        watch::channel(false).1,
    )
}
