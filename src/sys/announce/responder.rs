//! Our own responder, for machines without avahi.

use super::Offer;
use mdns_sd::{DaemonEvent, DnsNameChange, Receiver, RecvTimeoutError, ServiceDaemon, ServiceInfo};
use std::time::{Duration, Instant};

/// Answers while it lives.
pub(super) struct Responder {
    daemon: ServiceDaemon,
    events: Receiver<DaemonEvent>,
    /// The name it was asked to take, without `.local`.
    pub(super) label: String,
    /// The name it has: another, where that was taken.
    pub(super) host: String,
}

impl Responder {
    /// Starts answering for `label.local` and the offers on it, whatever its addresses come to be.
    pub(super) fn start(label: &str, offers: &[Offer]) -> Result<Self, String> {
        let daemon = ServiceDaemon::new().map_err(|error| error.to_string())?;
        let events = daemon.monitor().map_err(|error| error.to_string())?;
        let host = format!("{label}.local");
        let responder = Self { daemon, events, label: label.into(), host };
        for offer in offers {
            let none: &[(&str, &str)] = &[];
            let (kind, name) = (format!("{}.local.", offer.kind), format!("{label}.local."));
            let service = ServiceInfo::new(&kind, &super::instance(label), &name, "", offer.port, none)
                .map_err(|error| error.to_string())?
                .enable_addr_auto();
            responder.daemon.register(service).map_err(|error| error.to_string())?;
        }
        Ok(responder)
    }

    /// Whether its thread still runs.
    pub(super) fn lives(&self) -> bool {
        self.daemon.status().is_ok()
    }

    /// Waits, at most until it has taken another name.
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
                Err(RecvTimeoutError::Disconnected) => return std::thread::sleep(left), // `lives` says so
            }
        }
    }
}

/// The name that a host called `host` has after this change; `None` when another name changes, as that of a service.
fn renamed(host: &str, change: &DnsNameChange) -> Option<String> {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    (plain(&change.original) == plain(host)).then(|| plain(&change.new_name))
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.daemon.shutdown(); // it says goodbye by itself
    }
}
