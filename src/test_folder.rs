//! A folder for a unit test, which is removed when the test ends, even by a panic.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The folder; different for each name and process.
pub(crate) struct TestFolder(PathBuf);

impl TestFolder {
    /// Creates it empty.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("synthwire-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path); // left by a process that was killed and had this number
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Deref for TestFolder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for TestFolder {
    fn as_ref(&self) -> &Path {
        self
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // there is nobody to tell
    }
}
