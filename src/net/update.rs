//! An update from the page: a bundle comes in as the body of one request and goes to the disk as it comes.
//!
//! In: a request whose sender has shown the settings key, where one is set, from our own page or a program. Out: the bundle
//! where the system's updater takes it ([`crate::update`]). At most one at a time, of which [`PIECE_BYTES`] are in memory.

use super::access::Denied;
use super::guard::{self, Peer};
use super::limits::{UPDATE_SILENT_MAX, UPDATE_TIMEOUT};
use super::refusals::Refusal;
use super::routes::Body;
use super::{Service, api};
use crate::update::{BUNDLE_BYTES_MAX, Incoming as Bundle, NotTaken, Said, Updater};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header;
use hyper::{Request, Response};
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

/// What is gathered before the disk is asked to take it.
const PIECE_BYTES: usize = 256 * 1024;
/// What a bundle must be called. No form can send it, so another site's page cannot without being asked first.
const MEDIA_TYPE: &str = "application/vnd.rauc";

/// The service's part in updates.
pub(super) struct Updates {
    updater: Updater,
    coming: Mutex<Option<Coming>>,
}

/// How much of a bundle has come.
#[derive(Clone, Copy)]
struct Coming {
    bytes: u64,
    of: u64,
}

/// For the status.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    said: Said,
    /// Where it is, for a person.
    words: String,
    /// Largest bundle that is taken.
    bytes_max: u64,
}

impl Updates {
    pub(super) fn new(updater: Updater) -> Self {
        updater.clear();
        Self { updater, coming: Mutex::default() }
    }

    /// Where an update is; `None` where there is no updater.
    pub(super) fn shown(&self) -> Option<Shown> {
        let said = self.updater.said().unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        })?;
        let said = match *self.coming() {
            Some(Coming { bytes, of }) => Said::receiving((bytes * 100 / of.max(1)) as u8),
            None => said,
        };
        Some(Shown { words: said.words(), said, bytes_max: BUNDLE_BYTES_MAX })
    }

    fn coming(&self) -> MutexGuard<'_, Option<Coming>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, a bundle comes in.
struct Counting<'a>(&'a Updates);

impl<'a> Counting<'a> {
    fn begin(updates: &'a Updates, of: u64) -> Self {
        *updates.coming() = Some(Coming { bytes: 0, of });
        Self(updates)
    }

    fn add(&self, bytes: usize) {
        if let Some(coming) = &mut *self.0.coming() {
            coming.bytes += bytes as u64;
        }
    }
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        *self.0.coming() = None;
    }
}

impl From<NotTaken> for Denied {
    fn from(why: NotTaken) -> Self {
        let refusal = match why {
            NotTaken::Impossible => Refusal::UpdateImpossible,
            NotTaken::Busy => Refusal::UpdateBusy,
            NotTaken::TooLong => Refusal::UpdateTooLong,
            NotTaken::NoRoom | NotTaken::Disk(_) => Refusal::UpdateNoRoom,
            NotTaken::NoneWaiting => Refusal::UpdateNoneWaiting,
        };
        Denied::new(refusal, why.words())
    }
}

/// Whether this sender may update anything.
async fn allowed(request: &Request<Incoming>, service: &Service, peer: Peer) -> Result<(), Denied> {
    guard::check_origin(request.headers())
        .map_err(|refusal| Denied::new(refusal, "Only this device's own page may update it."))?;
    let shown = service.access.shown(request.headers(), peer).await?;
    if service.access.grant(shown).set {
        Ok(())
    } else {
        Err(Denied::new(Refusal::KeyMissing, "Enter the settings key first."))
    }
}

/// `POST /api/update`: takes a bundle.
pub(super) async fn take(
    request: Request<Incoming>,
    service: &Service,
    peer: Peer,
) -> Result<Response<Body>, Denied> {
    allowed(&request, service, peer).await?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind != Some(MEDIA_TYPE) {
        return Err(Denied::new(Refusal::BodyUnreadable, format!("An update is sent as {MEDIA_TYPE}.")));
    }
    let size = request.body().size_hint();
    if size.lower() > BUNDLE_BYTES_MAX {
        return Err(NotTaken::TooLong.into());
    }
    let updater = service.updates.updater.clone();
    let mut bundle = on_disk(move || updater.begin()).await?;
    let counting = Counting::begin(&service.updates, size.exact().unwrap_or(BUNDLE_BYTES_MAX));
    let (mut body, end) = (request.into_body(), Instant::now() + UPDATE_TIMEOUT);
    let mut piece = BytesMut::new();
    loop {
        let more = timeout_at(end, timeout(UPDATE_SILENT_MAX, body.frame())).await;
        let Ok(Ok(more)) = more else {
            return Err(Denied::new(Refusal::UpdateLate, "The update took too long to arrive."));
        };
        let ended = more.is_none();
        if let Some(frame) = more {
            let frame =
                frame.map_err(|_| Denied::new(Refusal::UpdateCutOff, "The update did not arrive whole."))?;
            let Ok(data) = frame.into_data() else { continue };
            counting.add(data.len());
            piece.extend_from_slice(&data);
        }
        if piece.len() >= PIECE_BYTES || ended {
            let bytes = piece.split().freeze();
            bundle = on_disk(move || bundle.write(&bytes).map(|()| bundle)).await?;
        }
        if ended {
            break;
        }
    }
    on_disk(move || Bundle::hand_over(bundle)).await?;
    tracing::info!("an update came from {}: the system's updater takes it from here", peer.address);
    Ok(api::no_content())
}

/// `POST /api/update/restart`: restarts into what was installed.
pub(super) async fn restart(
    request: Request<Incoming>,
    service: &Service,
    peer: Peer,
) -> Result<Response<Body>, Denied> {
    allowed(&request, service, peer).await?;
    api::check_json(request.headers())?;
    let updater = service.updates.updater.clone();
    on_disk(move || updater.restart()).await?;
    tracing::info!("a restart into the update was asked for from {}", peer.address);
    Ok(api::no_content())
}

/// Has a thread wait for the disk that does not play.
async fn on_disk<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, NotTaken> + Send + 'static,
) -> Result<T, Denied> {
    match spawn_blocking(what).await {
        Ok(done) => done.map_err(Denied::from),
        Err(_) => Err(NotTaken::Disk("its task ended".into()).into()),
    }
}
