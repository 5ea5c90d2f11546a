//! The service, as a child process or on another machine, and its status.

use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::patience::until;

const ADDRESS: &str = "127.0.0.1:8080";
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// The file for the service's log, which is printed at the end if something failed.
pub const LOG: &str = "/service.log";

/// A running service. A child process is killed when the value is dropped.
pub struct Service {
    child: Option<Child>,
    address: String,
}

impl Service {
    /// Starts the service; with `device` it uses only that PCM.
    ///
    /// # Errors
    /// The service does not start or does not answer.
    pub fn start(device: Option<&str>) -> Result<Self, String> {
        let log =
            File::options().append(true).create(true).open(LOG).map_err(|error| format!("{LOG}: {error}"))?;
        let mut command = Command::new("/synthwire");
        command.args(["serve", "--listen", ADDRESS]);
        if let Some(pcm) = device {
            command.args(["--device", pcm]);
        }
        let child = command
            .env("RUST_LOG", "debug")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("the service does not start: {error}"))?;
        let service = Self { child: Some(child), address: ADDRESS.to_owned() };
        until("the service answers", || Ok(service.get("/healthz").is_ok()))?;
        Ok(service)
    }

    /// A service that runs elsewhere, at `HOST:PORT`.
    pub fn at(address: &str) -> Self {
        Self { child: None, address: address.to_owned() }
    }

    /// Starts the service and waits until the instrument plays.
    ///
    /// # Errors
    /// The service does not start, or the instrument does not play.
    pub fn playing() -> Result<Self, String> {
        let service = Self::start(None)?;
        service.until_state("playing")?;
        Ok(service)
    }

    /// Process id; 0 for a service that runs elsewhere.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// The answer of `/api/status`.
    ///
    /// # Errors
    /// The service gives no valid answer.
    pub fn status(&self) -> Result<Value, String> {
        let answer = self.get("/api/status").map_err(|error| format!("no status: {error}"))?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).map_err(|error| format!("the status is no JSON: {error}: {answer}"))
    }

    /// Waits until the source is in this state.
    ///
    /// # Errors
    /// The source does not reach this state.
    pub fn until_state(&self, state: &str) -> Result<(), String> {
        until(&format!("the source is {state}"), || Ok(self.status()?["source"]["state"] == state))
            .map(|_| ())
            .map_err(|error| format!("{error}; the status is {}", self.status().unwrap_or_default()))
    }

    /// Opens a listener's connection.
    ///
    /// # Errors
    /// The connection is refused.
    pub fn connect(&self) -> Result<tungstenite::WebSocket<TcpStream>, String> {
        let stream = TcpStream::connect(&self.address).map_err(|error| format!("no connection: {error}"))?;
        stream.set_read_timeout(Some(ANSWER_TIME)).map_err(|error| format!("no time-out: {error}"))?;
        let (socket, _) = tungstenite::client(format!("ws://{}/ws", self.address), stream)
            .map_err(|error| format!("no listening: {error}"))?;
        Ok(socket)
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ANSWER_TIME))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
