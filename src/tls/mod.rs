//! Who this device is to a browser: its own certificate authority and leaf, or a certificate from elsewhere.
//!
//! In: facts of the machine ([`Facts`]), which somebody else collects, and the state folder. Out: a TLS configuration whose
//! certificate is always the one that fits ([`Identity::look`] decides), and the authority for listeners' devices to trust.
//! Belongs here: dates, keys, certificates. Does not: which names there are (`identity`), sockets, handshakes, clocks, the page that explains it all.
//!
//! The authority's key is made here, lies in the state folder for this user alone, and is read by nothing but
//! [`authority`]. What it may sign is bounded by its own certificate: servers with reserved names and private addresses, no further
//! authority.

mod authority;
pub mod dates;
pub mod fingerprint;
mod objections;
pub mod ourselves;
pub mod profile;
mod shown;
mod supplied;

use crate::error::{Error, Result};
use crate::identity::Names;
use crate::state::{Found, Kept, StateFile, StateFolder};
use authority::{Authority, Leaf};
use dates::{Clock, Window};
use fingerprint::Fingerprint;
use shown::{Shown, certified};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub use supplied::Files;
use supplied::Supplied;
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

/// What a certificate depends on.
#[derive(Clone, Debug)]
pub struct Facts {
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

/// The certificate of this device, and how it is kept fitting.
pub struct Identity {
    shown: Arc<Shown>,
    config: Arc<ServerConfig>,
    /// The one from elsewhere, where one was given.
    supplied: Option<Supplied>,
    /// This device's own; beside one from elsewhere only where that could not be shown at the start.
    own: Option<Own>,
    /// Held by whoever decides what is shown.
    deciding: Mutex<()>,
}

struct Own {
    /// Held for a moment only: who asks waits for no disk.
    now: Mutex<Now>,
    /// Held by whoever makes the next `now`, while it is written.
    files: Mutex<OwnFiles>,
    /// What listeners' clocks show, by address, oldest word first.
    claims: Mutex<VecDeque<(IpAddr, i64)>>,
}

/// Where it is kept.
struct OwnFiles {
    authority: Kept<Authority>,
    leaf: Kept<Leaf>,
}

/// What is signed with and shown at this moment.
#[derive(Clone)]
struct Now {
    authority: Authority,
    leaf: Leaf,
    /// Why the authority is none to be trusted, but one until the next stop.
    temporary: Option<Temporary>,
    /// What people should know of the authority's former certificates.
    former: Vec<String>,
}

/// Why there is no lasting authority.
#[derive(Clone)]
enum Temporary {
    /// There is a file, and what is wrong with it. It stays as it is until somebody asks for another authority.
    Unusable(String),
    /// There was none, and one that was made cannot be kept.
    Unkept(String),
}

impl Identity {
    /// Uses the authority in `folder`, or makes one where there never was any; signs a leaf unless the last one still fits.
    /// Where the authority's file cannot be used, it stays as it is, and one is used that lasts until the service ends.
    ///
    /// # Errors
    /// When no certificate can be made at all.
    pub fn own(folder: &StateFolder, facts: &Facts) -> Result<Self> {
        let (now, files) = Now::open(folder, facts)?;
        let first = usable(&now.leaf)?;
        let own = Own { now: Mutex::new(now), files: Mutex::new(files), claims: Mutex::default() };
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
        facts: &Facts,
        folder: impl FnOnce() -> Result<StateFolder>,
    ) -> Result<Self> {
        let (supplied, first) = Supplied::open(files, names);
        match first {
            Some(first) => Self::new(first, Some(supplied), None),
            None => Ok(Self { supplied: Some(supplied), ..Self::own(&folder()?, facts)? }),
        }
    }

    fn new(first: CertifiedKey, supplied: Option<Supplied>, own: Option<Own>) -> Result<Self> {
        let shown = Arc::new(Shown::new(first));
        let config = Arc::new(shown::server_config(Arc::clone(&shown))?);
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
    pub fn look(&self, facts: &Facts) -> Result<Option<&'static str>> {
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
        let Some(own) = &self.own else { return };
        let mut claims = locked(&own.claims);
        claims.retain(|(other, _)| *other != address);
        claims.push_back((address, unix_s));
        if claims.len() > CLAIMS_MAX {
            claims.pop_front();
        }
    }

    /// What listeners' devices may be asked to trust. `None` where the certificate is from elsewhere, or lasts only until the
    /// service ends.
    pub fn authority(&self) -> Option<Trusted> {
        let now = locked(&self.own_shown()?.now);
        if now.temporary.is_none() { trusted(&now.authority) } else { None }
    }

    /// What is wrong with the authority that was kept, and what to do, in plain words.
    pub fn notice(&self) -> Option<String> {
        locked(&self.own_shown()?.now).temporary.as_ref().map(Temporary::words)
    }

