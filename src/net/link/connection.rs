//! A listener's connection, plain or TLS, which the code above reads and writes in the same way.

use socket2::SockRef;
use std::io::{self, IoSlice, Write as _};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// One accepted connection.
pub(in crate::net) enum Connection {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS, after the handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    /// Returns the underlying socket, for its options and kernel counters, never for reading or writing.
    pub(in crate::net) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    /// Moves the connection to the runtime this is called in. Tasks that waited for it in another runtime are not woken any
    /// more.
    pub(in crate::net) fn move_here(&mut self) -> io::Result<()> {
        let socket = std::net::TcpStream::from(self.tcp().as_fd().try_clone_to_owned()?);
        let moved = TcpStream::from_std(socket)?;
        match self {
            Self::Plain(tcp) => *tcp = moved,
            Self::Tls(tls) => *tls.get_mut().0 = moved,
        }
        Ok(())
    }

    /// Writes as much as the kernel takes at once, without asking tokio whether the socket is writable, so no
    /// task is woken when there is room again. Under TLS the data becomes one record, or several of up to 16
    /// KiB. Bytes of these records that the kernel does not take are kept (`handshake` has the limit), and nothing
    /// more is accepted until they have gone.
    pub(in crate::net) fn send(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => match parts {
                [one] => SockRef::from(&*tcp).send(one),
                _ => SockRef::from(&*tcp).send_vectored(parts),
            },
            Self::Tls(tls) => {
                if !pass_on(tls)? {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                let taken = tls.get_mut().1.writer().write_vectored(parts)?;
                pass_on(tls)?;
                Ok(taken)
            }
        }
    }

    /// Returns whether the kernel has everything that was written.
    pub(in crate::net) fn is_passed_on(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Tls(tls) => pass_on(tls),
        }
    }
}

/// Gives the kernel the records that rustls has ready, as far as it takes them; returns whether it took all.
fn pass_on(tls: &mut TlsStream<TcpStream>) -> io::Result<bool> {
    let (tcp, session) = tls.get_mut();
    let socket = SockRef::from(&*tcp);
    while session.wants_write() {
        match session.write_tls(&mut &*socket) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, into),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
