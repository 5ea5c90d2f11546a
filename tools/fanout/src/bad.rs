//! Harmful clients: a listener that does not read, one at 64 kbit/s, one that floods, one whose process is
//! killed repeatedly, and a client that makes handshakes as fast as they are answered. They run until their
//! process is ended.

use crate::load::{connect, text_frame};
use crate::wire::{Way, Wire};
use std::io::{Read, Write};
use std::time::Duration;

/// Bytes that the slow listener reads at once, ten times a second: 64 kbit/s.
const SLOW_BYTES: usize = 800;

/// Runs every kind of bad listener, each on its own thread, forever.
pub fn run(way: &Way) {
    for_ever(way, &[stalled, slow, flooding, vanishing], Duration::from_millis(100));
}

/// Makes handshakes forever.
pub fn handshakes(way: &Way) {
    for_ever(way, &[handshake, handshake], Duration::ZERO);
}

fn for_ever(way: &Way, kinds: &[fn(&Way)], pause: Duration) {
    std::thread::scope(|scope| {
        for behave in kinds {
            scope.spawn(move || {
                loop {
                    behave(way);
                    std::thread::sleep(pause);
                }
            });
        }
    });
}

fn handshake(way: &Way) {
    let _ = way.connect(); // if the connection is refused, it tries again
}

fn opened(way: &Way) -> Option<Wire> {
    connect(way).ok().map(|(wire, _)| wire)
}

/// Does not read until the service drops the connection.
fn stalled(way: &Way) {
    let Some(mut wire) = opened(way) else { return };
    while wire.write_all(&text_frame(r#"{"type":"ping","id":1}"#)).is_ok() {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn slow(way: &Way) {
    let Some(mut wire) = opened(way) else { return };
    let mut bytes = [0; SLOW_BYTES];
    while wire.read(&mut bytes).is_ok_and(|read| read > 0) {
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn flooding(way: &Way) {
    let Some(mut wire) = opened(way) else { return };
    let ping = text_frame(r#"{"type":"ping","id":1}"#);
    while wire.write_all(&ping).is_ok() {}
}

/// Disappears without a close while sound is on its way: because of the unread data, its kernel resets the
/// connection.
fn vanishing(way: &Way) {
    let Some(wire) = opened(way) else { return };
    std::thread::sleep(Duration::from_millis(300));
    drop(wire);
}
