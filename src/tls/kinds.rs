//! The kinds of keys and signatures: which of them handshakes can use, and which common browsers accept.
//! Pure.

use super::der::{Certificate, bit_string, bits, elements, object_identifier};

/// The kinds to use instead of all others.
pub(super) const TAKEN: &str = "ECDSA P-256 or P-384, or RSA of 2048 to 4096 bits";

/// The kind of a public key.
pub(super) enum KeyKind {
    /// Every browser accepts the key.
    Common,
    /// Handshakes can use the key, but few browsers accept it; holds the name of the kind.
    Rare(&'static str),
    /// The key cannot be used here; holds the name of the kind.
    Unusable(String),
}

impl KeyKind {
    /// Returns the kind of a certificate's key.
    pub(super) fn of(certificate: &Certificate) -> Option<Self> {
        let [algorithm, key] = <[_; 2]>::try_from(elements(&certificate.key)?).ok()?;
        let algorithm = elements(&algorithm)?;
        let kind = object_identifier(algorithm.first()?)?;
        let curve = || object_identifier(algorithm.get(1)?);
        Some(match kind[..] {
            [1, 2, 840, 113_549, 1, 1, 1] => match bits(elements(&bit_string(&key)?)?.first()?)? {
                2048..=4096 => Self::Common,
                bits => Self::Unusable(format!("RSA of {bits} bits")),
            },
            [1, 2, 840, 10_045, 2, 1] => match curve()?[..] {
                [1, 2, 840, 10_045, 3, 1, 7] | [1, 3, 132, 0, 34] => Self::Common,
                [1, 3, 132, 0, 35] => Self::Unusable("ECDSA P-521".into()),
                _ => Self::Unusable("ECDSA on a rare curve".into()),
            },
            [1, 3, 101, 112] => Self::Rare("Ed25519"),
            [1, 3, 101, 113] => Self::Unusable("Ed448".into()),
            _ => Self::Unusable("neither ECDSA nor RSA".into()),
        })
    }
}

/// Returns the algorithm of a certificate's signature, if browsers refuse it.
pub(super) fn refused_signature(certificate: &Certificate) -> Option<&'static str> {
    match certificate.signed_by[..] {
        [1, 2, 840, 113_549, 1, 1, 2 | 4] => Some("MD5"),
        [1, 2, 840, 113_549, 1, 1, 5] | [1, 2, 840, 10_045, 4, 1] | [1, 2, 840, 10_040, 4, 3] => {
            Some("SHA-1")
        }
        [1, 3, 101, 112] => Some("Ed25519"),
        _ => None,
    }
}
