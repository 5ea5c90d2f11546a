//! Tests what our authority may sign: for which names, for which purpose, for how long.

use crate::judged::{Folder, Thief, authority, dns, facts, openssl, verify};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, Issuer, KeyPair,
    NameConstraints, SanType,
};
use synthwire::identity::Names;
use synthwire::tls::dates::DAY_S;
use synthwire::tls::{BUILD_S, CertificateInputs};
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::Error;

#[test]
fn a_leaf_holds_for_the_machines_names_and_addresses_and_for_no_longer_than_browsers_take() {
    let folder = Folder::new("leaf");
    let now_s = BUILD_S + 400 * DAY_S;
    let identity = folder.identity(&facts(now_s, true, &["192.168.7.9", "fd00::9", "8.8.8.8"]));
    let check = |name, at_s| verify(&authority(&identity), &[identity.leaf()], name, at_s);
    for name in ["stage-pi.local", "localhost", "192.168.7.9", "fd00::9", "127.0.0.1", "::1"] {
        assert_eq!(check(name, now_s), Ok(()), "{name}");
    }
    for name in ["8.8.8.8", "stage-pi", "other.local", "192.168.7.10", "example.org"] {
        assert!(matches!(check(name, now_s), Err(Error::CertNotValidForName(_))), "{name}");
    }
    assert_eq!(check("localhost", now_s + 360 * DAY_S), Ok(()));
    assert!(matches!(check("localhost", now_s + 397 * DAY_S), Err(Error::CertExpired { .. })));
    assert!(matches!(check("localhost", now_s - 31 * DAY_S), Err(Error::CertNotValidYet { .. })));
}

#[test]
fn the_stolen_key_of_an_authority_can_be_nobody_on_the_internet() {
    let folder = Folder::new("constraints");
    // The name is also a public top-level domain, which must make no difference.
    let identity =
        folder.identity(&CertificateInputs { names: Names::of("studio", &[]), ..facts(BUILD_S, true, &[]) });
    let thief = Thief::of(&folder, &identity);
    let check =
        |chain: &[CertificateDer<'_>], name: &str| verify(&thief.authority, chain, name, BUILD_S + DAY_S);
    let server = [ExtendedKeyUsagePurpose::ServerAuth];
    let (may, may_not) = (
        ["other.local", "deep.stage-pi.local", "localhost", "synth.home.arpa", "synth.internal"],
        [
            "example.org",
            "local.example.org",
            "notlocal",
            "other-pi",
            "studio",
            "www.example.studio",
            "synth.lan",
            "fritz.box",
        ],
    );
    for (names, expected) in [(&may[..], Ok(())), (&may_not[..], Err(Error::NameConstraintViolation))] {
        let forged: Vec<_> = names.iter().map(|name| thief.forge(vec![dns(name)], &server)).collect();
        let found = openssl(&folder, &thief.authority, &forged, "sslserver");
        for ((name, leaf), found) in names.iter().zip(&forged).zip(found) {
            assert_eq!(check(std::slice::from_ref(leaf), name), expected, "{name}");
            assert_eq!(found, expected.is_ok(), "{name}, by OpenSSL");
        }
    }
    for address in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::2", "100.64.0.1"] {
        let forged = thief.forge(vec![SanType::IpAddress(address.parse().unwrap())], &server);
        assert_eq!(
            check(std::slice::from_ref(&forged), address),
            Err(Error::NameConstraintViolation),
            "{address}"
        );
        assert_eq!(openssl(&folder, &thief.authority, &[forged], "sslserver"), [false], "{address}");
    }
    // webpki ignores the path length of a trust anchor; browsers do not. The bytes say: critical, a CA, no
    // further CAs below it.
    let constraints = b"\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x08\x30\x06\x01\x01\xff\x02\x01\x00";
    assert!(thief.authority.windows(constraints.len()).any(|bytes| bytes == constraints), "path length 0");
}

