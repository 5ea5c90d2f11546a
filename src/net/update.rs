//! An update from the page: a bundle arrives as the body of one request and is written to the disk piece by piece.
//!
//! In: a request from our own page or a program. Its sender has shown the settings key or, if none is set,
//! the device was switched on only minutes ago. Out: the bundle in the place where the system's updater takes
//! it ([`crate::update`]). Only one bundle may arrive at a time, with [`PIECE_BYTES`] in memory, at a minimum
//! rate.

use super::access::{Access, Denied};
use super::admitted_request::AdmittedRequest;
use super::answers::{Body, no_content};
use super::endpoints::ANY_AGE;
use super::limits::{UPDATE_BYTES_PER_S_MIN, UPDATE_TIMEOUT};
use super::refusals::Refusal;
use super::updates::{Counting, Updates};
use crate::update::{Age, BUNDLE_BYTES_MAX, Incoming as Bundle, NotTaken};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

/// Bytes gathered before they are written to the disk.
const PIECE_BYTES: usize = 256 * 1024;
/// Maximum time for a piece to arrive.
const PIECE_TIMEOUT: Duration = Duration::from_secs(PIECE_BYTES as u64 / UPDATE_BYTES_PER_S_MIN);

impl From<NotTaken> for Denied {
    fn from(why: NotTaken) -> Self {
        let refusal = match why {
            NotTaken::Impossible => Refusal::UpdateImpossible,
            NotTaken::Busy => Refusal::UpdateBusy,
            NotTaken::Unfit(_) => Refusal::UpdateUnfit,
            NotTaken::NoBundle => Refusal::UpdateNoBundle,
            NotTaken::TooLong => Refusal::UpdateTooLong,
            NotTaken::NoRoom(_) | NotTaken::Disk(_) => Refusal::UpdateNoRoom,
            NotTaken::NoneWaiting => Refusal::UpdateNoneWaiting,
        };
        Denied::new(refusal, why.words())
    }
}

/// Answers `POST /api/update`: accepts a bundle. A bundle of an older version needs the settings key.
pub(super) async fn take(
    asked: AdmittedRequest,
    access: &Access,
    updates: &Updates,
) -> Result<Response<Body>, Denied> {
    let AdmittedRequest { request, peer, shown, .. } = asked;
    let age = if request.uri().query() == Some(ANY_AGE) { Age::Any } else { Age::Newer };
    if age == Age::Any && !access.is_owner(shown) {
        let words = "Only the holder of the settings key, or root on the device, can install an older version. Set a settings key first.";
        return Err(Denied::new(Refusal::UpdateLocked, words));
    }
    let size = request.body().size_hint();
    let counting = Counting::begin(updates, size.exact().unwrap_or(BUNDLE_BYTES_MAX));
    let counting = counting.ok_or(NotTaken::Busy)?;
    let system = updates.updater.clone();
    let bundle = on_disk(move || system.begin(Some(size.lower()), age)).await?;
    let bundle = receive(request.into_body(), bundle, &counting).await?;
    on_disk(move || Bundle::hand_over(bundle)).await?;
    tracing::info!("an update arrived from {}: the system's updater takes it from here", peer.address);
    Ok(no_content())
}

/// The time limits of a sender, for a piece and in total.
struct Pace {
    end: Instant,
    piece_end: Instant,
}

impl Pace {
    fn begin(now: Instant) -> Self {
        Self { end: now + UPDATE_TIMEOUT, piece_end: now + PIECE_TIMEOUT }
    }

    /// Returns the time by which the next bytes must arrive.
    fn deadline(&self) -> Instant {
        self.end.min(self.piece_end)
    }

    /// Starts the time of the next piece.
    fn next_piece(&mut self, now: Instant) {
        self.piece_end = now + PIECE_TIMEOUT;
    }
}

/// Writes the body to the disk, piece by piece, until it ends.
async fn receive(mut body: Incoming, mut bundle: Bundle, counting: &Counting<'_>) -> Result<Bundle, Denied> {
    let (mut piece, mut pace) = (BytesMut::new(), Pace::begin(Instant::now()));
    loop {
        let Ok(more) = timeout_at(pace.deadline(), body.frame()).await else {
            let words = "The update came too slowly. Bring the device and this computer nearer to the network, or use a cable.";
            return Err(Denied::new(Refusal::UpdateLate, words));
        };
        let ended = more.is_none();
        if let Some(frame) = more {
            let frame = frame
                .map_err(|_| Denied::new(Refusal::UpdateCutOff, "The update did not arrive completely."))?;
            let Ok(data) = frame.into_data() else { continue };
            counting.add(data.len());
            piece.extend_from_slice(&data);
        }
        if piece.len() >= PIECE_BYTES || ended {
            let bytes = piece.split().freeze();
            bundle = on_disk(move || bundle.write(&bytes).map(|()| bundle)).await?;
            pace.next_piece(Instant::now()); // the sender is not charged for the disk's time
        }
        if ended {
            return Ok(bundle);
        }
    }
}

/// Answers `POST /api/update/restart`: restarts into the installed update.
pub(super) async fn restart(asked: &AdmittedRequest, updates: &Updates) -> Result<Response<Body>, Denied> {
    let system = updates.updater.clone();
    on_disk(move || system.restart()).await?;
    tracing::info!("a restart into the update was asked for from {}", asked.peer.address);
    Ok(no_content())
}

/// Runs `what`, which waits for the disk, on a thread that plays no sound.
async fn on_disk<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, NotTaken> + Send + 'static,
) -> Result<T, Denied> {
    match spawn_blocking(what).await {
        Ok(done) => done.map_err(Denied::from),
        Err(_) => Err(NotTaken::Disk("its task ended".into()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the seconds after which a sender of `bytes` at an interval of `every_s` is refused; `None` if
    /// 200 MiB arrive.
    fn refused_s(bytes: usize, every_s: u64) -> Option<u64> {
        let begin = Instant::now();
        let (mut now, mut pace, mut piece, mut all) = (begin, Pace::begin(begin), 0, 0);
        while all < BUNDLE_BYTES_MAX {
            now += Duration::from_secs(every_s);
            if now > pace.deadline() {
                return Some(pace.deadline().duration_since(begin).as_secs());
            }
            piece += bytes;
            all += bytes as u64;
            if piece >= PIECE_BYTES {
                piece = 0;
                pace.next_piece(now);
            }
        }
        None
    }

    #[test]
    fn a_trickle_is_no_update() {
        for (bytes, every_s, refused) in [
            (1, 9, Some(16)),
            (1, 1, Some(16)),
            (10_000, 1, Some(16)),
            (PIECE_BYTES - 1, 15, Some(16)),
            (16_384, 1, Some(1800)), // fast enough for the minimum rate, but would take more than half an hour
            (PIECE_BYTES, 16, Some(1800)),
            (PIECE_BYTES, 2, None),      // 128 KiB a second
            (8 * PIECE_BYTES, 15, None), // long pauses
        ] {
            assert_eq!(refused_s(bytes, every_s), refused, "{bytes} bytes every {every_s} s");
        }
    }
}
