//! The receiving end of the notification socket, in place of systemd.

use crate::service::PATIENCE;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Reads continuously, as systemd does: the socket holds only a few messages, and then the next sender waits.
pub(crate) struct Systemd(Receiver<String>);

impl Systemd {
    pub(crate) fn at(path: &str) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        let (say, said) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length) = socket.recv(&mut bytes) {
                if say.send(String::from_utf8_lossy(&bytes[..length]).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self(said)
    }

    /// Waits for the next message that contains `part`, and returns it with those before it.
    pub(crate) fn wait_for(&self, part: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let message = self.0.recv_timeout(PATIENCE);
            heard.push(message.unwrap_or_else(|_| panic!("{part:?} is not in {heard:?}")));
            if heard.last().is_some_and(|message| message.contains(part)) {
                return heard;
            }
        }
    }

    /// All messages so far, and those that arrive within this time.
    pub(crate) fn hear_for(&self, time: Duration) -> Vec<String> {
        let until = Instant::now() + time;
        std::iter::from_fn(|| self.0.recv_timeout(until.saturating_duration_since(Instant::now())).ok())
            .collect()
    }
}
