//! The inputs of a certificate, and the authority as others see it.

use super::dates::Clock;
use super::fingerprint::Fingerprint;
use crate::identity::Names;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_rustls::rustls::pki_types::CertificateDer;

/// Build time of this program, in seconds since 1970, the same for every build of this version (`build.rs`).
pub const BUILD_S: i64 = match i64::from_str_radix(env!("SYNTHWIRE_BUILD_S"), 10) {
    Ok(seconds) => seconds,
    Err(_) => panic!("build.rs stamps a number"),
};

/// The properties of the machine on which a certificate depends.
#[derive(Clone, Debug)]
pub struct CertificateInputs {
    /// This machine's clock.
    pub clock: Clock,
    /// The names of this device.
    pub names: Names,
    /// The addresses of this machine.
    pub addresses: Vec<IpAddr>,
}

/// An authority as others see it.
pub struct Trusted {
    /// The authority's displayed name.
    pub name: String,
    /// The authority's certificate.
    pub der: CertificateDer<'static>,
    /// The certificate's fingerprint.
    pub fingerprint: Fingerprint,
    /// The last day of its validity, as YYYY-MM-DD.
    pub until: String,
    /// Earlier certificates, which devices may trust as well: fingerprint and last day.
    pub former: Vec<(Fingerprint, String)>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
