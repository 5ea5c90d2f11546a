//! A listener at the raw socket: a thread that reads all messages into the ledger.

use crate::order::Order;
use crate::patience::until;
use crate::records;
use crate::service::Service;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tungstenite::Message;

/// The state that the thread and the checks share.
#[derive(Default)]
struct Heard {
    order: Order,
    /// Time at which the last timeline began.
    restarted_at: Option<Instant>,
    /// The reason why the connection has ended.
    ended: Option<String>,
}

/// A listener; its thread ends with the connection.
pub struct Listener {
    heard: Arc<Mutex<Heard>>,
}

impl Listener {
    /// Connects and listens to the pair at `first_channel`, from 0.
    ///
    /// # Errors
    /// The connection is refused.
    pub fn new(service: &Service, first_channel: usize) -> Result<Self, String> {
        let mut socket = service.connect()?;
        let heard = Arc::new(Mutex::new(Heard { order: Order::of_pair(first_channel), ..Heard::default() }));
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || {
            let ended = loop {
                match socket.read() {
                    Ok(Message::Binary(bytes)) => match records::parse(&bytes) {
                        Ok(records) => hear(&mut lock(&shared), &records),
                        Err(error) => break error,
                    },
                    Ok(_) => {}
                    // The socket's read timed out: silence does not end the connection.
                    Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(error) => break error.to_string(),
                }
            };
            lock(&shared).ended = Some(ended);
        });
        Ok(Self { heard })
    }

    /// The ledger so far.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn order(&self) -> Result<Order, String> {
        let heard = lock(&self.heard);
        heard
            .ended
            .as_ref()
            .map_or_else(|| Ok(heard.order.clone()), |why| Err(format!("the connection ended: {why}")))
    }

    /// Waits until this many more frames have arrived in order.
    ///
    /// # Errors
    /// The frames do not arrive, or something is out of order meanwhile.
    pub fn frames_more(&self, frames: u64) -> Result<Order, String> {
        let before = self.order()?;
        until("frames come in order", || Ok(self.order()?.frames >= before.frames + frames))
            .map_err(|error| format!("{error}: {:?}", self.order()))?;
        let order = self.order()?;
        if order.is_in_order() { Ok(order) } else { Err(format!("out of order: {order:?}")) }
    }

    /// Makes the service play another pair to all listeners, and waits until it is heard.
    ///
    /// # Errors
    /// The pair is not heard.
    pub fn switch_to(&self, service: &Service, first_channel: usize) -> Result<(), String> {
        lock(&self.heard).order.expect_pair(first_channel);
        let wish = format!("{{\"type\":\"set_pair\",\"first_channel\":{}}}", first_channel + 1);
        let mut socket = service.connect()?;
        socket.send(Message::text(wish)).map_err(|error| format!("set_pair is not taken: {error}"))?;
        until("the other pair is heard", || Ok(self.order()?.has_switched())).map(|_| ())
    }

    /// Returns the time at which the last timeline began, if that was after `moment`.
    pub fn restarted_after(&self, moment: Instant) -> Option<Instant> {
        lock(&self.heard).restarted_at.filter(|at| *at > moment)
    }
}

fn hear(heard: &mut Heard, records: &[records::Record]) {
    for record in records {
        let restarts = heard.order.restarts;
        heard.order.hear(record);
        if heard.order.restarts > restarts {
            heard.restarted_at = Some(Instant::now());
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
