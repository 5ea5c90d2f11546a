//! Everything that is answered besides the page's files, declared once. To add an answer, add a row to the table at the end of this
//! file; the compiler then asks `routes` for who gives it.
//!
//! From the row come: what the router finds, the guards (method, origin, keys, the body's type and length), and what
//! `make documents` writes of it into `docs/ref/openapi.json`. What has no row is a file of the page or nothing.

use super::limits::BODY_BYTES_MAX;
use crate::update::BUNDLE_BYTES_MAX;

/// The query of whoever wishes to install an update although it is older than what runs.
pub const ANY_AGE: &str = "age=any";

/// What is said of one endpoint.
#[derive(Debug)]
pub struct Declared {
    /// Which.
    pub endpoint: Endpoint,
    /// What it is for: a sentence without its full stop.
    pub about: &'static str,
    /// Its path.
    pub path: &'static str,
    /// By which methods.
    pub method: Method,
    /// Who gets it.
    pub who: Who,
    /// What is sent to it.
    pub body: Body,
    /// Words a query may have, as `name=value`.
    pub query: Option<(&'static str, &'static str)>,
    /// What it answers, besides the guards: status, when, and what.
    pub answers: &'static [(u16, &'static str, Content)],
}

/// By which methods something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET and HEAD; it changes nothing.
    Read,
    /// POST, from our own page or a program.
    Write,
    /// GET, from our own page or a program: it becomes a WebSocket.
    Socket,
}

/// Who gets an answer. Where no key is set, everybody does, but for updates and first keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody; no key is looked at.
    Anybody,
    /// Everybody, by the keys that were shown.
    Known,
    /// Who may listen.
    Listener,
    /// Who may listen and change settings.
    Overseer,
    /// Who may change settings.
    SettingsHolder,
    /// Who may update the system.
    Updater,
}

/// What is sent with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing that is read.
    Nothing,
    /// JSON, which no form of another site can send.
    Json {
        /// Its schema in the document; empty for an empty object.
        schema: &'static str,
        /// Most that is read.
        bytes_max: usize,
    },
    /// A signed update, read piece by piece.
    Bundle {
        /// What it must be called: no form can send it, so another site's page cannot without being asked first.
        media_type: &'static str,
        /// Longest that is taken.
        bytes_max: u64,
    },
}

/// What an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// Nothing but a cookie.
    Cookie,
    /// Words.
    Text,
    /// JSON, by its schema in the document.
    Json(&'static str),
    /// A file of this type.
    File(&'static str),
}

/// JSON of a few words.
const fn json(schema: &'static str) -> Body {
    Body::Json { schema, bytes_max: BODY_BYTES_MAX }
}

/// What a row may leave out: path and who gets it are in every one.
const REST: Declared = Declared {
    endpoint: Endpoint::Health,
    about: "",
    path: "",
    method: Method::Read,
    who: Who::Anybody,
    body: Body::Nothing,
    query: None,
    answers: &[],
};

impl Declared {
    /// What is at this path.
    pub fn at(path: &str) -> Option<&'static Self> {
        ENDPOINTS.iter().find(|declared| declared.path == path)
    }
}

impl Method {
    /// As `Allow` lists them.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Read | Self::Socket => "GET, HEAD",
            Self::Write => "POST",
        }
    }

    /// Whether another site's page may never ask so.
    pub fn is_guarded(self) -> bool {
        matches!(self, Self::Write | Self::Socket)
    }
}

