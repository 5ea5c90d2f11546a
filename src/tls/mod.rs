//! Who this device is to a browser: its own certificate authority and leaf, or a certificate from elsewhere.
//!
//! In: facts of the machine ([`CertificateInputs`]), which somebody else collects, and the state folder. Out: a TLS configuration whose
//! certificate is always the one that fits ([`Identity::look`] decides), and the authority for listeners' devices to trust.
//! Belongs here: dates, keys, certificates. Does not: which names there are (`identity`), sockets, handshakes, clocks, the page that explains it all.
//!
//! The authority's key is made here, lies in the state folder for this user alone, and is read by nothing but
//! [`authority`]. What it may sign is bounded by its own certificate: servers with reserved names and private addresses, no further
//! authority.

mod authority;
mod current;
pub mod dates;
mod facts;
pub mod fingerprint;
mod objections;
pub mod ourselves;
mod own;
pub mod profile;
mod supplied;

use crate::error::Result;
use crate::state::StateFolder;
use current::CurrentCertificate;
use facts::locked;
pub use facts::{BUILD_S, CertificateInputs, Trusted};
use own::Own;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
pub use supplied::Files;
use supplied::Supplied;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::sign::CertifiedKey;

/// The certificate of this device, and how it is kept fitting.
pub struct Identity {
    shown: Arc<CurrentCertificate>,
    config: Arc<ServerConfig>,
    /// The one from elsewhere, where one was given.
    supplied: Option<Supplied>,
    /// This device's own; beside one from elsewhere only where that could not be shown at the start.
    own: Option<Own>,
    /// Held by whoever decides what is shown.
    deciding: Mutex<()>,
}

impl Identity {
    /// Uses the authority in `folder`, or makes one where there never was any; signs a leaf unless the last one still fits.
    /// Where the authority's file cannot be used, it stays as it is, and one is used that lasts until the service ends.
    ///
    /// # Errors
    /// When no certificate can be made at all.
    pub fn own(folder: &StateFolder, facts: &CertificateInputs) -> Result<Self> {
        let (own, first) = Own::open(folder, facts)?;
        Self::new(first, None, Some(own))
    }

    /// Uses a certificate from elsewhere, for a device that was given these further names. Where its files cannot be used, the
    /// authority in `folder` stands in as long as that is so.
    ///
    /// # Errors
    /// When neither can be used.
    pub fn supplied(
        files: Files,
        names: Vec<String>,
        facts: &CertificateInputs,
        folder: impl FnOnce() -> Result<StateFolder>,
    ) -> Result<Self> {
        let (supplied, first) = Supplied::open(files, names);
        match first {
            Some(first) => Self::new(first, Some(supplied), None),
            None => Ok(Self { supplied: Some(supplied), ..Self::own(&folder()?, facts)? }),
        }
    }

    fn new(first: CertifiedKey, supplied: Option<Supplied>, own: Option<Own>) -> Result<Self> {
        let shown = Arc::new(CurrentCertificate::new(first));
        let config = Arc::new(current::server_config(Arc::clone(&shown))?);
        Ok(Self { shown, config, supplied, own, deciding: Mutex::default() })
    }

    /// This device's own certificate, where that is shown.
    fn own_shown(&self) -> Option<&Own> {
        self.own.as_ref().filter(|_| !self.supplied.as_ref().is_some_and(Supplied::is_shown))
    }

    /// What handshakes are made with. It stays the same when the certificate changes.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Changes the certificate where the facts ask for it; why, if it did.
    ///
    /// # Errors
    /// When that failed: the last certificate stays.
    pub fn look(&self, facts: &CertificateInputs) -> Result<Option<&'static str>> {
        let _deciding = locked(&self.deciding);
        let news = self.supplied.as_ref().map_or(Ok(None), Supplied::news);
        let changed = match news {
            Ok(Some(next)) => {
                self.shown.change(next);
                Ok(Some("its files have changed"))
            }
            news => {
                let own = self.own_shown().map_or(Ok(None), |own| own.look(facts, &self.shown));
                news.and(own)
            }
        };
        if let Some(supplied) = &self.supplied {
            supplied.compare(&self.leaf(), facts);
        }
        changed
    }

    /// What browsers will say against the certificate, as of the last look: of one from elsewhere; our own fits, or
    /// [`Self::look`] changes it.
    pub fn objections(&self) -> Vec<String> {
        self.supplied.as_ref().map(Supplied::objections).unwrap_or_default()
    }

    /// Notes what the clock of a listener at `address` shows. It moves no clock of ours: see [`dates::moment`].
    pub fn claim(&self, address: IpAddr, unix_s: i64) {
        if let Some(own) = &self.own {
            own.claim(address, unix_s);
        }
    }

    /// What listeners' devices may be asked to trust. `None` where the certificate is from elsewhere, or lasts only until the
    /// service ends.
    pub fn authority(&self) -> Option<Trusted> {
        self.own_shown()?.trusted()
    }

    /// What is wrong with the authority that was kept, and what to do, in plain words.
    pub fn notice(&self) -> Option<String> {
        self.own_shown()?.notice()
    }

    /// That, what is wrong with a certificate from elsewhere, and what people should know of certificates that listeners' devices
    /// were given before, as of the last look.
    pub fn notices(&self) -> Vec<String> {
        let supplied = self.supplied.iter().flat_map(Supplied::notices);
        let former = self.own_shown().map(Own::former).unwrap_or_default();
        supplied.chain(self.notice()).chain(former).collect()
    }

    /// Makes a new authority in the place of one that cannot be used; the old one's file is kept beside it. Whether there
    /// was anything to do.
    ///
    /// # Errors
    /// When it cannot be made or kept: then all stays as it is.
    pub fn replace_authority(&self, facts: &CertificateInputs) -> Result<bool> {
        let _deciding = locked(&self.deciding);
        self.own_shown().map_or(Ok(false), |own| own.replace_authority(facts, &self.shown))
    }

    /// The certificate in use (DER).
    pub fn leaf(&self) -> CertificateDer<'static> {
        self.shown.now().cert[0].clone()
    }
}
