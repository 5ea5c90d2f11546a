//! What may be written from the network, and by whom: named settings, access keys, a signed update; nothing else.
//!
//! Each write must come from our own page or from a program, never from another site's page; must be JSON, which no form
//! can send; and must have shown the settings key where one is set.

use super::access::rules::Purpose;
use super::access::{Access, Denied};
use super::answers::{Body, json, no_content};
use super::limits::{BODY_BYTES_MAX, BODY_TIMEOUT};
use super::negotiation;
use super::peer::Peer;
use super::refusals::Refusal;
use super::secure::Secure;
use super::settings::{KeptSettings, Settings};
use crate::hub::heard::Heard;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::sync::Arc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long a browser keeps what stands for a key: as long as browsers allow.
const TOKEN_AGE_S: u32 = 400 * 24 * 3600;

/// Whether something can be written at `path`.
pub(super) fn takes(path: &str) -> bool {
    matches!(
        path,
        "/api/access/enter"
            | "/api/access/key"
            | "/api/authority"
            | "/api/settings"
            | "/api/update"
            | "/api/update/restart"
    )
}

/// `/api/access`: which keys are set and which were shown. No secrets.
pub(super) async fn access(
    headers: &HeaderMap,
    access: &Access,
    peer: Peer,
) -> Result<Response<Body>, Denied> {
    #[derive(Serialize)]
    struct Key {
        set: bool,
        shown: bool,
        may_set: bool,
    }
    #[derive(Serialize)]
    struct Shown {
        listening: Key,
        settings: Key,
        may_listen: bool,
        may_change_settings: bool,
        first_key_s_left: u64,
        /// What is locked for good, and what opens it; null where every key that is set can be entered.
        notice: Option<String>,
    }
    let shown = access.shown(headers, peer).await?;
    let grant = access.grant(shown);
    let set = access.set();
    let key = |purpose| Key {
        set: *set.of(purpose),
        shown: *shown.of(purpose),
        may_set: access.may_set_key(purpose, shown),
    };
    Ok(json(&Shown {
        listening: key(Purpose::Listening),
        settings: key(Purpose::Settings),
        may_listen: grant.listen,
        may_change_settings: grant.set,
        first_key_s_left: access.first_key_s_left(),
        notice: access.notice(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enter {
    purpose: Purpose,
    key: String,
}

/// `POST /api/access/enter`: what stands for a key from now on.
pub(super) async fn enter(
    request: Request<Incoming>,
    access: &Access,
    peer: Peer,
) -> Result<Response<Body>, Denied> {
    let Enter { purpose, key } = body(request).await?;
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
    /// Null takes it away.
    key: Option<String>,
}

/// `POST /api/access/key`: sets, changes or takes away a key.
pub(super) async fn set_key(
    request: Request<Incoming>,
    access: &Access,
    peer: Peer,
) -> Result<Response<Body>, Denied> {
    let shown = access.shown(request.headers(), peer).await?;
    let NewKey { purpose, key } = body(request).await?;
    access.set_key(purpose, key, shown).await?;
    tracing::info!("the key for {purpose:?} was changed from {}", peer.address);
    Ok(no_content())
}

/// `POST /api/settings`: changes what is named.
pub(super) async fn set(
    request: Request<Incoming>,
    access: &Access,
    (settings, heard): (&Arc<KeptSettings>, &Heard),
    peer: Peer,
) -> Result<Response<Body>, Denied> {
    let shown = access.shown(request.headers(), peer).await?;
    if !access.grant(shown).set {
        return Err(Denied::new(Refusal::KeyMissing, "Enter the settings key first."));
    }
    let wish: Settings = body(request).await?;
    settings.change(heard, &wish).map_err(|why| Denied::new(Refusal::BodyUnreadable, why))?;
    Ok(no_content())
}

/// `POST /api/authority`: makes a new authority in the place of one that cannot be used.
pub(super) async fn replace_authority(
    request: Request<Incoming>,
    access: &Access,
    secure: Option<&Secure>,
    peer: Peer,
) -> Result<Response<Body>, Denied> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let shown = access.shown(request.headers(), peer).await?;
    if !access.grant(shown).set {
        return Err(Denied::new(Refusal::KeyMissing, "Enter the settings key first."));
    }
    let Nothing {} = body(request).await?;
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

/// Reads what a request wants written.
async fn body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Denied> {
    negotiation::check_json(request.headers())?;
    let whole = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let bytes = match timeout(BODY_TIMEOUT, whole).await {
        Err(_) => return Err(Denied::new(Refusal::BodyLate, "This took too long to arrive.")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Denied::new(
                Refusal::BodyTooLong,
                format!("At most {BODY_BYTES_MAX} bytes can be written here."),
            ));
        }
        Ok(Err(_)) => return Err(Denied::new(Refusal::BodyUnreadable, "This did not arrive whole.")),
        Ok(Ok(whole)) => whole.to_bytes(),
    };
    // What could not be understood is not repeated: it may hold a key.
    serde_json::from_slice(&bytes)
        .map_err(|_| Denied::new(Refusal::BodyUnreadable, "This is nothing that can be set here."))
}
