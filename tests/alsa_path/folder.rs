//! A private folder with its own ALSA configuration. The folder is removed when the value is dropped.

use crate::service::Service;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The files and the ALSA configuration of one test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Creates an empty folder with a unique name.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("synthwire-alsa-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Returns the folder's name. A jackd server can use it as its name, too.
    pub(crate) fn name(&self) -> String {
        self.0.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// The path of a file in the folder, as text for configurations.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Creates the file of this name, or removes it.
    pub(crate) fn switch(&self, name: &str, on: bool) {
        if on {
            fs::write(self.0.join(name), "").unwrap();
        } else {
            fs::remove_file(self.0.join(name)).unwrap();
        }
    }

    /// Writes the system's ALSA configuration plus `pcms`, for services that this folder starts.
    pub(crate) fn define(&self, pcms: &str) {
        let text = format!("</usr/share/alsa/alsa.conf>\n{pcms}\n");
        fs::write(self.0.join("asound.conf"), text).unwrap();
    }

    /// Starts a service that sees only this configuration.
    pub(crate) fn service(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Service {
        let configuration = self.file("asound.conf");
        let mut all = vec![("ALSA_CONFIG_PATH", configuration.as_str()), ("XDG_RUNTIME_DIR", "/nonexistent")];
        all.extend(environment);
        // If the machine stalls for a second, the test should see that in the capture, not in this listener's
        // queue.
        Service::start_in(&all, &[arguments, &["--queue-ms", "2000"]].concat())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
