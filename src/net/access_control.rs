//! Access to the service: the keys, and the counts of refusals, shared by the `main` thread and the fan-out thread.

use super::access::Access;
use super::refusals::Refusals;
use std::sync::Arc;

/// The parts needed to admit or refuse a client.
#[derive(Clone)]
pub struct AccessControl {
    pub(super) access: Arc<Access>,
    /// Counts of refused clients, by reason.
    pub(super) refusals: Arc<Refusals>,
}
