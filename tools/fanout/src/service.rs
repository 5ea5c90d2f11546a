//! The processes of a run: the service, and this program in its other roles. Each ends when the value that
//! started it is dropped.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const START_TIME: Duration = Duration::from_secs(10);
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// A process that is killed when the value is dropped.
pub struct Running {
    child: Child,
    output: Option<BufReader<ChildStdout>>,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().map_err(|e| format!("starting {program}: {e}"))?;
        let output = child.stdout.take().map(BufReader::new);
        Ok(Self { child, output })
    }

    /// Starts this program in another role.
    pub fn role(arguments: &[String]) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|e| format!("finding this program: {e}"))?;
        Self::start(Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()))
    }

    /// Returns the next line of the program's output.
    pub fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        let output = self.output.as_mut().ok_or("its output is not read")?;
        match output.read_line(&mut line) {
            Ok(read) if read > 0 => Ok(line.trim_end().to_owned()),
            Ok(_) => Err("a process of the bench ended by itself".into()),
            Err(error) => Err(format!("reading from a process of the bench: {error}")),
        }
    }

    /// Sends a line to the program.
    pub fn say(&mut self, line: &str) {
        if let Some(input) = &mut self.child.stdin {
            let _ = writeln!(input, "{line}");
        }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running service.
pub struct Service {
    process: Running,
    /// The service's HTTP address.
    pub address: SocketAddr,
    /// The service's HTTPS address.
    pub secure: SocketAddr,
}

impl Service {
    /// Starts `program` with the exact counter as its source and waits until it answers. Its certificates are
    /// in `state`.
    pub fn start(program: &Path, arguments: &[String], state: &Path) -> Result<Self, String> {
        let (address, secure) = (free_address()?, free_address()?);
        let mut command = Command::new(program);
        command.args([
            "serve",
            "--source",
            "exact:counter",
            "--listeners-max",
            "2000",
            "--listen",
            &address.to_string(),
            "--listen-tls",
            &secure.to_string(),
        ]);
        command.arg("--state").arg(state).args(arguments).env("RUST_LOG", "warn");
        let service = Self { process: Running::start(&mut command)?, address, secure };
        let until = Instant::now() + START_TIME;
        while service.status().is_err() {
            if Instant::now() > until {
                return Err(format!("the service does not answer on {address}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(service)
    }

    /// The answer of `/api/status`.
    pub fn status(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.get("/api/status")?).map_err(|e| format!("reading /api/status: {e}"))
    }

    /// Returns the certificate of the service's authority (DER).
    pub fn authority(&self) -> Result<Vec<u8>, String> {
        self.get("/trust/synthwire.crt")
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        let describe = |error: std::io::Error| format!("asking for {path}: {error}");
        let mut stream = TcpStream::connect(self.address).map_err(describe)?;
        stream.set_read_timeout(Some(ANSWER_TIME)).map_err(describe)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)
            .map_err(describe)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(describe)?;
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        head.map(|end| answer.split_off(end + 4)).ok_or_else(|| format!("{path} was not answered"))
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

fn free_address() -> Result<SocketAddr, String> {
    let describe = |error: std::io::Error| format!("looking for a free port: {error}");
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(describe)
}
