//! What the service's certificates are worth, judged by a verifier that is not ours (webpki, the one rustls clients use),
//! and what becomes of them when time, addresses or files change.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use synthwire::identity::Names;
use synthwire::state::StateFolder;
use synthwire::tls::dates::{Clock, DAY_S};
use synthwire::tls::{BUILD_S, Facts, Files, Identity};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("synthwire-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn identity(&self, facts: &Facts) -> Identity {
        Identity::own(&StateFolder::open(&self.0).unwrap(), facts).unwrap()
    }

    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.0.join(name)).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn facts(now_s: i64, set: bool, addresses: &[&str]) -> Facts {
    Facts {
        clock: Clock { now_s, set },
        names: Names::of("stage-pi", &[]),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    }
}

/// Whether a browser that trusts the authority would take this certificate for `name` at `at_s`.
fn verify(
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

fn authority(identity: &Identity) -> CertificateDer<'static> {
    identity.authority().expect("it is its own").der
}

#[test]
fn a_leaf_holds_for_the_machines_names_and_addresses_and_for_no_longer_than_browsers_take() {
    let folder = Folder::new("leaf");
    let now_s = BUILD_S + 400 * DAY_S;
    let identity = folder.identity(&facts(now_s, true, &["192.168.7.9", "fd00::9", "8.8.8.8"]));
    let check = |name, at_s| verify(&authority(&identity), &[identity.leaf()], name, at_s);
    for name in ["stage-pi.local", "stage-pi", "localhost", "192.168.7.9", "fd00::9", "127.0.0.1", "::1"] {
        assert_eq!(check(name, now_s), Ok(()), "{name}");
    }
    for name in ["8.8.8.8", "other.local", "192.168.7.10", "example.org"] {
        assert!(matches!(check(name, now_s), Err(Error::CertNotValidForName(_))), "{name}");
    }
    assert_eq!(check("localhost", now_s + 360 * DAY_S), Ok(()));
    assert!(matches!(check("localhost", now_s + 397 * DAY_S), Err(Error::CertExpired { .. })));
    assert!(matches!(check("localhost", now_s - 31 * DAY_S), Err(Error::CertNotValidYet { .. })));
}

#[test]
fn the_stolen_key_of_an_authority_can_be_nobody_on_the_internet() {
    let folder = Folder::new("constraints");
    let identity = folder.identity(&facts(BUILD_S, true, &[]));
    let kept = folder.json("authority.json");
    let key = || KeyPair::from_pem(kept["key"].as_str().unwrap()).unwrap();
    let mut parameters = CertificateParams::default();
    let name = kept["name"].as_str().unwrap();
    parameters.distinguished_name = called(name);
    let thief = Issuer::new(parameters, key());
    let forge = |name: SanType, issuer: &Issuer<'_, KeyPair>| {
        let mut leaf = CertificateParams::default();
        leaf.subject_alt_names = vec![name];
        let days = |days| time::OffsetDateTime::from_unix_timestamp(BUILD_S + days * DAY_S).unwrap();
        (leaf.not_before, leaf.not_after) = (days(0), days(90));
        leaf.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().clone()
    };
    let check = |chain: &[CertificateDer<'_>], name: &str| {
        verify(&authority(&identity), chain, name, BUILD_S + DAY_S)
    };
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    for name in ["other.local", "deep.stage-pi.local", "localhost", "stage-pi"] {
        assert_eq!(check(&[forge(dns(name), &thief)], name), Ok(()), "{name} may be signed for");
    }
    for name in ["example.org", "local.example.org", "notlocal", "other-pi"] {
        assert_eq!(check(&[forge(dns(name), &thief)], name), Err(Error::NameConstraintViolation), "{name}");
    }
    for address in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::2"] {
        let forged = forge(SanType::IpAddress(address.parse().unwrap()), &thief);
        assert_eq!(check(&[forged], address), Err(Error::NameConstraintViolation), "{address}");
    }
    // webpki forgets an anchor's path length; browsers do not. As the bytes have it: critical, a CA, zero further ones.
    let constraints = b"\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x08\x30\x06\x01\x01\xff\x02\x01\x00";
    let der = authority(&identity);
    assert!(der.as_ref().windows(constraints.len()).any(|bytes| bytes == constraints), "path length 0");
}

fn called(name: &str) -> rcgen::DistinguishedName {
    let mut called = rcgen::DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}

