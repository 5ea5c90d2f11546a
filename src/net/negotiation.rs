//! Content negotiation: what a request accepts and already has, and the type of its body (RFC 9110, 8.3, 12.5.3 and
//! 13.1.2). Pure.

use super::access::Denied;
use super::refusals::Refusal;
use hyper::header::{self, HeaderMap, HeaderName};
use mime::Mime;

/// The coding of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
}

/// Returns the best of the available codings that the client accepts; `None` if it accepts none. If it likes both equally,
/// it gets the shorter one.
pub(super) fn coding(headers: &HeaderMap, has_gzip: bool) -> Option<Coding> {
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return Some(Coding::Identity); // any coding is allowed, but some clients that send no such header cannot unpack
    }
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for item in items(headers, &header::ACCEPT_ENCODING) {
        let (coding, quality) = weighed(item);
        match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(quality),
            "identity" => identity = Some(quality),
            "*" => any = Some(quality),
            _ => {}
        }
    }
    let gzip = if has_gzip { gzip.or(any).unwrap_or(0) } else { 0 };
    // An unnamed identity coding is accepted, but ranks after all named codings; "*;q=0" refuses it.
    let identity = identity.or(any.filter(|quality| *quality == 0));
    match identity {
        Some(0) if gzip == 0 => None,
        Some(quality) if quality > gzip => Some(Coding::Identity),
        None if gzip == 0 => Some(Coding::Identity),
        _ => Some(Coding::Gzip),
    }
}

/// Returns whether the client already has the content with this tag. The comparison is weak, because proxies that compress
/// an answer weaken its tag.
pub(super) fn has(headers: &HeaderMap, etag: &str) -> bool {
    items(headers, &header::IF_NONE_MATCH)
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == etag)
}

/// Returns whether the body claims to be of this type, with any parameters.
pub(super) fn is_of_type(headers: &HeaderMap, essence: &str) -> bool {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    // The parser accepts whitespace only after a ';'. RFC 9110 (5.6.6) allows it before, too, and some programs also put it
    // round the '='.
    let tight_around = |mark: char, text: &str| {
        text.split(mark).map(str::trim).collect::<Vec<_>>().join(mark.encode_utf8(&mut [0; 4]))
    };
    let tight = |line: &str| tight_around('=', &tight_around(';', line));
    let parsed = line.to_str().ok().and_then(|line| tight(line).parse::<Mime>().ok());
    parsed.is_some_and(|kind| kind.essence_str().eq_ignore_ascii_case(essence))
}

/// Returns the items of a header that is a list of tokens or tags, over all its lines. None of ours contains a comma.
pub(super) fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let items = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    items.filter_map(|item| str::from_utf8(item).ok()).map(str::trim).filter(|item| !item.is_empty())
}

/// Returns an item and its quality in thousandths; an unreadable item counts as refused.
fn weighed(item: &str) -> (&str, u16) {
    let mut parts = item.split(';').map(str::trim);
    let coding = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let thousandths = |text: &str| {
        text.parse()
            .ok()
            .filter(|quality: &f32| (0.0..=1.0).contains(quality))
            .map(|quality| (quality * 1000.0) as u16)
    };
    (coding, quality.map_or(1000, |text| thousandths(text.trim()).unwrap_or(0)))
}

