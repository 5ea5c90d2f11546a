//! A bad network without netem: two network namespaces, a TUN device in each, and a bridge between the two
//! that delays, drops and holds IP packets as a profile of `impair` says. TCP above it is the kernel's own,
//! so lost packets are resent as on any network.
//!
//! The namespaces have no name and no file. They live through open descriptors, so the kernel removes them
//! and their devices when the bench ends, in any way. No packet leaves them, because there is no route to
//! anywhere else.

pub mod bridge;
pub mod site;
mod tun;

use impair::profile::Profile;

use crate::network::bridge::{Bridge, Crossings};
use crate::network::site::Site;

/// Addresses of the service and, below, of the listener. Any address would do, because no other machine is
/// there.
const SERVICE_ADDRESS: [u8; 4] = [10, 203, 0, 1];
const LISTENER_ADDRESS: [u8; 4] = [10, 203, 0, 2];

/// Checks whether this user may make networks.
///
/// # Errors
/// A sentence that says what is missing.
pub fn check_rights() -> Result<(), String> {
    // SAFETY: geteuid only reads the process's own credentials.
    if unsafe { libc::geteuid() } == 0 {
        return Ok(());
    }
    Err("bad networks need root: they are made of network namespaces with a TUN device in each \
         (the plain bench, 'make bench', runs as any user)"
        .into())
}

/// A running network.
pub struct Network {
    /// The service's site.
    pub service: Site,
    /// The browser's site.
    pub listener: Site,
    bridge: Bridge,
}

impl Network {
    /// Makes both namespaces and the bridge. The same seed gives the same network.
    pub fn start(profile: Profile, seed: u64) -> Result<Self, String> {
        let (service, service_tun) = site::make(SERVICE_ADDRESS, "service")?;
        let (listener, listener_tun) = site::make(LISTENER_ADDRESS, "listener")?;
        let bridge = Bridge::start(profile, seed, service_tun, listener_tun)?;
        Ok(Self { service, listener, bridge })
    }

    /// Starts the profile's plan of outages at `begin_ns`, `CLOCK_MONOTONIC`.
    pub fn begin_outages(&self, begin_ns: u64) {
        self.bridge.begin_outages(begin_ns);
    }

    /// Removes the network and returns the crossings.
    pub fn finish(self) -> Result<Crossings, String> {
        self.bridge.finish()
    }
}
