//! Who may come in: the keys, and who was turned away. What the pages' thread and the thread that sends both ask.

use super::access::Access;
use super::refusals::Refusals;
use std::sync::Arc;

/// Shared by whoever has to say no.
#[derive(Clone)]
pub struct AccessControl {
    pub(super) access: Arc<Access>,
    /// Who was turned away, by reason.
    pub(super) refusals: Arc<Refusals>,
}
