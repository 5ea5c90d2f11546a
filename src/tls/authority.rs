//! A device's own certificate authority, and the leaf certificates it signs.
//!
//! In: names and dates, decided elsewhere. Out: keys and certificates. Nothing is read or written here. Keys are elliptic
//! curve keys (P-256): every browser accepts them, and a small machine makes and uses them in well under a millisecond.

use super::current::{certified, sha256};
use super::dates::{self, Window};
use super::der::Certificate;
use crate::error::{Error, Result};
use crate::identity::{Certified, PERMITTED_SUFFIXES, PRIVATE_BLOCKS, is_permitted};
use crate::state::{StateFile, Step, numbered};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use time::OffsetDateTime;
use yasna::{DERWriter, Tag};

/// An authority as stored on the disk, completely or not at all.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Authority {
    /// PEM; it never leaves the device.
    key: String,
    /// PEM; listeners' devices are asked to trust it.
    pub(super) certificate: String,
    /// The authority's displayed name, which never changes: certificates with one key and one name vouch for the same leaves.
    pub(super) name: String,
    pub(super) window: Window,
    /// The version of the permissions; builds before the release of 0.1.0 wrote none, and permitted more ([`EDITION`]).
    #[serde(default)]
    edition: u32,
    /// The authority's earlier certificates, the latest last. Devices that trust one of them continue to do so until it
    /// expires.
    #[serde(default)]
    pub(super) former: Vec<Former>,
}

/// An earlier certificate with the same key, which devices may still trust.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Former {
    /// PEM.
    pub(super) certificate: String,
    pub(super) window: Window,
}

/// Raise it to change an authority's permissions: every device then makes a new certificate with the same
/// key. Edition 0 (builds before the release of 0.1.0) permitted the bare host name, which may be a public
/// top-level domain, and any use.
const EDITION: u32 = 1;
/// Maximum number of former certificates kept for notices; those forgotten stay trusted.
const FORMER_MAX: usize = 4;
/// The only host permitted for e-mail addresses and URIs; it can never exist (RFC 6761).
const NOWHERE: &str = "invalid";
/// The OID of the name constraints extension (RFC 5280, section 4.2.1.10).
const NAME_CONSTRAINTS: [u64; 4] = [2, 5, 29, 30];

/// A leaf as stored on the disk.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Leaf {
    /// PEM.
    pub(super) key: String,
    /// PEM.
    pub(super) certificate: String,
    pub(super) names: Certified,
    pub(super) window: Window,
    /// The certificate of the authority that signed it, in PEM.
    pub(super) authority: String,
}

impl StateFile for Authority {
    const NAME: &'static str = "authority.json";
    const STEPS: &'static [Step] = &[numbered];
}

impl StateFile for Leaf {
    const NAME: &'static str = "leaf.json";
    const STEPS: &'static [Step] = &[numbered];
}

impl Authority {
    /// Returns what is wrong with the authority, if its key and its certificate do not match.
    pub(super) fn flaw(&self) -> Option<String> {
        if !self.window.is_of_authority() {
            return Some("its dates are none".into());
        }
        let stored = match certified(self.certificate.as_bytes(), self.key.as_bytes()) {
            Ok(stored) => Certificate::of(&stored.cert[0]),
            Err(wrong) => return Some(wrong),
        };
        // A leaf's issuer comes from the stored data, but devices trust the certificate. Both must agree.
        match (stored, self.signed_now()) {
            (Some(stored), Ok(Some(now))) if stored.identity == now.identity => None,
            _ => Some("its name or its dates are not those of its certificate".into()),
        }
    }

    /// Returns the authority's certificate, made again from its name and dates.
    fn signed_now(&self) -> Result<Option<Certificate>> {
        let key = KeyPair::from_pem(&self.key).map_err(refused)?;
        let made = parameters(&self.name, self.window)?.self_signed(&key).map_err(refused)?;
        Ok(Certificate::of(made.der()))
    }

