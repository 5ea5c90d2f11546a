//! Recognises certificates and keys that are not in readable PEM, and names the command that converts each
//! one to PEM. Pure.
//!
//! In: a file's bytes and its path. Out: a description of the file, in words.

use super::der::{Certificate, elements, object_identifier};
use crate::encoding::decode;
use std::path::Path;

/// Signed data of PKCS7 (RFC 2315), a common form of certificate chains.
const SIGNED_DATA: [u64; 7] = [1, 2, 840, 113_549, 1, 7, 2];
/// The first byte of DER; no text begins with it.
const SEQUENCE: u8 = 0x30;

/// Decodes a file that an editor saved as text; bytes that are no text stay unchanged.
pub(super) fn read_as_text(bytes: Vec<u8>) -> Vec<u8> {
    if bytes.first() == Some(&SEQUENCE) {
        return bytes;
    }
    decode(&bytes).map_or(bytes, String::into_bytes)
}

/// Describes the certificate's file, if it is not PEM.
pub(super) fn of_certificate(bytes: &[u8], path: &Path) -> Option<String> {
    let path = path.display();
    if holds(bytes, "-----BEGIN PKCS7-----") {
        return Some(format!(
            "the certificate is in PKCS7: 'openssl pkcs7 -print_certs -in {path} -out cert.pem' converts it"
        ));
    }
    let parts = elements(bytes)?;
    if Certificate::of(bytes).is_some() {
        Some(format!(
            "the certificate is DER: 'openssl x509 -inform DER -in {path} -out cert.pem' converts it"
        ))
    } else if is_pkcs12(&parts) {
        Some(format!(
            "the certificate is in PKCS12: 'openssl pkcs12 -nokeys -in {path} -out cert.pem' converts it"
        ))
    } else if parts.first().and_then(|kind| object_identifier(kind)).is_some_and(|kind| kind == SIGNED_DATA) {
        Some(format!(
            "the certificate is in PKCS7: 'openssl pkcs7 -inform DER -print_certs -in {path} -out cert.pem' converts it"
        ))
    } else {
        None
    }
}

/// Describes the key's file, if it is not unencrypted PEM.
pub(super) fn of_key(bytes: &[u8], path: &Path) -> Option<String> {
    let path = path.display();
    if holds(bytes, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || holds(bytes, "Proc-Type: 4,ENCRYPTED") {
        return Some(format!(
            "the key is locked with a password, which nobody types here: 'openssl pkey -in {path} -out key.pem' unlocks it"
        ));
    }
    let parts = elements(bytes)?;
    if is_pkcs12(&parts) {
        Some(format!(
            "the key is in PKCS12: 'openssl pkcs12 -nocerts -noenc -in {path} -out key.pem' converts it"
        ))
    } else if is_key(&parts) {
        Some(format!("the key is DER: 'openssl pkey -inform DER -in {path} -out key.pem' converts it"))
    } else {
        None
    }
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

/// Returns whether these are the parts of PKCS #12 (RFC 7292, section 4): version 3, then the content.
fn is_pkcs12(parts: &[Vec<u8>]) -> bool {
    matches!(parts, [version, content, ..] if version == b"\x02\x01\x03" && content.first() == Some(&SEQUENCE))
}

/// Returns whether these are the parts of a key. PKCS #8 and PKCS #1 begin with version 0, SEC 1 with version
/// 1; an encrypted PKCS #8 has the algorithm, then bytes.
fn is_key(parts: &[Vec<u8>]) -> bool {
    const OCTET_STRING: u8 = 0x04;
    match parts {
        [version, _, ..] if version == b"\x02\x01\x00" || version == b"\x02\x01\x01" => true,
        [how, locked] => how.first() == Some(&SEQUENCE) && locked.first() == Some(&OCTET_STRING),
        _ => false,
    }
}