macro_rules! endpoints {
    ($($(#[doc = $about:literal])+ $endpoint:ident($path:literal, $who:expr) { $($row:tt)* })+) => {
        /// What can be asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Endpoint { $($(#[doc = $about])+ $endpoint,)+ }

        /// What is said of each.
        #[allow(clippy::needless_update, reason = "a row may say all there is")]
        pub static ENDPOINTS: &[Declared] = &[$(
            Declared {
                endpoint: Endpoint::$endpoint,
                about: concat!($($about),+).trim_ascii(),
                path: $path,
                who: $who,
                $($row)*,
                ..REST
            },
        )+];
    };
}

endpoints! {
    /// What the service knows of itself
    Status("/api/status", Who::Listener) { answers: &[(200, "The answer.", Content::Json("Status"))] }
    /// Who listens, and how well: for the holder of the settings key, where one is set
    Clients("/api/clients", Who::Overseer) { answers: &[(200, "The answer.", Content::Json("Clients"))] }
    /// Which keys are set, and which were shown
    Access("/api/access", Who::Known) { answers: &[(200, "The answer.", Content::Json("Access"))] }
    /// The same as the status, for Prometheus (docs/ref/metrics)
    Metrics("/metrics", Who::Listener) { answers: &[(200, "The answer.", Content::Text)] }
    /// Whether it is alive: sound reaches the sockets, if there is any, and a source is looked for, if there is none
    Health("/healthz", Who::Anybody) {
        answers: &[
            (200, "It is: `ok`.", Content::Text),
            (503, "It is not, or has only just been started: one plain sentence says why (docs/guide/troubleshooting.md has them all).", Content::Text),
        ]
    }
    /// The sound, and what is said beside it, as a WebSocket (docs/ref/wire-format.md)
    Socket("/ws", Who::Listener) {
        method: Method::Socket, answers: &[
            (101, "It is one from now on.", Content::Empty),
            (400, "No whole WebSocket handshake.", Content::Text),
            (426, "No WebSocket, or another version of it.", Content::Text),
        ]
    }
    /// Show a key; a cookie stands for it from then on. Where listening is asked for, the settings key is taken, too, and the cookie
    /// is that of the settings key
    EnterKey("/api/access/enter", Who::Anybody) {
        method: Method::Write, body: json("Enter"),
        answers: &[
            (204, "It is so.", Content::Cookie),
            (401, "This is not the key.", Content::Text),
            (403, "Another site's page, or not now.", Content::Text),
            (429, "Too often; Retry-After says when.", Content::Text),
        ]
    }
    /// Set, change or take away a key
    SetKey("/api/access/key", Who::Known) {
        method: Method::Write, body: json("NewKey"),
        answers: &[(204, "It is so.", Content::Empty), (403, "Another site's page, or not now.", Content::Text)]
    }
    /// Make a new certificate authority in the place of one that cannot be used; the old file is kept beside it
    ReplaceAuthority("/api/authority", Who::SettingsHolder) {
        method: Method::Write, body: json(""),
        answers: &[
            (204, "There is a new one; devices that trusted the old one must be told once more.", Content::Empty),
            (400, "Not application/json, there is nothing to replace, or the new one could not be kept.", Content::Text),
        ]
    }
    /// Change settings for everybody
    Settings("/api/settings", Who::SettingsHolder) {
        method: Method::Write, body: json("Settings"),
        answers: &[(204, "It is so.", Content::Empty)]
    }
    /// Hand a signed update of the whole system over to the system's updater
    Update("/api/update", Who::Updater) {
        method: Method::Write, body: Body::Bundle { media_type: "application/vnd.rauc", bytes_max: BUNDLE_BYTES_MAX },
        query: Some((ANY_AGE, "The bundle may be older than what runs: for the holder of the settings key.")),
        answers: &[
            (204, "It has arrived whole; what becomes of it is in `update` of the status.", Content::Empty),
            (400, "Not an update's media type, does not begin as an update does, or did not arrive whole.", Content::Text),
            (403, "Another site's page; or no settings key is set and the device was not switched on by hand in the last five minutes; or an older version without a settings key.", Content::Text),
            (409, "Another is being taken or installed, or this board's boot loader is too old.", Content::Text),
            (501, "This system has no updater, or the service no state folder.", Content::Text),
            (507, "It is longer than the disk has room for.", Content::Text),
        ]
    }
    /// Restart into an update that is installed and waits
    Restart("/api/update/restart", Who::Updater) {
        method: Method::Write, body: json(""),
        answers: &[
            (204, "The device restarts.", Content::Empty),
            (403, "Another site's page; or no settings key is set and the device was not switched on by hand in the last five minutes.", Content::Text),
            (409, "No update waits for a restart.", Content::Text),
            (501, "This system has no updater, or the service no state folder.", Content::Text),
            (507, "The disk took no more.", Content::Text),
        ]
    }
    /// The first-contact page: how a device comes to trust this one. On plain HTTP it is also at `/`
    Trust("/trust", Who::Anybody) {
        answers: &[(200, "The page.", Content::File("text/html")), (404, "No HTTPS is spoken here.", Content::Text)]
    }
    /// The certificate authority of this device
    Certificate("/trust/synthwire.crt", Who::Anybody) {
        answers: &[
            (200, "The certificate.", Content::File("application/x-x509-ca-cert")),
            (404, "There is nothing to install.", Content::Text),
        ]
    }
    /// The same as a profile for iOS and macOS
    Profile("/trust/synthwire.mobileconfig", Who::Anybody) {
        answers: &[
            (200, "The profile.", Content::File("application/x-apple-aspen-config")),
            (404, "There is nothing to install.", Content::Text),
        ]
    }
    /// Whether who asks trusts the certificate: over HTTPS an answer says so
    Check("/trust/check", Who::Anybody) {
        answers: &[
            (200, "It does.", Content::Text),
            (400, "Asked for over HTTP.", Content::Text),
            (404, "No HTTPS is spoken here.", Content::Text),
        ]
    }
    /// Tell what a listener's clock shows; all it can change is the dates of the next certificate
    Clock("/trust/clock", Who::Anybody) {
        method: Method::Write,
        query: Some(("unix_s=", "Whole seconds since 1970.")),
        answers: &[
            (200, "Noted.", Content::Text),
            (400, "No such number.", Content::Text),
            (404, "No HTTPS is spoken here.", Content::Text),
        ]
    }
}
