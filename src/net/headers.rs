//! The headers of every answer, in one place.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Nothing but our own files may run, load or be asked for; no plug-ins, frames or forms.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Sent with everything. The first two isolate the page: without them browsers offer no `SharedArrayBuffer`; the second
/// must be on the worker's script as well.
const ALWAYS: [(HeaderName, &str); 8] = [
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"), // for browsers that do not know frame-ancestors
    (header::REFERRER_POLICY, "no-referrer"),
    (header::SERVER, concat!("synthwire/", env!("CARGO_PKG_VERSION"))),
];

/// Adds what every answer carries; a policy that an answer brings of its own stays.
pub(super) fn add_always(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
