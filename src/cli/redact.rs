//! Takes out of a text what does not belong into an issue that anybody may read. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Keys whose values are secrets, wherever they stand.
const SECRET_KEYS: [&str; 6] =
    ["listening_key", "settings_key", "passphrase", "presharedkey", "wifi_password", "psk"];

/// The text without keys, network addresses, serial numbers and this machine's name.
pub(super) fn redacted(text: &str, hostname: &str) -> String {
    text.lines().flat_map(|line| [redacted_line(line, hostname), "\n".into()]).collect()
}

fn redacted_line(line: &str, hostname: &str) -> String {
    if let Some((key, _)) = line.split_once('=')
        && SECRET_KEYS.contains(&key.trim_matches([' ', '#']).to_ascii_lowercase().as_str())
    {
        return format!("{key}= (left out)");
    }
    if let Some(before) = line.find("iSerial") {
        return format!("{}iSerial (left out)", &line[..before]);
    }
    // A hashed key runs on to the next blank or quote.
    if let Some(at) = line.find("$argon2") {
        let rest = &line[at..];
        let end = rest.find([' ', '"', '\'']).unwrap_or(rest.len());
        return redacted_line(&format!("{}(key){}", &line[..at], &rest[end..]), hostname);
    }
    let mut out = String::with_capacity(line.len());
    let mut word_began = 0;
    // An address may stand in brackets or before a port or a prefix length: words end at whatever cannot be in one.
    let in_word = |letter: char| letter.is_alphanumeric() || "+-_.:=".contains(letter);
    for (at, letter) in line.char_indices().chain([(line.len(), ' ')]) {
        if in_word(letter) {
            continue;
        }
        out.push_str(&redacted_word(&line[word_began..at], hostname));
        if at < line.len() {
            out.push(letter);
        }
        word_began = at + letter.len_utf8();
    }
    out
}

fn redacted_word(word: &str, hostname: &str) -> String {
    let bare = word.trim_end_matches(['.', ':']);
    let name = bare.strip_suffix(".local").unwrap_or(bare);
    if hostname.len() > 1 && hostname != "synthwire" && hostname != "localhost" && name == hostname {
        return word.replacen(hostname, "(name)", 1);
    }
    let (address, port) = match bare.split_once(':') {
        Some((address, port)) if port.parse::<u16>().is_ok() => (address, &word[address.len()..]),
        _ => (bare, &word[bare.len()..]),
    };
    let is_private = address.parse::<Ipv4Addr>().is_ok_and(|v4| !v4.is_loopback() && !v4.is_unspecified())
        || address.parse::<Ipv6Addr>().is_ok_and(|v6| !v6.is_loopback() && !v6.is_unspecified());
    if is_private || is_mac(bare) { format!("(address){port}") } else { word.to_owned() }
}

fn is_mac(word: &str) -> bool {
    let mut parts = 0;
    word.split(':').all(|part| {
        parts += 1;
        part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    }) && parts == 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nobodys_business_is_left_out_and_the_rest_stays() {
        for (line, expected) in [
            ("listening_key = \"$argon2id$v=19$m=4096\"", "listening_key = (left out)"),
            ("  Passphrase=hunter2", "  Passphrase= (left out)"),
            ("#settings_key=hunter2", "#settings_key= (left out)"),
            ("a key $argon2id$v=19$m=4096,t=4$abc here", "a key (key) here"),
            ("from 192.168.1.20:50123 and 10.0.0.7.", "from (address):50123 and (address)."),
            ("https://192.168.1.20:8443/ [fd00::7]:80", "https://(address):8443/ [(address)]:80"),
            ("inet6 fe80::1ff:fe23:4567:890a/64 dev", "inet6 (address)/64 dev"),
            ("link/ether dc:a6:32:01:02:03 brd", "link/ether (address) brd"),
            ("stage.local and stage: up, backstage", "(name).local and (name): up, backstage"),
            ("  iSerial                 3 0123456789", "  iSerial (left out)"),
            ("127.0.0.1:8080 0.0.0.0:80 ::1 [::]:80", "127.0.0.1:8080 0.0.0.0:80 ::1 [::]:80"),
            ("04:25:38.123 up 3 days, 6.12.38+deb13-rt", "04:25:38.123 up 3 days, 6.12.38+deb13-rt"),
            ("  bInterval 1, 0499:1617 Yamaha, S24_3LE", "  bInterval 1, 0499:1617 Yamaha, S24_3LE"),
        ] {
            assert_eq!(redacted(line, "stage"), format!("{expected}\n"), "{line}");
        }
        assert_eq!(redacted("synthwire.local", "synthwire"), "synthwire.local\n", "everybody's is called so");
    }
}
