//! Tests certificates that the user supplies: their files are used, renewed, unusable, or unfit for browsers.

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

    std::thread::sleep(Duration::from_millis(20)); // file times are coarse
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

/// The state folder for tests in which the device needs no certificate of its own.
fn none() -> synthwire::error::Result<StateFolder> {
    Err(synthwire::error::Error::new("there is no folder"))
}

/// The content found in place of a file.
#[derive(Debug)]
enum Found<'a> {
    File(&'a [u8]),
    Folder,
    Pipe,
    Link,
    Nothing,
}

impl Found<'_> {
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
        let _ = std::fs::remove_dir(path).or_else(|_| std::fs::remove_file(path)); // it may not exist
        self.put(path);
    }
}

/// Damaged files must never keep a device without a screen from starting: the page says what is wrong.
#[test]
fn where_a_certificate_from_elsewhere_cannot_be_used_the_own_authority_stands_in_until_it_can() {
    use Found::{File, Link, Nothing, Pipe};
    let made = rcgen::generate_simple_self_signed(vec!["stage-pi.local".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let (cert, key) = (cert.as_bytes(), key.as_bytes());
    let (other, long) = (KeyPair::generate().unwrap().serialize_pem(), vec![b'-'; 2 << 20]);
    let facts = facts(BUILD_S, true, &[]);
    let absent = "No such file or directory (os error 2). Check the path given as";
    let no_certificate = "there is no certificate in it. cert takes a PEM file";
    let no_file = "it is no file, but a folder, a pipe or a device. Check the path given as";
    for (cert_place, key_place, said) in [
        (Nothing, File(key), absent),
        (File(cert), Nothing, absent),
        (Link, File(key), absent),
        (Found::Folder, File(key), no_file),
        (File(cert), Found::Folder, no_file),
        (Pipe, File(key), no_file),
        (File(cert), Pipe, no_file),
        (File(&long), File(key), "it is too long for a certificate or a key. Check the path"),
        (File(b""), File(key), no_certificate),
        (File(&[0; 4096]), File(key), no_certificate),
        (File(made.cert.der()), File(key), "the certificate is DER: 'openssl x509 -inform DER -in "),
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

        // A repaired certificate is served without a restart.
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

/// A certificate and its key, made by OpenSSL in a folder that is removed after the test.
fn made_by_openssl(folder: &Folder, arguments: &str) -> Files {
    std::fs::create_dir_all(&folder.0).unwrap();
    let command = format!("openssl req -x509 -nodes -keyout key.pem -out cert.pem -days 30 {arguments}");
    in_folder(folder, &command);
    Files { cert: folder.0.join("cert.pem"), key: folder.0.join("key.pem") }
}

fn in_folder(folder: &Folder, command: &str) {
    let output =
        std::process::Command::new("sh").args(["-ec", command]).current_dir(&folder.0).output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
}

#[test]
fn keys_signatures_and_certificates_that_browsers_refuse_are_named_with_what_they_take() {
    let san = "-addext subjectAltName=DNS:stage-pi.local -subj /CN=x";
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed() + 60; // OpenSSL makes the certificates later
    let facts = facts(now_s, true, &["192.168.1.20"]);
    let taken = "ECDSA P-256 or P-384, or RSA of 2048 to 4096 bits";
    for (arguments, said) in [
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256".to_owned() + " " + san, String::new()),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-384".to_owned() + " " + san, String::new()),
        ("-newkey rsa:2048".to_owned() + " " + san, String::new()),
        (
            format!("-newkey ed25519 {san}"),
            format!("few browsers take a key of the kind Ed25519: have the certificate made anew with {taken}"),
        ),
        (
            format!("-newkey rsa:2048 -sha1 {san}"),
            "the certificate is signed with SHA-1, which browsers refuse: have it made anew with SHA-256".into(),
        ),
        (
            format!("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha1 {san}"),
            "the certificate is signed with SHA-1, which browsers refuse: have it made anew with SHA-256".into(),
        ),
        (
            "-newkey rsa:2048 -subj /CN=stage-pi.local".into(),
            "the certificate has no subject alternative name that this device answers to: have it made with one, such as \
             DNS:stage-pi.local"
                .into(),
        ),
        (format!("-newkey rsa:1024 {san}"), format!("its key (RSA of 1024 bits) is of no kind that can be used: have both made anew with {taken}")),
        (
            format!("-newkey ec -pkeyopt ec_paramgen_curve:P-521 {san}"),
            format!("its key (ECDSA P-521) is of no kind that can be used: have both made anew with {taken}"),
        ),
        (
            format!("-newkey ec -pkeyopt ec_paramgen_curve:secp256k1 {san}"),
            format!("its key (ECDSA on a rare curve) is of no kind that can be used: have both made anew with {taken}"),
        ),
    ] {
        let folder = Folder::new("kinds");
        let files = made_by_openssl(&folder, &arguments);
        let flaws = files.flaws(&facts, &[]);
        match &flaws[..] {
            [] => assert_eq!(said, "", "{arguments}"),
            [flaw] => assert!(!said.is_empty() && flaw.contains(&said), "{arguments}: {flaw}"),
            _ => panic!("{arguments}: {flaws:?}"),
        }
    }
}

#[test]
fn pem_is_read_however_an_editor_saved_it_and_other_forms_are_named_with_what_converts_them() {
    let san = "-newkey rsa:2048 -addext subjectAltName=DNS:stage-pi.local -subj /CN=x";
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed() + 60; // OpenSSL makes the certificates later
    let facts = facts(now_s, true, &[]);
    let folder = Folder::new("forms");
    let Files { cert, key } = made_by_openssl(&folder, san);
    in_folder(
        &folder,
        "openssl x509 -in cert.pem -outform DER -out cert.der
         openssl pkey -in key.pem -outform DER -out key.der
         openssl rsa -in key.pem -traditional -outform DER -out key-1.der
         openssl pkcs12 -export -in cert.pem -inkey key.pem -passout pass:x -out both.p12
         openssl crl2pkcs7 -nocrl -certfile cert.pem -out cert.p7b
         openssl crl2pkcs7 -nocrl -certfile cert.pem -outform DER -out cert.p7c
         openssl pkcs8 -topk8 -in key.pem -passout pass:x -out locked.pem
         openssl pkcs8 -topk8 -in key.pem -passout pass:x -outform DER -out locked.der
         openssl rsa -in key.pem -traditional -aes128 -passout pass:x -out locked-1.pem",
    );
    for (name, pem) in [("cert", &cert), ("key", &key)] {
        let text = std::fs::read_to_string(pem).unwrap().replace('\n', "\r\n");
        let wide: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(folder.0.join(format!("{name}.wide")), wide).unwrap();
        std::fs::write(folder.0.join(format!("{name}.bom")), format!("\u{feff}{text}")).unwrap();
    }
    let flaws = |cert: &str, key: &str| {
        Files { cert: folder.0.join(cert), key: folder.0.join(key) }.flaws(&facts, &[]).join(" | ")
    };
    for (cert, key) in [("cert.wide", "key.wide"), ("cert.bom", "key.bom"), ("cert.pem", "key.wide")] {
        assert_eq!(flaws(cert, key), "", "{cert} {key}");
    }
    for (cert, key, said) in [
        ("cert.der", "key.pem", "the certificate is DER: 'openssl x509 -inform DER -in "),
        ("cert.p7b", "key.pem", "the certificate is in PKCS7: 'openssl pkcs7 -print_certs -in "),
        ("cert.p7c", "key.pem", "the certificate is in PKCS7: 'openssl pkcs7 -inform DER -print_certs -in "),
        ("both.p12", "both.p12", "the certificate is in PKCS12: 'openssl pkcs12 -nokeys -in "),
        ("cert.pem", "both.p12", "the key is in PKCS12: 'openssl pkcs12 -nocerts -noenc -in "),
        ("cert.pem", "key.der", "the key is DER: 'openssl pkey -inform DER -in "),
        ("cert.pem", "key-1.der", "the key is DER: 'openssl pkey -inform DER -in "),
        ("cert.pem", "locked.der", "the key is DER: 'openssl pkey -inform DER -in "),
        (
            "cert.pem",
            "locked.pem",
            "the key is locked with a password, which nobody types here: 'openssl pkey -in ",
        ),
        (
            "cert.pem",
            "locked-1.pem",
            "the key is locked with a password, which nobody types here: 'openssl pkey -in ",
        ),
    ] {
        let found = flaws(cert, key);
        assert!(found.contains(said), "{cert} {key}: {found}");
        // The advice in the message works: this runs the same command, with the password where OpenSSL asks
        // for one.
        let command = found.split('\'').nth(1).unwrap();
        let password = if key.starts_with("key") || cert.contains("der") || cert.contains("p7") {
            ""
        } else {
            " -passin pass:x"
        };
        in_folder(&folder, &format!("mkdir -p to; cd to; {command}{password}"));
        let (made, other) = if command.ends_with("cert.pem") {
            ("to/cert.pem", "key.pem")
        } else {
            ("to/key.pem", "cert.pem")
        };
        let found = if made.ends_with("cert.pem") { flaws(made, other) } else { flaws(other, made) };
        assert_eq!(found, "", "{command}");
    }
}