/// Checks for a body that no form on another site can send.
pub(super) fn check_json(headers: &HeaderMap) -> Result<(), Denied> {
    if !is_of_type(headers, "application/json") {
        return Err(Denied::new(Refusal::BodyUnreadable, "Only application/json is understood here."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn headers(name: &HeaderName, lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn gzip_goes_to_who_accepts_it_and_nothing_to_who_accepts_neither() {
        use Coding::{Gzip, Identity};
        let (gzip, identity) = (Some(Gzip), Some(Identity));
        for (lines, packed, not_packed) in [
            (vec![], identity, identity),
            (vec![""], identity, identity),
            (vec!["gzip"], gzip, identity),
            (vec!["GZip"], gzip, identity),
            (vec!["x-gzip"], gzip, identity),
            (vec!["gzip, deflate, br"], gzip, identity),
            (vec!["br", "gzip"], gzip, identity),
            (vec!["gzip;q=0"], identity, identity),
            (vec!["gzip; q=0.000"], identity, identity),
            (vec!["gzip;q=0.001"], gzip, identity),
            (vec!["gzip;q=0.5, identity"], identity, identity),
            (vec!["gzip, identity;q=0.5"], gzip, identity),
            (vec!["gzip;q=1, identity;q=1"], gzip, identity),
            (vec!["*"], gzip, identity),
            (vec!["gzip;q=0, *"], identity, identity),
            (vec!["br;q=1, *;q=0.1"], gzip, identity),
            (vec!["identity;q=0, gzip"], gzip, None),
            (vec!["*;q=0, gzip"], gzip, None),
            (vec!["*;q=0, identity"], identity, identity),
            (vec!["identity;q=0"], None, None),
            (vec!["*;q=0"], None, None),
            (vec!["gzip;q=much"], identity, identity),
            (vec!["gzip;q=2"], identity, identity),
            (vec!["notgzip"], identity, identity),
        ] {
            let asked = headers(&header::ACCEPT_ENCODING, &lines);
            assert_eq!((coding(&asked, true), coding(&asked, false)), (packed, not_packed), "{lines:?}");
        }
    }

    #[test]
    fn bytes_that_nobody_can_read_hide_nothing_beside_them() {
        let said = |name: &HeaderName, line: &[u8]| {
            HeaderMap::from_iter([(name.clone(), HeaderValue::from_bytes(line).unwrap())])
        };
        for line in [&b"\xe9, gzip"[..], b"gzip, \xe9"] {
            assert_eq!(coding(&said(&header::ACCEPT_ENCODING, line), true), Some(Coding::Gzip), "{line:?}");
        }
        for line in [&b"\"\xe9\", \"a-1\""[..], b"\"a-1\", \xe9"] {
            assert!(has(&said(&header::IF_NONE_MATCH, line), "\"a-1\""), "{line:?}");
        }
    }

    #[test]
    fn a_tag_is_known_by_itself_weakened_in_a_list_and_by_the_star() {
        for (lines, known) in [
            (vec!["\"a-1\""], true),
            (vec!["W/\"a-1\""], true),
            (vec!["*"], true),
            (vec!["\"b-2\", \"a-1\""], true),
            (vec!["\"b-2\",W/\"a-1\" , \"c\""], true),
            (vec!["\"b-2\"", "\"a-1\""], true),
            (vec![], false),
            (vec![""], false),
            (vec!["a-1"], false),
            (vec!["w/\"a-1\""], false),
            (vec!["\"a-1-gzip\""], false),
            (vec!["\"A-1\""], false),
            (vec!["\"a-1\"x"], false),
        ] {
            assert_eq!(has(&headers(&header::IF_NONE_MATCH, &lines), "\"a-1\""), known, "{lines:?}");
        }
    }

    #[test]
    fn a_type_is_the_same_in_any_letters_and_with_parameters() {
        for (lines, json) in [
            (vec!["application/json"], true),
            (vec!["Application/JSON"], true),
            (vec!["application/json; charset=utf-8"], true),
            (vec!["application/json;charset=\"UTF-8\""], true),
            (vec!["application/json ; charset=utf-8"], true),
            (vec!["application/json; charset = utf-8"], true),
            (vec!["application/json;\tcharset\t=\t\"utf-8\" ; a = b"], true),
            (vec!["application / json"], false),
            (vec!["text/plain; a = application/json"], false),
            (vec![], false),
            (vec!["text/plain"], false),
            (vec!["text/plain; application/json"], false),
            (vec!["text/plain;a=application/json"], false),
            (vec!["application/jsonp"], false),
            (vec!["application/x-www-form-urlencoded"], false),
            (vec!["multipart/form-data; boundary=application/json"], false),
            (vec!["text/plain, application/json"], false),
            (vec!["application/json, text/plain"], false),
            (vec!["application/json", "text/plain"], false),
            (vec!["json"], false),
        ] {
            assert_eq!(
                is_of_type(&headers(&header::CONTENT_TYPE, &lines), "application/json"),
                json,
                "{lines:?}"
            );
        }
    }
}
