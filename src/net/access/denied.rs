//! The refusal of a request, in plain words.

use crate::net::refusals::Refusal;

/// The reason for a refusal, in plain words.
#[derive(Debug)]
pub(in crate::net) struct Denied {
    pub(in crate::net) refusal: Refusal,
    pub(in crate::net) words: String,
    /// Seconds after which the client may try again.
    pub(in crate::net) retry_s: Option<u64>,
}

impl Denied {
    pub(in crate::net) fn new(refusal: Refusal, words: impl Into<String>) -> Self {
        Self { refusal, words: words.into(), retry_s: None }
    }

    pub(super) fn too_often(retry_s: u64) -> Self {
        let words = format!("Keys were tried too often. Try again in {retry_s} seconds.");
        Self { retry_s: Some(retry_s), ..Self::new(Refusal::KeyTries, words) }
    }

    pub(super) fn crowded(retry_s: u64) -> Self {
        let words = format!("Many keys are being tried just now. Try again in {retry_s} seconds.");
        Self { retry_s: Some(retry_s), ..Self::new(Refusal::KeyTries, words) }
    }
}
