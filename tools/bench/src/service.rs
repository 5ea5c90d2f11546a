//! The product's service, as a person runs it: the release binary, a configuration file, a port on loopback.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::rig::process::Running;
use crate::rig::pulse::Pulse;

const START_TIME: Duration = Duration::from_secs(10);
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// What the service is told.
pub struct Settings<'a> {
    /// Its binary.
    pub program: &'a Path,
    /// ALSA PCM it captures from.
    pub device: &'a str,
    /// Text of its configuration file.
    pub configuration: String,
}

/// The running service.
pub struct Service {
    process: Running,
    port: u16,
}

impl Service {
    /// Starts it and waits until it says it is well. Its files go to `folder`.
    pub fn start(settings: &Settings, pulse: &Pulse, folder: &Path) -> Result<Self, String> {
        let configuration = folder.join("synthwire.toml");
        let log = folder.join("service.log");
        fs::write(&configuration, &settings.configuration)
            .map_err(|e| format!("writing its configuration: {e}"))?;
        let port = free_port()?;
        let mut command = Command::new(settings.program);
        command
            .args([
                "serve",
                "--device",
                settings.device,
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--config",
            ])
            .arg(&configuration)
            .envs(pulse.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).map_err(|e| format!("the service's log: {e}"))?);
        let mut process = Running::start("the service", &mut command)?;
        let deadline = Instant::now() + START_TIME;
        while !get(port, "/healthz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            let said = || fs::read_to_string(&log).unwrap_or_default();
            process.check().map_err(|e| format!("{e}. It said:\n{}", said()))?;
            if Instant::now() > deadline {
                return Err(format!("the service is not well after {START_TIME:?}. It said:\n{}", said()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { process, port })
    }

    /// Address of its page.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// `/api/status`; null when it gives none.
    pub fn status(&self) -> Value {
        let answer = get(self.port, "/api/status").unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }
}

fn free_port() -> Result<u16, String> {
    let listener =
        TcpListener::bind(("127.0.0.1", 0)).map_err(|e| format!("looking for a free port: {e}"))?;
    Ok(listener.local_addr().map_err(|e| format!("looking for a free port: {e}"))?.port())
}

/// One plain GET; the whole answer as text.
fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
