//! A device's own certificate authority, and the leaves it signs.
//!
//! In: names and dates, decided elsewhere. Out: keys and certificates. Nothing is read or written here. Elliptic curve keys
//! (P-256): every browser takes them, and a small machine makes and uses them in well under a millisecond.

use super::dates::Window;
use super::shown::certified;
use crate::error::{Error, Result};
use crate::identity::{Certified, PRIVATE_BLOCKS};
use crate::state::{StateFile, Step, numbered};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What becomes of an authority on the disk: all of it or nothing.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Authority {
    /// PEM; it never leaves the device.
    key: String,
    /// PEM; what a listener's device is asked to trust.
    pub(super) certificate: String,
    /// What people see it called.
    pub(super) name: String,
    /// The host's name when it was made: no other bare name may be signed for.
    host: String,
    pub(super) window: Window,
}

/// A leaf on the disk.
#[derive(Serialize, Deserialize)]
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

    /// Makes one for a machine called `label` on its network.
    pub(super) fn make(label: &str, window: Window) -> Result<Self> {
        let key = KeyPair::generate().map_err(refused)?;
        let host = label.to_owned();
        // Two devices of one name differ by the letters, which come from the key.
        let digest = CertificateParams::default().key_identifier(&key);
        let words = ["Synthwire", &host, &format!("{:02X}{:02X}", digest[0], digest[1])];
        let name = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let certificate = parameters(&name, &host, window)?.self_signed(&key).map_err(refused)?;
        Ok(Self { key: key.serialize_pem(), certificate: certificate.pem(), name, host, window })
    }

    /// Signs a leaf for those of `names` it may name.
    pub(super) fn sign(&self, names: &Certified, window: Window) -> Result<Leaf> {
        let issuer_key = KeyPair::from_pem(&self.key).map_err(refused)?;
        let issuer = Issuer::new(parameters(&self.name, &self.host, self.window)?, issuer_key);
        let allowed = self.may_name(names);
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

    /// Those names its constraints allow: a host that was renamed keeps its `.local` name only.
    pub(super) fn may_name(&self, names: &Certified) -> Certified {
        let allowed = |name: &&String| {
            name.rsplit('.').next() == Some("local") || *name == "localhost" || **name == self.host
        };
        Certified {
            dns: names.dns.iter().filter(allowed).cloned().collect(),
            addresses: names.addresses.clone(),
        }
    }
}

/// The same authority always has the same parameters: they are all that signing needs of its certificate.
fn parameters(name: &str, host: &str, window: Window) -> Result<CertificateParams> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name = called(name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let mut permitted: Vec<GeneralSubtree> = ["local", "localhost", host]
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(|name| GeneralSubtree::DnsName(name.into()))
        .collect();
    permitted.extend(
        PRIVATE_BLOCKS
            .iter()
            .map(|(block, length)| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*block, *length))),
    );
    authority.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() });
    (authority.not_before, authority.not_after) = dates(window)?;
    Ok(authority)
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
