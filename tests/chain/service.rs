//! Starts the real program on a free port, and provides listeners that talk to it as browsers do.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use synthwire::core::wire::{self, ListenerNote, Place, Record};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

/// Time limit of a step, far longer than any step takes; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running `synthwire serve`, which is killed when the value is dropped.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    log: Receiver<String>,
    /// Log lines that were read while the test waited for another one: two threads may log in either order.
    passed: RefCell<Vec<String>>,
}

impl Service {
    /// Starts the service with `arguments` and waits until it logs its address.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(&[], arguments)
    }

    /// The same as `start`, with these variables added to its environment.
    pub(crate) fn start_in(environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_synthwire"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).envs(environment.iter().copied());
        Self::started_by(command)
    }

    /// Starts the service with this command.
    pub(crate) fn started_by(mut command: Command) -> Self {
        let mut child =
            command.env_remove("RUST_LOG").stderr(Stdio::piped()).spawn().expect("the program starts");
        let log = lines(child.stderr.take().expect("stderr is piped"));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut service = Self { child, address, log, passed: RefCell::default() };
        let line = service.wait_for_log("open http://");
        let url = line.split("http://").nth(1).expect("the line names the address");
        service.address = url.split('/').next().unwrap().parse().expect("an address and port");
        service
    }

    /// Waits for the next log line that contains `part`.
    pub(crate) fn wait_for_log(&self, part: &str) -> String {
        let mut passed = self.passed.borrow_mut();
        if let Some(at) = passed.iter().position(|line| line.contains(part)) {
            return passed.remove(at);
        }
        loop {
            let line =
                self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the log never says {part:?}"));
            if line.contains(part) {
                return line;
            }
            passed.push(line);
        }
    }

    /// Starts the service and waits until its source plays.
    pub(crate) fn playing(arguments: &[&str]) -> Self {
        let service = Self::start(arguments);
        service.wait_for_log(" INFO playing ");
        service
    }

    /// Sends one request and returns the whole answer.
    pub(crate) fn http(&self, request: &str) -> String {
        self.http_with(&format!("{request}\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    /// The same as `http`, but the caller writes the whole request.
    pub(crate) fn http_with(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The header of an answer that never ends.
    pub(crate) fn head_of(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// `/api/status` as JSON.
    pub(crate) fn status(&self) -> serde_json::Value {
        let answer = self.http("GET /api/status HTTP/1.1");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Connects a listener and reads the hello.
    pub(crate) fn listen(&self) -> Ear {
        Ear::over(TcpStream::connect(self.address).unwrap())
    }

    /// The same as `listen`, with further headers in the request.
    pub(crate) fn listen_with(&self, headers: &[(&'static str, &str)]) -> Ear {
        let stream = TcpStream::connect(self.address).unwrap();
        let mut request = format!("ws://{}/ws", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Ear::asking(request, stream)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every line of a child's output, as it is written.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            eprintln!("service: {line}");
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

/// A record and its samples, copied out of the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Audio(Place, Vec<[i16; 2]>),
    Gap(Place, u16),
    Note(ListenerNote),
}

/// A message from the service.
pub(crate) enum Said {
    Text(serde_json::Value),
    Sound(Vec<Heard>),
}

/// A listener's connection.
pub(crate) struct Ear<S = TcpStream> {
    pub(crate) socket: WebSocket<S>,
    pub(crate) hello: serde_json::Value,
}

impl Ear {
    pub(crate) fn over(stream: TcpStream) -> Self {
        let url = format!("ws://{}/ws", stream.peer_addr().unwrap());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::asking(url, stream)
    }
}

impl<S: Read + Write> Ear<S> {
    pub(crate) fn asking(request: impl IntoClientRequest, stream: S) -> Self {
        let (mut socket, _) = tungstenite::client(request, stream).expect("the service upgrades");
        let hello = socket.read().unwrap().into_text().expect("text comes first");
        Self { socket, hello: serde_json::from_str(&hello).unwrap() }
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// The next message of any kind.
    pub(crate) fn message(&mut self) -> Message {
        self.socket.read().expect("the service goes on")
    }

    /// The next text or binary message, parsed.
    pub(crate) fn said(&mut self) -> Said {
        loop {
            match self.message() {
                Message::Text(text) => return Said::Text(serde_json::from_str(&text).unwrap()),
                Message::Binary(bytes) => {
                    let records = wire::parse(&bytes).expect("the service sends sound messages");
                    return Said::Sound(records.iter().map(heard).collect());
                }
                _ => {}
            }
        }
    }

    /// The records of the next binary message; texts are skipped.
    pub(crate) fn records(&mut self) -> Vec<Heard> {
        loop {
            if let Said::Sound(records) = self.said() {
                return records;
            }
        }
    }

    /// The next text message of this type; sound is skipped.
    pub(crate) fn text(&mut self, kind: &str) -> serde_json::Value {
        loop {
            match self.said() {
                Said::Text(value) if value["type"] == kind => return value,
                _ => {}
            }
        }
    }

    /// The code and reason with which the service closes the connection.
    pub(crate) fn close_reason(&mut self) -> (u16, String) {
        loop {
            match self.socket.read() {
                Ok(Message::Close(Some(frame))) => return (frame.code.into(), frame.reason.to_string()),
                Ok(_) => {}
                Err(error) => panic!("closed without a reason: {error}"),
            }
        }
    }
}

fn heard(record: &Record<'_>) -> Heard {
    match record {
        Record::Audio(place, payload) => {
            let sample = |bytes: &[u8]| i16::from_le_bytes([bytes[0], bytes[1]]);
            Heard::Audio(
                *place,
                payload.chunks_exact(4).map(|f| [sample(&f[..2]), sample(&f[2..])]).collect(),
            )
        }
        Record::Gap(place, cause) => Heard::Gap(*place, *cause),
        Record::Listener(note) => Heard::Note(*note),
    }
}
