//! A listener's connection: everything above it reads and writes whatever lies below the same way.

use socket2::SockRef;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// One accepted connection.
pub(super) enum Connection {
    /// As the kernel carries it.
    Plain(TcpStream),
}

impl Connection {
    /// The socket below: for its options and what the kernel says of it, never for reading or writing.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
        }
    }

    /// Moves to the runtime this is called in: whoever waited for it elsewhere waits no more.
    pub(super) fn move_here(&mut self) -> io::Result<()> {
        let socket = std::net::TcpStream::from(self.tcp().as_fd().try_clone_to_owned()?);
        let moved = TcpStream::from_std(socket)?;
        match self {
            Self::Plain(tcp) => *tcp = moved,
        }
        Ok(())
    }

    /// Writes what the kernel takes at once, past tokio's idea of whether it would: nobody is woken when there is room again.
    pub(super) fn send(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => match parts {
                [one] => SockRef::from(&*tcp).send(one),
                _ => SockRef::from(&*tcp).send_vectored(parts),
            },
        }
    }

    /// Whether the kernel has everything that was written.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "a connection that keeps something back may fail to pass it on"
    )]
    pub(super) fn is_passed_on(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
        }
    }
}
