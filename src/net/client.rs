//! The sender of a request, and its present rights: keys can change while it listens.

use super::access::Access;
use super::access::rules::{Grant, PerPurpose};
use super::peer::Peer;
use crate::plain::Plain;

/// The sender of a request that only listeners may make.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) peer: Peer,
    /// The browser's name, as the browser reports it.
    pub(super) agent: Plain,
    /// The number of the rendition for this client: always the first, because a client cannot choose yet.
    pub(super) rendition: usize,
    /// The keys that the client has shown.
    shown: PerPurpose<bool>,
    /// The version of the keys when the client showed them.
    version: u64,
}

impl Client {
    pub(super) fn new(peer: Peer, agent: &[u8], shown: PerPurpose<bool>, access: &Access) -> Self {
        Self { peer, agent: Plain::agent(agent), rendition: 0, shown, version: access.version() }
    }

    /// Returns the client's present rights. The keys it has shown count until a key is changed.
    pub(super) fn grant(&self, access: &Access) -> Grant {
        access.grant(if self.version == access.version() { self.shown } else { PerPurpose::default() })
    }
}
