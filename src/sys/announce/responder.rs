//! Our own responder, for machines without avahi.

use super::Offer;
use mdns_sd::{ServiceDaemon, ServiceInfo};

/// Answers while it lives.
pub(super) struct Responder(ServiceDaemon);

impl Responder {
    /// Starts answering for the host's name and the offers on it, whatever its addresses come to be.
    pub(super) fn start(host: &str, offers: &[Offer]) -> Result<Self, String> {
        let daemon = ServiceDaemon::new().map_err(|error| error.to_string())?;
        let responder = Self(daemon);
        for offer in offers {
            let none: &[(&str, &str)] = &[];
            let (kind, name) = (format!("{}.local.", offer.kind), format!("{host}.local."));
            let service = ServiceInfo::new(&kind, &super::instance(host), &name, "", offer.port, none)
                .map_err(|error| error.to_string())?
                .enable_addr_auto();
            responder.0.register(service).map_err(|error| error.to_string())?;
        }
        Ok(responder)
    }

    /// Whether its thread still runs.
    pub(super) fn lives(&self) -> bool {
        self.0.status().is_ok()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.0.shutdown(); // it says goodbye by itself
    }
}
