//! Decodes text as editors save it. Pure.
//!
//! In: a file's bytes. Out: its text with plain line ends, or a description of bytes that are no text. UTF-8
//! and UTF-16 are read with or without a byte order mark. Bytes that are neither are read as Windows-1252,
//! which agrees with Latin-1 on all its letters.

/// Maximum number of lines that one value, a list or a long text, may span. A longer one is a mistake, and is
/// not parsed repeatedly.
pub const VALUE_LINES_MAX: usize = 200;

/// 0x80 to 0x9F in Windows-1252; undefined ones are as in Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Returns the text, without a byte order mark and with line feeds only. Zeros at the end, which a power cut may leave, are
/// removed.
///
/// # Errors
/// A description of bytes that are no text, as part of a sentence: "it is UTF-32".
pub fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    let text = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err("it is UTF-32"),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ if zeros(bytes, 1) => wide(bytes, u16::from_le_bytes),
        _ if zeros(bytes, 0) => wide(bytes, u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            String::from_utf8(bytes.to_vec())
                .unwrap_or_else(|_| bytes.iter().map(|byte| narrow(*byte)).collect())
        }
    };
    let text = text.trim_end_matches('\0');
    if text.is_empty() && bytes.contains(&0) {
        return Err("it holds zeros and no text");
    }
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Returns whether every second byte, from `first` on, is zero, and the others are not: this is how plain words look in
/// UTF-16.
fn zeros(bytes: &[u8], first: usize) -> bool {
    let mut pairs = bytes.chunks_exact(2);
    bytes.len() >= 4
        && pairs.all(|pair| pair[first] == 0 && pair[1 - first] != 0)
        && pairs.remainder().is_empty()
}

fn wide(bytes: &[u8], from: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| from([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

fn narrow(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_save_is_read() {
        let utf16 =
            |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        for (bytes, expected) in [
            (b"".to_vec(), Ok("")),
            (b"a = 1\n".to_vec(), Ok("a = 1\n")),
            (b"a = 1\r\nb = 2\rc".to_vec(), Ok("a = 1\nb = 2\nc")),
            (b"\xef\xbb\xbfa = \"\xc3\xa4\"".to_vec(), Ok("a = \"ä\"")),
            (b"a = \"\xe4\x80\x93\"".to_vec(), Ok("a = \"\u{4013}\"")),
            (b"a = \"\xe4\"".to_vec(), Ok("a = \"ä\"")),
            (b"a = \x93\xe4\x94".to_vec(), Ok("a = “ä”")),
            (utf16("\u{feff}a = \"ä\"\r\n", u16::to_le_bytes), Ok("a = \"ä\"\n")),
            (utf16("\u{feff}a = \"ä\"", u16::to_be_bytes), Ok("a = \"ä\"")),
            (utf16("a = 1", u16::to_le_bytes), Ok("a = 1")),
            (utf16("a = 1", u16::to_be_bytes), Ok("a = 1")),
            (b"a = 1\n\0\0\0\0".to_vec(), Ok("a = 1\n")),
            (vec![0; 512], Err("it holds zeros and no text")),
            (b"a = \0\0\0 1".to_vec(), Ok("a = \0\0\0 1")),
            (b"\xff\xfe\0\0a\0\0\0".to_vec(), Err("it is UTF-32")),
        ] {
            assert_eq!(decode(&bytes).as_deref(), expected.as_ref().map(|text| *text), "{bytes:?}");
        }
    }
}