    /// That, what is wrong with a certificate from elsewhere, and what people should know of certificates that listeners' devices
    /// were given before, as of the last look.
    pub fn notices(&self) -> Vec<String> {
        let supplied = self.supplied.iter().flat_map(Supplied::notices);
        let former = self.own_shown().map(|own| locked(&own.now).former.clone()).unwrap_or_default();
        supplied.chain(self.notice()).chain(former).collect()
    }

    /// Makes a new authority in the place of one that cannot be used; the old one's file is kept beside it. Whether there
    /// was anything to do.
    ///
    /// # Errors
    /// When it cannot be made or kept: then all stays as it is.
    pub fn replace_authority(&self, facts: &Facts) -> Result<bool> {
        let _deciding = locked(&self.deciding);
        let Some(own) = self.own_shown() else { return Ok(false) };
        own.change(|now, files| {
            if now.temporary.is_none() {
                return Ok(false);
            }
            let authority = make(&mut files.authority, facts)?;
            (now.authority, now.temporary) = (authority, None);
            now.sign(files, facts, &[])?;
            self.shown.change(usable(&now.leaf)?);
            Ok(true)
        })
    }

    /// The certificate in use (DER).
    pub fn leaf(&self) -> CertificateDer<'static> {
        self.shown.now().cert[0].clone()
    }
}

impl Temporary {
    fn words(&self) -> String {
        let lasting =
            "HTTPS shows a certificate that lasts until the next restart and that no browser trusts";
        match self {
            Self::Unusable(why) => format!(
                "{} in the state folder cannot be used ({why}). It stays as it is, and until that is settled {lasting}. Put the \
                 file back from a copy and restart, or have a new one made under Access on the page; devices that trusted the \
                 old one must then be told once more.",
                Authority::NAME
            ),
            Self::Unkept(why) => {
                format!("The certificate authority made just now cannot be kept ({why}), so {lasting}.")
            }
        }
    }
}

impl Now {
    fn open(folder: &StateFolder, facts: &Facts) -> Result<(Self, OwnFiles)> {
        let (mut authority_file, found) = Kept::open(folder);
        let temporary = |why| -> Result<_> { Ok((new_authority(facts)?, Some(why))) };
        let (authority, temporary) = match found {
            Found::Kept { value, .. } => match Authority::flaw(&value) {
                None => (renewed(&mut authority_file, &value, facts).unwrap_or(value), None),
                Some(flaw) => temporary(Temporary::Unusable(flaw))?,
            },
            Found::Damaged(why) => temporary(Temporary::Unusable(why))?,
            Found::Nothing => match make(&mut authority_file, facts) {
                Ok(authority) => (authority, None),
                Err(error) => temporary(Temporary::Unkept(error.to_string()))?,
            },
        };
        if let Some(temporary) = &temporary {
            tracing::error!("{}", temporary.words());
        }
        let (leaf_file, found) = Kept::<Leaf>::open(folder);
        let kept = match found {
            Found::Kept { value, .. } => Some(value),
            _ => None,
        };
        let kept = kept.filter(|leaf| {
            authority.window.covers(leaf.window)
                && reason(&authority, leaf, facts, &[]).is_none()
                && usable(leaf).is_ok()
        });
        let (leaf, is_kept) = match kept {
            Some(leaf) => (leaf, true),
            None => (signed(&authority, facts, &[])?, false),
        };
        let former = authority.notices(authority_moment(facts));
        let now = Self { authority, leaf, temporary, former };
        let mut files = OwnFiles { authority: authority_file, leaf: leaf_file };
        if !is_kept {
            now.keep_leaf(&mut files);
        }
        Ok((now, files))
    }

    /// Makes the authority's certificate anew where it is time, and finds what is to be told.
    fn renew(&mut self, files: &mut OwnFiles, facts: &Facts) {
        if self.temporary.is_some() {
            return;
        }
        if let Some(next) = renewed(&mut files.authority, &self.authority, facts) {
            self.authority = next;
        }
        self.former = self.authority.notices(authority_moment(facts));
    }

    /// Signs a leaf for these facts and shows it from now on.
    fn sign(&mut self, files: &mut OwnFiles, facts: &Facts, claims: &[i64]) -> Result<()> {
        self.leaf = signed(&self.authority, facts, claims)?;
        self.keep_leaf(files);
        Ok(())
    }

    /// A leaf that cannot be kept is as good until the service ends.
    fn keep_leaf(&self, files: &mut OwnFiles) {
        if self.temporary.is_none()
            && let Err(error) = files.leaf.write(&self.leaf)
        {
            tracing::warn!("the certificate made just now is forgotten at the next start: {error}");
        }
    }
}

