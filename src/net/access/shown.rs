//! What a request shows of keys: tokens in its cookies, or a key of its own. Pure.

use super::rules::{Each, Purpose};
use super::tokens::Token;
use hyper::header::{self, HeaderMap};

/// The tokens a request carries.
pub(super) fn tokens_in(headers: &HeaderMap) -> Each<Option<Token>> {
    let mut found = Each::default();
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    for (name, value) in
        cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
    {
        for purpose in Purpose::ALL {
            if name == purpose.cookie() {
                *found.of_mut(purpose) = Token::parse(value);
            }
        }
    }
    found
}

/// The key a program shows with its request: `Authorization: Bearer KEY`.
pub(super) fn key_in(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn tokens_and_keys_are_found_in_the_headers() {
        let token = "ab".repeat(32);
        let mut headers = HeaderMap::new();
        let cookie = format!("x=1; synthwire_settings={token}; synthwire_listening=short");
        headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
        let found = tokens_in(&headers);
        assert!(found.settings.is_some() && found.settings == Token::parse(&token));
        assert!(found.listening.is_none() && key_in(&headers).is_none());
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer open sesame"));
        assert_eq!(key_in(&headers), Some("open sesame"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic b3Blbg=="));
        assert_eq!(key_in(&headers), None);
    }
}
