//! The rig: everything between the known signal and the recording that is not the product.

pub mod jack;
pub mod process;
pub mod pulse;
pub mod sound;
pub mod usage;
pub mod watchdog;

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A private folder (mode 0700) that vanishes with this value.
pub struct PrivateFolder(PathBuf);

impl PrivateFolder {
    /// Makes one under the system's folder for temporary files. The path is short: a socket's may have 107 bytes.
    pub fn make() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!(
            "synthwire-bench-{}-{}",
            std::process::id(),
            watchdog::now_ns()
        ));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|e| format!("making {}: {e}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
