//! Makes this device known on its network: `host.local` and the services on it (mDNS, DNS-SD: RFC 6762 and 6763).
//!
//! Where avahi runs it has the name already and is asked to add the services; two responders on one machine would quarrel.
//! Where it does not, a library answers for the name as well. A thread of its own: nothing here concerns those who listen,
//! and whatever fails is said once and tried again.

mod avahi;
mod responder;

use super::machine;
use crate::tls::names;
use std::time::Duration;

/// How often it is looked whether the announcement still stands.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// One service of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its type, `_https._tcp`.
    pub kind: &'static str,
    /// Its port.
    pub port: u16,
}

/// Who answers for us.
enum Voice {
    Avahi(avahi::Announcement),
    Ours(responder::Responder),
}

impl Voice {
    fn find(host: &str, offers: &[Offer]) -> Result<Self, String> {
        match avahi::announce(offers) {
            Ok(announcement) => Ok(Self::Avahi(announcement)),
            Err(avahi::Failed::Absent) => responder::Responder::start(host, offers).map(Self::Ours),
            Err(avahi::Failed::Refused(reason)) => Err(format!("avahi refuses: {reason}")),
        }
    }

    fn words(&self, host: &str) -> String {
        match self {
            Self::Avahi(announcement) => format!("{}.local, through avahi", announcement.host),
            Self::Ours(_) => format!("{host}.local, without avahi"),
        }
    }

    /// Whether it still does; our own responder looks for new addresses by itself, but gives way once avahi runs.
    fn stands(&mut self) -> bool {
        match self {
            Self::Avahi(announcement) => announcement.stands(),
            Self::Ours(responder) => responder.lives() && !avahi::is_there(),
        }
    }
}

/// Announces `offers` for as long as the program runs.
pub fn announce(offers: Vec<Offer>) {
    let spawned = std::thread::Builder::new().name("announce".into()).spawn(move || run(&offers));
    if let Err(error) = spawned {
        tracing::warn!("cannot announce this device on the network ({error}): it is reached by its address");
    }
}

fn run(offers: &[Offer]) {
    let mut last_error = String::new();
    loop {
        let host = names::label(&machine::host()).unwrap_or_else(|| "synthwire".into());
        match Voice::find(&host, offers) {
            Ok(mut voice) => {
                last_error.clear();
                tracing::info!("known on this network as {}", voice.words(&host));
                loop {
                    std::thread::sleep(LOOK_EVERY);
                    if !voice.stands() {
                        break;
                    }
                }
            }
            Err(error) => {
                if error != last_error {
                    tracing::warn!(
                        "cannot make this device known on its network ({error}): its address still leads to it"
                    );
                    last_error = error;
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }
}

/// What a list of the network's services shows.
fn instance(host: &str) -> String {
    format!("Synthwire on {host}")
}
