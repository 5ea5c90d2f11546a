//! The listeners: one process, one thread, one epoll, so that the service has a processor to itself.
//!
//! The process listens until its input ends, then prints its results. Each listener sends what a page sends:
//! one ping and one report per second. A second thread makes the connections, and ends after the last one: so
//! connected listeners do not wait during handshakes.

use crate::stream::{Ear, Tally};
use crate::wire::{Way, Wire};
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// Bytes read from a socket at once.
const READ_BYTES: usize = 64 * 1024;
/// All listeners check together at this interval. A remote listener costs the service no wake-up of a
/// process. But a listener that slept in epoll here would be woken within the service's own write, and that
/// time would count as the service's.
const NAP: Duration = Duration::from_millis(1);
const WORDS_EVERY: Duration = Duration::from_secs(1);
/// Marks a length in the next two bytes; the bit above marks a masked frame.
const LONG: u8 = 0x7e;
const REPORT: &str = r#"{"type":"report","mode":"auto","delay_ms":41.5,"level_ms":9.1,"target_ms":40,"arrival_tail_ms":3,"round_trip_ms":0.5,"glitches":{}}"#;
const PING: &str = r#"{"type":"ping","id":7}"#;

/// The results of a load process.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Heard {
    /// Totals of all listeners.
    pub all: Tally,
    /// Frames of the listener that received the fewest.
    pub least_frames: u64,
    /// Connections that ended too early.
    pub ended: u64,
}

/// The kind of client: it speaks WebSocket, or only reads the bare loop's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A listener of the service.
    Listener,
    /// A socket of the bare loop.
    Drain,
}

struct Client {
    wire: Wire,
    ear: Ear,
    ended: bool,
}

/// Opens a listener's connection. Returns it after the handshake, with any bytes of the first message that
/// came with the answer.
pub fn connect(way: &Way) -> io::Result<(Wire, Vec<u8>)> {
    let mut wire = way.connect()?;
    write!(
        wire,
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        way.address
    )?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = wire.read(&mut piece)?;
        answer.extend_from_slice(&piece[..read]);
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            let switched = answer.starts_with(b"HTTP/1.1 101");
            let rest = answer.split_off(end + 4);
            return if switched {
                Ok((wire, rest))
            } else {
                Err(io::Error::other("the service does not upgrade"))
            };
        }
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A masked text frame, as a client must send it; the mask is zero.
pub fn text_frame(text: &str) -> Vec<u8> {
    let length = text.len() as u16;
    let mut frame = vec![0x81];
    if length < 126 {
        frame.push(0x80 | length as u8);
    } else {
        frame.push(0x80 | LONG);
        frame.extend(length.to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// Runs this many listeners until standard input ends. Prints "ready" when all are connected, and the results
/// at the end.
pub fn run(way: &Way, listeners: usize, kind: Kind) -> Result<(), String> {
    let describe = |error: io::Error| format!("listening at {}: {error}", way.address);
    let (arrive, arrivals) = channel();
    let door = way.clone();
    let connecting = std::thread::spawn(move || let_in(&door, listeners, kind, &arrive));
    let clients = listen(&arrivals, listeners, kind).map_err(describe)?;
    drop(arrivals); // anyone still connecting may stop
    connecting.join().expect("connecting does not panic").map_err(describe)?;
    let all = clients.iter().fold(Tally::default(), |sum, client| sum.plus(client.ear.tally));
    let least_frames = clients.iter().map(|client| client.ear.tally.frames).min().unwrap_or(0);
    let heard =
        Heard { all, least_frames, ended: clients.iter().filter(|client| client.ended).count() as u64 };
    println!("{}", serde_json::to_string(&heard).expect("numbers serialise"));
    Ok(())
}

/// Makes the connections one after the other.
fn let_in(way: &Way, listeners: usize, kind: Kind, arrive: &Sender<Client>) -> io::Result<()> {
    for _ in 0..listeners {
        let (wire, said) = match kind {
            Kind::Listener => connect(way)?,
            Kind::Drain => (way.connect()?, Vec::new()),
        };
        wire.set_nonblocking()?;
        let mut client = Client { wire, ear: Ear::default(), ended: false };
        client.ear.hear(&said);
        if arrive.send(client).is_err() {
            break; // the listening thread has ended
        }
    }
    Ok(())
}

fn listen(arrivals: &Receiver<Client>, listeners: usize, kind: Kind) -> io::Result<Vec<Client>> {
    const INPUT: u64 = u64::MAX;
    // SAFETY: epoll_create1 takes no pointer.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    watch(epoll, 0, INPUT)?;
    let mut clients = Vec::with_capacity(listeners);
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 256];
    let mut bytes = vec![0; READ_BYTES];
    let (mut next_words, mut speaker) = (Instant::now(), 0);
    let pause = WORDS_EVERY / listeners.max(1) as u32;
    loop {
        while clients.len() < listeners {
            let client = match arrivals.try_recv() {
                Ok(client) => client,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(clients), // that thread reports why it failed
            };
            watch(epoll, client.wire.as_raw_fd(), clients.len() as u64)?;
            clients.push(client);
            if clients.len() == listeners {
                println!("ready");
            }
        }
        // SAFETY: the kernel writes at most as many events as the array holds.
        let ready = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), events.len() as i32, 0) };
        if ready <= 0 {
            std::thread::sleep(NAP);
        }
        for event in &events[..ready.max(0) as usize] {
            if event.u64 == INPUT {
                return Ok(clients);
            }
            let client = &mut clients[event.u64 as usize];
            hear(client, &mut bytes, kind);
            if client.ended {
                forget(epoll, client.wire.as_raw_fd())?; // otherwise epoll would report its end forever
            }
        }
        while kind == Kind::Listener && Instant::now() >= next_words {
            if let Some(client) = clients.get_mut(speaker).filter(|client| !client.ended) {
                for text in [PING, REPORT] {
                    client.ended |= client.wire.write_all(&text_frame(text)).is_err();
                }
            }
            speaker = (speaker + 1) % listeners.max(1);
            next_words += pause;
        }
    }
}

fn forget(epoll: i32, descriptor: i32) -> io::Result<()> {
    // SAFETY: the kernel reads no event for a deletion.
    match unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, descriptor, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn watch(epoll: i32, descriptor: i32, data: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: data };
    // SAFETY: the event lives through the call, which only reads it.
    match unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, descriptor, &raw mut event) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn hear(client: &mut Client, bytes: &mut [u8], kind: Kind) {
    let Client { wire, ear, ended } = client;
    *ended |= !wire.drain(bytes, |heard| match kind {
        Kind::Listener => ear.hear(heard),
        Kind::Drain => ear.tally.bytes += heard.len() as u64,
    });
}
