//! A certificate's fingerprint in a form that people can compare. Pure.

use super::current::sha256;
use std::fmt;
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The SHA-256 of a certificate. It is always shown in sixteen groups of four digits, to be compared by eye; devices show
/// the same digits in pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint of a certificate (DER).
    pub fn of(der: &[u8]) -> Self {
        Self(sha256(der))
    }

    /// Returns the fingerprint of these bytes; `None` if they are no certificate.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        EndEntityCert::try_from(&CertificateDer::from(der)).is_ok().then(|| Self::of(der))
    }

    /// Returns the fingerprint's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, pair) in self.0.chunks_exact(2).enumerate() {
            write!(f, "{}{:02X}{:02X}", if place == 0 { "" } else { " " }, pair[0], pair[1])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha_256_in_groups_of_four() {
        let groups = "E3B0 C442 98FC 1C14 9AFB F4C8 996F B924 27AE 41E4 649B 934C A495 991B 7852 B855";
        assert_eq!(Fingerprint::of(b"").to_string(), groups);
    }
}
