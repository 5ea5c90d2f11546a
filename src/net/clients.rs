//! Who listens: what `/api/clients` tells the owner. Addresses stand here and nowhere else.
//!
//! In: listeners as they come and go. Out: each with its address, its browser's name and its own last report.

use super::guest::Guest;
use crate::hub::reports::{Reports, Shown as Report};
use crate::plain::Plain;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Everybody who listens, by the hub's number. As many as there are listeners, whose number the hub bounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients(Arc<Mutex<BTreeMap<u64, Client>>>);

#[derive(Clone, Debug)]
struct Client {
    address: IpAddr,
    agent: Plain,
    since: Instant,
}

impl Clients {
    /// Remembers a listener until what is given is dropped.
    pub(super) fn enter(&self, number: u64, guest: &Guest) -> Seat {
        let client =
            Client { address: guest.peer.address, agent: guest.agent.clone(), since: Instant::now() };
        self.all().insert(number, client);
        Seat { clients: self.clone(), number }
    }

    /// Everybody as they are shown, the longest-standing first.
    pub(super) fn shown(&self, reports: &Reports) -> Vec<Shown> {
        let mut reports = reports.living();
        let clients = self.all().clone();
        clients
            .into_iter()
            .map(|(number, Client { address, agent, since })| Shown {
                number,
                address,
                agent,
                connected_s: since.elapsed().as_secs(),
                report: reports.remove(&number),
            })
            .collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener that is remembered.
#[derive(Debug)]
pub(super) struct Seat {
    clients: Clients,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.clients.all().remove(&self.number);
    }
}

/// One listener as it is shown.
#[derive(Serialize)]
pub(super) struct Shown {
    number: u64,
    address: IpAddr,
    agent: Plain,
    connected_s: u64,
    /// What it says of its playing; null before it has said anything.
    report: Option<Report>,
}
