//! Who has come in to listen, and what it may still do: keys can change while it listens.

use super::access::Access;
use super::access::rules::{Each, Grant};
use super::guard::Peer;

/// Longest name of a browser that is kept.
const AGENT_CHARS_MAX: usize = 256;

/// A listener's other side.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    pub(super) peer: Peer,
    /// What its browser calls itself.
    pub(super) agent: String,
    /// The keys it has shown.
    shown: Each<bool>,
    /// Which of the keys' changes that was.
    version: u64,
}

impl Guest {
    pub(super) fn new(peer: Peer, agent: &str, shown: Each<bool>, access: &Access) -> Self {
        let plain = agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS_MAX);
        Self { peer, agent: plain.collect(), shown, version: access.version() }
    }

    /// What it may do at this moment; what it has shown counts until a key is changed.
    pub(super) fn grant(&self, access: &Access) -> Grant {
        access.grant(if self.version == access.version() { self.shown } else { Each::default() })
    }
}
