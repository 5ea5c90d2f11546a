//! The system's avahi, asked over D-Bus (`org.freedesktop.Avahi.Server` and `EntryGroup`, as its introspection files
//! have them).

use super::Offer;
use systemd::bus::{Bus, ContainerType, Message, MessageRef};
use utf8_cstr::Utf8CStr;

const NAME: &str = "org.freedesktop.Avahi";
const SERVER: &str = "org.freedesktop.Avahi.Server";
const GROUP: &str = "org.freedesktop.Avahi.EntryGroup";
/// How long it may take to answer.
const ANSWER_US: u64 = 5_000_000;
/// `AVAHI_IF_UNSPEC` and `AVAHI_PROTO_UNSPEC`.
const ANY: i32 = -1;
/// `AVAHI_ENTRY_GROUP_COLLISION`: above it all is lost, below it all is well or under way.
const COLLISION: i32 = 3;

/// Services that avahi answers for while this lives: it forgets them with the connection.
pub(super) struct Announcement {
    bus: Bus,
    group: String,
    /// Without `.local`.
    pub(super) host: String,
}

/// Why it does not.
pub(super) enum Failed {
    /// No D-Bus, or no avahi on it.
    Absent,
    Refused(String),
}

/// Has avahi announce the offers.
pub(super) fn announce(offers: &[Offer]) -> Result<Announcement, Failed> {
    let mut bus = Bus::open_system().map_err(|_| Failed::Absent)?;
    // Where two machines have one name, avahi has found another for this one.
    let mut named = call(&mut bus, "/", SERVER, "GetHostName", |_| Ok(())).map_err(|_| Failed::Absent)?;
    let host = text(&mut named).ok_or(Failed::Absent)?;
    let instance = super::instance(&host);
    let mut made = call(&mut bus, "/", SERVER, "EntryGroupNew", |_| Ok(())).map_err(|_| Failed::Absent)?;
    let refused = |error: String| Failed::Refused(error);
    let group = path(&mut made).ok_or_else(|| refused("it names no group".into()))?;
    for offer in offers {
        call(&mut bus, &group, GROUP, "AddService", |message| service(message, &instance, *offer))
            .map_err(refused)?;
    }
    call(&mut bus, &group, GROUP, "Commit", |_| Ok(())).map_err(refused)?;
    Ok(Announcement { bus, group, host })
}

/// Whether there is one to ask.
pub(super) fn is_there() -> bool {
    Bus::open_system()
        .is_ok_and(|mut bus| call(&mut bus, "/", SERVER, "GetVersionString", |_| Ok(())).is_ok())
}

impl Announcement {
    /// Whether avahi still answers for them: it may have been started anew.
    pub(super) fn stands(&mut self) -> bool {
        while matches!(self.bus.process(), Ok(Some(_))) {} // its signals are of no use here, but would pile up
        let state = call(&mut self.bus, &self.group, GROUP, "GetState", |_| Ok(()));
        state.is_ok_and(|mut message| number(&mut message).is_some_and(|state| state < COLLISION))
    }
}

fn call(
    bus: &mut Bus,
    object: &str,
    interface: &str,
    member: &str,
    fill: impl FnOnce(&mut MessageRef) -> systemd::Result<()>,
) -> Result<Message, String> {
    let mut message =
        bus.new_method_call(NAME, object, interface, member).map_err(|error| error.to_string())?;
    message.set_auto_start(false).map_err(|error| error.to_string())?;
    fill(&mut message).map_err(|error| error.to_string())?;
    message.call(ANSWER_US).map_err(|error| format!("{error:?}"))
}

/// The arguments of `AddService`: interface, protocol, flags, name, type, domain, host, port, text (`iiussssqaay`).
fn service(message: &mut MessageRef, instance: &str, offer: Offer) -> systemd::Result<()> {
    message.append(ANY)?;
    message.append(ANY)?;
    message.append(0_u32)?;
    for text in [instance, offer.kind, "", ""] {
        let terminated = format!("{text}\0");
        message.append(Utf8CStr::from_bytes(terminated.as_bytes()).expect("names hold no zero"))?;
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
