//! A private folder with an ALSA configuration of its own; gone when dropped.

use crate::service::Service;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Files and configuration of one test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty one with a name nobody else has.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("synthwire-alsa-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Its name: good for a server's, too.
    pub(crate) fn name(&self) -> String {
        self.0.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// A file in it, as text for configurations.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Lets a file be there or not.
    pub(crate) fn switch(&self, name: &str, on: bool) {
        if on {
            fs::write(self.0.join(name), "").unwrap();
        } else {
            fs::remove_file(self.0.join(name)).unwrap();
        }
    }

    /// Writes the system's ALSA configuration with `pcms` added, for services started in this folder.
    pub(crate) fn define(&self, pcms: &str) {
        let text = format!("</usr/share/alsa/alsa.conf>\n{pcms}\n");
        fs::write(self.0.join("asound.conf"), text).unwrap();
    }

    /// A service that knows only this configuration.
    pub(crate) fn service(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Service {
        let configuration = self.file("asound.conf");
        let mut all = vec![("ALSA_CONFIG_PATH", configuration.as_str()), ("XDG_RUNTIME_DIR", "/nonexistent")];
        all.extend(environment);
        // A machine that stands still for a second is to be seen in the capture, not in this listener's queue.
        Service::start_in(&all, &[arguments, &["--queue-ms", "2000"]].concat())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
