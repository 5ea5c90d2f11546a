//! The API for changes from the network: named settings, access keys, and a signed update, nothing else.
//!
//! `endpoints` declares who may send what; `routes` has checked it before a request comes here.

use super::access::rules::{PerPurpose, Purpose};
use super::access::{Access, Denied};
use super::admitted_request::AdmittedRequest;
use super::answers::{Body, json, no_content};
use super::refusals::Refusal;
use super::secure::Secure;
use super::settings::{KeptSettings, Settings};
use crate::hub::now_playing::NowPlaying;
use crate::plain::Plain;
use hyper::Response;
use hyper::header::{self, HeaderValue};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Time for which a browser keeps the token for a key: the longest that browsers allow.
const TOKEN_AGE_S: u32 = 400 * 24 * 3600;

/// Answers `/api/access`: which keys are set and which were shown, with this `notice`. Contains no secrets.
pub(super) fn access(access: &Access, shown: PerPurpose<bool>, notice: Option<Plain>) -> Response<Body> {
    #[derive(Serialize)]
    struct Key {
        set: bool,
        shown: bool,
        may_set: bool,
    }
    #[derive(Serialize)]
    struct AccessView {
        listening: Key,
        settings: Key,
        may_listen: bool,
        may_change_settings: bool,
        first_key_s_left: u64,
        /// A text that says what is permanently locked and how to unlock it; null if every key that is set can be entered.
        notice: Option<Plain>,
    }
    let grant = access.grant(shown);
    let set = access.set();
    let key = |purpose| Key {
        set: *set.of(purpose),
        shown: *shown.of(purpose),
        may_set: access.may_set_key(purpose, shown),
    };
    json(&AccessView {
        listening: key(Purpose::Listening),
        settings: key(Purpose::Settings),
        may_listen: grant.listen,
        may_change_settings: grant.set,
        first_key_s_left: access.first_key_s_left(),
        notice,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enter {
    purpose: Purpose,
    key: String,
}

/// Answers `POST /api/access/enter` with the token for a key, in a cookie.
pub(super) async fn enter(asked: AdmittedRequest, access: &Access) -> Result<Response<Body>, Denied> {
    let peer = asked.peer;
    let Enter { purpose, key } = asked.json().await?;
    let (purpose, token) = access.enter(purpose, &key, peer).await?;
    let secure = if peer.secure { "; Secure" } else { "" };
    let cookie = format!(
        "{}={}; Max-Age={TOKEN_AGE_S}; Path=/; HttpOnly; SameSite=Strict{secure}",
        purpose.cookie(),
        token.as_str()
    );
    let mut response = no_content();
    let cookie = HeaderValue::try_from(cookie).expect("a cookie of ours is plain ASCII");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    purpose: Purpose,
    /// Null removes the key.
    key: Option<String>,
}

/// Answers `POST /api/access/key`: sets, changes or removes a key.
pub(super) async fn set_key(asked: AdmittedRequest, access: &Access) -> Result<Response<Body>, Denied> {
    let AdmittedRequest { peer, shown, .. } = asked;
    let NewKey { purpose, key } = asked.json().await?;
    access.set_key(purpose, key, shown).await?;
    tracing::info!("the key for {purpose:?} was changed from {}", peer.address);
    Ok(no_content())
}

/// Answers `POST /api/settings`: changes the named settings.
pub(super) async fn set(
    asked: AdmittedRequest,
    settings: &Arc<KeptSettings>,
    now_playing: &NowPlaying,
) -> Result<Response<Body>, Denied> {
    let wish: Settings = asked.json().await?;
    settings.change(now_playing, &wish).map_err(|why| Denied::new(Refusal::BodyUnreadable, why))?;
    Ok(no_content())
}

/// Answers `POST /api/authority`: replaces an authority that cannot be used.
pub(super) async fn replace_authority(
    asked: AdmittedRequest,
    secure: Option<&Secure>,
) -> Result<Response<Body>, Denied> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let Nothing {} = asked.json().await?;
    let good = || Denied::new(Refusal::BodyUnreadable, "There is no authority here that has to be replaced.");
    let Some(Secure { identity, facts, .. }) = secure else { return Err(good()) };
    let (identity, facts) = (Arc::clone(identity), Arc::clone(facts));
    match spawn_blocking(move || identity.replace_authority(&facts())).await {
        Ok(Ok(true)) => Ok(no_content()),
        Ok(Ok(false)) => Err(good()),
        Ok(Err(error)) => {
            Err(Denied::new(Refusal::BodyUnreadable, format!("No new authority was made: {error}.")))
        }
        Err(_) => Err(Denied::new(Refusal::BodyUnreadable, "No new authority was made.")),
    }
}
