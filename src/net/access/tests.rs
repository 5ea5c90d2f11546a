use super::*;
use crate::net::peer::Relay;
use crate::state::StateFile;

use hyper::header::{self, HeaderValue};
use rules::FIRST_KEY_NS;

const NOBODY: PerPurpose<bool> = PerPurpose { listening: false, settings: false };

fn peer() -> Peer {
    Peer {
        address: IpAddr::from([10, 0, 0, 2]),
        local: ([10, 0, 0, 1], 80).into(),
        secure: false,
        relay: Relay::None,
    }
}

fn folder(name: &str) -> (std::path::PathBuf, StateFolder) {
    let path = std::env::temp_dir().join(format!("synthwire-access-{name}-{}", std::process::id()));
    let folder = StateFolder::open(&path).unwrap();
    (path, folder)
}

fn open(folder: &StateFolder, powered_up: MonoNs) -> Access {
    Access::open(PerPurpose::default(), Some(folder), Some(powered_up))
}

fn with(name: header::HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
}

#[tokio::test]
async fn a_key_set_on_the_page_outlives_the_service_and_so_do_its_tokens() {
    let (path, folder) = folder("outlives");
    let access = open(&folder, mono_raw_now());
    access.set_key(Purpose::Listening, Some("open sesame".into()), NOBODY).await.unwrap();
    let again = open(&folder, mono_raw_now());
    assert_eq!(again.set(), PerPurpose { listening: true, settings: false });
    let wrong = again.enter(Purpose::Listening, "open barley", peer()).await.unwrap_err();
    assert_eq!(wrong.refusal, Refusal::KeyWrong);
    let (_, token) = again.enter(Purpose::Listening, "open sesame", peer()).await.unwrap();

    let third = open(&folder, mono_raw_now());
    let cookie = with(header::COOKIE, &format!("synthwire_listening={}", token.as_str()));
    let shown = third.shown(&cookie, peer()).await.unwrap();
    assert_eq!(third.grant(shown), Grant { listen: true, set: true });
    assert_eq!(third.grant(NOBODY), Grant { listen: false, set: false });
    let bearer = third.shown(&with(header::AUTHORIZATION, "Bearer open sesame"), peer()).await.unwrap();
    assert!(bearer.listening && !bearer.settings);

    let on_disk = std::fs::read_to_string(path.join(KeptKeys::NAME)).unwrap();
    assert!(!on_disk.contains("sesame") && !on_disk.contains(token.as_str()), "{on_disk}");
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn a_new_key_ends_what_the_old_one_had_opened() {
    let (path, folder) = folder("ends");
    let access = open(&folder, mono_raw_now());
    access.set_key(Purpose::Settings, Some("first words".into()), NOBODY).await.unwrap();
    let denied = access.set_key(Purpose::Listening, Some("of a stranger".into()), NOBODY).await.unwrap_err();
    assert_eq!(denied.refusal, Refusal::KeyLocked);
    let (_, token) = access.enter(Purpose::Settings, "first words", peer()).await.unwrap();
    let cookie = with(header::COOKIE, &format!("synthwire_settings={}", token.as_str()));
    let owner = access.shown(&cookie, peer()).await.unwrap();
    assert!(owner.settings);
    access.set_key(Purpose::Settings, Some("second words".into()), owner).await.unwrap();
    assert!(!access.shown(&cookie, peer()).await.unwrap().settings);
    assert!(access.enter(Purpose::Settings, "first words", peer()).await.is_err());
    access.set_key(Purpose::Settings, None, owner).await.unwrap();
    assert_eq!(access.set(), NOBODY);
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn the_settings_key_opens_the_door_to_listening_and_the_listening_key_no_other() {
    let (path, folder) = folder("door");
    let access = open(&folder, mono_raw_now());
    access.set_key(Purpose::Listening, Some("open sesame".into()), NOBODY).await.unwrap();
    let listener = PerPurpose { listening: true, settings: false };
    access.set_key(Purpose::Settings, Some("owners words".into()), listener).await.unwrap();
    for (asked, key, opened) in [
        (Purpose::Listening, "open sesame", Some(Purpose::Listening)),
        (Purpose::Listening, "owners words", Some(Purpose::Settings)),
        (Purpose::Settings, "owners words", Some(Purpose::Settings)),
        (Purpose::Settings, "open sesame", None),
    ] {
        let entered = access.enter(asked, key, peer()).await;
        assert_eq!(entered.ok().map(|(purpose, _)| purpose), opened, "{asked:?} {key}");
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn keys_are_tried_only_so_often_and_only_wrong_ones_count() {
    let (path, folder) = folder("often");
    let access = open(&folder, mono_raw_now());
    access.set_key(Purpose::Listening, Some("open sesame".into()), NOBODY).await.unwrap();
    for _ in 0..2 * tries::TRIES_AT_ONCE {
        access.enter(Purpose::Listening, "open sesame", peer()).await.unwrap();
    }
    let mut refused = Vec::new();
    for _ in 0..=tries::TRIES_AT_ONCE {
        refused.push(access.enter(Purpose::Listening, "guess guess", peer()).await.unwrap_err());
    }
    let last = refused.pop().unwrap();
    assert!(refused.iter().all(|denied| denied.refusal == Refusal::KeyWrong));
    assert_eq!(last.refusal, Refusal::KeyTries);
    assert!(last.retry_s.is_some_and(|s| (1..=10).contains(&s)) && last.words.contains("Try again in"));
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn no_key_is_set_long_after_power_up_nor_where_it_could_not_be_kept_nor_over_the_configuration() {
    let (path, folder) = folder("locked");
    let late = MonoNs(mono_raw_now().0.saturating_sub(FIRST_KEY_NS + 1));
    let configured = HashedKey::of("configured", [9; SALT_BYTES]).unwrap();
    let named = PerPurpose { listening: Some(configured.as_str()), settings: None };
    let now = mono_raw_now();
    for (access, said) in [
        (open(&folder, late), "within five minutes"),
        (Access::open(PerPurpose::default(), None, Some(now)), "--state"),
        (Access::open(named, Some(&folder), Some(now)), "configuration file"),
    ] {
        let denied =
            access.set_key(Purpose::Listening, Some("open sesame".into()), NOBODY).await.unwrap_err();
        assert!(denied.refusal == Refusal::KeyLocked && denied.words.contains(said), "{denied:?}");
    }
    assert!(!path.join(KeptKeys::NAME).exists());
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn that_no_key_is_set_is_written_down_once_so_that_a_file_that_is_missing_later_was_lost() {
    let (path, folder) = folder("begun");
    let file = path.join(KeptKeys::NAME);
    open(&folder, MonoNs(0)).begin_file();
    let begun = std::fs::read_to_string(&file).unwrap();
    let again = open(&folder, MonoNs(0));
    assert_eq!((again.set(), again.notice()), (NOBODY, None), "{begun}");
    let secret = HashedKey::of("configured", [9; SALT_BYTES]).unwrap();
    for before in [r#"{"format":1,"of_tomorrow":1}"#, ""] {
        std::fs::write(&file, before).unwrap();
        open(&folder, MonoNs(0)).begin_file();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "what is there stays");
    }
    std::fs::remove_file(&file).unwrap();
    let configured = PerPurpose { listening: None, settings: Some(secret.as_str()) };
    Access::open(configured, Some(&folder), None).begin_file();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), begun, "the configuration's keys stand there");
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn a_damaged_file_does_not_open_the_door_and_says_how_to_get_in() {
    let (path, folder) = folder("damaged");
    for damage in ["{", "[]", "", "\0\0\0\0", r#"{"listening_key":"plain words","settings_key":7}"#] {
        std::fs::write(path.join(KeptKeys::NAME), damage).unwrap();
        let access = open(&folder, mono_raw_now());
        assert_eq!(access.grant(NOBODY), Grant { listen: false, set: false }, "{damage:?}");
        for purpose in Purpose::ALL {
            let denied = access.set_key(purpose, Some("of a stranger".into()), NOBODY).await.unwrap_err();
            assert!(denied.words.contains("synthwire.toml on the card"), "{damage:?}: {denied:?}");
            let denied = access.enter(purpose, "plain words", peer()).await.unwrap_err();
            assert!(denied.words.contains("remove access.json"), "{damage:?}: {denied:?}");
        }
        assert_eq!(
            std::fs::read_to_string(path.join(KeptKeys::NAME)).unwrap(),
            damage,
            "nothing is written over"
        );
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn a_key_that_a_newer_version_may_have_renamed_stays_locked_after_falling_back() {
    let (path, folder) = folder("renamed");
    let configured = HashedKey::of("configured", [9; SALT_BYTES]).unwrap();
    for (newer, is_open) in [
        (r#"{"format":9,"door":{"key":"$argon2id$","since":3}}"#, false),
        (r#"{"format":9,"listening":"$argon2id$","tokens":[]}"#, false),
        (r#"{"format":"of tomorrow","keys":["$argon2id$"],"listening_key":null}"#, false),
        (r#"{"format":9,"further":true,"most":3,"left":null,"tokens":[]}"#, true),
        (r#"{"format":"of tomorrow"}"#, true),
        (r#"{"format":1,"door":"none of a newer version"}"#, true),
    ] {
        std::fs::write(path.join(KeptKeys::NAME), newer).unwrap();
        let access = open(&folder, mono_raw_now());
        assert_eq!(access.grant(NOBODY), Grant { listen: is_open, set: is_open }, "{newer}");
        assert_eq!(access.notice().is_none(), is_open, "{newer}");
        if is_open {
            continue;
        }
        let denied = access.set_key(Purpose::Listening, Some("of a stranger".into()), NOBODY).await;
        assert!(denied.unwrap_err().words.contains("remove access.json"), "{newer}");
        // The owner gives the lost key up, which must hold after a restart, too.
        let named = PerPurpose { listening: None, settings: Some(configured.as_str()) };
        let owner = PerPurpose { listening: false, settings: true };
        Access::open(named, Some(&folder), None).set_key(Purpose::Listening, None, owner).await.unwrap();
        assert_eq!(Access::open(named, Some(&folder), None).set(), owner, "{newer}");
        let aside = path.join("access.json.damaged");
        assert_eq!(
            std::fs::read_to_string(&aside).unwrap(),
            newer,
            "for the newer version, if it comes back"
        );
        std::fs::remove_file(aside).unwrap();
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn who_has_the_configurations_settings_key_gets_past_the_damage_and_the_file_is_kept_aside() {
    let (path, folder) = folder("past");
    std::fs::write(path.join(KeptKeys::NAME), "{").unwrap();
    let configured = HashedKey::of("configured", [9; SALT_BYTES]).unwrap();
    let named = PerPurpose { listening: None, settings: Some(configured.as_str()) };
    let access = Access::open(named, Some(&folder), Some(mono_raw_now()));
    assert!(access.notice().unwrap().starts_with("Nobody may listen:"));
    access.enter(Purpose::Settings, "configured", peer()).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(path.join(KeptKeys::NAME)).unwrap(),
        "{",
        "the only sign of the lost key"
    );
    let owner = PerPurpose { listening: false, settings: true };
    access.set_key(Purpose::Listening, Some("another one".into()), owner).await.unwrap();
    assert_eq!(access.notice(), None);
    assert_eq!(std::fs::read_to_string(path.join("access.json.damaged")).unwrap(), "{");
    assert!(open(&folder, mono_raw_now()).enter(Purpose::Listening, "another one", peer()).await.is_ok());
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn a_key_of_a_newer_kind_stays_locked_and_written_while_the_other_one_works() {
    let (path, folder) = folder("newer");
    let known = HashedKey::of("well known", [9; SALT_BYTES]).unwrap();
    let newer = serde_json::json!({
        "format": 9, "listening_key": "$scrypt$of-tomorrow", "settings_key": known.as_str(),
        "tokens": [{"digest": "ab", "since": 3}], "guests": {"most": 3}
    });
    std::fs::write(path.join(KeptKeys::NAME), newer.to_string()).unwrap();
    let access = open(&folder, mono_raw_now());
    let (_, token) = access.enter(Purpose::Settings, "well known", peer()).await.unwrap();
    let again = open(&folder, mono_raw_now());
    let cookie = with(header::COOKIE, &format!("synthwire_settings={}", token.as_str()));
    assert!(again.shown(&cookie, peer()).await.unwrap().settings);
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path.join(KeptKeys::NAME)).unwrap()).unwrap();
    for field in ["format", "listening_key", "settings_key", "guests"] {
        assert_eq!(kept[field], newer[field], "{field}");
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn a_lost_key_that_is_given_up_stays_given_up_after_a_restart() {
    let (path, folder) = folder("given-up");
    let known = HashedKey::of("well known", [9; SALT_BYTES]).unwrap();
    for lost in [serde_json::json!(7), serde_json::json!({"of": "tomorrow"}), "$scrypt$of-tomorrow".into()] {
        let file = serde_json::json!({"format": 1, "listening_key": lost, "settings_key": known.as_str()});
        std::fs::write(path.join(KeptKeys::NAME), file.to_string()).unwrap();
        let access = open(&folder, mono_raw_now());
        assert_eq!(access.set(), PerPurpose { listening: true, settings: true });
        let owner = PerPurpose { listening: false, settings: true };
        access.set_key(Purpose::Listening, None, owner).await.unwrap();
        assert_eq!(open(&folder, mono_raw_now()).set(), owner, "{lost}");
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "it is the disk that takes its time")]
async fn a_key_that_is_written_is_in_effect_though_who_set_it_has_gone() {
    let (path, folder) = folder("gone");
    let access = open(&folder, mono_raw_now());
    let disk = Arc::clone(access.file.as_ref().unwrap());
    let busy = disk.lock().unwrap();
    let mut set = Box::pin(access.set_key(Purpose::Settings, Some("open sesame".into()), NOBODY));
    let being_written = async {
        while access.writing.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = &mut set => panic!("the disk is busy: {done:?}"),
        () = being_written => {}
    }
    drop(set);
    drop(busy);
    drop(access.writing.lock().await);
    assert!(access.set().settings && open(&folder, mono_raw_now()).set().settings);
    std::fs::remove_dir_all(path).unwrap();
}

fn from(last: u8) -> Peer {
    Peer { address: IpAddr::from([10, 0, 1, last]), ..peer() }
}

/// Returns an access with both keys set in the configuration.
fn both() -> Access {
    let key = |key: &str| HashedKey::of(key, [9; SALT_BYTES]).unwrap();
    let (band, owner) = (key("band's key"), key("owner's key"));
    let named = PerPurpose { listening: Some(band.as_str()), settings: Some(owner.as_str()) };
    Access::open(named, None, Some(MonoNs(0)))
}

#[tokio::test]
async fn a_program_that_shows_a_right_key_each_time_is_never_refused_though_there_are_two() {
    let access = both();
    for (key, expected) in [
        ("band's key", PerPurpose { listening: true, settings: false }),
        ("owner's key", PerPurpose { listening: false, settings: true }),
    ] {
        let headers = with(header::AUTHORIZATION, &format!("Bearer {key}"));
        for _ in 0..12 {
            assert_eq!(access.shown(&headers, peer()).await.unwrap(), expected, "{key}");
        }
    }
    let wrong = with(header::AUTHORIZATION, "Bearer neither of them");
    for _ in 0..tries::TRIES_AT_ONCE {
        let denied = access.shown(&wrong, peer()).await.unwrap_err();
        assert_eq!(denied.refusal, Refusal::KeyWrong, "one try for both keys");
    }
    assert_eq!(access.shown(&wrong, peer()).await.unwrap_err().refusal, Refusal::KeyTries);
}

#[tokio::test]
async fn a_right_key_is_let_in_while_sixty_addresses_try_wrong_ones() {
    let access = Arc::new(both());
    let mut rude = tokio::task::JoinSet::new();
    for last in 0..60 {
        let access = Arc::clone(&access);
        rude.spawn(async move {
            loop {
                let _ = access.enter(Purpose::Settings, "guess guess", from(last)).await;
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..8 {
        access.enter(Purpose::Settings, "owner's key", peer()).await.unwrap();
    }
    rude.shutdown().await;
}

#[tokio::test]
async fn whoever_enters_the_key_over_and_over_logs_nobody_else_out_and_writes_seldom() {
    let (path, folder) = folder("over");
    let access = open(&folder, mono_raw_now());
    access.set_key(Purpose::Listening, Some("open sesame".into()), NOBODY).await.unwrap();
    let (_, token) = access.enter(Purpose::Listening, "open sesame", peer()).await.unwrap();
    let cookie = with(header::COOKIE, &format!("synthwire_listening={}", token.as_str()));
    let state = access.now().clone();
    // Hands out tokens as after a right key, without the time that 300 checks take.
    let handed_out: Vec<u64> = (0..300)
        .map(|_| {
            let mut now = access.now();
            now.tokens.add(Purpose::Listening, &Token::of(random()), from(7).client_id());
            now.handed_out += 1;
            now.handed_out
        })
        .collect();
    assert!(access.shown(&cookie, peer()).await.unwrap().listening);
    let last = *handed_out.last().unwrap();
    access.write_tokens(last).await.unwrap();
    let written = std::fs::metadata(path.join(KeptKeys::NAME)).unwrap().modified().unwrap();
    for number in handed_out {
        access.write_tokens(number).await.unwrap();
    }
    let after = std::fs::metadata(path.join(KeptKeys::NAME)).unwrap().modified().unwrap();
    assert_eq!(written, after, "one write was for all of them");
    assert!(
        state.handed_out == 1
            && open(&folder, mono_raw_now()).shown(&cookie, peer()).await.unwrap().listening
    );
    std::fs::remove_dir_all(path).unwrap();
}
