//! How many connections there are, in all and from each address, and whether one more may come.
//!
//! In: addresses, as connections are accepted. Out: a place for each, given back when it is dropped. Nothing here waits.

use super::access::tries::home_of;
use super::refusals::Refusal;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one address may have at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) per_address: usize,
    /// Whether that holds for this machine itself, too: tunnels and proxies bring everybody from one address.
    pub(super) and_loopback: bool,
}

/// All connections there are.
#[derive(Debug)]
pub(super) struct Crowd {
    bounds: Bounds,
    count: Arc<Mutex<Count>>,
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_home: BTreeMap<IpAddr, usize>,
}

impl Crowd {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, count: Arc::default() }
    }

    /// One more, from `address`, of `total_max` in all.
    ///
    /// # Errors
    /// Which bound is reached.
    pub(super) fn admit(&self, address: IpAddr, total_max: usize) -> Result<Place, Refusal> {
        let home = home_of(address);
        let mut count = lock(&self.count);
        if count.total >= total_max {
            return Err(Refusal::ConnectionsTotal);
        }
        let bounded = self.bounds.and_loopback || !home.is_loopback();
        let own = count.by_home.entry(home).or_default();
        if bounded && *own >= self.bounds.per_address {
            return Err(Refusal::ConnectionsPerAddress);
        }
        *own += 1;
        count.total += 1;
        Ok(Place { home, count: Arc::clone(&self.count) })
    }

    /// How many there are.
    pub(super) fn total(&self) -> usize {
        lock(&self.count).total
    }
}

/// One connection's place.
#[derive(Debug)]
pub(super) struct Place {
    home: IpAddr,
    count: Arc<Mutex<Count>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = lock(&self.count);
        count.total -= 1;
        if let Some(own) = count.by_home.get_mut(&self.home) {
            *own -= 1;
            if *own == 0 {
                count.by_home.remove(&self.home);
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

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn each_address_and_all_together_have_so_many_and_get_them_back() {
        let crowd = Crowd::new(Bounds { per_address: 2, and_loopback: false });
        let mut first: Vec<Place> = (0..2).map(|_| crowd.admit(address(1), 5).unwrap()).collect();
        assert_eq!(crowd.admit(address(1), 5).unwrap_err(), Refusal::ConnectionsPerAddress);
        let others: Vec<Place> = (2..5).map(|last| crowd.admit(address(last), 5).unwrap()).collect();
        assert_eq!(crowd.admit(address(9), 5).unwrap_err(), Refusal::ConnectionsTotal);
        first.pop();
        assert!(crowd.admit(address(1), 5).is_ok());
        drop((first, others));
        assert!(
            crowd.total() == 0 && lock(&crowd.count).by_home.is_empty(),
            "nothing is remembered of the gone"
        );
    }

    #[test]
    fn this_machine_itself_is_bounded_where_that_is_said() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        for and_loopback in [false, true] {
            let crowd = Crowd::new(Bounds { per_address: 1, and_loopback });
            let _one = crowd.admit(loopback, 5).unwrap();
            assert_eq!(crowd.admit(loopback, 5).is_err(), and_loopback);
        }
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let crowd = Crowd::new(Bounds { per_address: 1, and_loopback: false });
        let _one = crowd.admit("2001:db8:1:2::1".parse().unwrap(), 5).unwrap();
        assert!(crowd.admit("2001:db8:1:2:ffff::7".parse().unwrap(), 5).is_err());
        assert!(crowd.admit("2001:db8:1:3::1".parse().unwrap(), 5).is_ok());
    }
}
