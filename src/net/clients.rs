//! Who listens: what `/api/clients` tells the owner. Addresses stand here and nowhere else.
//!
//! In: listeners as they come and go. Out: each with its address, its browser's name and its own last report.

use super::client::Client;
use crate::hub::reports::{Reports, ServedReport};
use crate::plain::Plain;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Everybody who listens, by the hub's number. As many as there are listeners, whose number the hub bounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients(Arc<Mutex<BTreeMap<u64, Known>>>);

#[derive(Clone, Debug)]
struct Known {
    address: IpAddr,
    agent: Plain,
    since: Instant,
}

impl Clients {
    /// Remembers a listener until what is given is dropped.
    pub(super) fn enter(&self, number: u64, client: &Client) -> Entered {
        let known =
            Known { address: client.peer.address, agent: client.agent.clone(), since: Instant::now() };
        self.all().insert(number, known);
        Entered { clients: self.clone(), number }
    }

    /// Everybody as they are shown, the longest-standing first.
    pub(super) fn shown(&self, reports: &Reports) -> Vec<ListenerView> {
        let mut reports = reports.living();
        let clients = self.all().clone();
        clients
            .into_iter()
            .map(|(number, Known { address, agent, since })| ListenerView {
                number,
                address,
                agent,
                connected_s: since.elapsed().as_secs(),
                report: reports.remove(&number),
            })
            .collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener that is remembered.
#[derive(Debug)]
pub(super) struct Entered {
    clients: Clients,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.clients.all().remove(&self.number);
    }
}

/// One listener as it is shown.
#[derive(Serialize)]
pub(super) struct ListenerView {
    number: u64,
    address: IpAddr,
    agent: Plain,
    connected_s: u64,
    /// What it says of its playing; null before it has said anything.
    report: Option<ServedReport>,
}
