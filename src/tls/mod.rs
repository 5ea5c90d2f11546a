//! The certificates that identify this device to a browser: its own certificate authority and leaf, or a
//! certificate that the user supplies.
//!
//! In: the properties of the machine ([`CertificateInputs`]), collected elsewhere, and the state folder. Out:
//! a TLS configuration that always has the fitting certificate ([`Identity::look`] decides), and the
//! authority for listeners' devices to trust. Dates, keys and certificates belong here. Names (`identity`),
//! sockets, handshakes, clocks, and the page that explains the certificate belong elsewhere.
//!
//! The authority's key is made here, is stored in the state folder readable only by this user, and is used only by
//! [`authority`]. The authority's own certificate limits what it may sign: servers with reserved names and private
//! addresses, and no further authorities.

mod authority;
mod current;
pub mod dates;
mod der;
mod facts;
pub mod fingerprint;
mod forms;
mod kinds;
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

/// The certificate of this device, and the means to keep it valid.
pub struct Identity {
    shown: Arc<CurrentCertificate>,
    config: Arc<ServerConfig>,
    /// The supplied certificate, if there is one.
    supplied: Option<Supplied>,
    /// This device's own certificate. With a supplied certificate, it exists only if the supplied certificate could not
    /// be used at the start.
    own: Option<Own>,
    /// Locked while the certificate to use is decided.
    deciding: Mutex<()>,
}

impl Identity {
    /// Uses the authority in `folder`, or makes one if there never was any, and signs a leaf unless the last one still
    /// fits. If the authority's file cannot be used, it stays as it is, and a temporary authority serves until the service
    /// ends.
    ///
    /// # Errors
    /// If no certificate can be made at all.
    pub fn own(folder: &StateFolder, facts: &CertificateInputs) -> Result<Self> {
        let (own, first) = Own::open(folder, facts)?;
        Self::new(first, None, Some(own))
    }

    /// Uses a supplied certificate, for a device with these further names. While its files cannot be used,
    /// the authority in `folder` replaces it.
    ///
    /// # Errors
    /// If neither can be used.
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

    /// Returns this device's own certificate, if that is in use.
    fn own_shown(&self) -> Option<&Own> {
        self.own.as_ref().filter(|_| !self.supplied.as_ref().is_some_and(Supplied::is_shown))
    }

    /// Returns the configuration for handshakes. It stays the same object when the certificate changes.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Changes the certificate if the inputs require it; returns the reason if it did.
    ///
    /// # Errors
    /// If that failed: the last certificate stays.
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

    /// Returns browsers' objections to a supplied certificate, as of the last look. Our own has none, because
    /// [`Self::look`] replaces it.
    pub fn objections(&self) -> Vec<String> {
        self.supplied.as_ref().map(Supplied::objections).unwrap_or_default()
    }

    /// Notes the time of the clock of a listener at `address`. It does not change our clocks: see [`dates::moment`].
    pub fn claim(&self, address: IpAddr, unix_s: i64) {
        if let Some(own) = &self.own {
            own.claim(address, unix_s);
        }
    }

    /// Returns the authority that listeners' devices may be asked to trust. `None` if the certificate is a
    /// supplied one, or the authority is temporary.
    pub fn authority(&self) -> Option<Trusted> {
        self.own_shown()?.trusted()
    }

    /// Returns what is wrong with the stored authority, and what to do, in plain words.
    pub fn notice(&self) -> Option<String> {
        self.own_shown()?.notice()
    }

    /// Returns that notice, the faults of a supplied certificate, and notices about earlier certificates on
    /// listeners' devices, as of the last look.
    pub fn notices(&self) -> Vec<String> {
        let supplied = self.supplied.iter().flat_map(Supplied::notices);
        let former = self.own_shown().map(Own::former).unwrap_or_default();
        supplied.chain(self.notice()).chain(former).collect()
    }

    /// Replaces an authority that cannot be used by a new one and keeps the old file beside it. Returns whether there was
    /// anything to do.
    ///
    /// # Errors
    /// If the new one cannot be made or stored: then nothing changes.
    pub fn replace_authority(&self, facts: &CertificateInputs) -> Result<bool> {
        let _deciding = locked(&self.deciding);
        self.own_shown().map_or(Ok(false), |own| own.replace_authority(facts, &self.shown))
    }

    /// Returns the certificate in use (DER).
    pub fn leaf(&self) -> CertificateDer<'static> {
        self.shown.now().cert[0].clone()
    }
}
