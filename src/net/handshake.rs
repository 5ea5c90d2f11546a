//! From an accepted TCP connection to one under TLS: in time, and not too many at once.
//!
//! A handshake costs this machine about a millisecond of computing; one that stands still costs a place. Both are bounded, and
//! no address has more than an eighth of the places. Whoever finds none waits in a fair line (`turns`): many phones behind one
//! address all get in, and nobody's waiting keeps another address out. Listeners that play never notice.

use super::limit_key::LimitKey;
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

/// How long a handshake may take: a phone on bad Wi-Fi needs one or two.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may wait for its turn: long enough for three stalled handshakes of five seconds before it.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(15);
/// Handshakes at once.
const HANDSHAKES_MAX: usize = 64;
/// Of one address.
const HANDSHAKES_PER_ADDRESS: usize = HANDSHAKES_MAX / 8;
/// Connections that wait for their turn, each within the bounds of its address (`connection_limits`).
const WAITING_MAX: usize = 256;
/// What rustls may hold back of what was written: one record. Its default, 64 KiB, would be 370 ms of sound nobody can forget.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

/// Makes handshakes, and counts those that were done.
pub(super) struct Handshakes {
    acceptor: TlsAcceptor,
    turnstile: Turnstile,
    done: AtomicU64,
}

/// What became of the handshakes so far.
#[derive(Serialize)]
pub(super) struct Counts {
    done: u64,
    /// Ended by the other side or not understood: also a browser that shows its warning.
    failed: u64,
    /// Not done within 5 s.
    late: u64,
    /// Closed because 256 waited, or after waiting for 15 s.
    refused: u64,
    /// Under way now.
    now: usize,
    /// Waiting for their turn now.
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

    /// The connection of `party` once its handshake is done.
    ///
    /// # Errors
    /// Why that came to nothing.
    pub(super) async fn shake(&self, tcp: TcpStream, limit_key: LimitKey) -> Result<Connection, Refusal> {
        let Some(_place) = self.turnstile.enter(limit_key, Rank::First, HANDSHAKE_WAIT).await else {
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

    /// With those that came to nothing, as `refusals` knows them.
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
