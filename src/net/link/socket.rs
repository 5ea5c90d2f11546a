//! Socket functions that tokio lacks: how many bytes the kernel has not sent yet or the other end has not acknowledged, and
//! limits on what the kernel buffers.

use crate::net::limits::{ANSWER_BUFFER_BYTES, PROBE_EVERY, PROBES, SILENT_MAX, UNACKNOWLEDGED_MAX};
use socket2::{SockRef, TcpKeepalive};
use std::os::fd::{AsFd, AsRawFd};

/// Unsent bytes below which the kernel calls a socket writable.
const NOTSENT_LOWAT_BYTES: u32 = 2048;
/// Maximum kernel memory for sound in flight. Small messages cost the kernel several times their bytes, and sound is in flight
/// for a round trip. `core::send_queue` checks its age before each write.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// A congestion control that the machine may use for all its connections. About every ten seconds it allows only four packets
/// in flight, to measure the path (`PROBE_RTT`): a gap of two round trips.
const PROBING: &[u8] = b"bbr";
/// The replacements for [`PROBING`]: the first that the kernel has is used.
const STEADY: [&[u8]; 2] = [b"cubic", b"reno"];

mod ioctl {
    nix::ioctl_read_bad!(siocoutqnsd, 0x894B, nix::libc::c_int);
    nix::ioctl_read_bad!(siocoutq, 0x5411, nix::libc::c_int);
}

/// Prepares a connection for requests: the kernel buffers little of its answers, and drops it soon if nothing is taken.
///
/// # Errors
/// If the kernel refuses an option.
pub(in crate::net) fn prepare_answers(socket: &impl AsFd) -> std::io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_send_buffer_size(ANSWER_BUFFER_BYTES)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))
}

/// Prepares a listener's connection: detects dead listeners, keeps the kernel's queue short, and marks its packets with
/// `dscp` (0 to 63) if there is one.
///
/// # Errors
/// If the kernel refuses an option.
pub(super) fn prepare(socket: &impl AsFd, dscp: Option<u8>) -> std::io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    // While there is no sound nothing is written, and only keepalive detects a vanished listener.
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(SILENT_MAX).with_interval(PROBE_EVERY).with_retries(PROBES),
    )?;
    socket.set_tcp_notsent_lowat(NOTSENT_LOWAT_BYTES)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    // If the kernel does not tell the algorithm, or lets us use no other, sound still plays, with gaps.
    if socket.tcp_congestion().is_ok_and(|name| probes(&name)) {
        let _ = STEADY.iter().any(|name| socket.set_tcp_congestion(name).is_ok());
    }
    let Some(dscp) = dscp else { return Ok(()) };
    let class = u32::from(dscp) << 2;
    if socket.local_addr()?.is_ipv6() { socket.set_tclass_v6(class) } else { socket.set_tos_v4(class) }
}

/// Returns whether this algorithm pauses to measure. `name` is padded with zeros, as the kernel returns it.
fn probes(name: &[u8]) -> bool {
    name.starts_with(PROBING)
}

/// Returns the bytes written but not sent yet, 0 if unknown. Takes a fraction of a microsecond.
pub(super) fn unsent_bytes(socket: &impl AsFd) -> usize {
    let mut bytes: nix::libc::c_int = 0;
    // SAFETY: SIOCOUTQNSD writes one int to the given address, which is that of a live int; the descriptor is borrowed
    // from an open socket. tests/chain/slow_client.rs relies on its answer.
    match unsafe { ioctl::siocoutqnsd(socket.as_fd().as_raw_fd(), &raw mut bytes) } {
        Ok(_) => usize::try_from(bytes).unwrap_or(0),
        Err(_) => 0,
    }
}

/// Returns the bytes written but not acknowledged by the other end, sent or not; 0 if unknown. Takes a fraction of a
/// microsecond.
pub(super) fn unacknowledged_bytes(socket: &impl AsFd) -> usize {
    let mut bytes: nix::libc::c_int = 0;
    // SAFETY: as above, for SIOCOUTQ. net::outgoing's tests rely on its answer.
    match unsafe { ioctl::siocoutq(socket.as_fd().as_raw_fd(), &raw mut bytes) } {
        Ok(_) => usize::try_from(bytes).unwrap_or(0),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn only_what_stops_to_measure_is_changed() {
        assert!(probes(b"bbr\0\0\0") && probes(b"bbr2\0\0"));
        assert!(STEADY.iter().all(|name| !probes(name)));
    }

    /// The test needs a kernel with BBR; elsewhere it shows only that `prepare` works.
    #[test]
    fn no_listener_is_served_by_an_algorithm_that_stops_to_measure() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _ = SockRef::from(&socket).set_tcp_congestion(PROBING);
        prepare(&socket, None).unwrap();
        let name = SockRef::from(&socket).tcp_congestion().unwrap();
        assert!(!probes(&name), "{}", String::from_utf8_lossy(&name));
    }
}
