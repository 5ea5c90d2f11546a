//! Announces this device on its network, as `host.local` with its services (mDNS, DNS-SD: RFC 6762 and 6763), and publishes
//! its current [`Names`] to the rest of the service.
//!
//! If avahi runs, it already has the name and is asked to add the services; two responders on one machine would conflict.
//! Otherwise a library answers for the name as well. If the name is taken, avahi or the library settles on another
//! name. Such a change, and a changed host name, is published at once.
//!
//! Announcing runs on its own thread and does not affect listeners. A failure is logged once and retried.

mod avahi;
mod offer;
mod responder;

pub use offer::Offer;

use super::machine;
use crate::clock::mono_raw_now;
use crate::identity::Names;
use std::time::Duration;
use tokio::sync::watch;

/// Interval between readings of the host name from the kernel, which cost a system call each. (The kernel's notification is
/// in `/proc/sys`, which the unit hides from the service.)
const HOST_EVERY: Duration = Duration::from_secs(1);
/// After this many looks, the announcement itself is checked as well.
const LOOKS_PER_CHECK: u32 = 30;

/// The responder that answers for us.
enum Voice {
    Avahi(avahi::Announcement),
    Ours(responder::Responder),
    /// No responder, because there is nothing to announce.
    Nobody,
}

impl Voice {
    fn find(label: &str, offers: &[Offer]) -> Result<Self, String> {
        match avahi::announce(offers) {
            Ok(announcement) => Ok(Self::Avahi(announcement)),
            Err(avahi::Failed::Refused(reason)) => Err(format!("avahi refuses: {reason}")),
            Err(avahi::Failed::Absent) if offers.is_empty() => Ok(Self::Nobody),
            Err(avahi::Failed::Absent) => responder::Responder::start(label, offers).map(Self::Ours),
        }
    }

    /// Returns the whole name on which the responder has settled; `None` if it has none for us.
    fn settled(&self) -> Option<&str> {
        match self {
            Self::Avahi(announcement) => Some(&announcement.host),
            Self::Ours(responder) => Some(&responder.host),
            Self::Nobody => None,
        }
    }

    fn how(&self) -> &'static str {
        if matches!(self, Self::Avahi(_)) { "through avahi" } else { "without avahi" }
    }

    /// Waits, and notices if the announcement settles on another name.
    fn wait(&mut self, at_most: Duration) {
        match self {
            Self::Avahi(announcement) => announcement.wait(at_most),
            Self::Ours(responder) => responder.wait(at_most),
            Self::Nobody => std::thread::sleep(at_most),
        }
    }

    /// Returns whether the responder still answers for a machine that is now to be called `label`. Our own responder finds
    /// new addresses itself, but gives way once avahi runs. With `thorough`, also does the slower checks.
    fn stands(&mut self, label: &str, thorough: bool) -> bool {
        match self {
            Self::Avahi(announcement) => announcement.stands(thorough),
            Self::Ours(responder) => {
                responder.lives()
                    && responder.label == label
                    && !(thorough && (avahi::is_there() || responder.is_contested()))
            }
            Self::Nobody => !(thorough && avahi::is_there()),
        }
    }
}

/// Follows this device's names and announces `offers` under them, as long as the program runs.
pub fn follow(names: watch::Sender<Names>, offers: Vec<Offer>) {
    let spawned = std::thread::Builder::new().name("announce".into()).spawn(move || run(&names, &offers));
    if let Err(error) = spawned {
        tracing::warn!("cannot announce this device on the network ({error}): it is reached by its address");
    }
}

fn run(names: &watch::Sender<Names>, offers: &[Offer]) {
    let mut said = String::new();
    loop {
        let label = names.borrow().label();
        match Voice::find(&label, offers) {
            Ok(voice) => keep(voice, names, &mut said),
            Err(error) => {
                say_once(&mut said, &error, || {
                    tracing::warn!(
                        "cannot make this device known on its network ({error}): its address still leads to it"
                    );
                });
                for _ in 0..LOOKS_PER_CHECK {
                    std::thread::sleep(HOST_EVERY);
                    learn(names, None);
                }
            }
        }
    }
}

/// Keeps the announcement until another responder has to be chosen.
fn keep(mut voice: Voice, names: &watch::Sender<Names>, said: &mut String) {
    for look in 1_u32.. {
        learn(names, voice.settled());
        let (announced, label) = {
            let names = names.borrow();
            (names.announced(), names.label())
        };
        if !matches!(voice, Voice::Nobody) {
            let known = format!("{announced}, {}", voice.how());
            say_once(said, &known, || tracing::info!("known on this network as {known}"));
        }
        if !voice.stands(&label, look % LOOKS_PER_CHECK == 0) {
            return;
        }
        voice.wait(HOST_EVERY);
    }
}

/// Publishes changes; if nothing has changed, no receiver is woken.
fn learn(names: &watch::Sender<Names>, settled: Option<&str>) {
    names.send_if_modified(|names| names.learn(&machine::host(), settled, mono_raw_now()));
}

fn say_once(said: &mut String, words: &str, say: impl FnOnce()) {
    if said != words {
        words.clone_into(said);
        say();
    }
}
