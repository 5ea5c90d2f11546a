//! The state of the whole service, for the status, the metrics and `/healthz`.

use super::access::Access;
use super::connection_limits::ConnectionLimits;
use super::refusals::Refusals;
use super::secure::Secure;
use super::settings::KeptSettings;
use super::updates::Updates;
use crate::hub::Hub;
use crate::plain::Plain;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// Everything that is shown.
pub(super) struct Overview {
    pub(super) hub: Hub,
    pub(super) started: Instant,
    pub(super) refusals: Arc<Refusals>,
    pub(super) connections: ConnectionLimits,
    pub(super) updates: Arc<Updates>,
    pub(super) secure: Option<Arc<Secure>>,
    pub(super) notices: Notices,
}

/// Notices for the user about this device, besides its sound.
pub(super) struct Notices {
    /// Notices that hold since the start.
    pub(super) standing: Vec<Plain>,
    /// The notice on power and heat.
    pub(super) power: Mutex<Option<&'static str>>,
    pub(super) access: Arc<Access>,
    pub(super) settings: Arc<KeptSettings>,
    pub(super) secure: Option<Arc<Secure>>,
}

impl Notices {
    /// Sets the notice on power and heat, or clears it.
    pub(super) fn tell_power(&self, notice: Option<&'static str>) {
        *self.power.lock().unwrap_or_else(PoisonError::into_inner) = notice;
    }

    /// Returns all current notices: plain sentences.
    pub(super) fn now(&self) -> Vec<Plain> {
        let identity = self.secure.iter().flat_map(|secure| secure.identity.notices());
        let power = *self.power.lock().unwrap_or_else(PoisonError::into_inner);
        let kept =
            [power.map(str::to_owned), self.access.notice(), self.settings.notice()].into_iter().flatten();
        kept.chain(identity).map(Plain::from).chain(self.standing.iter().cloned()).collect()
    }
}
