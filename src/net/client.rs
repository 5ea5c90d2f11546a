//! Who asks, and what it may still do: keys can change while it listens.

use super::access::Access;
use super::access::rules::{Grant, PerPurpose};
use super::peer::Peer;
use crate::plain::Plain;

/// Whoever asks for something that only those get who may listen.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) peer: Peer,
    /// What its browser calls itself.
    pub(super) agent: Plain,
    /// The number of the rendition it hears: the first, for nobody can ask for another yet.
    pub(super) rendition: usize,
    /// The keys it has shown.
    shown: PerPurpose<bool>,
    /// Which of the keys' changes that was.
    version: u64,
}

impl Client {
    pub(super) fn new(peer: Peer, agent: &[u8], shown: PerPurpose<bool>, access: &Access) -> Self {
        Self { peer, agent: Plain::agent(agent), rendition: 0, shown, version: access.version() }
    }

    /// What it may do at this moment; what it has shown counts until a key is changed.
    pub(super) fn grant(&self, access: &Access) -> Grant {
        access.grant(if self.version == access.version() { self.shown } else { PerPurpose::default() })
    }
}
