//! The headers of every answer, in one place.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Only our own files may run, load or be requested; no plug-ins, frames or forms.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Our name in every answer, by which our own commands tell the service from another program
/// (`cli/http_answer.rs`).
pub(super) const SERVER: &str = concat!("synthwire/", env!("CARGO_PKG_VERSION"));

/// Headers sent with every answer. The first two isolate the page: without them browsers offer no `SharedArrayBuffer`. The
/// worker's script needs the second as well.
const ALWAYS: [(HeaderName, &str); 8] = [
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"), // for browsers that do not know frame-ancestors
    (header::REFERRER_POLICY, "no-referrer"),
    (header::SERVER, SERVER),
];

/// Adds the headers common to all answers; an answer's own policy stays.
pub(super) fn add_always(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
