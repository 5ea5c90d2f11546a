//! Who this device is to a browser: its own certificate authority and leaf, or a certificate from elsewhere.
//!
//! In: facts of the machine ([`Facts`]), which somebody else collects, and the state folder. Out: a TLS configuration whose
//! certificate is always the one that fits ([`Identity::look`] decides), and the authority for listeners' devices to trust.
//! Belongs here: names, dates, keys, certificates. Does not: sockets, handshakes, clocks, the page that explains it all.
//!
//! The authority's key is made here, lies in the state folder for this user alone, and is read by nothing but
//! [`authority`]. What it may sign is bounded by its own certificate: local names, private addresses, no further authority.

mod authority;
pub mod dates;
pub mod names;
mod objections;
pub mod profile;
mod shown;
mod supplied;

use crate::error::{Error, Result};
use crate::state::StateFolder;
use authority::{Authority, Leaf};
use dates::Clock;
use names::Names;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shown::{Shown, certified};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub use supplied::Files;
use supplied::Stamp;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::sign::CertifiedKey;

/// When this program was built, seconds since 1970, the same for everybody who builds this version (`build.rs`).
pub const BUILD_S: i64 = match i64::from_str_radix(env!("SYNTHWIRE_BUILD_S"), 10) {
    Ok(seconds) => seconds,
    Err(_) => panic!("build.rs stamps a number"),
};
/// Whose clocks are remembered: the latest word of so many addresses. The oldest is forgotten.
const CLAIMS_MAX: usize = 64;
const AUTHORITY_FILE: &str = "authority.json";
const LEAF_FILE: &str = "leaf.json";

/// What a certificate depends on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// This machine's clock.
    pub clock: Clock,
    /// Its host name.
    pub host: String,
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
    pub sha256: [u8; 32],
}

/// The certificate of this device, and how it is kept fitting.
pub struct Identity {
    shown: Arc<Shown>,
    config: Arc<ServerConfig>,
    origin: Origin,
}

enum Origin {
    Own(Box<Own>),
    Supplied { files: Files, names: Vec<String>, read: Mutex<Stamp> },
}

struct Own {
    folder: StateFolder,
    authority: Authority,
    leaf: Mutex<Leaf>,
    /// What listeners' clocks show, by address, oldest word first.
    claims: Mutex<VecDeque<(IpAddr, i64)>>,
}

impl Identity {
    /// Uses the authority in `folder`, or makes one; signs a leaf unless the last one still fits.
    ///
    /// # Errors
    /// When the folder cannot be used, or holds an authority that cannot be read.
    pub fn own(folder: StateFolder, facts: &Facts) -> Result<Self> {
        let authority = match read::<Authority>(&folder, AUTHORITY_FILE)? {
            Some(authority) => authority,
            None => make_authority(&folder, &facts.host)?,
        };
        let kept = read::<Leaf>(&folder, LEAF_FILE).ok().flatten();
        let kept = kept.filter(|leaf| {
            leaf.authority == authority.certificate && reason(&authority, leaf, facts, &[]).is_none()
        });
        let leaf = match kept {
            Some(leaf) => leaf,
            None => sign(&folder, &authority, facts, &[])?,
        };
        let first = usable(&leaf)?;
        let own = Own { folder, authority, leaf: Mutex::new(leaf), claims: Mutex::default() };
        Self::new(first, Origin::Own(Box::new(own)))
    }

    /// Uses a certificate from elsewhere, for a device that was given these further names.
    ///
    /// # Errors
    /// When the files cannot be read or do not belong together: with the remedy.
    pub fn supplied(files: Files, names: Vec<String>) -> Result<Self> {
        let read = files.stamp();
        let first = files.load()?;
        Self::new(first, Origin::Supplied { files, names, read: Mutex::new(read) })
    }

    fn new(first: CertifiedKey, origin: Origin) -> Result<Self> {
        let shown = Arc::new(Shown::new(first));
        let config = Arc::new(shown::server_config(Arc::clone(&shown))?);
        Ok(Self { shown, config, origin })
    }

