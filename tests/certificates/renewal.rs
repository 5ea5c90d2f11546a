//! Tests how the authority and its leaf change as time passes, addresses change, and files are damaged.

use crate::judged::{Folder, Thief, authority, dns, facts, openssl, verify};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use synthwire::tls::BUILD_S;
use synthwire::tls::dates::DAY_S;
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::Error;

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

    // Past the end of the first authority, across a restart.
    let again = folder.identity(&facts(years(11), true, &[]));
    assert_eq!(authority(&again), second);
    assert_eq!(verify(&second, &[again.leaf()], "stage-pi.local", years(11)), Ok(()));
    assert!(again.notices().is_empty(), "nobody who still hears trusts the first");
    // Checks once per month for a century: there is always a valid leaf, and no leaf outlives its authority.
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
        ("authority.json", include_str!("../vectors/authority/0.1.0/authority.json")),
        ("leaf.json", include_str!("../vectors/authority/0.1.0/leaf.json")),
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

    // On another network the device has another address; the certificate may keep the old one.
    assert!(identity.look(&facts(0, false, &["192.168.4.4"])).unwrap().is_some());
    assert_eq!(check("192.168.4.4", BUILD_S), Ok(()));
    assert_ne!(identity.leaf(), first);

    // A listener's clock is two years ahead, and our own clock is still not set.
    let later_s = BUILD_S + 730 * DAY_S;
    let listener = IpAddr::from([192, 168, 4, 50]);
    identity.claim(listener, later_s);
    assert_eq!(identity.look(&facts(0, false, &["192.168.4.4"])).unwrap(), Some("its dates"));
    assert_eq!(check("192.168.4.4", later_s), Ok(()));

    // The network has set the clock, so times from listeners no longer count.
    let now_s = BUILD_S + 100 * DAY_S;
    assert_eq!(identity.look(&facts(now_s, true, &["192.168.4.4"])).unwrap(), Some("its dates"));
    identity.claim(listener, BUILD_S + 3_000 * DAY_S);
    assert_eq!(identity.look(&facts(now_s, true, &["192.168.4.4"])).unwrap(), None);
    assert_eq!(check("192.168.4.4", now_s), Ok(()));

    // The leaf is renewed in its last third, while the old leaf is still valid.
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
    let mut renamed = folder.json("authority.json");
    renamed["name"] = "Synthwire of somebody else".into();
    let [mut longer, mut earlier] = [(); 2].map(|()| folder.json("authority.json"));
    longer["window"]["until_s"] = (longer["window"]["until_s"].as_i64().unwrap() + DAY_S).into();
    earlier["window"]["from_s"] = (earlier["window"]["from_s"].as_i64().unwrap() - DAY_S).into();
    let changed = [mismatched, dateless, renamed, longer, earlier].map(|changed| changed.to_string());
    let torn = ["{", "", "\0\0\0", &whole[..whole.len() / 2]];
    for damage in torn.into_iter().chain(changed.iter().map(String::as_str)) {
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
