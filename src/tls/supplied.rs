//! A certificate supplied by the user (`cert`, `key`): two PEM files, read again when they change. If they
//! cannot be used, the service continues with the certificate it has, and reports the fault.

use super::current::certified;
use super::{CertificateInputs, forms, locked, objections};
use crate::error::{Error, Result};
use crate::named_file;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::sign::CertifiedKey;

/// Longest file that is read: no chain or key is as long.
const BYTES_MAX: u64 = 1 << 20;

/// The paths of the two files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate, followed by the intermediate ones up to its root.
    pub cert: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}

/// Identifies a version of the two files: their identity, and when they or their permissions last changed.
type Stamp = [Option<(u64, i64, i64)>; 2];

/// The files, and the state of their last reading.
pub(super) struct Supplied {
    files: Files,
    /// The names the device was given, which the certificate should contain.
    names: Vec<String>,
    known: Mutex<Known>,
}

struct Known {
    stamp: Stamp,
    /// The reason why the files cannot be used at present.
    flaw: Option<Error>,
    /// True once the files could be used since the start: from then on their certificate is the one in use.
    shown: bool,
    objections: Vec<String>,
}

impl Supplied {
    /// Reads the files for the first time; also returns the certificate, if it can be used.
    pub(super) fn open(files: Files, names: Vec<String>) -> (Self, Option<CertifiedKey>) {
        let stamp = files.stamp();
        let (first, flaw) = match files.load() {
            Ok(first) => (Some(first), None),
            Err(flaw) => (None, Some(flaw)),
        };
        let known = Known { stamp, flaw, shown: first.is_some(), objections: Vec::new() };
        if let Some(words) = known.flaw_words() {
            tracing::error!("{words}");
        }
        (Self { files, names, known: Mutex::new(known) }, first)
    }

    pub(super) fn is_shown(&self) -> bool {
        locked(&self.known).shown
    }

    /// Returns the new certificate, if the files have changed.
    ///
    /// # Errors
    /// If they have changed and cannot be used; reported once.
    pub(super) fn news(&self) -> Result<Option<CertifiedKey>> {
        let stamp = self.files.stamp();
        if locked(&self.known).stamp == stamp {
            return Ok(None);
        }
        let loaded = self.files.load();
        let mut known = locked(&self.known);
        known.stamp = stamp;
        known.flaw = loaded.as_ref().err().cloned();
        known.shown |= loaded.is_ok();
        loaded.map(Some)
    }

    /// Notes browsers' objections to `leaf`, if it comes from these files.
    pub(super) fn compare(&self, leaf: &CertificateDer<'_>, facts: &CertificateInputs) {
        let mut known = locked(&self.known);
        known.objections =
            if known.shown { objections::objections(leaf, facts, &self.names) } else { Vec::new() };
    }

    pub(super) fn objections(&self) -> Vec<String> {
        locked(&self.known).objections.clone()
    }

    /// Returns the faults of the files, in plain sentences.
    pub(super) fn notices(&self) -> Vec<String> {
        let known = locked(&self.known);
        let objections =
            known.objections.iter().map(|objection| format!("Browsers will object: {objection}."));
        known.flaw_words().into_iter().chain(objections).collect()
    }
}

impl Known {
    fn flaw_words(&self) -> Option<String> {
        let flaw = self.flaw.as_ref()?;
        let goes_on =
            if self.shown { "the certificate it had" } else { "a certificate of this device's own" };
        Some(format!("HTTPS goes on with {goes_on}: {flaw}. The files are read again when they change."))
    }
}

impl Files {
    fn stamp(&self) -> Stamp {
        [&self.cert, &self.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.ino(), file.ctime(), file.ctime_nsec()))
        })
    }

    /// Returns what is wrong with them on this machine, which was given these further names. For callers that do not use
    /// the certificate.
    pub fn flaws(&self, facts: &CertificateInputs, names: &[String]) -> Vec<String> {
        match self.load() {
            Ok(certified) => objections::objections(&certified.cert[0], facts, names),
            Err(error) => vec![error.to_string()],
        }
    }

    /// Reads both files.
    ///
    /// # Errors
    /// With the remedy.
    fn load(&self) -> Result<CertifiedKey> {
        let (cert, key) = (read(&self.cert, "cert")?, read(&self.key, "key")?);
        let (cert, key) = (forms::read_as_text(cert), forms::read_as_text(key));
        let form = || forms::of_certificate(&cert, &self.cert).or_else(|| forms::of_key(&key, &self.key));
        certified(&cert, &key).map_err(|wrong| {
            Error::new(format!("cannot use {} with {}", self.cert.display(), self.key.display()))
                .because(form().unwrap_or(wrong))
                .try_this(
                    "cert takes a PEM file that begins with this device's certificate, key the PEM file with the key it was \
                     made for; without both the service makes its own",
                )
        })
    }
}

fn read(path: &Path, word: &str) -> Result<Vec<u8>> {
    contents(path).map_err(|error| {
        Error::new(format!("cannot read {}", path.display()))
            .because(error)
            .try_this(format!("Check the path given as {word}, and that the service's user may read it"))
    })
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    named_file::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("it is too long for a certificate or a key"));
    }
    Ok(bytes)
}
