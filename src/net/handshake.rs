//! The TLS handshake of an accepted TCP connection: within a time limit, and not too many at once.
//!
//! A handshake costs this machine about a millisecond of computing; a stalled one occupies a place. Both are limited, and
//! no address has more than an eighth of the places. A connection without a place waits in a fair queue (`turns`): many
//! phones behind one address all get in, and none of them keeps another address out. Playing listeners are not affected.

use super::client_id::ClientId;
use super::link::connection::Connection;
use super::refusals::{Refusal, Refusals};
use super::turns::{Bounds, Rank, Turnstile};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// Time limit of a handshake: a phone on bad Wi-Fi needs one or two seconds.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum wait of a connection for its turn: enough for three stalled handshakes of five seconds before it.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(15);
/// Maximum number of handshakes at once.
const HANDSHAKES_MAX: usize = 64;
/// Maximum number of handshakes of one address at once.
const HANDSHAKES_PER_ADDRESS: usize = HANDSHAKES_MAX / 8;
/// Maximum number of connections that wait for their turn; each address has a limit of its own (`connection_limits`).
const WAITING_MAX: usize = 256;
/// Maximum bytes that rustls may hold back: one record. Its default, 64 KiB, would be 370 ms of sound that could not be
/// dropped any more.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

/// Performs handshakes, and counts them.
pub(super) struct Handshakes {
    acceptor: TlsAcceptor,
    turnstile: Turnstile,
    done: AtomicU64,
}

/// Counts of handshakes by result.
#[derive(Serialize)]
pub(super) struct Counts {
    done: u64,
    /// Handshakes that the other side ended, or that were invalid; this also counts browsers that show their
    /// warning.
    failed: u64,
    /// Handshakes that were not finished within 5 s.
    late: u64,
    /// Connections that were closed because 256 were waiting, or after waiting for 15 s.
    refused: u64,
    /// Handshakes in progress.
    now: usize,
    /// Connections waiting for their turn.
    waiting: usize,
}

impl Handshakes {
    pub(super) fn new(config: Arc<ServerConfig>) -> Self {
        Self {
            acceptor: TlsAcceptor::from(config),
            turnstile: Turnstile::new(Bounds {
                places: HANDSHAKES_MAX,
                per_address: HANDSHAKES_PER_ADDRESS,
                waiting: WAITING_MAX,
            }),
            done: AtomicU64::new(0),
        }
    }

    /// Performs the handshake of a client with this `client_id` and returns the encrypted connection.
    ///
    /// # Errors
    /// Why the handshake failed.
    pub(super) async fn shake(&self, tcp: TcpStream, client_id: ClientId) -> Result<Connection, Refusal> {
        let Some(_place) = self.turnstile.enter(client_id, Rank::First, HANDSHAKE_WAIT).await else {
            return Err(Refusal::HandshakesTotal);
        };
        let shaking = self.acceptor.accept_with(tcp, |tls| tls.set_buffer_limit(Some(BUFFER_BYTES_MAX)));
        match timeout(HANDSHAKE_TIMEOUT, shaking).await {
            Ok(Ok(tls)) => {
                self.done.fetch_add(1, Relaxed);
                Ok(Connection::Tls(Box::new(tls)))
            }
            Ok(Err(error)) => {
                tracing::debug!("a TLS handshake failed: {error}");
                Err(Refusal::HandshakeFailed)
            }
            Err(_) => Err(Refusal::HandshakeLate),
        }
    }

    /// Returns all counts, including the failures that `refusals` counts.
    pub(super) fn counts(&self, refusals: &Refusals) -> Counts {
        let (now, waiting) = self.turnstile.numbers();
        Counts {
            now,
            waiting,
            done: self.done.load(Relaxed),
            failed: refusals.of(Refusal::HandshakeFailed),
            late: refusals.of(Refusal::HandshakeLate),
            refused: refusals.of(Refusal::HandshakesTotal),
        }
    }
}
