//! What is announced: the services of this machine, and what a list of them shows.

/// One service of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its type, `_https._tcp`.
    pub kind: &'static str,
    /// Its port.
    pub port: u16,
}

/// What a list of the network's services shows.
pub(super) fn instance(host: &str) -> String {
    format!("Synthwire on {host}")
}
