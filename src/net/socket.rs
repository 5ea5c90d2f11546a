//! What tokio does not offer on a socket: how much of it the kernel has not sent yet, and limits on waiting for a dead peer.

use super::limits::{PROBE_EVERY, PROBES, SILENT_MAX, UNACKNOWLEDGED_MAX};
use socket2::{SockRef, TcpKeepalive};
use std::os::fd::{AsFd, AsRawFd};

/// Below so many unsent bytes the kernel calls a socket writable; tokio's cached readiness asks late, hence
/// [`unsent_bytes`] besides.
const NOTSENT_LOWAT_BYTES: u32 = 2048;

mod ioctl {
    nix::ioctl_read_bad!(siocoutqnsd, 0x894B, nix::libc::c_int);
}

/// Sheds dead listeners and keeps the kernel's queue short.
///
/// # Errors
/// When the kernel refuses an option.
pub(super) fn prepare(socket: &impl AsFd) -> std::io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    // While there is no sound nothing is written, and only this finds out who has vanished.
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(SILENT_MAX).with_interval(PROBE_EVERY).with_retries(PROBES),
    )?;
    socket.set_tcp_notsent_lowat(NOTSENT_LOWAT_BYTES)
}

/// Bytes written but not yet sent, 0 when unknown. Under a microsecond.
pub(super) fn unsent_bytes(socket: &impl AsFd) -> usize {
    let mut bytes: nix::libc::c_int = 0;
    // SAFETY: SIOCOUTQNSD writes one int to the address given, which is that of a live int; the descriptor is borrowed
    // from an open socket. tests/chain/slow_client.rs stands on its answer.
    match unsafe { ioctl::siocoutqnsd(socket.as_fd().as_raw_fd(), &raw mut bytes) } {
        Ok(_) => usize::try_from(bytes).unwrap_or(0),
        Err(_) => 0,
    }
}
