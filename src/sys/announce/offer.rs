//! The services that this machine announces, and their names in lists.

/// One service of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The service type, `_https._tcp`.
    pub kind: &'static str,
    /// The port of the service.
    pub port: u16,
}

/// Returns the name shown in a list of the network's services.
pub(super) fn instance(host: &str) -> String {
    format!("Synthwire on {host}")
}