    /// Makes an authority for a machine called `label` on its network. It keeps this name forever, and nothing else depends
    /// on the label.
    pub(super) fn make(label: &str, window: Window) -> Result<Self> {
        let key = KeyPair::generate().map_err(refused)?;
        let host = label.to_owned();
        // The letters from the key tell two devices of the same name apart.
        let digest = CertificateParams::default().key_identifier(&key);
        let words = ["Synthwire", &host, &format!("{:02X}{:02X}", digest[0], digest[1])];
        let name = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let certificate = parameters(&name, window)?.self_signed(&key).map_err(refused)?.pem();
        Ok(Self { key: key.serialize_pem(), certificate, name, window, edition: EDITION, former: Vec::new() })
    }

    /// Returns whether the authority's certificate should be renewed at `moment_s`.
    pub(super) fn is_due(&self, moment_s: i64) -> bool {
        self.edition < EDITION || dates::authority_is_due(self.window, moment_s)
    }

    /// Returns the same authority with a new certificate that lasts longer and has this version's permissions.
    ///
    /// Key and name stay, so the new certificate and every former one vouch for a leaf until they expire: devices that
    /// trust one of them need to do nothing before that.
    pub(super) fn renewed(&self, moment_s: i64) -> Result<Self> {
        let key = KeyPair::from_pem(&self.key).map_err(refused)?;
        let window = dates::renewed_authority_window(self.window, moment_s);
        let certificate = parameters(&self.name, window)?.self_signed(&key).map_err(refused)?.pem();
        let mut former = self.former.clone();
        former.push(Former { certificate: self.certificate.clone(), window: self.window });
        former.drain(..former.len().saturating_sub(FORMER_MAX));
        Ok(Self {
            key: self.key.clone(),
            certificate,
            name: self.name.clone(),
            window,
            edition: EDITION,
            former,
        })
    }

    /// Returns notices about the authority's former certificates at `moment_s`.
    pub(super) fn notices(&self, moment_s: i64) -> Vec<String> {
        let ends_soon =
            |former: &&Former| (moment_s..moment_s + dates::TOLD_S).contains(&former.window.until_s);
        let told = self.former.iter().filter(ends_soon).map(|former| {
            format!(
                "Devices that were told before to trust this one may have to be told once more by {}: open /trust on each of them and install the certificate there.",
                dates::day(former.window.until_s)
            )
        });
        told.collect()
    }

    /// Signs a leaf for those of `names` that the authority may name.
    pub(super) fn sign(&self, names: &Certified, window: Window) -> Result<Leaf> {
        let issuer_key = KeyPair::from_pem(&self.key).map_err(refused)?;
        let issuer = Issuer::new(parameters(&self.name, self.window)?, issuer_key);
        let allowed = Self::may_name(names);
        // A new key each time: the serial number derives from it, and browsers refuse one that they see twice.
        let key = KeyPair::generate().map_err(refused)?;
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name = called(&allowed.dns[0]);
        leaf.subject_alt_names = allowed
            .dns
            .iter()
            .map(|name| name.as_str().try_into().map(SanType::DnsName))
            .collect::<std::result::Result<_, _>>()
            .map_err(refused)?;
        leaf.subject_alt_names.extend(allowed.addresses.iter().copied().map(SanType::IpAddress));
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = dates(window)?;
        let certificate = leaf.signed_by(&key, &issuer).map_err(refused)?;
        Ok(Leaf {
            key: key.serialize_pem(),
            certificate: certificate.pem(),
            names: allowed,
            window,
            authority: self.certificate.clone(),
        })
    }

    /// Returns the names that the authority's constraints allow.
    pub(super) fn may_name(names: &Certified) -> Certified {
        Certified {
            dns: names.dns.iter().filter(|name| is_permitted(name)).cloned().collect(),
            addresses: names.addresses.clone(),
        }
    }
}

