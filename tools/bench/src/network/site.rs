//! The network location of a program: the machine's own namespace with loopback, or one of the bench's
//! namespaces.
//!
//! Only the network is separate there. Files, sockets with a path (such as the sound system's) and processes
//! are shared.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use super::tun;

/// A location on the network.
#[derive(Clone)]
pub struct Site {
    /// The site's IP address.
    pub address: Ipv4Addr,
    namespace: Option<Arc<OwnedFd>>,
}

impl Site {
    /// The machine itself, on loopback.
    pub fn loopback() -> Self {
        Self { address: Ipv4Addr::LOCALHOST, namespace: None }
    }

    /// Makes the command run at this site.
    pub fn host(&self, command: &mut Command) {
        if let Some(namespace) = &self.namespace {
            let namespace = namespace.clone();
            // SAFETY: setns is async-signal-safe and touches no memory; the descriptor lives in the closure.
            unsafe { command.pre_exec(move || enter(namespace.as_raw_fd())) };
        }
    }

    /// Runs `act` at this site, on a thread that ends afterwards. Sockets that `act` makes stay at the site.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let Some(namespace) = &self.namespace else { return act() };
        std::thread::scope(|scope| {
            let there = scope.spawn(|| enter(namespace.as_raw_fd()).and_then(|()| act()));
            there.join().map_err(|_| io::Error::other("a thread in the network namespace panicked"))?
        })
    }

    /// Opens a connection from this site.
    pub fn connect(&self, to: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
        self.within(|| TcpStream::connect((to, port)))
    }

    /// Finds a port that is free at this address.
    pub fn free_port(&self) -> io::Result<u16> {
        self.within(|| Ok(TcpListener::bind((IpAddr::V4(self.address), 0))?.local_addr()?.port()))
    }
}

/// Makes a namespace with loopback and a TUN device of this address: returns the site, and the other end of
/// its cable.
pub fn make(address: [u8; 4], what: &str) -> Result<(Site, File), String> {
    let made = std::thread::scope(|scope| {
        scope
            .spawn(|| -> io::Result<(OwnedFd, File)> {
                // SAFETY: unshare takes no pointers; only this thread changes its namespace, and it ends here.
                if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                    return Err(io::Error::last_os_error());
                }
                let namespace = File::open("/proc/thread-self/ns/net")?.into();
                tun::configure("lo", None)?;
                // With IPv6 the kernel looks for routers and neighbours, which are packets that nobody sent.
                // A kernel without IPv6 is fine too.
                let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
                Ok((namespace, tun::open(&format!("bench{}", std::process::id()), address)?))
            })
            .join()
    });
    let (namespace, device) = made
        .map_err(|_| format!("making the {what}'s network panicked"))?
        .map_err(|e| format!("making the {what}'s network (a namespace with a TUN device): {e}"))?;
    Ok((Site { address: address.into(), namespace: Some(Arc::new(namespace)) }, device))
}

fn enter(namespace: RawFd) -> io::Result<()> {
    // SAFETY: setns takes no pointers and changes the calling thread only.
    match unsafe { libc::setns(namespace, libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
