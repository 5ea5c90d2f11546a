//! HTTPS as requests see it.

use super::handshake::Handshakes;
use crate::tls::{CertificateInputs, Identity};
use std::sync::Arc;
use tokio::sync::Notify;

/// The information on HTTPS that requests need.
pub struct Secure {
    pub(super) identity: Arc<Identity>,
    pub(super) handshakes: Handshakes,
    pub(super) facts: Look,
    /// Signalled when something has changed that may affect the certificate.
    pub(super) news: Arc<Notify>,
    pub(super) port: u16,
    pub(super) plain_port: u16,
}

/// A function that reads the properties of the machine.
pub type Look = Arc<dyn Fn() -> CertificateInputs + Send + Sync>;
