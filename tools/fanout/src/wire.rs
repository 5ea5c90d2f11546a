//! A listener's connection, plain or under TLS, with the same interface.
//!
//! Under TLS a listener trusts only the service's own authority, which the service provides on its plain
//! port.

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that TLS 1.3 adds to each record: header, type and tag.
pub const RECORD_BYTES: usize = 5 + 1 + 16;

/// Longest pause in a handshake. (Later reads do not wait.)
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// The address to which listeners connect, and the means.
#[derive(Clone)]
pub struct Way {
    /// The service's address.
    pub address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

impl Way {
    /// Connects to `address`, with TLS if `authority` names a certificate file to trust (DER).
    pub fn to(address: SocketAddr, authority: Option<&Path>) -> Result<Self, String> {
        let tls = authority.map(|file| trusting(file).map(Arc::new)).transpose()?;
        Ok(Self { address, tls })
    }

    /// Opens a connection; with TLS this includes the handshake.
    pub fn connect(&self) -> io::Result<Wire> {
        let tcp = TcpStream::connect(self.address)?;
        tcp.set_read_timeout(Some(HANDSHAKE_TIME))?;
        let Some(config) = &self.tls else { return Ok(Wire::Plain(tcp)) };
        let name = ServerName::from(self.address.ip());
        let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Wire::Tls(Box::new(stream)))
    }
}

fn trusting(file: &Path) -> Result<ClientConfig, String> {
    let authority = fs::read(file).map_err(|e| format!("reading {}: {e}", file.display()))?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority)).map_err(|e| format!("trusting {}: {e}", file.display()))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("setting up TLS: {e}"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// An open connection.
pub enum Wire {
    /// A plain connection.
    Plain(TcpStream),
    /// A TLS connection, after the handshake.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &tls.sock,
        }
    }

    /// Makes reads and writes return at once.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        self.tcp().set_nonblocking(true)
    }

    /// Reads until the kernel has no more data; returns false if the other side has ended the connection.
    pub fn drain(&mut self, bytes: &mut [u8], mut hear: impl FnMut(&[u8])) -> bool {
        loop {
            match self.read(bytes) {
                Ok(0) => return false,
                Ok(read) => hear(&bytes[..read]),
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
            if matches!(self, Self::Plain(_)) {
                return true; // epoll reports new data, but not data that rustls still holds
            }
        }
    }
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(bytes),
            Self::Tls(tls) => tls.read(bytes),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        self.tcp().as_raw_fd()
    }
}