#[test]
fn keys_are_for_the_services_user_alone_and_last_over_a_restart() {
    let folder = Folder::new("files");
    let now = facts(BUILD_S + DAY_S, true, &["10.0.0.7"]);
    let (first, second) = (folder.identity(&now), folder.identity(&now));
    assert_eq!(authority(&first), authority(&second));
    assert_eq!(first.leaf(), second.leaf(), "a warning that was clicked away stays away");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    for name in ["authority.json", "leaf.json"] {
        assert_eq!(mode(&folder.0.join(name)), 0o600, "{name}");
    }
    let names: Vec<_> =
        std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing half-written is left: {names:?}");
}

#[test]
fn the_leaf_follows_time_and_addresses_without_a_restart() {
    let folder = Folder::new("follows");
    let home = ["10.0.0.7"];
    let identity = folder.identity(&facts(0, false, &home));
    let check = |name: &str, at_s| verify(&authority(&identity), &[identity.leaf()], name, at_s);
    assert_eq!(check("10.0.0.7", BUILD_S), Ok(()), "without a clock, dates begin at the build date");
    let first = identity.leaf();
    assert_eq!(identity.look(&facts(0, false, &home)).unwrap(), None);

    // Another network: another address, and the old one may stay.
    assert!(identity.look(&facts(0, false, &["192.168.4.4"])).unwrap().is_some());
    assert_eq!(check("192.168.4.4", BUILD_S), Ok(()));
    assert_ne!(identity.leaf(), first);

    // A listener's clock is two years later; ours is still nobody's.
    let later_s = BUILD_S + 730 * DAY_S;
    let listener = IpAddr::from([192, 168, 4, 50]);
    identity.claim(listener, later_s);
    assert_eq!(identity.look(&facts(0, false, &["192.168.4.4"])).unwrap(), Some("its dates"));
    assert_eq!(check("192.168.4.4", later_s), Ok(()));

    // The network has told the time: no listener's word counts any more.
    let now_s = BUILD_S + 100 * DAY_S;
    assert_eq!(identity.look(&facts(now_s, true, &["192.168.4.4"])).unwrap(), Some("its dates"));
    identity.claim(listener, BUILD_S + 3_000 * DAY_S);
    assert_eq!(identity.look(&facts(now_s, true, &["192.168.4.4"])).unwrap(), None);
    assert_eq!(check("192.168.4.4", now_s), Ok(()));

    // Its last third: renewed while the old one still holds.
    assert_eq!(identity.look(&facts(now_s + 230 * DAY_S, true, &["192.168.4.4"])).unwrap(), None);
    assert!(identity.look(&facts(now_s + 250 * DAY_S, true, &["192.168.4.4"])).unwrap().is_some());
}

#[test]
fn an_authority_that_cannot_be_used_is_kept_and_never_silently_replaced() {
    let folder = Folder::new("broken");
    let now = facts(BUILD_S, true, &[]);
    let first = authority(&folder.identity(&now));
    std::fs::write(folder.0.join("leaf.json"), b"{").unwrap();
    assert_eq!(authority(&folder.identity(&now)), first, "a leaf is made anew, nobody has to be told");
    let whole = std::fs::read_to_string(folder.0.join("authority.json")).unwrap();
    let other = Folder::new("other");
    other.identity(&now);
    let foreign_key = other.json("authority.json")["key"].clone();
    let mut mismatched = folder.json("authority.json");
    mismatched["key"] = foreign_key;
    let mut dateless = folder.json("authority.json");
    dateless["window"]["until_s"] = i64::MIN.into();
    for damage in
        ["{", "", "\0\0\0", &whole[..whole.len() / 2], &mismatched.to_string(), &dateless.to_string()]
    {
        std::fs::write(folder.0.join("authority.json"), damage).unwrap();
        let identity = folder.identity(&now);
        assert!(identity.authority().is_none(), "nobody is asked to trust it: {damage:?}");
        assert!(identity.notice().unwrap().contains("authority.json"), "{damage:?}");
        let kept = || std::fs::read_to_string(folder.0.join("authority.json")).unwrap();
        assert_eq!(kept(), damage);
        assert!(identity.look(&facts(BUILD_S, true, &["10.1.1.1"])).unwrap().is_some(), "it goes on serving");
        assert_eq!(kept(), damage);

        assert!(identity.replace_authority(&now).unwrap(), "somebody asks for it");
        let new = authority(&identity);
        assert_ne!(new, first);
        assert_eq!(verify(&new, &[identity.leaf()], "localhost", BUILD_S + DAY_S), Ok(()));
        assert_eq!(identity.notice(), None);
        assert!(!identity.replace_authority(&now).unwrap(), "one that is good stays");
        assert_eq!(authority(&folder.identity(&now)), new);
    }
    assert_eq!(std::fs::read_to_string(folder.0.join("authority.json.damaged")).unwrap(), "{");
    std::fs::write(folder.0.join("authority.json"), &whole).unwrap();
    assert_eq!(authority(&folder.identity(&now)), first, "put back from a copy, it is trusted as before");
}

