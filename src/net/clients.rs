//! The current listeners, as `/api/clients` shows them to the owner. Addresses are kept only here.
//!
//! In: listeners as they come and go. Out: the address, the browser's name and the last report of each.

use super::client::Client;
use crate::hub::reports::{Reports, ServedReport};
use crate::plain::Plain;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// All current listeners, by the hub's number. The limit of listeners bounds its size.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients(Arc<Mutex<BTreeMap<u64, Known>>>);

#[derive(Clone, Debug)]
struct Known {
    address: IpAddr,
    agent: Plain,
    since: Instant,
}

impl Clients {
    /// Remembers a listener until the returned value is dropped.
    pub(super) fn enter(&self, number: u64, client: &Client) -> Entered {
        let known =
            Known { address: client.peer.address, agent: client.agent.clone(), since: Instant::now() };
        self.all().insert(number, known);
        Entered { clients: self.clone(), number }
    }

    /// Returns all listeners for display, the earliest to join first.
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

/// A listener on the list.
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

/// One listener for display.
#[derive(Serialize)]
pub(super) struct ListenerView {
    number: u64,
    address: IpAddr,
    agent: Plain,
    connected_s: u64,
    /// The listener's last report; null before the first.
    report: Option<ServedReport>,
}
