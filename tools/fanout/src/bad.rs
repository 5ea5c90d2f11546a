//! Listeners nobody wants: one that does not read, one on 64 kbit/s, one that floods, one whose process is killed again and again.
//! They run until their process is ended.

use crate::load::{connect, text_frame};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What the slow one reads at once, ten times a second: 64 kbit/s.
const SLOW_BYTES: usize = 800;

/// Every kind, each on a thread, for ever.
pub fn run(address: SocketAddr) {
    let spawn = |behave: fn(SocketAddr)| {
        std::thread::spawn(move || {
            loop {
                behave(address);
                std::thread::sleep(Duration::from_millis(100));
            }
        })
    };
    for thread in [spawn(stalled), spawn(slow), spawn(flooding), spawn(vanishing)] {
        let _ = thread.join();
    }
}

fn opened(address: SocketAddr) -> Option<TcpStream> {
    connect(address).ok().map(|(stream, _)| stream)
}

/// Until the service sheds it.
fn stalled(address: SocketAddr) {
    let Some(mut stream) = opened(address) else { return };
    while stream.write_all(&text_frame(r#"{"type":"ping","id":1}"#)).is_ok() {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn slow(address: SocketAddr) {
    let Some(mut stream) = opened(address) else { return };
    let mut bytes = [0; SLOW_BYTES];
    while stream.read(&mut bytes).is_ok_and(|read| read > 0) {
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn flooding(address: SocketAddr) {
    let Some(mut stream) = opened(address) else { return };
    let ping = text_frame(r#"{"type":"ping","id":1}"#);
    while stream.write_all(&ping).is_ok() {}
}

/// Goes without a word while sound is under way to it: what it has not read makes its kernel reset the connection.
fn vanishing(address: SocketAddr) {
    let Some(stream) = opened(address) else { return };
    std::thread::sleep(Duration::from_millis(300));
    drop(stream);
}
