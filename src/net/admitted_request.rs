//! A request that passed the guards, with its sender.

use super::access::Denied;
use super::access::rules::PerPurpose;
use super::endpoints::Body;
use super::limits::BODY_TIMEOUT;
use super::peer::Peer;
use super::refusals::Refusal;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// The request as `routes` passes it to the function that answers.
pub(super) struct AdmittedRequest {
    pub(super) request: Request<Incoming>,
    pub(super) peer: Peer,
    /// The keys the request shows, if they matter for this endpoint.
    pub(super) shown: PerPurpose<bool>,
    /// The kind of body that the request may have.
    pub(super) body: Body,
}

impl AdmittedRequest {
    /// Reads the body as JSON.
    pub(super) async fn json<T: DeserializeOwned>(self) -> Result<T, Denied> {
        let bytes_max = match self.body {
            Body::Json { bytes_max, .. } => bytes_max,
            Body::Nothing | Body::Bundle { .. } => 0,
        };
        let too_long =
            || Denied::new(Refusal::BodyTooLong, format!("At most {bytes_max} bytes can be written here."));
        // Refuse it before reading a byte, and so before hyper asks for the body by 100 Continue (RFC 9110,
        // 10.1.1).
        if self.request.body().size_hint().lower() > bytes_max as u64 {
            return Err(too_long());
        }
        let whole = Limited::new(self.request.into_body(), bytes_max).collect();
        let bytes = match timeout(BODY_TIMEOUT, whole).await {
            Err(_) => return Err(Denied::new(Refusal::BodyLate, "This took too long to arrive.")),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_long()),
            Ok(Err(_)) => {
                return Err(Denied::new(Refusal::BodyUnreadable, "This did not arrive completely."));
            }
            Ok(Ok(whole)) => whole.to_bytes(),
        };
        // Do not repeat the text that could not be parsed: it may hold a key.
        serde_json::from_slice(&bytes)
            .map_err(|_| Denied::new(Refusal::BodyUnreadable, "This cannot be set here."))
    }
}
