//! Tells refused connections the reason. Each stays open until the client has read it, or for a second: if it
//! were closed at once, the kernel would discard the answer as soon as the client's own bytes arrive.

use super::headers::SERVER;
use super::limits::{TURNED_AWAY_MAX, TURNED_AWAY_TIMEOUT};
use super::refusals::Refusal;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Limits the number of refused connections that are open at once.
#[derive(Debug)]
pub(super) struct RefusedConnections(Arc<Semaphore>);

impl Default for RefusedConnections {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TURNED_AWAY_MAX)))
    }
}

impl RefusedConnections {
    /// Sends the reason on `stream`. If there is room, returns a future that closes the connection once the reason was
    /// read.
    pub(super) fn tell(
        &self,
        stream: TcpStream,
        refusal: Refusal,
    ) -> Option<impl Future<Output = ()> + use<>> {
        let _ = stream.try_write(answer(refusal).as_bytes()); // a client that does not wait for it loses nothing
        let place = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(async move {
            let _ = timeout(TURNED_AWAY_TIMEOUT, heard(stream)).await;
            drop(place);
        })
    }
}

/// Ends our side, and lets the other side finish sending.
async fn heard(mut stream: TcpStream) {
    let mut unread = [0; 1024];
    let _ = stream.shutdown().await;
    while let Ok(1..) = stream.read(&mut unread).await {}
}

fn answer(refusal: Refusal) -> String {
    let words = "There are too many connections. Close other pages of this device, or try again later.\n";
    let status = refusal.status().expect("a connection too many has an HTTP status");
    format!(
        "HTTP/1.1 {status} Too many connections\r\nServer: {SERVER}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Retry-After: 5\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{words}",
        words.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn whoever_has_asked_already_still_reads_why_and_there_are_never_many() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused_connections = RefusedConnections::default();
        let mut told = Vec::new();
        for number in 0..=TURNED_AWAY_MAX {
            let mut far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            far.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            let (near, _) = listener.accept().await.unwrap();
            let telling = refused_connections.tell(near, Refusal::ConnectionsPerAddress);
            assert_eq!(telling.is_some(), number < TURNED_AWAY_MAX);
            told.extend(telling.map(|telling| (far, telling)));
        }
        let (mut far, telling) = told.pop().unwrap();
        let telling = tokio::spawn(telling);
        let mut answer = String::new();
        far.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("\r\nRetry-After: 5\r\n"), "{answer}");
        assert!(answer.contains("\r\nServer: synthwire/"), "our own commands know us by it: {answer}");
        drop(far);
        telling.await.unwrap();
    }
}
