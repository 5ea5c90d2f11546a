//! The parts that handshakes use: the current certificate, and the ciphers that suit this processor.

use super::der::Certificate;
use super::kinds::{KeyKind, TAKEN};
use crate::error::{self, Result};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{CipherSuite, Error, ServerConfig, version};

/// A certificate that can be replaced between two handshakes.
#[derive(Debug)]
pub(super) struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl CurrentCertificate {
    pub(super) fn new(first: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    /// Replaces the certificate from the next handshake on.
    pub(super) fn change(&self, next: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }

    pub(super) fn now(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now())
    }
}

/// Returns a chain and its key, both given in PEM, after checking that they belong together.
///
/// # Errors
/// What is missing or does not match, without a remedy, because the remedy depends on where they come from.
pub(super) fn certified(chain: &[u8], key: &[u8]) -> std::result::Result<CertifiedKey, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| format!("the certificate cannot be read as PEM ({error})"))?;
    if chain.is_empty() {
        return Err("there is no certificate in it".into());
    }
    let unusable = match Certificate::of(&chain[0]).as_ref().and_then(KeyKind::of) {
        Some(KeyKind::Unusable(kind)) => Some(kind),
        _ => None,
    };
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| format!("the key cannot be read as PEM ({error})"))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
        Error::InconsistentKeys(_) => "the key is another certificate's: they do not belong together".into(),
        error => match unusable {
            Some(kind) => {
                format!("its key ({kind}) is of no kind that can be used: have both made anew with {TAKEN}")
            }
            None => format!("certificate and key cannot be used together ({error})"),
        },
    })
}

/// Returns the configuration of handshakes: TLS 1.3 only (every browser that can play supports it), with session tickets,
/// without early data.
pub(super) fn server_config(shown: Arc<CurrentCertificate>) -> Result<ServerConfig> {
    let cannot = |error| error::Error::new("cannot set up TLS").because(error);
    let aes = has_aes();
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider(aes)))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(cannot)?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.ignore_client_order = !aes;
    config.ticketer = ring::Ticketer::new().map_err(cannot)?;
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Prefers `ChaCha20` to AES if the processor has no AES instructions (Raspberry Pi 4 and earlier): in software, AES takes
/// about three times as long. Browsers on machines with these instructions ask for AES first, so our own order counts.
fn provider(aes: bool) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if !aes {
        provider
            .cipher_suites
            .sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    }
    provider
}

fn has_aes() -> bool {
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
    return false;
}

/// Returns the SHA-256 of a certificate, its fingerprint.
pub(super) fn sha256(der: &[u8]) -> [u8; 32] {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().expect("it is one of TLS 1.3");
    suite.common.hash_provider.hash(der).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_without_aes_is_not_asked_for_it() {
        let first = |aes| provider(aes).cipher_suites[0].suite();
        assert_eq!(first(false), CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        assert_eq!(first(true), CipherSuite::TLS13_AES_256_GCM_SHA384);
        assert_eq!(provider(false).cipher_suites.len(), provider(true).cipher_suites.len());
    }
}
