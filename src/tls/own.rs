//! This device's own authority and the leaf it signs: opened from the state folder or made, and kept valid.
//!
//! Only one thread at a time changes authority and leaf, on a copy, so that readers never wait for the disk. `dates`
//! decides when a change is due, and `authority` which names may be signed.

use super::authority::{Authority, Leaf};
use super::current::{CurrentCertificate, certified};
use super::dates::{self, Window};
use super::fingerprint::Fingerprint;
use super::{BUILD_S, CertificateInputs, Trusted, locked};
use crate::error::{Error, Result};
use crate::state::{Found, StateFile, StateFolder, Stored};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Mutex;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::sign::CertifiedKey;

/// Maximum number of addresses whose latest clock time is remembered; beyond that, the oldest is forgotten.
const CLAIMS_MAX: usize = 64;

/// The authority and leaf in use, with everything needed to renew them.
pub(super) struct Own {
    /// Locked only briefly: readers wait for no disk.
    now: Mutex<Now>,
    /// Locked while the next `now` is made and written.
    files: Mutex<OwnFiles>,
    /// The times of listeners' clocks, by address, oldest report first.
    claims: Mutex<VecDeque<(IpAddr, i64)>>,
}

/// The files in which authority and leaf are stored.
struct OwnFiles {
    authority: Stored<Authority>,
    leaf: Stored<Leaf>,
}

/// The authority and leaf in use at this moment.
#[derive(Clone)]
struct Now {
    authority: Authority,
    leaf: Leaf,
    /// The reason why the authority is temporary and must not be trusted; `None` for a lasting one.
    temporary: Option<Temporary>,
    /// Notices about the authority's former certificates.
    former: Vec<String>,
}

/// The reason why there is no lasting authority.
#[derive(Clone)]
enum Temporary {
    /// The file is unusable, for this reason. It stays as it is until a user asks for a new authority.
    Unusable(String),
    /// There was no file, and a new authority cannot be stored, for this reason.
    Unkept(String),
}

