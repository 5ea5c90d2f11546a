//! A device's own certificate authority, and the leaves it signs.
//!
//! In: names and dates, decided elsewhere. Out: keys and certificates. Nothing is read or written here. Elliptic curve keys
//! (P-256): every browser takes them, and a small machine makes and uses them in well under a millisecond.

use super::current::{certified, sha256};
use super::dates::{self, Window};
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

/// What becomes of an authority on the disk: all of it or nothing.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Authority {
    /// PEM; it never leaves the device.
    key: String,
    /// PEM; what a listener's device is asked to trust.
    pub(super) certificate: String,
    /// What people see it called. It stays: certificates of one key and one name vouch for the same leaves.
    pub(super) name: String,
    pub(super) window: Window,
    /// What the certificate permits; builds before the release of 0.1.0 wrote none, and permitted more ([`EDITION`]).
    #[serde(default)]
    edition: u32,
    /// Its certificates before this one, the latest last. Devices that trust one of them go on trusting until its end.
    #[serde(default)]
    pub(super) former: Vec<Former>,
}

/// A certificate of the same key that this device showed before, and that devices may still trust.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Former {
    /// PEM.
    pub(super) certificate: String,
    pub(super) window: Window,
}

/// Grows when what an authority permits is changed: then every device makes its certificate anew, with the same key.
/// 0 (builds before the release of 0.1.0) permitted the bare host name, which may be a public top-level domain, and any use.
const EDITION: u32 = 1;
/// Former certificates kept, to be told about; ones that are forgotten go on being trusted.
const FORMER_MAX: usize = 4;
/// An e-mail address or a URI may be at this host only, and there will never be one (RFC 6761).
const NOWHERE: &str = "invalid";
/// The extension that says what may be named (RFC 5280, section 4.2.1.10).
const NAME_CONSTRAINTS: [u64; 4] = [2, 5, 29, 30];

/// A leaf on the disk.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Leaf {
    /// PEM.
    pub(super) key: String,
    /// PEM.
    pub(super) certificate: String,
    pub(super) names: Certified,
    pub(super) window: Window,
    /// The authority that signed it, as PEM.
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
    /// What is wrong with it, where it cannot sign what its certificate vouches for.
    pub(super) fn flaw(&self) -> Option<String> {
        if !self.window.is_of_authority() {
            return Some("its dates are none".into());
        }
        certified(self.certificate.as_bytes(), self.key.as_bytes()).err()
    }

    /// Makes one for a machine called `label` on its network: so it is called for ever, and nothing else of it depends on that.
    pub(super) fn make(label: &str, window: Window) -> Result<Self> {
        let key = KeyPair::generate().map_err(refused)?;
        let host = label.to_owned();
        // Two devices of one name differ by the letters, which come from the key.
        let digest = CertificateParams::default().key_identifier(&key);
        let words = ["Synthwire", &host, &format!("{:02X}{:02X}", digest[0], digest[1])];
        let name = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let certificate = parameters(&name, window)?.self_signed(&key).map_err(refused)?.pem();
        Ok(Self { key: key.serialize_pem(), certificate, name, window, edition: EDITION, former: Vec::new() })
    }

    /// Whether its certificate should be made anew at `moment_s`.
    pub(super) fn is_due(&self, moment_s: i64) -> bool {
        self.edition < EDITION || dates::authority_is_due(self.window, moment_s)
    }

    /// The same authority with a new certificate that holds longer, and permits what this version means it to.
    ///
    /// Key and name stay, so a leaf is vouched for by the new certificate and by every former one until its end: nobody who
    /// trusts one of them has to do anything before that.
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

    /// What people should know of its former certificates at `moment_s`.
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

    /// Signs a leaf for those of `names` it may name.
    pub(super) fn sign(&self, names: &Certified, window: Window) -> Result<Leaf> {
        let issuer_key = KeyPair::from_pem(&self.key).map_err(refused)?;
        let issuer = Issuer::new(parameters(&self.name, self.window)?, issuer_key);
        let allowed = Self::may_name(names);
        // A key of its own each time: the serial number comes from it, and browsers refuse one that comes twice.
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

    /// Those names its constraints allow.
    pub(super) fn may_name(names: &Certified) -> Certified {
        Certified {
            dns: names.dns.iter().filter(|name| is_permitted(name)).cloned().collect(),
            addresses: names.addresses.clone(),
        }
    }
}

/// The same authority always has the same parameters: they are all that signing needs of its certificate.
///
/// What is permitted is the same for every device and whatever it is called: names and addresses that can never be public
/// ([`PERMITTED_SUFFIXES`]), servers, no e-mail address and no URI. A kind of name that is not mentioned would be
/// unbounded, so of those two one is permitted that cannot exist: OpenSSL takes no exclusion of all addresses, and webpki
/// neither, but every verifier keeps to what is permitted. Directory names are not mentioned: webpki (rustls) refuses every
/// certificate below such a constraint (docs/design/decisions/0016-authority.md).
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

/// Nothing but what these subtrees permit. Written here because `rcgen` knows no constraint on URIs.
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

/// A block as certificates have it: its address, then its mask.
fn block_and_mask(block: IpAddr, length: u8) -> Vec<u8> {
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0).to_be_bytes();
    match block {
        IpAddr::V4(v4) => [&v4.octets()[..], &mask[..4]].concat(),
        IpAddr::V6(v6) => [&v6.octets()[..], &mask].concat(),
    }
}

/// Browsers refuse two certificates of one name and one number.
fn serial(name: &str, window: Window) -> SerialNumber {
    /// RFC 5280, section 4.1.2.2: positive, and no longer than 20.
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

/// A certificate's last second is its `not_after`; a window's is the one before its end.
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
