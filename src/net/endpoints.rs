//! Every endpoint besides the page's files, declared once. To add an endpoint, add a row to the table at the
//! end of this file; the compiler then asks for its answer in `routes`.
//!
//! A row feeds the router, the guards (method, origin, keys, type and length of the body), and the entry in
//! `docs/ref/openapi.json` (`make documents`). A path without a row is a file of the page, or not found.

use super::limits::BODY_BYTES_MAX;
use crate::update::BUNDLE_BYTES_MAX;

/// The query that requests an update to an older version than the running one.
pub const ANY_AGE: &str = "age=any";

/// The declaration of one endpoint.
#[derive(Debug)]
pub struct Declared {
    /// The declared endpoint.
    pub endpoint: Endpoint,
    /// The endpoint's purpose: a sentence without a full stop.
    pub about: &'static str,
    /// The path of the endpoint.
    pub path: &'static str,
    /// The methods of the endpoint.
    pub method: Method,
    /// The clients that may use the endpoint.
    pub who: Who,
    /// The body of a request.
    pub body: Body,
    /// A query that the endpoint accepts, as `name=value`, and its meaning.
    pub query: Option<(&'static str, &'static str)>,
    /// The answers besides those of the guards: status, condition, and content.
    pub answers: &'static [(u16, &'static str, Content)],
}

/// The methods of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET and HEAD; changes nothing.
    Read,
    /// POST, from our own page or a program.
    Write,
    /// GET, from our own page or a program; becomes a WebSocket.
    Socket,
}

/// The clients that may use an endpoint. If no key is set, everybody may, except for updates and first keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, without a look at keys.
    Anybody,
    /// Everybody; the answer depends on the keys shown.
    Known,
    /// Clients that may listen.
    Listener,
    /// Clients that may listen and change settings.
    Overseer,
    /// Clients that may change settings.
    SettingsHolder,
    /// Clients that may update the system.
    Updater,
}

/// The body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// No body is read.
    Nothing,
    /// JSON, which a form on another site cannot send.
    Json {
        /// The schema's name in the `OpenAPI` document; empty for an empty object.
        schema: &'static str,
        /// Maximum bytes that are read.
        bytes_max: usize,
    },
    /// A signed update, read piece by piece.
    Bundle {
        /// The required media type. No form can send it, so another site's page needs our permission first (CORS).
        media_type: &'static str,
        /// Maximum bytes that are accepted.
        bytes_max: u64,
    },
}

/// The content of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// An empty body.
    Empty,
    /// Only a cookie.
    Cookie,
    /// Text.
    Text,
    /// JSON with this schema of the document.
    Json(&'static str),
    /// A file of this type.
    File(&'static str),
}

/// Returns a small JSON body.
const fn json(schema: &'static str) -> Body {
    Body::Json { schema, bytes_max: BODY_BYTES_MAX }
}

/// Defaults for a row; path and user are always given.
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
    /// Returns the endpoint at this path.
    pub fn at(path: &str) -> Option<&'static Self> {
        ENDPOINTS.iter().find(|declared| declared.path == path)
    }
}

impl Method {
    /// Returns the methods for the `Allow` header.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Read | Self::Socket => "GET, HEAD",
            Self::Write => "POST",
        }
    }

    /// Returns whether pages of other sites must not use this method.
    pub fn is_guarded(self) -> bool {
        matches!(self, Self::Write | Self::Socket)
    }
}

