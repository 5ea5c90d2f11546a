//! Parses DER (X.690) far enough to recognise a certificate or another file. Pure. webpki checks whether a
//! certificate is valid.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "its reader lives too briefly for a method by its name"
)]

/// The fields of a certificate that we examine (RFC 5280, section 4.1), each with its tag and length.
#[derive(PartialEq, Eq)]
pub(super) struct Certificate {
    /// The algorithm of the signature.
    pub(super) signed_by: Vec<u64>,
    /// Issuer, validity, and subject.
    pub(super) identity: [Vec<u8>; 3],
    /// The public key with its algorithm.
    pub(super) key: Vec<u8>,
}

impl Certificate {
    /// Parses a certificate; `None` if the bytes are none.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        /// The tag of the version, which the first version of certificates lacks.
        const VERSION: u8 = 0xA0;
        let [body, algorithm, _signature] = <[_; 3]>::try_from(elements(der)?).ok()?;
        let body = elements(&body)?.into_iter().skip_while(|element| element.first() == Some(&VERSION));
        let body: Vec<Vec<u8>> = body.take(6).collect();
        let [_serial, _algorithm, issuer, dates, subject, key] = <[_; 6]>::try_from(body).ok()?;
        let signed_by = object_identifier(elements(&algorithm)?.first()?)?;
        Some(Self { signed_by, identity: [issuer, dates, subject], key })
    }
}

/// Returns the elements of a SEQUENCE, each with its tag and length; `None` for anything else.
pub(super) fn elements(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let all = |sequence: &mut yasna::BERReaderSeq<'_, '_>| {
        let mut found = Vec::new();
        while let Some(element) = sequence.read_optional(|reader| reader.read_der())? {
            found.push(element);
        }
        Ok(found)
    };
    yasna::parse_der(der, |reader| reader.read_sequence(all)).ok()
}

/// Returns the numbers of an OBJECT IDENTIFIER.
pub(super) fn object_identifier(der: &[u8]) -> Option<Vec<u64>> {
    yasna::parse_der(der, |reader| reader.read_oid()).ok().map(|found| found.components().clone())
}

/// Returns the content of a BIT STRING of whole bytes.
pub(super) fn bit_string(der: &[u8]) -> Option<Vec<u8>> {
    yasna::parse_der(der, |reader| reader.read_bitvec_bytes()).ok().map(|(bytes, _)| bytes)
}

/// Returns the number of bits in a positive INTEGER.
pub(super) fn bits(der: &[u8]) -> Option<usize> {
    let (bytes, is_positive) = yasna::parse_der(der, |reader| reader.read_bigint_bytes()).ok()?;
    let first = bytes.iter().position(|byte| *byte != 0).filter(|_| is_positive)?;
    Some((bytes.len() - first) * 8 - bytes[first].leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sequence_or_not_the_whole_of_one_has_no_elements() {
        assert_eq!(
            elements(b"\x30\x05\x02\x01\x03\x05\x00"),
            Some(vec![b"\x02\x01\x03".to_vec(), b"\x05\0".to_vec()])
        );
        assert_eq!(elements(b"\x30\x00"), Some(Vec::new()));
        for der in [
            &b""[..],
            b"\x30",
            b"\x30\x05\x02\x01\x03\x05",
            b"\x02\x01\x03",
            b"\x30\x02\x02\x09",
            b"\x30\x00\x00",
            b"0123",
        ] {
            assert_eq!(elements(der), None, "{der:?}");
        }
    }

    #[test]
    fn bits_are_counted_without_leading_zeros() {
        for (der, expected) in [
            (&b"\x02\x02\x00\x80"[..], Some(8)),
            (b"\x02\x01\x01", Some(1)),
            (b"\x02\x01\xff", None),
            (b"\x05\0", None),
        ] {
            assert_eq!(bits(der), expected, "{der:?}");
        }
    }
}
