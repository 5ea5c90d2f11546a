//! Our own responder, for machines without avahi.

use super::offer::{Offer, instance};
use crate::sys::machine;
use mdns_sd::{
    DaemonEvent, DnsNameChange, HostnameResolutionEvent, Receiver, RecvTimeoutError, ServiceDaemon,
    ServiceInfo,
};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Maximum time for another machine to answer to our name.
const OTHERS_MS: u64 = 2000;

/// A responder that answers until it is dropped.
pub(super) struct Responder {
    daemon: ServiceDaemon,
    events: Receiver<DaemonEvent>,
    /// The requested name, without `.local`.
    pub(super) label: String,
    /// The name in use: another than `label.local` if that was taken.
    pub(super) host: String,
}

impl Responder {
    /// Starts answering for `label.local` and its offers, under all current and future addresses.
    pub(super) fn start(label: &str, offers: &[Offer]) -> Result<Self, String> {
        let daemon = ServiceDaemon::new().map_err(|error| error.to_string())?;
        let events = daemon.monitor().map_err(|error| error.to_string())?;
        let host = format!("{label}.local");
        let responder = Self { daemon, events, label: label.into(), host };
        for offer in offers {
            let none: &[(&str, &str)] = &[];
            let (kind, name) = (format!("{}.local.", offer.kind), format!("{label}.local."));
            let service = ServiceInfo::new(&kind, &instance(label), &name, "", offer.port, none)
                .map_err(|error| error.to_string())?
                .enable_addr_auto();
            responder.daemon.register(service).map_err(|error| error.to_string())?;
        }
        Ok(responder)
    }

    /// Returns whether the responder's thread still runs.
    pub(super) fn lives(&self) -> bool {
        self.daemon.status().is_ok()
    }

    /// Returns whether another machine answers to the name as well. The library checks only before it takes a name, but two
    /// networks may have been joined since (RFC 6762, 9). After a restart it finds the name taken.
    pub(super) fn is_contested(&self) -> bool {
        let Ok(answers) = self.daemon.resolve_hostname(&format!("{}.", self.host), Some(OTHERS_MS)) else {
            return false;
        };
        let own = machine::every_address();
        while let Ok(event) = answers.recv_timeout(Duration::from_millis(2 * OTHERS_MS)) {
            match event {
                HostnameResolutionEvent::AddressesFound(_, found)
                    if found.iter().any(|address| is_anothers(address.to_ip_addr(), &own)) =>
                {
                    return true;
                }
                HostnameResolutionEvent::SearchTimeout(_) | HostnameResolutionEvent::SearchStopped(_) => {
                    break;
                }
                _ => {}
            }
        }
        false
    }

    /// Waits until the responder takes another name, at most this long.
    pub(super) fn wait(&mut self, at_most: Duration) {
        let until = Instant::now() + at_most;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match self.events.recv_timeout(left) {
                Ok(DaemonEvent::NameChange(change)) => {
                    if let Some(host) = renamed(&self.host, &change) {
                        self.host = host;
                        return;
                    }
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => return std::thread::sleep(left), // `lives` reports it
            }
        }
    }
}

/// Returns whether an address announced under our name belongs to another machine. An address of a family that we do not
/// use is ignored: it does not take our name, and would be found again and again.
fn is_anothers(address: IpAddr, own: &[IpAddr]) -> bool {
    !own.contains(&address) && own.iter().any(|own| !own.is_loopback() && own.is_ipv4() == address.is_ipv4())
}

/// Returns the new name of the host `host` after this change; `None` if another name changes, such as that of a service.
fn renamed(host: &str, change: &DnsNameChange) -> Option<String> {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    (plain(&change.original) == plain(host)).then(|| plain(&change.new_name))
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.daemon.shutdown(); // it sends the goodbye itself
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_machine_is_of_a_kind_that_this_one_has_and_none_of_its_own() {
        let own: Vec<IpAddr> =
            ["127.0.0.1", "::1", "192.168.7.1"].iter().map(|text| text.parse().unwrap()).collect();
        for (address, anothers) in
            [("192.168.7.1", false), ("127.0.0.1", false), ("192.168.7.2", true), ("fe80::2", false)]
        {
            assert_eq!(is_anothers(address.parse().unwrap(), &own), anothers, "{address}");
        }
    }
}