    /// What handshakes are made with. It stays the same when the certificate changes.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Changes the certificate where the facts ask for it; why, if it did.
    ///
    /// # Errors
    /// When that failed: the last certificate stays.
    pub fn look(&self, facts: &Facts) -> Result<Option<&'static str>> {
        match &self.origin {
            Origin::Own(own) => own.look(facts, &self.shown),
            Origin::Supplied { files, read, .. } => {
                let stamp = files.stamp();
                let mut last = locked(read);
                if *last == stamp {
                    return Ok(None);
                }
                *last = stamp; // also of files that cannot be used: once said is enough
                self.shown.change(files.load()?);
                Ok(Some("its files have changed"))
            }
        }
    }

    /// What browsers will say against the certificate: of one from elsewhere; our own fits, or [`Self::look`] changes it.
    pub fn objections(&self, facts: &Facts) -> Vec<String> {
        match &self.origin {
            Origin::Own(_) => Vec::new(),
            Origin::Supplied { names, .. } => objections::objections(&self.leaf(), facts, names),
        }
    }

    /// Notes what the clock of a listener at `address` shows. It moves no clock of ours: see [`dates::moment`].
    pub fn claim(&self, address: IpAddr, unix_s: i64) {
        let Origin::Own(own) = &self.origin else { return };
        let mut claims = locked(&own.claims);
        claims.retain(|(other, _)| *other != address);
        claims.push_back((address, unix_s));
        if claims.len() > CLAIMS_MAX {
            claims.pop_front();
        }
    }

    /// What listeners' devices may be asked to trust. `None` where the certificate is from elsewhere.
    pub fn authority(&self) -> Option<Trusted> {
        let Origin::Own(own) = &self.origin else { return None };
        let der = CertificateDer::from_pem_slice(own.authority.certificate.as_bytes()).ok()?;
        Some(Trusted { name: own.authority.name.clone(), sha256: shown::sha256(&der), der })
    }

    /// The certificate in use (DER).
    pub fn leaf(&self) -> CertificateDer<'static> {
        self.shown.now().cert[0].clone()
    }
}

impl Own {
    fn look(&self, facts: &Facts, shown: &Shown) -> Result<Option<&'static str>> {
        let claims: Vec<i64> = locked(&self.claims).iter().map(|(_, claim)| *claim).collect();
        let mut leaf = locked(&self.leaf);
        let Some(reason) = reason(&self.authority, &leaf, facts, &claims) else { return Ok(None) };
        let next = sign(&self.folder, &self.authority, facts, &claims)?;
        shown.change(usable(&next)?);
        *leaf = next;
        Ok(Some(reason))
    }
}

/// Why this leaf does not fit the facts, if it does not.
fn reason(authority: &Authority, leaf: &Leaf, facts: &Facts, claims: &[i64]) -> Option<&'static str> {
    let moment_s = dates::moment(facts.clock, BUILD_S, claims, authority.window);
    if dates::is_due(leaf.window, moment_s, authority.window) {
        return Some("its dates");
    }
    let names = authority.may_name(&Names::of(&facts.host, &facts.addresses));
    (!leaf.names.hold(&names)).then_some("this machine has another name or address")
}

fn sign(folder: &StateFolder, authority: &Authority, facts: &Facts, claims: &[i64]) -> Result<Leaf> {
    let moment_s = dates::moment(facts.clock, BUILD_S, claims, authority.window);
    let window = dates::leaf_window(moment_s, authority.window);
    let leaf = authority.sign(&Names::of(&facts.host, &facts.addresses), window)?;
    write(folder, LEAF_FILE, &leaf)?;
    Ok(leaf)
}

fn make_authority(folder: &StateFolder, host: &str) -> Result<Authority> {
    let authority = Authority::make(host, dates::authority_window(BUILD_S))?;
    write(folder, AUTHORITY_FILE, &authority)?;
    tracing::info!("made this device's own certificate authority, {:?}", authority.name);
    Ok(authority)
}

fn usable(leaf: &Leaf) -> Result<CertifiedKey> {
    certified(leaf.certificate.as_bytes(), leaf.key.as_bytes())
        .map_err(|wrong| Error::new("cannot use this device's own certificate").because(wrong))
}

fn read<T: DeserializeOwned>(folder: &StateFolder, name: &str) -> Result<Option<T>> {
    let Some(bytes) = folder.read(name)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::new(format!("{name} in the state folder cannot be understood")).because(error).try_this(
            "Put it back from a copy, or remove it: then the service makes a new one, and devices that trusted it \
             must be told once more",
        )
    })
}

fn write(folder: &StateFolder, name: &str, value: &impl Serialize) -> Result<()> {
    folder.write(name, &serde_json::to_vec_pretty(value).expect("our own types serialise"))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
