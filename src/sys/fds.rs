//! Descriptors that tokio watches, and sockets that systemd has opened for us.

use crate::error::{Error, Result};
use nix::sys::eventfd::EventFd;
use std::future::poll_fn;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpListener;

/// Returns the listening socket that a socket unit has passed under this `FileDescriptorName=`; `None` without one. Call it
/// once per name: the caller owns the socket.
///
/// # Errors
/// If the passed descriptor is not a listening TCP socket.
pub fn passed_listener(name: &str) -> Result<Option<TcpListener>> {
    let passed = systemd::daemon::listen_fds_with_names()
        .map_err(|error| Error::new("cannot take the sockets that systemd passes").because(error))?;
    let wrong = || {
        Error::new(format!("cannot listen on the socket '{name}' that systemd passes"))
            .try_this("Its unit must have ListenStream= with a port and Accept=no")
    };
    let Some(descriptor) = passed.iter_named(name).map_err(|error| wrong().because(error))?.next() else {
        return Ok(None);
    };
    let listener = systemd::daemon::tcp_listener(descriptor).map_err(|error| wrong().because(error))?;
    listener.set_nonblocking(true).map_err(|error| wrong().because(error))?;
    TcpListener::from_std(listener).map(Some).map_err(|error| wrong().because(error))
}

/// An eventfd that can be awaited.
pub struct Wake {
    watched: AsyncFd<Shared>,
}

impl Wake {
    /// Watches `descriptor` in the current runtime.
    ///
    /// # Errors
    /// If epoll refuses it.
    pub fn watch(descriptor: Arc<EventFd>) -> Result<Self> {
        // SAFETY: the descriptor belongs to an `EventFd` that this value shares, so it stays open and unchanged as long as
        // `AsyncFd` holds it; nothing can take it out of the `Arc`. tests/chain/pipeline.rs is woken by it.
        let watched = unsafe { AsyncFd::register_with_interest(Shared(descriptor), Interest::READABLE) };
        Ok(Self { watched: watched.map_err(refused)? })
    }

    /// Waits for a write since the last call. Wake-ups coalesce: drain everything. Only one task may wait at a time,
    /// because tokio keeps only the last waker here, which is much cheaper than a list.
    ///
    /// # Errors
    /// If the runtime is ending.
    pub async fn woken(&self) -> Result<()> {
        let mut ready = poll_fn(|context| self.watched.poll_read_ready(context)).await.map_err(refused)?;
        // The count is never read: epoll is edge-triggered, every write is an event, and the counter would take forever to
        // overflow.
        ready.clear_ready();
        Ok(())
    }
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new("cannot watch the capture thread's eventfd").because(error)
}

struct Shared(Arc<EventFd>);

impl AsRawFd for Shared {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}
