//! The authority in the form for Apple's devices: a configuration profile with one certificate. Pure.

use data_encoding::{BASE64, HEXUPPER};

/// Returns the profile (Apple's "Configuration Profile Reference": payload types Configuration and
/// com.apple.security.root).
///
/// `der` is the certificate, `name` its displayed name, and `digest` 32 bytes that are the same for the same certificate.
/// The profile's identifiers derive from the digest, so that installing it again replaces it.
pub fn profile(name: &str, der: &[u8], digest: &[u8; 32]) -> String {
    let name = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (outer, inner) = (uuid(&digest[..16]), uuid(&digest[16..]));
    let content = BASE64.encode(der);
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

/// Returns a version 8 UUID (RFC 9562: custom bits) of 16 bytes.
fn uuid(bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let digits = HEXUPPER.encode(&bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_certificate_makes_the_same_profile_with_well_formed_identifiers() {
        let one = profile("Synthwire <a> & b", b"der", &[0xFF; 32]);
        assert_eq!(one, profile("Synthwire <a> & b", b"der", &[0xFF; 32]));
        assert!(one.contains("<string>FFFFFFFF-FFFF-8FFF-BFFF-FFFFFFFFFFFF</string>"), "{one}");
        assert!(one.contains("Synthwire &lt;a&gt; &amp; b"));
    }
}
