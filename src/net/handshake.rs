//! From an accepted TCP connection to one under TLS: in time, and not too many at once.
//!
//! A handshake costs this machine about a millisecond of computing; one that stands still costs a place. Both are bounded, and
//! whoever finds no place is closed at once: listeners that play never notice.

use super::connection::Connection;
use super::refusals::{Refusal, Refusals};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// How long a handshake may take: a phone on bad Wi-Fi needs one or two.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshakes at once.
const HANDSHAKES_MAX: usize = 64;
/// What rustls may hold back of what was written: one record. Its default, 64 KiB, would be 370 ms of sound nobody can forget.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

/// Makes handshakes, and counts those that were done.
pub(super) struct Handshakes {
    acceptor: TlsAcceptor,
    places: Semaphore,
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
    /// Closed at once because 64 were under way.
    refused: u64,
}

impl Handshakes {
    pub(super) fn new(config: Arc<ServerConfig>) -> Self {
        Self {
            acceptor: TlsAcceptor::from(config),
            places: Semaphore::new(HANDSHAKES_MAX),
            done: AtomicU64::new(0),
        }
    }

    /// The connection once its handshake is done.
    ///
    /// # Errors
    /// Why that came to nothing.
    pub(super) async fn shake(&self, tcp: TcpStream) -> Result<Connection, Refusal> {
        let Ok(_place) = self.places.try_acquire() else {
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
        Counts {
            done: self.done.load(Relaxed),
            failed: refusals.of(Refusal::HandshakeFailed),
            late: refusals.of(Refusal::HandshakeLate),
            refused: refusals.of(Refusal::HandshakesTotal),
        }
    }
}