#[test]
fn no_public_top_level_domain_can_be_signed_for_by_any_device_whatever_it_is_called() {
    let tlds: Vec<&str> = include_str!("../vectors/names/public_tlds.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert!(tlds.len() > 1400, "{}", tlds.len());
    for host in ["studio", "live", "com", "stage-pi"] {
        let folder = Folder::new(&format!("tlds-{host}"));
        let identity =
            folder.identity(&CertificateInputs { names: Names::of(host, &[]), ..facts(BUILD_S, true, &[]) });
        let thief = Thief::of(&folder, &identity);
        let names: Vec<String> =
            tlds.iter().flat_map(|tld| [(*tld).to_owned(), format!("www.example.{tld}")]).collect();
        let uses = [ExtendedKeyUsagePurpose::ServerAuth];
        let forged: Vec<_> = names.iter().map(|name| thief.forge(vec![dns(name)], &uses)).collect();
        for (name, leaf) in names.iter().zip(&forged) {
            let found = verify(&thief.authority, std::slice::from_ref(leaf), name, BUILD_S + DAY_S);
            assert_eq!(found, Err(Error::NameConstraintViolation), "{name} by {host}");
        }
        if host == "studio" {
            let good = openssl(&folder, &thief.authority, &forged, "sslserver");
            assert!(
                good.len() == names.len() && good.iter().all(|good| !good),
                "OpenSSL takes one of {host}"
            );
        }
    }
}

#[test]
fn what_the_authority_signs_is_for_servers_and_neither_for_mail_nor_clients_nor_programs() {
    use ExtendedKeyUsagePurpose::{
        Any, ClientAuth, CodeSigning, EmailProtection, OcspSigning, ServerAuth, TimeStamping,
    };
    let folder = Folder::new("uses");
    let identity = folder.identity(&facts(BUILD_S, true, &[]));
    let thief = Thief::of(&folder, &identity);
    let every = [Any, ClientAuth, CodeSigning, EmailProtection, OcspSigning, ServerAuth, TimeStamping];
    let named = || vec![dns("stage-pi.local")];
    let leaves = [identity.leaf(), thief.forge(named(), &every), thief.forge(named(), &[])];
    assert_eq!(openssl(&folder, &thief.authority, &leaves, "sslserver"), [true; 3]);
    for purpose in ["sslclient", "smimesign", "smimeencrypt", "codesign", "timestampsign"] {
        assert_eq!(openssl(&folder, &thief.authority, &leaves, purpose), [false; 3], "{purpose}");
    }
    for name in [
        SanType::Rfc822Name("owner@example.org".try_into().unwrap()),
        SanType::Rfc822Name("owner@stage-pi.local".try_into().unwrap()),
        SanType::URI("https://example.org/".try_into().unwrap()),
        SanType::URI("sip:owner@stage-pi.local".try_into().unwrap()),
    ] {
        let forged = thief.forge(vec![dns("stage-pi.local"), name.clone()], &[ServerAuth]);
        let found =
            verify(&thief.authority, std::slice::from_ref(&forged), "stage-pi.local", BUILD_S + DAY_S);
        assert_eq!(found, Err(Error::NameConstraintViolation), "{name:?}");
        assert_eq!(openssl(&folder, &thief.authority, &[forged], "sslserver"), [false], "{name:?}");
    }
}

/// The reason why the constraints contain no directory names (docs/design/decisions/0016-authority.md). When
/// webpki compares them, this test fails.
#[test]
fn an_authority_that_constrains_directory_names_could_sign_nothing_that_webpki_takes() {
    let folder = Folder::new("directory-names");
    std::fs::create_dir_all(&folder.0).unwrap();
    let called = |name: Option<&str>| {
        let mut called = DistinguishedName::new();
        if let Some(name) = name {
            called.push(DnType::CommonName, name);
        }
        called
    };
    let every_or_one = [None, Some("nobody")];
    let local = || GeneralSubtree::DnsName("local".into());
    let directory = |name| GeneralSubtree::DirectoryName(called(name));
    let permitting = every_or_one.map(|name| (vec![local(), directory(name)], vec![]));
    let excluding = every_or_one.map(|name| (vec![local()], vec![directory(name)]));
    let without = (vec![local()], vec![]);
    // The verdicts of webpki, then of OpenSSL: first for a leaf with an empty subject, then for one with a
    // name.
    let expected = [
        [true; 4],
        [false, false, true, true],
        [false, false, true, false],
        [false, false, true, false],
        [false, false, true, true],
    ];
    let constraints = [vec![without], permitting.into(), excluding.into()].concat();
    for ((permitted_subtrees, excluded_subtrees), expected) in constraints.into_iter().zip(expected) {
        let what = format!("permitted {permitted_subtrees:?}, excluded {excluded_subtrees:?}");
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.distinguished_name = called(Some("the authority"));
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        authority.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
        let anchor = authority.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(authority, key);
        let leaves = [None, Some("somebody")].map(|name| {
            let mut leaf = CertificateParams::new(vec!["a.local".to_owned()]).unwrap();
            leaf.distinguished_name = called(name);
            leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()
        });
        let webpki = leaves.each_ref().map(|leaf| {
            verify(&anchor, std::slice::from_ref(leaf), "a.local", BUILD_S + DAY_S)
                .inspect_err(|error| assert_eq!(*error, Error::NameConstraintViolation, "{what}"))
                .is_ok()
        });
        let openssl = openssl(&folder, &anchor, &leaves, "sslserver");
        assert_eq!([&webpki[..], &openssl].concat(), expected, "{what}");
    }
}
