//! Parses an HTTP answer: its status, whether our service sent it, and its body as far as it arrived. Pure.
//! It uses no library, because it only needs to read our own service's answers, and to recognise all others.

/// The name of our service in the `Server` header of every answer (`src/net/headers.rs`).
const OURS: &str = "synthwire/";

/// One answer.
pub(super) struct HttpAnswer<'a> {
    /// The HTTP status.
    pub(super) code: u16,
    /// True if our service sent the answer.
    pub(super) is_ours: bool,
    length: Option<usize>,
    came: &'a [u8],
}

impl<'a> HttpAnswer<'a> {
    /// Parses bytes; `None` if they are no HTTP answer, or end within the header.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let code = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
        let code = code.split("\r\n").next()?.parse().ok()?;
        let header = |wanted: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(':'));
            lines
                .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.trim().to_owned())
                .next()
        };
        Some(Self {
            code,
            is_ours: header("server").is_some_and(|server| server.starts_with(OURS)),
            length: header("content-length").and_then(|length| length.parse().ok()),
            came: &bytes[end + 4..],
        })
    }

    /// Returns the body, if it arrived in its announced length.
    pub(super) fn whole(&self) -> Option<&'a [u8]> {
        (self.length == Some(self.came.len())).then_some(self.came)
    }

    /// Returns the body as far as it arrived.
    pub(super) fn came(&self) -> &'a [u8] {
        self.came
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_only_at_the_length_it_announces() {
        let whole = |text: &str| HttpAnswer::of(text.as_bytes()).map(|answer| answer.whole().is_some());
        for (text, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", Some(true)),
            ("HTTP/1.1 200 OK\r\ncontent-length:3\r\n\r\nab", Some(false)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcd", Some(false)),
            ("HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\nabc", Some(false)),
            ("HTTP/1.1 200 OK\r\n\r\nabc", Some(false)),
            ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Some(true)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", None),
            ("HTTP/1.1 fine\r\n\r\n", None),
            ("HTTP/2 200\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(whole(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_our_service_signs_as_ours() {
        let ours = |server: &str| {
            HttpAnswer::of(format!("HTTP/1.1 404 Not Found\r\n{server}\r\n\r\n").as_bytes()).unwrap().is_ours
        };
        for (server, expected) in [
            ("Server: synthwire/0.1.0", true),
            ("server:synthwire/9", true),
            ("Server: nginx", false),
            ("Server: not synthwire/0.1.0", false),
            ("X-Server: synthwire/0.1.0", false),
            ("A: b", false),
        ] {
            assert_eq!(ours(server), expected, "{server}");
        }
    }
}
