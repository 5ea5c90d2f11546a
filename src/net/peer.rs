//! The two ends of a connection, and what stands between. Pure.

use super::limit_key::LimitKey;
use super::site::Scheme;
use std::net::{IpAddr, SocketAddr};

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Who asks.
    pub(super) address: IpAddr,
    /// Which of this machine's addresses and ports was reached.
    pub(super) local: SocketAddr,
    /// Whether the connection is encrypted; behind a proxy of ours, whether the visitor's own is.
    pub(super) secure: bool,
    /// Whether a proxy of ours stands between.
    pub(super) relay: Relay,
}

/// What stands between us and the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relay {
    /// Nothing we know of.
    None,
    /// A proxy of ours, or a program of this machine, that does not say what the visitor speaks.
    Silent,
    /// A proxy of ours that does.
    Said,
}

impl Peer {
    /// Whom its limits are counted for.
    pub(super) fn limit_key(self) -> LimitKey {
        LimitKey::of(self.address, self.local.ip())
    }

    /// What the visitor's page was fetched by; `None` where a proxy of ours does not say whether it ends encryption.
    pub(super) fn scheme(self) -> Option<Scheme> {
        match (self.secure, self.relay) {
            (true, _) => Some(Scheme::Https),
            (false, Relay::Silent) => None,
            (false, _) => Some(Scheme::Http),
        }
    }

    /// The address that was reached, as one types it into a browser.
    pub(super) fn reached(self) -> String {
        let (scheme, usual_port) = if self.secure { ("https", 443) } else { ("http", 80) };
        // A new one: the old may hold an interface's number, which no browser takes.
        let address = SocketAddr::new(self.local.ip().to_canonical(), self.local.port()).to_string();
        let shown = address.strip_suffix(&format!(":{usual_port}")).unwrap_or(&address);
        format!("{scheme}://{shown}/")
    }
}
