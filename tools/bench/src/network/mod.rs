//! A bad network without netem: two network namespaces, a TUN device in each, and a bridge between the two that delays,
//! drops and holds IP packets as a profile of `impair` says. TCP above it is the kernel's own, so a lost packet is repeated
//! as it is everywhere.
//!
//! The namespaces have no name and no file: they live through open descriptors, so the kernel removes them, devices
//! included, when the bench ends, however it ends. No packet leaves them: there is no route to anywhere else.

pub mod bridge;
pub mod site;
mod tun;

use impair::profile::Profile;

use crate::network::bridge::{Bridge, Crossings};
use crate::network::site::Site;

/// Address of the service; of the listener below. Any would do: nobody else is there.
const SERVICE_ADDRESS: [u8; 4] = [10, 203, 0, 1];
const LISTENER_ADDRESS: [u8; 4] = [10, 203, 0, 2];

/// May this user make networks?
///
/// # Errors
/// What is missing, in a sentence.
pub fn check_rights() -> Result<(), String> {
    // SAFETY: geteuid only reads the process's own credentials.
    if unsafe { libc::geteuid() } == 0 {
        return Ok(());
    }
    Err("bad networks need root: they are made of network namespaces with a TUN device in each \
         (the plain bench, 'make bench', runs as any user)"
        .into())
}

/// A network that is up.
pub struct Network {
    /// Where the service lives.
    pub service: Site,
    /// Where the browser lives.
    pub listener: Site,
    bridge: Bridge,
}

impl Network {
    /// Makes both namespaces and the bridge. The same seed makes the same network.
    pub fn start(profile: Profile, seed: u64) -> Result<Self, String> {
        let (service, service_tun) = site::make(SERVICE_ADDRESS, "service")?;
        let (listener, listener_tun) = site::make(LISTENER_ADDRESS, "listener")?;
        let bridge = Bridge::start(profile, seed, service_tun, listener_tun)?;
        Ok(Self { service, listener, bridge })
    }

    /// The profile's outages begin their plan at `begin_ns`, `CLOCK_MONOTONIC`.
    pub fn begin_outages(&self, begin_ns: u64) {
        self.bridge.begin_outages(begin_ns);
    }

    /// Takes it down; what crossed it.
    pub fn finish(self) -> Result<Crossings, String> {
        self.bridge.finish()
    }
}
