//! A jackd without a card: the steadiest clock that an ALSA PCM with mmap can have here. The server is named
//! after the rig's private folder, so that it does not meet another jackd.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use listening::RATE_HZ;

use super::process::Running;

/// Frames per cycle (1.5 ms): half the service's usual period, so that the device is never the bottleneck.
pub const CYCLE_FRAMES: u32 = 64;
/// Real-time priority (its clients' are slightly lower): above the rest of the rig, below the service and the
/// watchdog.
const PRIORITY: u32 = 60;
const START_TIME: Duration = Duration::from_secs(10);

/// The running jackd.
pub struct Jack {
    _server: Running,
}

/// The name of the server that belongs to this folder.
pub fn server_name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "synthwire-bench".into(), |name| name.to_string_lossy().into_owned())
}

impl Jack {
    /// Starts jackd and waits until clients may connect.
    pub fn start(folder: &Path, environment: &[(String, String)]) -> Result<Self, String> {
        let log = folder.join("jack.log");
        let file = fs::File::create(&log).map_err(|e| format!("the rig's log: {e}"))?;
        let mut command = Command::new("jackd");
        command
            .args(["-n", &server_name(folder), "-S", "-R", &format!("-P{PRIORITY}"), "-d", "dummy"])
            .args([format!("-r{RATE_HZ}"), format!("-p{CYCLE_FRAMES}")])
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(|e| format!("the rig's log: {e}"))?)
            .stderr(file);
        let mut server = Running::start("jackd", &mut command)?;
        let deadline = Instant::now() + START_TIME;
        loop {
            let said = || fs::read_to_string(&log).unwrap_or_default();
            server.check().map_err(|e| format!("{e}. It said:\n{}", said()))?;
            let answers = Command::new("jack_lsp")
                .envs(environment.iter().cloned())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if answers.is_ok_and(|status| status.success()) {
                return Ok(Self { _server: server });
            }
            if Instant::now() > deadline {
                return Err(format!("jackd is not ready after {START_TIME:?}. It said:\n{}", said()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
