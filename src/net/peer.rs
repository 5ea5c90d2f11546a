//! The two ends of a connection, and any proxy in between. Pure.

use super::client_id::ClientId;
use super::site::Scheme;
use std::net::{IpAddr, SocketAddr};

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// The client's address.
    pub(super) address: IpAddr,
    /// The address and port of this machine that the client contacted.
    pub(super) local: SocketAddr,
    /// True if the connection is encrypted; behind one of our proxies, if the visitor's own connection is.
    pub(super) secure: bool,
    /// The proxy between the client and us, if there is one.
    pub(super) relay: Relay,
}

/// The proxy between us and the visitor, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relay {
    /// No proxy that we know of.
    None,
    /// A proxy of ours, or a program on this machine, that does not tell the visitor's scheme.
    Silent,
    /// A proxy of ours that tells the visitor's scheme.
    Said,
}

impl Peer {
    /// Returns the id for which the client's limits are counted.
    pub(super) fn client_id(self) -> ClientId {
        ClientId::of(self.address, self.local.ip())
    }

    /// Returns the scheme by which the visitor's page was fetched; `None` if our proxy does not tell whether it ends
    /// encryption.
    pub(super) fn scheme(self) -> Option<Scheme> {
        match (self.secure, self.relay) {
            (true, _) => Some(Scheme::Https),
            (false, Relay::Silent) => None,
            (false, _) => Some(Scheme::Http),
        }
    }

    /// Returns the address that was contacted, as typed into a browser.
    pub(super) fn reached(self) -> String {
        let (scheme, usual_port) = if self.secure { ("https", 443) } else { ("http", 80) };
        // Make a new address: the old one may contain an interface's number, which no browser accepts.
        let address = SocketAddr::new(self.local.ip().to_canonical(), self.local.port()).to_string();
        let shown = address.strip_suffix(&format!(":{usual_port}")).unwrap_or(&address);
        format!("{scheme}://{shown}/")
    }
}