impl Temporary {
    fn words(&self) -> String {
        let lasting =
            "HTTPS shows a certificate that lasts until the next restart and that no browser trusts";
        match self {
            Self::Unusable(why) => format!(
                "{} in the state folder cannot be used ({why}). It stays as it is, and until that is settled {lasting}. Put the \
                 file back from a copy and restart, or have a new one made under Listeners and access on the page; devices that trusted the \
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
    fn open(folder: &StateFolder, facts: &CertificateInputs) -> Result<(Self, OwnFiles)> {
        let (mut authority_file, found) = Stored::open(folder);
        let temporary = |why| -> Result<_> { Ok((new_authority(facts)?, Some(why))) };
        let (authority, temporary) = match found {
            Found::Stored { value, .. } => match Authority::flaw(&value) {
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
        let (leaf_file, found) = Stored::<Leaf>::open(folder);
        let kept = match found {
            Found::Stored { value, .. } => Some(value),
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

    /// Renews the authority's certificate if it is time, and collects the notices.
    fn renew(&mut self, files: &mut OwnFiles, facts: &CertificateInputs) {
        if self.temporary.is_some() {
            return;
        }
        if let Some(next) = renewed(&mut files.authority, &self.authority, facts) {
            self.authority = next;
        }
        self.former = self.authority.notices(authority_moment(facts));
    }

    /// Signs a leaf for these inputs and uses it from now on.
    fn sign(&mut self, files: &mut OwnFiles, facts: &CertificateInputs, claims: &[i64]) -> Result<()> {
        self.leaf = signed(&self.authority, facts, claims)?;
        self.keep_leaf(files);
        Ok(())
    }

    /// Stores the leaf; a leaf that cannot be stored still serves until the service ends.
    fn keep_leaf(&self, files: &mut OwnFiles) {
        if self.temporary.is_none()
            && let Err(error) = files.leaf.write(&self.leaf)
        {
            tracing::warn!("the certificate made just now is forgotten at the next start: {error}");
        }
    }
}

impl Own {
    /// Opens the authority in `folder`; returns it with the first certificate to use.
    pub(super) fn open(folder: &StateFolder, facts: &CertificateInputs) -> Result<(Self, CertifiedKey)> {
        let (now, files) = Now::open(folder, facts)?;
        let first = usable(&now.leaf)?;
        Ok((Self { now: Mutex::new(now), files: Mutex::new(files), claims: Mutex::default() }, first))
    }

    /// Notes the time of a listener's clock.
    pub(super) fn claim(&self, address: IpAddr, unix_s: i64) {
        let mut claims = locked(&self.claims);
        claims.retain(|(other, _)| *other != address);
        claims.push_back((address, unix_s));
        if claims.len() > CLAIMS_MAX {
            claims.pop_front();
        }
    }

    /// Returns the authority that listeners' devices may be asked to trust, unless it is temporary.
    pub(super) fn trusted(&self) -> Option<Trusted> {
        let now = locked(&self.now);
        if now.temporary.is_none() { trusted(&now.authority) } else { None }
    }

    /// Returns what is wrong with the stored authority.
    pub(super) fn notice(&self) -> Option<String> {
        locked(&self.now).temporary.as_ref().map(Temporary::words)
    }

    /// Returns notices about the authority's former certificates.
    pub(super) fn former(&self) -> Vec<String> {
        locked(&self.now).former.clone()
    }

    /// Replaces an authority that cannot be used; returns false if the authority can be used and stays.
    pub(super) fn replace_authority(
        &self,
        facts: &CertificateInputs,
        shown: &CurrentCertificate,
    ) -> Result<bool> {
        self.change(|now, files| {
            if now.temporary.is_none() {
                return Ok(false);
            }
            let authority = make(&mut files.authority, facts)?;
            (now.authority, now.temporary) = (authority, None);
            now.sign(files, facts, &[])?;
            shown.change(usable(&now.leaf)?);
            Ok(true)
        })
    }

    /// Changes the certificate if the inputs require it; returns the reason if it did.
    pub(super) fn look(
        &self,
        facts: &CertificateInputs,
        shown: &CurrentCertificate,
    ) -> Result<Option<&'static str>> {
        let claims: Vec<i64> = locked(&self.claims).iter().map(|(_, claim)| *claim).collect();
        self.change(|now, files| {
            now.renew(files, facts);
            let Some(reason) = reason(&now.authority, &now.leaf, facts, &claims) else { return Ok(None) };
            now.sign(files, facts, &claims)?;
            shown.change(usable(&now.leaf)?);
            Ok(Some(reason))
        })
    }

    /// Makes one change at a time, on a copy, so that readers need not wait for the disk.
    fn change<T>(&self, what: impl FnOnce(&mut Now, &mut OwnFiles) -> Result<T>) -> Result<T> {
        let mut files = locked(&self.files);
        let mut next = locked(&self.now).clone();
        let done = what(&mut next, &mut files);
        *locked(&self.now) = next;
        done
    }
}

/// Returns why this leaf does not fit the inputs, if it does not.
fn reason(
    authority: &Authority,
    leaf: &Leaf,
    facts: &CertificateInputs,
    claims: &[i64],
) -> Option<&'static str> {
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

fn signed(authority: &Authority, facts: &CertificateInputs, claims: &[i64]) -> Result<Leaf> {
    let moment_s = dates::moment(facts.clock, BUILD_S, claims, authority.window);
    let window = dates::leaf_window(moment_s, authority.window);
    authority.sign(&facts.names.certified(&facts.addresses), window)
}

/// Returns the time for decisions about the authority; listeners' clocks do not count.
fn authority_moment(facts: &CertificateInputs) -> i64 {
    dates::authority_moment(facts.clock, BUILD_S)
}

fn new_authority(facts: &CertificateInputs) -> Result<Authority> {
    Authority::make(&facts.names.label(), dates::authority_window(BUILD_S, authority_moment(facts)))
}

/// Makes an authority and stores it.
fn make(file: &mut Stored<Authority>, facts: &CertificateInputs) -> Result<Authority> {
    let authority = new_authority(facts)?;
    file.write(&authority)?;
    tracing::info!("made this device's own certificate authority, {:?}", authority.name);
    Ok(authority)
}

/// Returns the authority with a new certificate, if it is time for one. One that cannot be stored still serves, because the
/// next one has the same key.
fn renewed(
    file: &mut Stored<Authority>,
    authority: &Authority,
    facts: &CertificateInputs,
) -> Option<Authority> {
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

/// Returns the authority that listeners' devices are asked to trust.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Names;
    use crate::test_folder::TestFolder;
    use crate::tls::dates::Clock;

    #[test]
    fn who_asks_for_the_certificate_does_not_wait_for_who_writes_it() {
        let path = TestFolder::new("tls-asks");
        let folder = StateFolder::open(&path).unwrap();
        let facts = CertificateInputs {
            clock: Clock { now_s: BUILD_S, set: true },
            names: Names::default(),
            addresses: Vec::new(),
        };
        let (own, _) = Own::open(&folder, &facts).unwrap();
        let asked = own.change(|_, _| Ok((own.trusted().is_some(), own.notice(), own.former())));
        assert_eq!(asked.unwrap(), (true, None, Vec::new()));
    }
}