#[test]
fn a_certificate_from_elsewhere_is_used_renewed_and_refused_with_a_remedy() {
    let folder = Folder::new("supplied");
    std::fs::create_dir_all(&folder.0).unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let make = || {
        let made = rcgen::generate_simple_self_signed(vec!["synth.example.org".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let ((one, one_key), (two, two_key)) = (make(), make());
    let files = Files { cert: put("cert.pem", &one), key: put("key.pem", &one_key) };
    let identity = Identity::supplied(files.clone(), Vec::new()).unwrap();
    assert!(identity.authority().is_none(), "nobody is asked to trust what is not ours");
    let first = identity.leaf();
    assert_eq!(identity.look(&facts(BUILD_S, true, &[])).unwrap(), None);

    std::thread::sleep(Duration::from_millis(20)); // a file's time has a grain
    put("key.pem", &two_key);
    assert!(identity.look(&facts(BUILD_S, true, &[])).is_err(), "half a renewal");
    assert_eq!(identity.leaf(), first, "the old one stays");
    std::thread::sleep(Duration::from_millis(20));
    put("cert.pem", &two);
    assert!(identity.look(&facts(BUILD_S, true, &[])).unwrap().is_some());
    assert_ne!(identity.leaf(), first);

    let refused = |cert: &Path, key: &Path| {
        let opened = Identity::supplied(Files { cert: cert.into(), key: key.into() }, Vec::new());
        opened.err().unwrap().to_string()
    };
    for (error, said) in [
        (refused(&folder.0.join("none"), &files.key), "Check the path given with --cert"),
        (refused(&files.cert, &folder.0.join("none")), "Check the path given with --key"),
        (refused(&files.key, &files.key), "there is no certificate in it"),
        (refused(&files.cert, &files.cert), "the key cannot be read as PEM"),
        (refused(&put("one.pem", &one), &files.key), "the key is another certificate's"),
        (
            refused(
                &put("bad.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
                &files.key,
            ),
            "PEM",
        ),
    ] {
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_browsers_will_say_against_a_certificate_from_elsewhere_is_said_first() {
    let folder = Folder::new("objections");
    std::fs::create_dir_all(&folder.0).unwrap();
    let date = |days: i64| time::OffsetDateTime::from_unix_timestamp(BUILD_S + days * DAY_S).unwrap();
    let said = |names: &[&str], days: [i64; 2], set: bool, given: &[&str]| {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(owned(names)).unwrap();
        (leaf.not_before, leaf.not_after) = (date(days[0]), date(days[1]));
        let put = |name: &str, text: String| {
            let path = folder.0.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let cert = put("cert.pem", leaf.self_signed(&key).unwrap().pem());
        let files = Files { cert, key: put("key.pem", key.serialize_pem()) };
        let identity = Identity::supplied(files, owned(given)).unwrap();
        identity.objections(&facts(BUILD_S, set, &["192.168.1.20"])).join(" | ")
    };
    let good = [-10, 10];
    for (names, given) in [
        (&["synth.example.org"][..], &["synth.example.org"][..]),
        (&["*.example.org"], &["synth.example.org"]),
        (&["stage-pi.local"], &[]),
        (&["192.168.1.20"], &[]),
        (&["elsewhere.example", "stage-pi"], &[]),
    ] {
        assert_eq!(said(names, good, true, given), "", "{names:?} {given:?}");
    }
    let ours = &["stage-pi.local"];
    let ended = said(ours, [-10, -1], true, &[]);
    assert!(
        ended.starts_with("the certificate ended on ") && ended.ends_with(": have it renewed"),
        "{ended}"
    );
    let early = said(ours, [1, 10], false, &[]);
    assert!(early.starts_with("the certificate begins on "), "{early}");
    assert!(early.contains(", which nobody has set yet: wait, or set the clock"), "{early}");
    let unnamed = said(&["a.example", "b.example"], good, true, &[]);
    assert_eq!(
        unnamed,
        "the certificate is for a.example, b.example, and this device answers to none of that: start with --name a.example"
    );
    let missing = said(&["a.example"], good, true, &["a.example", "b.example"]);
    assert!(missing.starts_with("the certificate does not speak for b.example: "), "{missing}");
    let both = said(&["a.example"], [-10, -1], true, &["b.example"]);
    assert_eq!(both.matches(" | ").count(), 1, "{both}");
}
