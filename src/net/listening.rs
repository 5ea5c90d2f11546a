//! Admits a connection as a listener and hands it to the fan-out thread, or refuses it.

use super::client::Client;
use super::clients::Clients;
use super::link::Arrival;
use super::new_listeners::NewListenerSender;
use super::refusals::{Refusal, Refusals};
use crate::hub::admissions::Admissions;
use std::sync::Arc;

/// The parts needed to admit a listener.
pub(super) struct Listening {
    pub(super) admissions: Arc<Admissions>,
    /// The current listeners.
    pub(super) clients: Clients,
    /// Passes listeners to the fan-out thread.
    pub(super) sender: NewListenerSender,
    pub(super) refusals: Arc<Refusals>,
}

impl Listening {
    /// Hands a listener to the fan-out thread, and waits until it has left; refuses it if the limit is reached.
    pub(super) async fn listen(&self, arrival: Box<dyn Arrival>, client: Client) {
        if let Ok(admission) = self.admissions.admit() {
            let number = admission.number();
            let _entered = self.clients.enter(number, &client);
            self.sender.hand_over(arrival, client, number).await;
            return;
        }
        let words = format!(
            "{} people are listening already; there is no room for more",
            self.admissions.listening()
        );
        self.refusals.count(Refusal::ListenersFull);
        arrival.turn_away(Refusal::ListenersFull, words).await;
    }
}
