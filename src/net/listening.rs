//! From a connection that wants to listen to a listener: admitted and handed over to the thread that sends, or turned away.

use super::client::Client;
use super::clients::Clients;
use super::link::Arrival;
use super::new_listeners::NewListenerSender;
use super::refusals::{Refusal, Refusals};
use crate::hub::admissions::Admissions;
use std::sync::Arc;

/// What that takes.
pub(super) struct Listening {
    pub(super) admissions: Arc<Admissions>,
    /// Who listens.
    pub(super) clients: Clients,
    /// Where listeners go.
    pub(super) sender: NewListenerSender,
    pub(super) refusals: Arc<Refusals>,
}

impl Listening {
    /// Hands a listener over to the thread that sends, and waits until it has left; says no where there are too many.
    pub(super) async fn listen(&self, arrival: Box<dyn Arrival>, client: Client) {
        if let Ok(admission) = self.admissions.admit() {
            let number = admission.number();
            let _entered = self.clients.enter(number, &client);
            self.sender.hand_over(arrival, client, number).await;
            return;
        }
        let words = format!("{} people listen already, no more fit", self.admissions.listening());
        self.refusals.count(Refusal::ListenersFull);
        arrival.turn_away(Refusal::ListenersFull, words).await;
    }
}
