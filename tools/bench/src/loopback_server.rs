//! A minimal server for the bench's own pages: it serves a page and feeds a WebSocket, on loopback only.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use tungstenite::{Bytes, Message};

const PAGES: [(&str, &str, &str); 4] = [
    ("/classic", "text/html", include_str!("../pages/classic.html")),
    ("/classic-worklet.js", "text/javascript", include_str!("../pages/classic-worklet.js")),
    ("/silent", "text/html", include_str!("../pages/silent.html")),
    ("/silent-worklet.js", "text/javascript", include_str!("../pages/silent-worklet.js")),
];

/// The listeners of `/ws`.
#[derive(Clone, Default)]
pub struct Listeners(Arc<Mutex<Vec<Sender<Bytes>>>>);

impl Listeners {
    /// Sends one message to each listener, and forgets those who have left.
    pub fn send(&self, message: &Bytes) {
        self.0.lock().expect("never poisoned").retain(|listener| listener.send(message.clone()).is_ok());
    }
}

/// A running server, which ends with the process.
pub struct LoopbackServer {
    /// Returns the port on which the server listens.
    pub port: u16,
    /// The listeners of `/ws`.
    pub listeners: Listeners,
}

impl LoopbackServer {
    /// Starts the server on a free port.
    pub fn start() -> Result<Self, String> {
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).map_err(|e| format!("opening a port on loopback: {e}"))?;
        let port = listener.local_addr().map_err(|e| format!("reading the port: {e}"))?.port();
        let listeners = Listeners::default();
        let server = Self { port, listeners: listeners.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let listeners = listeners.clone();
                std::thread::spawn(move || serve(stream, &listeners));
            }
        });
        Ok(server)
    }

    /// Returns the address of one of the pages.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn serve(mut stream: TcpStream, listeners: &Listeners) {
    let mut head = [0u8; 4096];
    let Ok(seen) = stream.peek(&mut head) else { return };
    let request = String::from_utf8_lossy(&head[..seen]).into_owned();
    let path = request.split(' ').nth(1).and_then(|target| target.split('?').next()).unwrap_or("/");
    if path == "/ws" {
        return feed(stream, listeners);
    }
    let found = PAGES.iter().find(|(name, _, _)| *name == path);
    let (status, kind, body) = found
        .map_or(("404 Not Found", "text/plain", "no such page"), |(_, kind, body)| ("200 OK", *kind, *body));
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = stream.read(&mut head);
    let _ = stream.write_all(answer.as_bytes());
}

fn feed(stream: TcpStream, listeners: &Listeners) {
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    let (sender, messages) = channel();
    listeners.0.lock().expect("never poisoned").push(sender);
    while let Ok(message) = messages.recv() {
        if socket.send(Message::Binary(message)).is_err() {
            return;
        }
    }
}
