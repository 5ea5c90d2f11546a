//! The opening handshake of a WebSocket (RFC 6455, 4.2.1): accepts all allowed spellings of the request; tungstenite writes
//! the answer.

use crate::net::answers::{Body, words};
use crate::net::negotiation::items;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

/// The only version of the protocol.
const VERSION: HeaderValue = HeaderValue::from_static("13");
const CONNECTION: HeaderValue = HeaderValue::from_static("Upgrade");
const UPGRADE: HeaderValue = HeaderValue::from_static("websocket");
/// Length of 16 bytes in Base64.
const KEY_BYTES: usize = 24;

/// Returns the answer to a request for a WebSocket.
///
/// # Errors
/// The answer to any other or malformed request.
pub(in crate::net) fn accept<B>(request: &mut Request<B>) -> Result<Response<Body>, Box<Response<Body>>> {
    let asked = *request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && has_token(request.headers(), &header::CONNECTION, "upgrade")
        && has_token(request.headers(), &header::UPGRADE, "websocket");
    if !asked || !is_version_13(request.headers()) {
        return Err(Box::new(required()));
    }
    if !has_key(request.headers()) {
        let text = "The WebSocket's key is missing or none: 16 bytes in Base64, once.";
        return Err(Box::new(words(StatusCode::BAD_REQUEST, text)));
    }
    // tungstenite reads only the first line of each header, and accepts nothing besides the expected word.
    request.headers_mut().insert(header::CONNECTION, CONNECTION);
    request.headers_mut().insert(header::UPGRADE, UPGRADE);
    create_response_with_body(request, Body::default).map_err(|_| Box::new(required()))
}

fn required() -> Response<Body> {
    let text = "This address speaks WebSocket (version 13) only.";
    let mut response = words(StatusCode::UPGRADE_REQUIRED, text);
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, UPGRADE);
    headers.insert(header::CONNECTION, CONNECTION);
    headers.insert(header::SEC_WEBSOCKET_VERSION, VERSION);
    response
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(token))
}

fn is_version_13(headers: &HeaderMap) -> bool {
    let mut versions = headers.get_all(header::SEC_WEBSOCKET_VERSION).iter();
    versions.next() == Some(&VERSION) && versions.next().is_none()
}

fn has_key(headers: &HeaderMap) -> bool {
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return false };
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let key = key.as_bytes();
    key.len() == KEY_BYTES && key.ends_with(b"==") && key[..KEY_BYTES - 2].iter().all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    const V13: (&str, &str) = ("sec-websocket-version", "13");
    const UP: (&str, &str) = ("connection", "Upgrade");
    const WS: (&str, &str) = ("upgrade", "websocket");

    fn ask(lines: &[(&str, &str)], version: Version) -> Response<Body> {
        let mut request = Request::builder().version(version).uri("/ws");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        accept(&mut request.body(()).unwrap()).unwrap_or_else(|refusal| *refusal)
    }

    #[test]
    fn a_handshake_is_read_as_it_may_be_written() {
        for (lines, status) in [
            (vec![UP, WS, V13, KEY], 101),
            (vec![("connection", "keep-alive"), UP, WS, V13, KEY], 101),
            (vec![("connection", "keep-alive, upgrade"), WS, V13, KEY], 101),
            (vec![("connection", "Keep-Alive ,\tUPGRADE"), WS, V13, KEY], 101),
            (vec![UP, ("upgrade", "h2c, websocket"), V13, KEY], 101),
            (vec![UP, ("upgrade", "h2c"), ("upgrade", "WebSocket"), V13, KEY], 101),
            (vec![UP, WS, V13, KEY, ("sec-websocket-extensions", "permessage-deflate")], 101),
            (vec![], 426),
            (vec![WS, V13, KEY], 426),
            (vec![UP, V13, KEY], 426),
            (vec![("connection", "upgraded"), WS, V13, KEY], 426),
            (vec![UP, ("upgrade", "websockets"), V13, KEY], 426),
            (vec![UP, ("upgrade", "websocket/13"), V13, KEY], 426),
            (vec![UP, WS, KEY], 426),
            (vec![UP, WS, ("sec-websocket-version", "8"), KEY], 426),
            (vec![UP, WS, V13, V13, KEY], 426),
            (vec![UP, WS, V13], 400),
            (vec![UP, WS, V13, KEY, KEY], 400),
            (vec![UP, WS, V13, ("sec-websocket-key", "short==")], 400),
            (vec![UP, WS, V13, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=a")], 400),
            (vec![UP, WS, V13, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZ===")], 400),
        ] {
            let answer = ask(&lines, Version::HTTP_11);
            assert_eq!(answer.status(), status, "{lines:?}");
            if status == 426 {
                let says = |name| answer.headers()[name].to_str().unwrap();
                assert_eq!(
                    (says("upgrade"), says("sec-websocket-version")),
                    ("websocket", "13"),
                    "{lines:?}"
                );
            }
        }
        assert_eq!(ask(&[UP, WS, V13, KEY], Version::HTTP_10).status(), 426);
    }

    #[test]
    fn the_answer_is_the_one_of_the_rfc() {
        let answer = ask(&[("connection", "keep-alive, Upgrade"), WS, V13, KEY], Version::HTTP_11);
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
