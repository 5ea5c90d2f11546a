//! The system's avahi, asked over D-Bus (`org.freedesktop.Avahi.Server` and `EntryGroup`, as in its introspection files).
//! It signals when it has taken another name.

use super::offer::{Offer, instance};
use std::time::Duration;
use systemd::bus::{Bus, ContainerType, Message, MessageRef};
use utf8_cstr::Utf8CStr;

const NAME: &str = "org.freedesktop.Avahi";
const SERVER: &str = "org.freedesktop.Avahi.Server";
const GROUP: &str = "org.freedesktop.Avahi.EntryGroup";
/// Maximum time for avahi's answer.
const ANSWER_US: u64 = 5_000_000;
/// `AVAHI_IF_UNSPEC` and `AVAHI_PROTO_UNSPEC`.
const ANY: i32 = -1;
/// Avahi's signal that its name has changed, and the bus's signal that avahi has come or gone.
const SIGNALS: [&str; 2] = [
    "type='signal',sender='org.freedesktop.Avahi',interface='org.freedesktop.Avahi.Server',member='StateChanged'",
    "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.Avahi'",
];
/// `AVAHI_ENTRY_GROUP_COLLISION`: this state and higher ones mean failure, lower ones success or work in progress.
const COLLISION: i32 = 3;

/// Services that avahi answers for while this value lives: it forgets them with the connection.
pub(super) struct Announcement {
    bus: Bus,
    /// `None` if there is nothing to announce but the host's own name.
    group: Option<String>,
    /// The whole name, with `.local`.
    pub(super) host: String,
    /// True if avahi or the bus has sent something since the last check.
    stirred: bool,
}

/// The reason why avahi does not announce the services.
pub(super) enum Failed {
    /// The machine has no D-Bus, or no avahi on it.
    Absent,
    Refused(String),
}

/// Makes avahi announce the offers.
pub(super) fn announce(offers: &[Offer]) -> Result<Announcement, Failed> {
    let mut bus = Bus::open_system().map_err(|_| Failed::Absent)?;
    // Subscribe to signals before asking for the name, so that no change in between is missed.
    for signal in SIGNALS {
        add_match(&mut bus, signal).map_err(Failed::Refused)?;
    }
    // If another machine has the same name, avahi has chosen another for this one.
    let host = host(&mut bus).ok_or(Failed::Absent)?;
    let group =
        if offers.is_empty() { None } else { Some(offer(&mut bus, &host, offers).map_err(Failed::Refused)?) };
    Ok(Announcement { bus, group, host, stirred: false })
}

/// Returns the name, with `.local`, under which avahi knows this machine.
fn host(bus: &mut Bus) -> Option<String> {
    text(&mut call(bus, "/", SERVER, "GetHostNameFqdn", |_| Ok(())).ok()?)
}

/// Creates a group of these offers.
fn offer(bus: &mut Bus, host: &str, offers: &[Offer]) -> Result<String, String> {
    let shown = instance(host.split('.').next().unwrap_or_default());
    let mut made = call(bus, "/", SERVER, "EntryGroupNew", |_| Ok(()))?;
    let group = path(&mut made).ok_or("it names no group")?;
    for offer in offers {
        call(bus, &group, GROUP, "AddService", |message| service(message, &shown, *offer))?;
    }
    call(bus, &group, GROUP, "Commit", |_| Ok(()))?;
    Ok(group)
}

/// Returns whether avahi runs.
pub(super) fn is_there() -> bool {
    Bus::open_system()
        .is_ok_and(|mut bus| call(&mut bus, "/", SERVER, "GetVersionString", |_| Ok(())).is_ok())
}

impl Announcement {
    /// Waits until avahi sends a signal, at most this long.
    pub(super) fn wait(&mut self, at_most: Duration) {
        if self.bus.wait(Some(at_most)).is_err() {
            std::thread::sleep(at_most); // the bus is gone: `stands` will find out
            self.stirred = true;
        }
        while let Ok(Some(message)) = self.bus.process() {
            self.stirred |= message.is_some_and(|message| message.member().is_some());
        }
    }

    /// Returns whether avahi still answers under that name: it may have taken another, or been restarted. This asks avahi
    /// only after a signal, or if `thorough`.
    pub(super) fn stands(&mut self, thorough: bool) -> bool {
        if !std::mem::take(&mut self.stirred) && !thorough {
            return true;
        }
        let named = host(&mut self.bus);
        named.as_ref() == Some(&self.host)
            && self.group.clone().is_none_or(|group| {
                let state = call(&mut self.bus, &group, GROUP, "GetState", |_| Ok(()));
                state.is_ok_and(|mut message| number(&mut message).is_some_and(|state| state < COLLISION))
            })
    }
}

fn call(
    bus: &mut Bus,
    object: &str,
    interface: &str,
    member: &str,
    fill: impl FnOnce(&mut MessageRef) -> systemd::Result<()>,
) -> Result<Message, String> {
    let message = bus.new_method_call(NAME, object, interface, member).map_err(|error| error.to_string())?;
    sent(message, fill)
}

/// Asks the bus itself to pass on these signals.
fn add_match(bus: &mut Bus, signal: &str) -> Result<(), String> {
    let (name, object) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
    let message = bus.new_method_call(name, object, name, "AddMatch").map_err(|error| error.to_string())?;
    sent(message, |message| append_text(message, signal)).map(drop)
}

fn sent(
    mut message: Message,
    fill: impl FnOnce(&mut MessageRef) -> systemd::Result<()>,
) -> Result<Message, String> {
    message.set_auto_start(false).map_err(|error| error.to_string())?;
    fill(&mut message).map_err(|error| error.to_string())?;
    message.call(ANSWER_US).map_err(|error| format!("{error:?}"))
}

fn append_text(message: &mut MessageRef, text: &str) -> systemd::Result<()> {
    let terminated = format!("{text}\0");
    message.append(Utf8CStr::from_bytes(terminated.as_bytes()).expect("our own texts hold no zero"))
}

/// Appends the arguments of `AddService`: interface, protocol, flags, name, type, domain, host, port, text (`iiussssqaay`).
fn service(message: &mut MessageRef, instance: &str, offer: Offer) -> systemd::Result<()> {
    message.append(ANY)?;
    message.append(ANY)?;
    message.append(0_u32)?;
    for text in [instance, offer.kind, "", ""] {
        append_text(message, text)?;
    }
    message.append(offer.port)?;
    message.open_container(ContainerType::Array, "ay")?;
    message.close_container()
}

fn path(message: &mut Message) -> Option<String> {
    let mut values = message.iter().ok()?;
    let path: &systemd::bus::ObjectPath = values.next().ok()??;
    path.to_str().ok().map(str::to_owned)
}

fn text(message: &mut Message) -> Option<String> {
    let mut values = message.iter().ok()?;
    let text: &Utf8CStr = values.next().ok()??;
    Some(text.to_string())
}

fn number(message: &mut Message) -> Option<i32> {
    message.iter().ok()?.next::<i32>().ok()?
}
