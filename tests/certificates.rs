//! What the service's certificates are worth, judged by a verifier that is not ours (webpki, the one rustls clients use),
//! and what becomes of them when time, addresses or files change.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, Issuer, KeyPair,
    NameConstraints, SanType,
};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use synthwire::identity::Names;
use synthwire::state::StateFolder;
use synthwire::tls::dates::{Clock, DAY_S};
use synthwire::tls::{BUILD_S, CertificateInputs, Files, Identity};
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

    fn identity(&self, facts: &CertificateInputs) -> Identity {
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

fn facts(now_s: i64, set: bool, addresses: &[&str]) -> CertificateInputs {
    CertificateInputs {
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

/// Whoever has copied the state folder.
struct Thief {
    authority: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Thief {
    fn of(folder: &Folder, identity: &Identity) -> Self {
        let kept = folder.json("authority.json");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = called(kept["name"].as_str().unwrap());
        let key = KeyPair::from_pem(kept["key"].as_str().unwrap()).unwrap();
        Self { authority: authority(identity), issuer: Issuer::new(parameters, key) }
    }

    /// A certificate for these names, for these uses, good for 90 days from the build date.
    fn forge(&self, names: Vec<SanType>, uses: &[ExtendedKeyUsagePurpose]) -> CertificateDer<'static> {
        let mut leaf = CertificateParams::default();
        leaf.subject_alt_names = names;
        leaf.extended_key_usages = uses.to_vec();
        let days = |days| time::OffsetDateTime::from_unix_timestamp(BUILD_S + days * DAY_S).unwrap();
        (leaf.not_before, leaf.not_after) = (days(0), days(90));
        leaf.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().clone()
    }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// What OpenSSL says of each certificate, in order, a day after the build date: that of a system where the authority is trusted.
fn openssl(
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

#[test]
fn the_stolen_key_of_an_authority_can_be_nobody_on_the_internet() {
    let folder = Folder::new("constraints");
    // A name that is a public top-level domain as well: it must make no difference.
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
    // webpki forgets an anchor's path length; browsers do not. As the bytes have it: critical, a CA, zero further ones.
    let constraints = b"\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x08\x30\x06\x01\x01\xff\x02\x01\x00";
    assert!(thief.authority.windows(constraints.len()).any(|bytes| bytes == constraints), "path length 0");
}

#[test]
fn no_public_top_level_domain_can_be_signed_for_by_any_device_whatever_it_is_called() {
    let tlds: Vec<&str> =
        include_str!("vectors/names/public_tlds.txt").lines().filter(|line| !line.starts_with('#')).collect();
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

/// Why directory names are not among the constraints (docs/design/decisions/0016-authority.md). When webpki compares them, this fails.
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
    // What webpki takes, then what OpenSSL does: a leaf with an empty subject, and one with a name.
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

#[test]
fn an_authority_is_made_anew_years_before_its_end_and_nobody_loses_trust_over_it() {
    let folder = Folder::new("renewal");
    let years = |years: i64| BUILD_S + years * 365 * DAY_S;
    let identity = folder.identity(&facts(BUILD_S, true, &[]));
    let first = authority(&identity);
    let check =
        |anchor: &CertificateDer<'_>, at_s| verify(anchor, &[identity.leaf()], "stage-pi.local", at_s);
    identity.look(&facts(years(6), true, &[])).unwrap();
    assert_eq!(authority(&identity), first, "there is time");
    identity.claim(IpAddr::from([192, 168, 4, 50]), years(8));
    identity.look(&facts(0, false, &[])).unwrap();
    assert_eq!(authority(&identity), first, "a listener's word does not do it");

    identity.look(&facts(years(8), true, &[])).unwrap();
    let second = authority(&identity);
    assert_ne!(second, first);
    for anchor in [&first, &second] {
        assert_eq!(check(anchor, years(8)), Ok(()), "whichever is trusted");
    }
    assert!(identity.notices().is_empty(), "nobody has to do anything yet");
    identity.look(&facts(years(9) + DAY_S, true, &[])).unwrap();
    let [notice] = &identity.notices()[..] else { panic!("the first one's end is told") };
    assert!(notice.contains("open /trust"), "{notice}");

    // Beyond the end of the first, over a restart.
    let again = folder.identity(&facts(years(11), true, &[]));
    assert_eq!(authority(&again), second);
    assert_eq!(verify(&second, &[again.leaf()], "stage-pi.local", years(11)), Ok(()));
    assert!(again.notices().is_empty(), "nobody who still hears trusts the first");
    // A century, looked at once a month: always one that holds, never a leaf that outlives it.
    for month in 0..1200 {
        let now_s = years(11) + month * 30 * DAY_S;
        again.look(&facts(now_s, true, &[])).unwrap();
        assert_eq!(
            verify(&authority(&again), &[again.leaf()], "stage-pi.local", now_s),
            Ok(()),
            "month {month}"
        );
    }
    assert!(folder.json("authority.json")["former"].as_array().unwrap().len() <= 4);
}

#[test]
fn an_authority_of_the_first_version_is_kept_and_from_then_on_permits_less() {
    let folder = Folder::new("first-version");
    std::fs::create_dir_all(&folder.0).unwrap();
    for (name, kept) in [
        ("authority.json", include_str!("vectors/authority/0.1.0/authority.json")),
        ("leaf.json", include_str!("vectors/authority/0.1.0/leaf.json")),
    ] {
        std::fs::write(folder.0.join(name), kept).unwrap();
    }
    let first = {
        use tokio_rustls::rustls::pki_types::pem::PemObject;
        let kept = folder.json("authority.json");
        CertificateDer::from_pem_slice(kept["certificate"].as_str().unwrap().as_bytes()).unwrap()
    };
    let identity = folder.identity(&facts(BUILD_S, true, &[]));
    let second = authority(&identity);
    assert_ne!(first, second);
    assert_eq!(identity.authority().unwrap().name, folder.json("authority.json")["name"]);
    let thief = Thief::of(&folder, &identity);
    for anchor in [&first, &second] {
        assert_eq!(verify(anchor, &[identity.leaf()], "stage-pi.local", BUILD_S + DAY_S), Ok(()));
        assert_eq!(openssl(&folder, anchor, &[identity.leaf()], "sslserver"), [true]);
    }
    let forged = thief.forge(vec![dns("stage-pi")], &[]);
    let found = verify(&second, &[forged], "stage-pi", BUILD_S + DAY_S);
    assert_eq!(found, Err(Error::NameConstraintViolation), "who trusts the new one trusts it with less");
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
fn a_certificate_from_elsewhere_is_used_and_renewed_as_its_files_change() {
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
    let identity = Identity::supplied(files, Vec::new(), &facts(BUILD_S, true, &[]), none).unwrap();
    assert!(identity.authority().is_none(), "nobody is asked to trust what is not ours");
    let first = identity.leaf();
    assert_eq!(identity.look(&facts(BUILD_S, true, &[])).unwrap(), None);

    std::thread::sleep(Duration::from_millis(20)); // a file's time has a grain
    put("key.pem", &two_key);
    assert!(identity.look(&facts(BUILD_S, true, &[])).is_err(), "half a renewal");
    assert_eq!(identity.leaf(), first, "the old one stays");
    let notices = identity.notices();
    assert!(notices[0].starts_with("HTTPS goes on with the certificate it had: cannot use "), "{notices:?}");
    std::thread::sleep(Duration::from_millis(20));
    put("cert.pem", &two);
    assert!(identity.look(&facts(BUILD_S, true, &[])).unwrap().is_some());
    assert_ne!(identity.leaf(), first);
    assert_eq!(
        identity.notices(),
        ["Browsers will object: the certificate is for synth.example.org, and this device answers \
         to none of that: start with --name synth.example.org."]
    );
}

/// Where no certificate of the device's own is needed.
fn none() -> synthwire::error::Result<StateFolder> {
    Err(synthwire::error::Error::new("there is no folder"))
}

/// What stands where a file should.
#[derive(Debug)]
enum Place<'a> {
    File(&'a [u8]),
    Folder,
    Pipe,
    Link,
    Nothing,
}

impl Place<'_> {
    fn put(&self, path: &Path) {
        match self {
            Self::File(bytes) => std::fs::write(path, bytes).unwrap(),
            Self::Folder => std::fs::create_dir(path).unwrap(),
            Self::Pipe => nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR).unwrap(),
            Self::Link => std::os::unix::fs::symlink("/nowhere", path).unwrap(),
            Self::Nothing => {}
        }
    }

    fn put_instead(&self, path: &Path) {
        let _ = std::fs::remove_dir(path).or_else(|_| std::fs::remove_file(path)); // there may be nothing
        self.put(path);
    }
}

/// Damage must never keep a box without a screen from starting: its page says what is wrong.
#[test]
fn where_a_certificate_from_elsewhere_cannot_be_used_the_own_authority_stands_in_until_it_can() {
    use Place::{File, Link, Nothing, Pipe};
    let made = rcgen::generate_simple_self_signed(vec!["stage-pi.local".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let (cert, key) = (cert.as_bytes(), key.as_bytes());
    let (other, long) = (KeyPair::generate().unwrap().serialize_pem(), vec![b'-'; 2 << 20]);
    let facts = facts(BUILD_S, true, &[]);
    let absent = "No such file or directory (os error 2). Check the path given as";
    let no_certificate = "there is no certificate in it. cert takes a PEM file";
    let no_file = "it is no file. Check the path given as";
    for (cert_place, key_place, said) in [
        (Nothing, File(key), absent),
        (File(cert), Nothing, absent),
        (Link, File(key), absent),
        (Place::Folder, File(key), no_file),
        (File(cert), Place::Folder, no_file),
        (Pipe, File(key), no_file),
        (File(cert), Pipe, no_file),
        (File(&long), File(key), "it is too long for a certificate or a key. Check the path"),
        (File(b""), File(key), no_certificate),
        (File(&[0; 4096]), File(key), no_certificate),
        (File(made.cert.der()), File(key), no_certificate),
        (File(key), File(cert), no_certificate),
        (File(&cert[..cert.len() / 2]), File(key), "the certificate cannot be read as PEM"),
        (
            File(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
            File(key),
            "the certificate cannot be read as PEM",
        ),
        (
            File(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            File(key),
            "certificate and key cannot be used together",
        ),
        (File(cert), File(b""), "the key cannot be read as PEM"),
        (File(cert), File(&[0; 4096]), "the key cannot be read as PEM"),
        (File(cert), File(&key[..key.len() / 2]), "the key cannot be read as PEM"),
        (File(cert), File(cert), "the key cannot be read as PEM"),
        (File(cert), File(other.as_bytes()), "the key is another certificate's: they do not belong together"),
    ] {
        let folder = Folder::new("stand-in");
        std::fs::create_dir_all(&folder.0).unwrap();
        let files = Files { cert: folder.0.join("cert.pem"), key: folder.0.join("key.pem") };
        cert_place.put(&files.cert);
        key_place.put(&files.key);
        let state = || StateFolder::open(&folder.0.join("state"));
        let identity = Identity::supplied(files.clone(), Vec::new(), &facts, state).unwrap();
        let own = authority(&identity);
        assert_eq!(verify(&own, &[identity.leaf()], "stage-pi.local", BUILD_S + DAY_S), Ok(()));
        let notices = identity.notices();
        let [notice] = &notices[..] else { panic!("{said}: {notices:?}") };
        assert!(
            notice.starts_with("HTTPS goes on with a certificate of this device's own: cannot ")
                && notice.contains(folder.0.to_str().unwrap())
                && notice.contains(said)
                && notice.ends_with(". The files are read again when they change."),
            "{said}: {notice}"
        );
        assert_eq!(files.flaws(&facts, &[]).len(), 1, "doctor says it as well");
        assert_eq!(identity.look(&facts).unwrap(), None, "once said is enough");

        // Mended, it is shown without a restart.
        File(cert).put_instead(&files.cert);
        File(key).put_instead(&files.key);
        assert!(identity.look(&facts).unwrap().is_some(), "{said}");
        assert_eq!(identity.leaf(), *made.cert.der(), "{said}");
        assert!(
            identity.authority().is_none() && identity.notices().is_empty(),
            "{said}: {:?}",
            identity.notices()
        );
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
        let facts = facts(BUILD_S, set, &["192.168.1.20"]);
        let identity = Identity::supplied(files, owned(given), &facts, none).unwrap();
        identity.look(&facts).unwrap();
        let objections = identity.objections();
        let notices: Vec<_> =
            objections.iter().map(|objection| format!("Browsers will object: {objection}.")).collect();
        assert_eq!(identity.notices(), notices);
        objections.join(" | ")
    };
    let good = [-10, 10];
    for (names, given) in [
        (&["synth.example.org"][..], &["synth.example.org"][..]),
        (&["*.example.org"], &["synth.example.org"]),
        (&["stage-pi.local"], &[]),
        (&["192.168.1.20"], &[]),
        (&["2001:db8::1"], &["[2001:db8::1]"]),
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
