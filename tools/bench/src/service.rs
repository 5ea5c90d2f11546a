//! The product's service as a user runs it: the release binary, a configuration file, a port.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::network::site::Site;
use crate::rig::process::{Running, make_real_time};
use crate::rig::pulse::{self, Pulse};
use crate::rig::usage;

const START_TIME: Duration = Duration::from_secs(10);
/// Maximum time for the service to open its device.
const PLUGIN_TIME: Duration = Duration::from_secs(1);
/// The kernel's name of libpulse's threaded main loop.
pub const PLUGIN_THREAD: &str = "threaded-ml";
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// The settings of a service.
pub struct Settings<'a> {
    /// The service's binary.
    pub program: &'a Path,
    /// The service's source.
    pub source: &'a SoundSource,
    /// Text of the service's configuration file.
    pub configuration: String,
    /// The service's place on the network.
    pub site: &'a Site,
}

/// The source of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoundSource {
    /// An ALSA PCM to capture from.
    Device(String),
    /// The service's own exact source `probe`, with this skew.
    Probe {
        /// Parts per million.
        skew_ppm: i32,
    },
}

impl SoundSource {
    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Device(pcm) => vec!["--device".into(), pcm.clone()],
            // Passed as one word, so that a negative number does not look like an option.
            Self::Probe { skew_ppm } => {
                vec!["--source".into(), "exact:probe".into(), format!("--skew-ppm={skew_ppm}")]
            }
        }
    }
}

/// The running service.
pub struct Service {
    process: Running,
    site: Site,
    port: u16,
}

impl Service {
    /// Starts the service and waits until it reports that it is well. Its files go to `folder`.
    pub fn start(settings: &Settings, pulse: &Pulse, folder: &Path) -> Result<Self, String> {
        let configuration = folder.join("synthwire.toml");
        let log = folder.join("service.log");
        fs::write(&configuration, &settings.configuration)
            .map_err(|e| format!("writing its configuration: {e}"))?;
        let site = settings.site.clone();
        let port = site.free_port().map_err(|e| format!("looking for a free port: {e}"))?;
        let mut command = Command::new(settings.program);
        command
            .arg("serve")
            .args(settings.source.arguments())
            .args(["--listen", &format!("{}:{port}", site.address), "--config"])
            .arg(&configuration)
            .envs(pulse.service_environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).map_err(|e| format!("the service's log: {e}"))?);
        site.host(&mut command);
        let mut process = Running::start("the service", &mut command)?;
        let deadline = Instant::now() + START_TIME;
        while !get(&site, port, "/healthz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            let said = || fs::read_to_string(&log).unwrap_or_default();
            process.check().map_err(|e| format!("{e}. It said:\n{}", said()))?;
            if Instant::now() > deadline {
                return Err(format!("the service is not well after {START_TIME:?}. It said:\n{}", said()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // The service's own source has no plugin.
        if let SoundSource::Device(_) = settings.source {
            hurry_the_plugin(process.pid());
        }
        Ok(Self { process, site, port })
    }

    /// Returns the address of the service's page.
    pub fn url(&self) -> String {
        format!("{}/", self.origin())
    }

    /// Returns the origin of the service's page, which a browser trusts or not.
    pub fn origin(&self) -> String {
        format!("http://{}:{}", self.site.address, self.port)
    }

    /// Returns the service's network location and port.
    pub fn place(&self) -> (Site, u16) {
        (self.site.clone(), self.port)
    }

    /// Returns the answer of `/api/status`; null if there is none.
    pub fn status(&self) -> Value {
        let answer = get(&self.site, self.port, "/api/status").unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }
}

/// Gives the thread of alsa-lib's pulse plugin inside the service the sound server's own priority. The thread
/// stands for a card's interrupt, which no program can delay; without this it is some milliseconds late
/// beside busy programs. Other plugins have no such thread.
fn hurry_the_plugin(pid: i32) {
    let deadline = Instant::now() + PLUGIN_TIME;
    while Instant::now() < deadline {
        let threads = usage::threads_named(pid, PLUGIN_THREAD);
        if !threads.is_empty() {
            for thread in threads {
                make_real_time(thread, libc::SCHED_RR, pulse::PRIORITY);
            }
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sends one plain GET from the service's own site, and returns the whole answer as text.
fn get(site: &Site, port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = site.connect(site.address, port)?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {}:{port}\r\nConnection: close\r\n\r\n", site.address)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_said_as_the_service_reads_it() {
        assert_eq!(SoundSource::Device("bench".into()).arguments(), ["--device", "bench"]);
        let probe = SoundSource::Probe { skew_ppm: -300 };
        assert_eq!(probe.arguments(), ["--source", "exact:probe", "--skew-ppm=-300"]);
    }
}
