//! The authority as Apple's devices take it: a configuration profile with one certificate in it. Pure.

use std::fmt::Write as _;

/// The profile (Apple's "Configuration Profile Reference": payload types Configuration and com.apple.security.root).
///
/// `der` is the certificate, `name` what it is called, `digest` 32 bytes that are the same for the same certificate: the
/// profile's identifiers come from them, so that installing it again replaces it.
pub fn profile(name: &str, der: &[u8], digest: &[u8; 32]) -> String {
    let name = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (outer, inner) = (uuid(&digest[..16]), uuid(&digest[16..]));
    let content = base64(der);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>PayloadType</key><string>Configuration</string>
	<key>PayloadVersion</key><integer>1</integer>
	<key>PayloadIdentifier</key><string>synthwire.{outer}</string>
	<key>PayloadUUID</key><string>{outer}</string>
	<key>PayloadDisplayName</key><string>{name}</string>
	<key>PayloadDescription</key><string>Lets this device play the sound of {name}. It vouches for local names and addresses only, for no site on the internet.</string>
	<key>PayloadRemovalDisallowed</key><false/>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadType</key><string>com.apple.security.root</string>
			<key>PayloadVersion</key><integer>1</integer>
			<key>PayloadIdentifier</key><string>synthwire.{outer}.root</string>
			<key>PayloadUUID</key><string>{inner}</string>
			<key>PayloadDisplayName</key><string>{name}</string>
			<key>PayloadCertificateFileName</key><string>synthwire.crt</string>
			<key>PayloadContent</key><data>{content}</data>
		</dict>
	</array>
</dict>
</plist>
"#
    )
}

/// A version 8 UUID (RFC 9562: the maker's own bits) of 16 bytes.
fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            text.push('-');
        }
        let byte = match place {
            6 => byte & 0x0F | 0x80,
            8 => byte & 0x3F | 0x80,
            _ => *byte,
        };
        let _ = write!(text, "{byte:02X}"); // a string takes everything
    }
    text
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xFB, 0xFF, 0xBF]), "+/+/");
    }

    #[test]
    fn the_same_certificate_makes_the_same_profile_with_well_formed_identifiers() {
        let one = profile("Synthwire <a> & b", b"der", &[0xFF; 32]);
        assert_eq!(one, profile("Synthwire <a> & b", b"der", &[0xFF; 32]));
        assert!(one.contains("<string>FFFFFFFF-FFFF-8FFF-BFFF-FFFFFFFFFFFF</string>"), "{one}");
        assert!(one.contains("Synthwire &lt;a&gt; &amp; b"));
    }
}