/// Returns the authority's parameters, which are all that signing needs of its certificate; the same authority always has
/// the same ones.
///
/// The permissions are the same for every device, whatever its name: servers, with names and addresses that can never be
/// public ([`PERMITTED_SUFFIXES`]), no e-mail address and no URI. A kind of name that is not mentioned would be
/// unrestricted. So for those two we permit one that cannot exist: neither OpenSSL nor webpki accepts an exclusion of all
/// addresses, but every verifier respects what is permitted. Directory names are not mentioned, because webpki (rustls)
/// refuses every certificate below such a constraint (docs/design/decisions/0016-authority.md).
fn parameters(name: &str, window: Window) -> Result<CertificateParams> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name = called(name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    authority.custom_extensions = vec![name_constraints()];
    authority.serial_number = Some(serial(name, window));
    (authority.not_before, authority.not_after) = dates(window)?;
    Ok(authority)
}

/// Returns the extension that permits only these subtrees. Written here because `rcgen` has no constraint on URIs.
fn name_constraints() -> CustomExtension {
    // The tags of RFC 5280's GeneralName.
    let [email, dns, uri, address] = [1, 2, 6, 7];
    let names = PERMITTED_SUFFIXES.iter().map(|suffix| (dns, suffix.as_bytes().to_vec()));
    let addresses = PRIVATE_BLOCKS.iter().map(|(block, length)| (address, block_and_mask(*block, *length)));
    let nowhere = [email, uri].into_iter().map(|kind| (kind, NOWHERE.as_bytes().to_vec()));
    let subtrees: Vec<(u64, Vec<u8>)> = names.chain(addresses).chain(nowhere).collect();
    let content = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_tagged_implicit(Tag::context(0), |permitted| {
                permitted.write_sequence(|permitted| {
                    for (kind, base) in &subtrees {
                        permitted.next().write_sequence(|subtree| {
                            let base = |writer: DERWriter<'_>| writer.write_bytes(base);
                            subtree.next().write_tagged_implicit(Tag::context(*kind), base);
                        });
                    }
                });
            });
        });
    });
    let mut extension = CustomExtension::from_oid_content(&NAME_CONSTRAINTS, content);
    extension.set_criticality(true);
    extension
}

/// Returns a block as certificates encode it: its address, then its mask.
fn block_and_mask(block: IpAddr, length: u8) -> Vec<u8> {
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0).to_be_bytes();
    match block {
        IpAddr::V4(v4) => [&v4.octets()[..], &mask[..4]].concat(),
        IpAddr::V6(v6) => [&v6.octets()[..], &mask].concat(),
    }
}

/// Returns a serial number: browsers refuse two certificates with the same name and number.
fn serial(name: &str, window: Window) -> SerialNumber {
    /// Length in bytes; RFC 5280, section 4.1.2.2, allows positive numbers of up to 20.
    const BYTES: usize = 20;
    let text = format!("{name} {EDITION} {} {}", window.from_s, window.until_s);
    let mut bytes = sha256(text.as_bytes())[..BYTES].to_vec();
    bytes[0] = bytes[0] & 0x7F | 0x40;
    bytes.into()
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}

/// A certificate is valid up to and including `not_after`; a window ends one second later.
fn dates(window: Window) -> Result<(OffsetDateTime, OffsetDateTime)> {
    let date = |moment_s| OffsetDateTime::from_unix_timestamp(moment_s).map_err(refused);
    Ok((date(window.from_s)?, date(window.until_s - 1)?))
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new("cannot make a certificate").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_written_with_its_mask() {
        let [ten, .., loopback] = PRIVATE_BLOCKS.map(|(block, length)| block_and_mask(block, length));
        assert_eq!(ten, [10, 0, 0, 0, 255, 0, 0, 0]);
        assert_eq!(loopback[16..], [255; 16]);
        assert_eq!(block_and_mask(IpAddr::from([172, 16, 0, 0]), 12)[4..], [255, 240, 0, 0]);
        assert_eq!(block_and_mask(IpAddr::from([0, 0, 0, 0]), 0), [0; 8]);
    }
}
