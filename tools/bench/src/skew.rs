//! Under a clock skew the service plays its own exact source, so the input cannot be recorded. Instead a
//! second listener notes when each frame was captured, by the service's own stamps, and how the machine's two
//! clocks relate to each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tungstenite::{Bytes, Error, Message};

use crate::network::site::Site;
use crate::rig::watchdog::now_ns;

/// Interval at which the listener checks whether to stop.
const LOOK_TIME: Duration = Duration::from_millis(200);
/// Packets between two comparisons of the clocks: about a second.
const PACKETS_PER_COMPARISON: usize = 345;
/// Maximum duration of a comparison; a longer one was interrupted, and does not count.
const COMPARISON_NS_MAX: u64 = 20_000;

/// Size of a record's header; docs/ref/wire-format.md has the layout.
const HEAD_BYTES: usize = 40;
const AUDIO: u8 = 1;
const RESTART: u8 = 1;

/// The listener's notes.
#[derive(Clone, Debug, Default)]
pub struct SkewEvidence {
    /// The requested skew of the service's source against the sound system's clock, parts per million.
    pub asked_ppm: i32,
    /// The skew against the machine's clock that the service was given, parts per million.
    pub told_ppm: i32,
    /// `(frame_index, capture_ns)` of every packet; `capture_ns` is `CLOCK_MONOTONIC_RAW`.
    pub captured: Vec<(u64, u64)>,
    /// `(CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC)` at the same moments, ns.
    pub clocks: Vec<(u64, u64)>,
    /// Number of times the service started a new timeline after the first packet. If that is more than 0, frame
    /// numbers give no times.
    pub restarts: usize,
}

/// The second listener.
pub struct CaptureLog {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<SkewEvidence, String>>,
}

impl CaptureLog {
    /// Starts to note the packets of the service at `site` and `port`.
    pub fn start(site: &Site, port: u16, asked_ppm: i32, told_ppm: i32) -> Result<Self, String> {
        let describe = |e: &dyn std::fmt::Display| format!("listening to the service's stamps: {e}");
        let stream = site.connect(site.address, port).map_err(|e| describe(&e))?;
        stream.set_read_timeout(Some(LOOK_TIME)).map_err(|e| describe(&e))?;
        let url = format!("ws://{}:{port}/ws", site.address);
        let (mut socket, _) = tungstenite::client(url, stream).map_err(|e| describe(&e))?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut evidence = SkewEvidence { asked_ppm, told_ppm, ..SkewEvidence::default() };
            while !told.load(Ordering::Relaxed) {
                match socket.read() {
                    Ok(Message::Binary(bytes)) => note(&mut evidence, &bytes)?,
                    Ok(_) => {}
                    Err(Error::Io(error)) if is_pause(&error) => {}
                    Err(error) => return Err(format!("listening to the service's stamps: {error}")),
                }
            }
            Ok(evidence)
        });
        Ok(Self { stop, thread })
    }

    /// Stops the listener and returns its notes.
    pub fn finish(self) -> Result<SkewEvidence, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the listener for stamps panicked".to_owned())?
    }
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn note(evidence: &mut SkewEvidence, message: &Bytes) -> Result<(), String> {
    for record in records(message).ok_or("the service sent what is no record of version 1")? {
        evidence.restarts += usize::from(record.restart && !evidence.captured.is_empty());
        if evidence.captured.len() % PACKETS_PER_COMPARISON == 0 {
            evidence.clocks.extend(compare_clocks());
        }
        evidence.captured.push((record.frame_index, record.capture_ns));
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AudioHead {
    restart: bool,
    frame_index: u64,
    capture_ns: u64,
}

/// The headers of a message's audio records; `None` if the message is not one of ours.
fn records(mut message: &[u8]) -> Option<Vec<AudioHead>> {
    let mut heads = Vec::new();
    while !message.is_empty() {
        let (head, rest) = message.split_at_checked(HEAD_BYTES)?;
        let number = |at: usize| head[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        let frames = u32::from_le_bytes(head[12..16].try_into().ok()?) as usize;
        let (audio, payload) = (head[1] == AUDIO, if head[1] == AUDIO { frames * 4 } else { 0 });
        if head[0] != 1 || rest.len() < payload {
            return None;
        }
        if audio {
            let restart = head[2] & RESTART != 0;
            heads.push(AudioHead { restart, frame_index: number(16)?, capture_ns: number(24)? });
        }
        message = &rest[payload..];
    }
    Some(heads)
}

/// Reads both clocks at one moment; `None` if the reading was interrupted.
fn compare_clocks() -> Option<(u64, u64)> {
    let before = now_ns();
    let raw = raw_ns();
    let after = now_ns();
    (after - before <= COMPARISON_NS_MAX).then_some((raw, before.midpoint(after)))
}

fn raw_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the timespec lives through the call, which fills it.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, flags: u8, frames: u32, frame_index: u64) -> Vec<u8> {
        let mut bytes = vec![0; HEAD_BYTES];
        (bytes[0], bytes[1], bytes[2]) = (1, kind, flags);
        bytes[12..16].copy_from_slice(&frames.to_le_bytes());
        bytes[16..24].copy_from_slice(&frame_index.to_le_bytes());
        bytes[24..32].copy_from_slice(&(frame_index * 1000).to_le_bytes());
        bytes.resize(HEAD_BYTES + if kind == AUDIO { frames as usize * 4 } else { 0 }, 0);
        bytes
    }

    #[test]
    fn audio_records_are_read_and_others_stepped_over() {
        let message =
            [record(3, 0, 500, 7), record(1, 1, 128, 1280), record(2, 0, 9, 1), record(1, 0, 64, 1408)];
        let head = |restart, frame_index| AudioHead { restart, frame_index, capture_ns: frame_index * 1000 };
        assert_eq!(records(&message.concat()), Some(vec![head(true, 1280), head(false, 1408)]));
        assert_eq!(records(&record(1, 0, 128, 0)[..500]), None);
        assert_eq!(records(&[2; 40]), None);
        assert_eq!(records(&[]), Some(vec![]));
    }

    #[test]
    fn a_restart_counts_only_after_the_first_packet() {
        let mut evidence = SkewEvidence::default();
        note(&mut evidence, &record(1, 1, 128, 0).into()).unwrap();
        assert_eq!((evidence.restarts, evidence.captured.len()), (0, 1));
        note(&mut evidence, &record(1, 1, 128, 128).into()).unwrap();
        assert_eq!(evidence.restarts, 1);
    }
}
