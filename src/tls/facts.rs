//! What certificates are made of, and what others see of them.

use super::dates::Clock;
use super::fingerprint::Fingerprint;
use crate::identity::Names;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_rustls::rustls::pki_types::CertificateDer;

/// When this program was built, seconds since 1970, the same for everybody who builds this version (`build.rs`).
pub const BUILD_S: i64 = match i64::from_str_radix(env!("SYNTHWIRE_BUILD_S"), 10) {
    Ok(seconds) => seconds,
    Err(_) => panic!("build.rs stamps a number"),
};

/// What a certificate depends on.
#[derive(Clone, Debug)]
pub struct CertificateInputs {
    /// This machine's clock.
    pub clock: Clock,
    /// What it is called.
    pub names: Names,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// An authority as others see it.
pub struct Trusted {
    /// What it is called.
    pub name: String,
    /// Its certificate.
    pub der: CertificateDer<'static>,
    /// The certificate's fingerprint.
    pub fingerprint: Fingerprint,
    /// The last day on which it is good, as YYYY-MM-DD.
    pub until: String,
    /// Certificates shown before it, which devices may trust as well, in the same words.
    pub former: Vec<(Fingerprint, String)>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