impl Own {
    fn look(&self, facts: &Facts, shown: &Shown) -> Result<Option<&'static str>> {
        let claims: Vec<i64> = locked(&self.claims).iter().map(|(_, claim)| *claim).collect();
        self.change(|now, files| {
            now.renew(files, facts);
            let Some(reason) = reason(&now.authority, &now.leaf, facts, &claims) else { return Ok(None) };
            now.sign(files, facts, &claims)?;
            shown.change(usable(&now.leaf)?);
            Ok(Some(reason))
        })
    }

    /// One change at a time, to a copy: the disk is written meanwhile.
    fn change<T>(&self, what: impl FnOnce(&mut Now, &mut OwnFiles) -> Result<T>) -> Result<T> {
        let mut files = locked(&self.files);
        let mut next = locked(&self.now).clone();
        let done = what(&mut next, &mut files);
        *locked(&self.now) = next;
        done
    }
}

/// Why this leaf does not fit the facts, if it does not.
fn reason(authority: &Authority, leaf: &Leaf, facts: &Facts, claims: &[i64]) -> Option<&'static str> {
    if leaf.authority != authority.certificate {
        return Some("the authority's own certificate was made anew");
    }
    let moment_s = dates::moment(facts.clock, BUILD_S, claims, authority.window);
    if dates::is_due(leaf.window, moment_s, authority.window) {
        return Some("its dates");
    }
    let names = Authority::may_name(&facts.names.certified(&facts.addresses));
    (!leaf.names.hold(&names)).then_some("this machine has another name or address")
}

fn signed(authority: &Authority, facts: &Facts, claims: &[i64]) -> Result<Leaf> {
    let moment_s = dates::moment(facts.clock, BUILD_S, claims, authority.window);
    let window = dates::leaf_window(moment_s, authority.window);
    authority.sign(&facts.names.certified(&facts.addresses), window)
}

/// When it is for an authority: no listener's word counts.
fn authority_moment(facts: &Facts) -> i64 {
    dates::authority_moment(facts.clock, BUILD_S)
}

fn new_authority(facts: &Facts) -> Result<Authority> {
    Authority::make(&facts.names.label(), dates::authority_window(BUILD_S, authority_moment(facts)))
}

/// Makes an authority and keeps it.
fn make(file: &mut Kept<Authority>, facts: &Facts) -> Result<Authority> {
    let authority = new_authority(facts)?;
    file.write(&authority)?;
    tracing::info!("made this device's own certificate authority, {:?}", authority.name);
    Ok(authority)
}

/// The authority with another certificate, where it is time for one. One that cannot be kept is as good: the next has the same key.
fn renewed(file: &mut Kept<Authority>, authority: &Authority, facts: &Facts) -> Option<Authority> {
    let moment_s = authority_moment(facts);
    if !authority.is_due(moment_s) {
        return None;
    }
    let next = match authority.renewed(moment_s) {
        Ok(next) => next,
        Err(error) => {
            tracing::error!("the certificate of this device's own authority stays as it is: {error}");
            return None;
        }
    };
    tracing::info!(
        "the certificate of this device's own authority, {:?}, was made anew: devices that trust the one before need do \
         nothing until that ends",
        next.name
    );
    if let Err(error) = file.write(&next) {
        tracing::warn!("it is made once more at the next start: {error}");
    }
    Some(next)
}

/// What listeners' devices are asked to trust.
fn trusted(authority: &Authority) -> Option<Trusted> {
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    let until = |window: Window| dates::day(window.until_s - 1);
    let now = der(&authority.certificate)?;
    let former = authority.former.iter();
    Some(Trusted {
        name: authority.name.clone(),
        fingerprint: Fingerprint::of(&now),
        der: now,
        until: until(authority.window),
        former: former
            .filter_map(|former| Some((Fingerprint::of(&der(&former.certificate)?), until(former.window))))
            .collect(),
    })
}

fn usable(leaf: &Leaf) -> Result<CertifiedKey> {
    certified(leaf.certificate.as_bytes(), leaf.key.as_bytes())
        .map_err(|wrong| Error::new("cannot use this device's own certificate").because(wrong))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_the_certificate_does_not_wait_for_who_writes_it() {
        let path = std::env::temp_dir().join(format!("synthwire-tls-asks-{}", std::process::id()));
        let folder = StateFolder::open(&path).unwrap();
        let facts = Facts {
            clock: Clock { now_s: BUILD_S, set: true },
            names: Names::default(),
            addresses: Vec::new(),
        };
        let identity = Identity::own(&folder, &facts).unwrap();
        let own = identity.own.as_ref().unwrap();
        let asked = own.change(|_, _| Ok((identity.authority().is_some(), identity.notices())));
        assert_eq!(asked.unwrap(), (true, Vec::new()));
        std::fs::remove_dir_all(path).unwrap();
    }
}
