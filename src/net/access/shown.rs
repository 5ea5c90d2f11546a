//! The keys a request shows: tokens in its cookies, or a key in a header. Pure.

use super::rules::{PerPurpose, Purpose};
use super::tokens::Token;
use hyper::header::{self, HeaderMap};

/// Returns the tokens a request carries. Other programs on this host may set cookies too, in any encoding. If several have
/// our name, the first valid token counts: browsers send the cookie with the narrower path first.
pub(super) fn tokens_in(headers: &HeaderMap) -> PerPurpose<Option<Token>> {
    let mut found = PerPurpose::default();
    let cookies =
        headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    let readable = cookies.filter_map(|pair| str::from_utf8(pair).ok());
    for (name, value) in readable.filter_map(|pair| pair.trim().split_once('=')) {
        for purpose in Purpose::ALL.into_iter().filter(|purpose| name == purpose.cookie()) {
            let token: &mut Option<Token> = found.of_mut(purpose);
            *token = token.take().or_else(|| Token::parse(value));
        }
    }
    found
}

/// Returns the key that a program shows with its request: `Authorization: Bearer KEY`.
pub(super) fn key_in(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) =
        str::from_utf8(headers.get(header::AUTHORIZATION)?.as_bytes()).ok()?.split_once(' ')?;
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
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_bytes("Bearer für die Band".as_bytes()).unwrap(),
        );
        assert_eq!(key_in(&headers), Some("für die Band"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic b3Blbg=="));
        assert_eq!(key_in(&headers), None);
    }

    #[test]
    fn cookies_of_others_hide_nothing_and_the_narrower_path_counts() {
        let token = "ab".repeat(32);
        let other = "cd".repeat(32);
        for line in [
            format!("synthwire_listening={token}"),
            format!("theme=d\u{fc}nkel; synthwire_listening={token}"),
            format!("synthwire_listening={token}; synthwire_listening={other}"),
            format!("synthwire_listening=none; synthwire_listening={token}"),
            format!("=; ;a; synthwire_listening={token};"),
        ] {
            let latin = line.chars().map(|c| c as u8).collect::<Vec<_>>();
            for bytes in [line.as_bytes(), &latin] {
                let mut headers = HeaderMap::new();
                headers.insert(header::COOKIE, HeaderValue::from_bytes(bytes).unwrap());
                assert!(tokens_in(&headers).listening == Token::parse(&token), "{line}");
            }
        }
    }
}
