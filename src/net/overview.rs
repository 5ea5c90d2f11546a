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

/// The state at one moment.
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
    /// Problems during the start of the machine.
    pub(super) notes: Vec<Plain>,
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

    /// For clients that may not listen: returns what is permanently locked and how to unlock it, with the notes. `None` if
    /// every key that is set can be entered.
    pub(super) fn locked(&self) -> Option<Plain> {
        let notice = Plain::from(self.access.notice()?);
        Some(self.notes.iter().rev().fold(notice, |after, note| format!("{note} {after}").into()))
    }

    /// Returns all current notices: plain sentences.
    pub(super) fn now(&self) -> Vec<Plain> {
        let identity = self.secure.iter().flat_map(|secure| secure.identity.notices());
        let power = *self.power.lock().unwrap_or_else(PoisonError::into_inner);
        let kept =
            [power.map(str::to_owned), self.access.notice(), self.settings.notice()].into_iter().flatten();
        let kept = kept.chain(identity).map(Plain::from);
        self.notes.iter().cloned().chain(kept).chain(self.standing.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::access::rules::PerPurpose;

    fn notices(notes: &[&str], listening_key: Option<&str>) -> Notices {
        Notices {
            notes: notes.iter().map(Plain::of).collect(),
            standing: vec!["Something of the board.".to_owned().into()],
            power: Mutex::default(),
            access: Arc::new(Access::open(
                PerPurpose { listening: listening_key, settings: None },
                None,
                None,
            )),
            settings: Arc::new(KeptSettings::open(None)),
            secure: None,
        }
    }

    #[test]
    fn what_was_wrong_at_the_start_is_told_first_and_to_whom_the_door_is_closed() {
        let notes = ["The data partition cannot be used.", "Lost: access.json."];
        let closed = notices(&notes, Some("lost"));
        let told = closed.locked().unwrap();
        let all = format!("{} {} Nobody may listen: a key in the configuration", notes[0], notes[1]);
        assert!(told.starts_with(&all), "{told:?}");
        let open = notices(&notes, None);
        assert_eq!(open.locked(), None);
        assert_eq!(open.now()[..2], notes.map(Plain::of));
        assert_eq!((open.now().len(), closed.now().len()), (3, 4));
    }
}
