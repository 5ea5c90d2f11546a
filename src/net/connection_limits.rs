//! Counts connections, in total and from each address, and decides whether to accept another.
//!
//! In: addresses of accepted connections. Out: a permit for each, given back when dropped. Nothing here blocks.

use super::client_id::{ClientId, LimitGroup};
use super::refusals::Refusal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Divisor of the total, for the share of all near IPv6 addresses together. One machine may use any number of them, and
/// must still leave room for IPv4 and for more distant clients.
const NEAR_PART: usize = 2;

/// The limits of one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) per_address: usize,
    /// True if the limit applies to loopback too: behind tunnels and proxies all clients have one address.
    pub(super) and_loopback: bool,
}

/// All current connections.
#[derive(Clone, Debug)]
pub(super) struct ConnectionLimits {
    bounds: Bounds,
    count: Arc<Mutex<Count>>,
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_client_id: BTreeMap<ClientId, usize>,
    /// Number of connections from near IPv6 addresses, of any prefix.
    near: usize,
}

impl ConnectionLimits {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, count: Arc::default() }
    }

    /// Admits one more connection of this `client_id`, with at most `total_max` in total.
    ///
    /// # Errors
    /// The limit that is reached.
    pub(super) fn admit(&self, client_id: ClientId, total_max: usize) -> Result<ConnectionPermit, Refusal> {
        let mut count = lock(&self.count);
        if count.total >= total_max {
            return Err(Refusal::ConnectionsTotal);
        }
        let bounded = self.bounds.and_loopback || !client_id.is_loopback();
        let own = count.by_client_id.get(&client_id).copied().unwrap_or(0);
        let is_near = client_id.group() == LimitGroup::Near;
        let crowded = is_near && count.near >= total_max.div_ceil(NEAR_PART);
        let most = client_id.share(self.bounds.per_address);
        if bounded && (own >= most || crowded) {
            return Err(Refusal::ConnectionsPerAddress);
        }
        *count.by_client_id.entry(client_id).or_default() += 1;
        count.near += usize::from(is_near);
        count.total += 1;
        Ok(ConnectionPermit { client_id, count: Arc::clone(&self.count) })
    }

    /// Returns the number of connections.
    pub(super) fn total(&self) -> usize {
        lock(&self.count).total
    }
}

/// The permit of one connection.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    client_id: ClientId,
    count: Arc<Mutex<Count>>,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut count = lock(&self.count);
        count.total -= 1;
        count.near -= usize::from(self.client_id.group() == LimitGroup::Near);
        if let Some(own) = count.by_client_id.get_mut(&self.client_id) {
            *own -= 1;
            if *own == 0 {
                count.by_client_id.remove(&self.client_id);
            }
        }
    }
}

fn lock(count: &Mutex<Count>) -> MutexGuard<'_, Count> {
    count.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn client_id(address: &str) -> ClientId {
        let ours = if address.contains(':') { "2001:db8:1:2::1" } else { "10.0.0.1" };
        ClientId::of(address.parse().unwrap(), ours.parse().unwrap())
    }

    fn address(last: u8) -> ClientId {
        ClientId::of(IpAddr::from([10, 0, 0, last]), IpAddr::from([10, 0, 0, 1]))
    }

    /// Returns how many of these are admitted if all of them stay.
    fn admitted(
        limits: &ConnectionLimits,
        client_ids: impl IntoIterator<Item = ClientId>,
        total_max: usize,
    ) -> Vec<ConnectionPermit> {
        client_ids.into_iter().filter_map(|client_id| limits.admit(client_id, total_max).ok()).collect()
    }

    #[test]
    fn each_address_and_all_together_have_so_many_and_get_them_back() {
        let limits = ConnectionLimits::new(Bounds { per_address: 2, and_loopback: false });
        let mut first: Vec<ConnectionPermit> = (0..2).map(|_| limits.admit(address(1), 5).unwrap()).collect();
        assert_eq!(limits.admit(address(1), 5).unwrap_err(), Refusal::ConnectionsPerAddress);
        let others: Vec<ConnectionPermit> =
            (2..5).map(|last| limits.admit(address(last), 5).unwrap()).collect();
        assert_eq!(limits.admit(address(9), 5).unwrap_err(), Refusal::ConnectionsTotal);
        first.pop();
        assert!(limits.admit(address(1), 5).is_ok());
        drop((first, others));
        let near = admitted(&limits, [client_id("fe80::7"), client_id("2001:db8:1:3::7")], 5);
        assert_eq!(near.len(), 2);
        drop(near);
        let count = lock(&limits.count);
        let remembered = count.total + count.by_client_id.len() + count.near;
        assert_eq!(remembered, 0, "nothing is remembered of the gone");
    }

    #[test]
    fn this_machine_itself_is_bounded_where_that_is_said() {
        for and_loopback in [false, true] {
            let limits = ConnectionLimits::new(Bounds { per_address: 1, and_loopback });
            let _one = limits.admit(client_id("127.0.0.1"), 5).unwrap();
            assert_eq!(limits.admit(client_id("127.0.0.1"), 5).is_err(), and_loopback);
        }
    }

    #[test]
    fn neighbours_keep_nobody_out_and_a_network_from_elsewhere_has_a_larger_total() {
        let limits = ConnectionLimits::new(Bounds { per_address: 2, and_loopback: false });
        let neighbour = client_id("2001:db8:1:2::7");
        assert_eq!(admitted(&limits, [neighbour; 9], 100).len(), 2);
        let _rude = admitted(&limits, [neighbour; 9], 100);
        assert!(limits.admit(client_id("2001:db8:1:2::8"), 100).is_ok(), "another of the same home");
        let far = (0..99).map(|last| client_id(&format!("2001:db8:1:3::{last}")));
        assert_eq!(admitted(&limits, far, 100).len(), 8);
    }

    #[test]
    fn a_machine_with_as_many_numbers_as_it_likes_leaves_room_for_others() {
        let limits = ConnectionLimits::new(Bounds { per_address: 2, and_loopback: false });
        // Every prefix a machine has: link-local, the home's own and the provider's.
        let prefixes = ["fe80", "fd00", "2001:db8:1:2"];
        let numbers = (0..500).map(|last| client_id(&format!("{}::{last:x}", prefixes[last % 3])));
        let rude = admitted(&limits, numbers, 100);
        assert_eq!(rude.len(), 50);
        assert!(
            limits.admit(address(1), 100).is_ok() && limits.admit(client_id("2001:db8:9::1"), 100).is_ok()
        );
    }
}