macro_rules! endpoints {
    ($($(#[doc = $about:literal])+ $endpoint:ident($path:literal, $who:expr) { $($row:tt)* })+) => {
        /// All endpoints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Endpoint { $($(#[doc = $about])+ $endpoint,)+ }

        /// The declarations of all endpoints.
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
    /// The state of the service
    Status("/api/status", Who::Listener) { answers: &[(200, "The answer.", Content::Json("Status"))] }
    /// The current listeners and their playback: for the holder of the settings key, if one is set
    Clients("/api/clients", Who::Overseer) { answers: &[(200, "The answer.", Content::Json("Clients"))] }
    /// Which keys are set, and which were shown
    Access("/api/access", Who::Known) { answers: &[(200, "The answer.", Content::Json("Access"))] }
    /// The status in the format of Prometheus (docs/ref/metrics)
    Metrics("/metrics", Who::Listener) { answers: &[(200, "The answer.", Content::Text)] }
    /// Whether the service is alive: if there is sound, it reaches the sockets; if not, the service is looking for a source
    Health("/healthz", Who::Anybody) {
        answers: &[
            (200, "`ok`: it is alive.", Content::Text),
            (503, "It is not alive, or has only just started: a plain sentence says why (docs/guide/troubleshooting.md lists them all).", Content::Text),
        ]
    }
    /// The sound and the control messages, as a WebSocket (docs/ref/wire-format.md)
    Socket("/ws", Who::Listener) {
        method: Method::Socket, answers: &[
            (101, "The connection becomes a WebSocket.", Content::Empty),
            (400, "The WebSocket handshake is incomplete.", Content::Text),
            (426, "Not a WebSocket handshake, or another version of the protocol.", Content::Text),
        ]
    }
    /// Enter a key; the answer sets a cookie that stands for it. For listening, the settings key is accepted as well, and
    /// the cookie is then that of the settings key
    EnterKey("/api/access/enter", Who::Anybody) {
        method: Method::Write, body: json("Enter"),
        answers: &[
            (204, "The key was right.", Content::Cookie),
            (401, "The key is wrong.", Content::Text),
            (403, "The request comes from another site's page, or keys cannot be entered now.", Content::Text),
            (429, "Too many tries; Retry-After says when to try again.", Content::Text),
        ]
    }
    /// Set, change or remove a key
    SetKey("/api/access/key", Who::Known) {
        method: Method::Write, body: json("NewKey"),
        answers: &[(204, "Done.", Content::Empty), (403, "The request comes from another site's page, or the key cannot be set now.", Content::Text)]
    }
    /// Replace a certificate authority that cannot be used; the old file is kept beside the new one
    ReplaceAuthority("/api/authority", Who::SettingsHolder) {
        method: Method::Write, body: json(""),
        answers: &[
            (204, "There is a new authority; devices that trusted the old one must trust the new one, too.", Content::Empty),
            (400, "The body is not application/json, there is nothing to replace, or the new authority could not be stored.", Content::Text),
        ]
    }
    /// Change settings for everybody
    Settings("/api/settings", Who::SettingsHolder) {
        method: Method::Write, body: json("Settings"),
        answers: &[(204, "Done.", Content::Empty)]
    }
    /// Upload a signed update of the whole system, for the system's updater
    Update("/api/update", Who::Updater) {
        method: Method::Write, body: Body::Bundle { media_type: "application/vnd.rauc", bytes_max: BUNDLE_BYTES_MAX },
        query: Some((ANY_AGE, "Allows a bundle older than the running system, with the settings key.")),
        answers: &[
            (204, "The bundle has arrived; `update` in the status shows its progress.", Content::Empty),
            (400, "The media type is wrong, the body is not a bundle, or it did not arrive completely.", Content::Text),
            (403, "The request comes from another site's page; or no settings key is set and the device was not switched on by hand in the last five minutes; or the version is older and no settings key was shown.", Content::Text),
            (409, "Another update is being uploaded or installed, or this board's boot loader is too old.", Content::Text),
            (501, "This system has no updater, or the service has no state folder.", Content::Text),
            (507, "The disk has no room for it.", Content::Text),
        ]
    }
    /// Restart into an installed update
    Restart("/api/update/restart", Who::Updater) {
        method: Method::Write, body: json(""),
        answers: &[
            (204, "The device restarts.", Content::Empty),
            (403, "The request comes from another site's page; or no settings key is set and the device was not switched on by hand in the last five minutes.", Content::Text),
            (409, "No update waits for a restart.", Content::Text),
            (501, "This system has no updater, or the service has no state folder.", Content::Text),
            (507, "The disk is full.", Content::Text),
        ]
    }
    /// The first-contact page, which explains how to make a device trust this one. On plain HTTP it is also at `/`
    Trust("/trust", Who::Anybody) {
        answers: &[(200, "The page.", Content::File("text/html")), (404, "HTTPS is not enabled.", Content::Text)]
    }
    /// The certificate of this device's authority
    Certificate("/trust/synthwire.crt", Who::Anybody) {
        answers: &[
            (200, "The certificate.", Content::File("application/x-x509-ca-cert")),
            (404, "There is nothing to install.", Content::Text),
        ]
    }
    /// The same certificate as a profile for iOS and macOS
    Profile("/trust/synthwire.mobileconfig", Who::Anybody) {
        answers: &[
            (200, "The profile.", Content::File("application/x-apple-aspen-config")),
            (404, "There is nothing to install.", Content::Text),
        ]
    }
    /// Whether the client trusts the certificate: an answer over HTTPS proves it
    Check("/trust/check", Who::Anybody) {
        answers: &[
            (200, "It trusts the certificate.", Content::Text),
            (400, "The request came over HTTP.", Content::Text),
            (404, "HTTPS is not enabled.", Content::Text),
        ]
    }
    /// Report the time of a listener's clock; it affects only the dates of the next certificate
    Clock("/trust/clock", Who::Anybody) {
        method: Method::Write,
        query: Some(("unix_s=", "Whole seconds since 1970.")),
        answers: &[
            (200, "Noted.", Content::Text),
            (400, "The number is missing or invalid.", Content::Text),
            (404, "HTTPS is not enabled.", Content::Text),
        ]
    }
}
