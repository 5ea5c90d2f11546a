//! A state folder, a thief who has stolen it, and the two verifiers of its certificates: webpki and OpenSSL.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use std::path::PathBuf;
use std::time::Duration;
use synthwire::identity::Names;
use synthwire::state::StateFolder;
use synthwire::tls::dates::{Clock, DAY_S};
use synthwire::tls::{BUILD_S, CertificateInputs, Identity};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

/// A folder that is removed after the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("synthwire-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub(crate) fn identity(&self, facts: &CertificateInputs) -> Identity {
        Identity::own(&StateFolder::open(&self.0).unwrap(), facts).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.0.join(name)).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn facts(now_s: i64, set: bool, addresses: &[&str]) -> CertificateInputs {
    CertificateInputs {
        clock: Clock { now_s, set },
        names: Names::of("stage-pi", &[]),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    }
}

/// Returns whether a browser that trusts the authority would accept this certificate for `name` at `at_s`.
pub(crate) fn verify(
    authority: &CertificateDer<'_>,
    chain: &[CertificateDer<'_>],
    name: &str,
    at_s: i64,
) -> Result<(), Error> {
    let anchors = [anchor_from_trusted_cert(authority)?];
    let leaf = EndEntityCert::try_from(&chain[0])?;
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &chain[1..],
        UnixTime::since_unix_epoch(Duration::from_secs(at_s as u64)),
        KeyUsage::server_auth(),
        None,
        None,
    )?;
    leaf.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap())
}

pub(crate) fn authority(identity: &Identity) -> CertificateDer<'static> {
    identity.authority().expect("it is its own").der
}

/// An attacker with a copy of the state folder.
pub(crate) struct Thief {
    pub(crate) authority: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Thief {
    pub(crate) fn of(folder: &Folder, identity: &Identity) -> Self {
        let kept = folder.json("authority.json");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = called(kept["name"].as_str().unwrap());
        let key = KeyPair::from_pem(kept["key"].as_str().unwrap()).unwrap();
        Self { authority: authority(identity), issuer: Issuer::new(parameters, key) }
    }

    /// Forges a certificate for these names and uses, valid for 90 days from the build date.
    pub(crate) fn forge(
        &self,
        names: Vec<SanType>,
        uses: &[ExtendedKeyUsagePurpose],
    ) -> CertificateDer<'static> {
        let mut leaf = CertificateParams::default();
        leaf.subject_alt_names = names;
        leaf.extended_key_usages = uses.to_vec();
        let days = |days| time::OffsetDateTime::from_unix_timestamp(BUILD_S + days * DAY_S).unwrap();
        (leaf.not_before, leaf.not_after) = (days(0), days(90));
        leaf.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().clone()
    }
}

pub(crate) fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// OpenSSL's verdict on each certificate, in order, a day after the build date, on a system that trusts the
/// authority.
pub(crate) fn openssl(
    folder: &Folder,
    authority: &CertificateDer<'_>,
    leaves: &[CertificateDer<'_>],
    purpose: &str,
) -> Vec<bool> {
    let put = |name: String, der: &CertificateDer<'_>| {
        let path = folder.0.join(name);
        std::fs::write(&path, der).unwrap();
        path
    };
    let trusted = put("trusted.der".into(), authority);
    let paths: Vec<PathBuf> =
        leaves.iter().enumerate().map(|(place, leaf)| put(format!("{place}.der"), leaf)).collect();
    let output = std::process::Command::new("openssl")
        .args([
            "verify",
            "-attime",
            &(BUILD_S + DAY_S).to_string(),
            "-purpose",
            purpose,
            "-no-CApath",
            "-trusted",
        ])
        .arg(trusted)
        .args(&paths)
        .output()
        .expect("openssl is there: scripts/packages.sh names it");
    let said = String::from_utf8(output.stdout).unwrap();
    let good = |path: &PathBuf| said.lines().any(|line| line == format!("{}: OK", path.display()));
    paths.iter().map(good).collect()
}

pub(crate) fn called(name: &str) -> rcgen::DistinguishedName {
    let mut called = rcgen::DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}
