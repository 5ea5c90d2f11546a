//! A TUN device is one end of a network cable, as a file of IP packets. This module makes the few calls of
//! the kernel's interface for network devices (netdevice(7), Documentation/networking/tuntap.rst), in the
//! namespace of the calling thread.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// IP packets of Ethernet's size, so that TCP makes segments as on a real network.
const PACKET_BYTES_MAX: i32 = 1500;
/// The network mask of 10.203.0.0/24.
const MASK: [u8; 4] = [255, 255, 255, 0];

/// Longest packet that one read takes; longer packets do not pass the device.
pub const READ_BYTES: usize = PACKET_BYTES_MAX as usize + 36;

/// Opens the device `name` in the calling thread's network namespace, gives it an address, and switches it
/// on.
pub fn open(name: &str, address: [u8; 4]) -> io::Result<File> {
    let device =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    let mut request = request(name)?;
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    ask(device.as_raw_fd(), libc::TUNSETIFF, &mut request)?;
    configure(name, Some(address))?;
    Ok(device)
}

/// Switches on a device of the calling thread's namespace, with an address if one is given.
pub fn configure(name: &str, address: Option<[u8; 4]>) -> io::Result<()> {
    let socket = control_socket()?;
    let mut request = request(name)?;
    if let Some(address) = address {
        request.ifr_ifru.ifru_addr = socket_address(address);
        ask(socket.as_raw_fd(), libc::SIOCSIFADDR, &mut request)?;
        request.ifr_ifru.ifru_netmask = socket_address(MASK);
        ask(socket.as_raw_fd(), libc::SIOCSIFNETMASK, &mut request)?;
        request.ifr_ifru.ifru_mtu = PACKET_BYTES_MAX;
        ask(socket.as_raw_fd(), libc::SIOCSIFMTU, &mut request)?;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    ask(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &mut request)
}

fn control_socket() -> io::Result<OwnedFd> {
    // SAFETY: socket takes no pointers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: ifreq is plain memory; all zeros are an empty request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is too long for a device")));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}

fn socket_address(address: [u8; 4]) -> libc::sockaddr {
    // A sockaddr_in as the bytes of a sockaddr: family, port 0, address in network order.
    // SAFETY: sockaddr is plain memory; all zeros are an address without a family.
    let mut generic: libc::sockaddr = unsafe { std::mem::zeroed() };
    generic.sa_family = libc::AF_INET as libc::sa_family_t;
    for (to, from) in generic.sa_data[2..6].iter_mut().zip(address) {
        *to = from as libc::c_char;
    }
    generic
}

fn ask(descriptor: i32, call: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: every call used here reads or fills one ifreq, which lives through the call.
    match unsafe { libc::ioctl(descriptor, call, std::ptr::from_mut(request)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_the_kernel_cannot_hold_is_refused() {
        assert!(request("a-name-of-sixteen").is_err());
        assert_eq!(
            request("tun0").unwrap().ifr_name[..5].iter().map(|c| *c as u8).collect::<Vec<_>>(),
            b"tun0\0"
        );
    }

    #[test]
    fn an_address_stands_where_sockaddr_in_has_it() {
        let generic = socket_address([10, 203, 0, 1]);
        // SAFETY: both are plain memory of the same size.
        let internet: libc::sockaddr_in = unsafe { std::mem::transmute(generic) };
        assert_eq!(internet.sin_addr.s_addr.to_ne_bytes(), [10, 203, 0, 1]);
        assert_eq!((i32::from(internet.sin_family), internet.sin_port), (libc::AF_INET, 0));
    }
}
