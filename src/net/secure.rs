//! HTTPS as requests see it.

use super::handshake::Handshakes;
use crate::tls::{CertificateInputs, Identity};
use std::sync::Arc;
use tokio::sync::Notify;

/// What they must know of it.
pub struct Secure {
    pub(super) identity: Arc<Identity>,
    pub(super) handshakes: Handshakes,
    pub(super) facts: Look,
    /// Somebody said something the certificate may depend on.
    pub(super) news: Arc<Notify>,
    pub(super) port: u16,
    pub(super) plain_port: u16,
}

/// A look at the machine.
pub type Look = Arc<dyn Fn() -> CertificateInputs + Send + Sync>;
