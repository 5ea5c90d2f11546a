//! A certificate from elsewhere (`--cert`, `--key`): two PEM files, read again when they have changed.

use super::shown::certified;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};
use tokio_rustls::rustls::sign::CertifiedKey;

/// Where they are.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate, and after it those between it and its root.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What tells one version of the files from another.
pub(super) type Stamp = [Option<SystemTime>; 2];

impl Files {
    pub(super) fn stamp(&self) -> Stamp {
        [&self.cert, &self.key].map(|path| fs::metadata(path).and_then(|file| file.modified()).ok())
    }

    /// Reads both.
    ///
    /// # Errors
    /// With the remedy.
    pub(super) fn load(&self) -> Result<CertifiedKey> {
        let (cert, key) = (read(&self.cert, "--cert")?, read(&self.key, "--key")?);
        certified(&cert, &key).map_err(|wrong| {
            Error::new(format!("cannot use {} with {}", self.cert.display(), self.key.display()))
                .because(wrong)
                .try_this(
                    "--cert takes a PEM file that begins with this device's certificate, --key the PEM file with the \
                     key it was made for; without both the service makes its own",
                )
        })
    }
}

fn read(path: &Path, word: &str) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error: io::Error| {
        Error::new(format!("cannot read {}", path.display()))
            .because(error)
            .try_this(format!("Check the path given with {word}, and that the service's user may read it"))
    })
}
