//! Answers in their usual forms: text, JSON, a refusal.

use super::access::Denied;
use super::refusals::Refusals;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

/// The body of every answer.
pub(super) type Body = Full<Bytes>;

/// Returns a refusal, and counts it under its name.
pub(super) fn denied(refusals: &Refusals, why: &Denied) -> Response<Body> {
    refusals.count(why.refusal);
    let status = why.refusal.status().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.expect("what is refused here has an HTTP status");
    let mut response = words(status, why.words.clone());
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"synthwire\""));
    }
    if let Some(retry_s) = why.retry_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_s));
    }
    response
}

/// Returns a text.
pub(super) fn words(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns a value as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).expect("our own types serialise");
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns success without content.
pub(super) fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
