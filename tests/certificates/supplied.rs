//! A certificate from elsewhere: files of one's own, used, renewed, unusable, objected to.

use crate::judged::{Folder, authority, facts, verify};
use rcgen::{CertificateParams, KeyPair};
use std::path::Path;
use std::time::Duration;
use synthwire::state::StateFolder;
use synthwire::tls::dates::DAY_S;
use synthwire::tls::{BUILD_S, Files, Identity};

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
    assert!(early.contains(", which has not been set yet: wait, or set the clock"), "{early}");
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
