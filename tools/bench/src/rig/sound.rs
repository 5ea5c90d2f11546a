//! The two ends of the rig: one plays the known signal, the other records everything.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use listening::RATE_HZ;
use listening::clock::{FrameClock, Stamp};
use listening::signal::KnownSignal;

use super::process::{Running, make_real_time, real_time_command};
use super::pulse::{CLOCK, Place, Pulse, SYNTH};
use super::watchdog::now_ns;

/// Lead with which the player writes the signal. The lead survives any freeze that leaves the run valid, and
/// does not count as delay, because delay is measured after it.
const PLAYER_BUFFER_MS: u32 = 1500;
/// Above the sound server's clients, and below the server.
const PRIORITY: i32 = 5;
const SEED: u64 = 997;

/// Plays the known signal in the synth's place until dropped.
pub struct Player {
    _player: Running,
}

impl Player {
    /// Starts playing in the synth's place.
    pub fn start(pulse: &Pulse) -> Result<Self, String> {
        let place = [format!("--device={}", SYNTH.sink), "--channels=2".into()];
        let samples = KnownSignal::new(SEED).flatten();
        Self::play(pulse, &place, samples)
    }

    /// Starts playing in the synth's place and, exactly `delay_frames` later, in the place of the speakers.
    /// So the rig measures itself.
    pub fn start_with_echo(pulse: &Pulse, delay_frames: usize) -> Result<Self, String> {
        let map = format!("--channel-map={}", pulse.channel_map());
        let place = [format!("--device={CLOCK}"), "--channels=4".into(), map, "--no-remix".into()];
        let echo = std::iter::repeat_n([0; 2], delay_frames).chain(KnownSignal::new(SEED));
        let samples = KnownSignal::new(SEED).zip(echo).flat_map(|(frame, late)| [frame, late].concat());
        Self::play(pulse, &place, samples)
    }

    fn play(
        pulse: &Pulse,
        place: &[String],
        samples: impl Iterator<Item = i16> + Send + 'static,
    ) -> Result<Self, String> {
        let mut command = real_time_command("pacat", PRIORITY);
        command
            .args(["--playback", "--raw", "--format=s16le", &format!("--rate={RATE_HZ}")])
            .args(place)
            .arg(format!("--latency-msec={PLAYER_BUFFER_MS}"))
            .envs(pulse.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut player = Running::start("pacat", &mut command)?;
        let mut pipe =
            BufWriter::with_capacity(16_384, player.child().stdin.take().expect("stdin was piped"));
        std::thread::spawn(move || {
            for sample in samples {
                if pipe.write_all(&sample.to_le_bytes()).is_err() {
                    return; // the player has ended, and so has the run
                }
            }
        });
        Ok(Self { _player: player })
    }
}

/// Records all channels of the rig into a file until finished.
pub struct Recorder {
    process: Running,
    reader: JoinHandle<std::io::Result<()>>,
    stamps: Arc<Mutex<Vec<Stamp>>>,
    path: PathBuf,
    channels: usize,
}

/// The recorded sound: one vector of samples per channel.
pub struct Recording {
    /// Samples of each channel, full scale 1.
    pub channels: Vec<Vec<f32>>,
    /// Arrival times of the blocks.
    pub stamps: Vec<Stamp>,
}

impl Recording {
    /// Left and right channel of a place.
    pub fn pair(&self, place: Place) -> [&[f32]; 2] {
        [&self.channels[place.channel], &self.channels[place.channel + 1]]
    }
}

impl Recorder {
    /// Starts recording into `path` (32-bit float, interleaved). Its small blocks also make the clock tick
    /// finely.
    pub fn start(pulse: &Pulse, path: &Path) -> Result<Self, String> {
        let channels = pulse.channels();
        let asked_bytes = pulse.recorder_frames() as usize * channels * size_of::<f32>();
        let mut command = real_time_command("parec", PRIORITY);
        command
            .args(["--raw", "--format=float32le", "--no-remix", "--no-remap"])
            .arg(format!("--device={CLOCK}.monitor"))
            .args([format!("--rate={RATE_HZ}"), format!("--channels={channels}")])
            .arg(format!("--latency={asked_bytes}"))
            .envs(pulse.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Running::start("parec", &mut command)?;
        let pipe = process.child().stdout.take().expect("stdout was piped");
        let file = File::create(path).map_err(|e| format!("creating the recording: {e}"))?;
        let stamps = Arc::new(Mutex::new(Vec::new()));
        let noted = stamps.clone();
        let reader = std::thread::spawn(move || {
            make_real_time(0, libc::SCHED_RR, PRIORITY);
            record(pipe, file, channels, &noted)
        });
        Ok(Self { process, reader, stamps, path: path.to_owned(), channels })
    }

    /// Returns whether anything has been recorded yet.
    pub fn is_running(&self) -> bool {
        !self.stamps.lock().expect("never poisoned").is_empty()
    }

    /// Returns by how much the rig's clock has exceeded its nominal rate so far, parts per million.
    pub fn fast_ppm(&self) -> Option<f64> {
        FrameClock::fit(&self.stamps.lock().expect("never poisoned")).map(|clock| clock.fast_ppm())
    }

    /// Ends the recording and reads it back.
    pub fn finish(self) -> Result<Recording, String> {
        drop(self.process);
        let describe = |e: std::io::Error| format!("the recording {}: {e}", self.path.display());
        self.reader.join().map_err(|_| "the recorder panicked".to_owned())?.map_err(describe)?;
        let bytes = std::fs::read(&self.path).map_err(describe)?;
        let stamps = std::mem::take(&mut *self.stamps.lock().expect("never poisoned"));
        Ok(Recording { channels: deinterleave(&bytes, self.channels), stamps })
    }
}

fn record(
    mut pipe: impl Read,
    file: File,
    channels: usize,
    stamps: &Mutex<Vec<Stamp>>,
) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let mut block = vec![0u8; 1 << 16];
    let mut received_bytes = 0u64;
    loop {
        let bytes = pipe.read(&mut block)?;
        if bytes == 0 {
            return file.flush();
        }
        received_bytes += bytes as u64;
        let frames = received_bytes / (4 * channels as u64);
        stamps.lock().expect("never poisoned").push(Stamp { frames, received_ns: now_ns() });
        file.write_all(&block[..bytes])?;
    }
}

fn deinterleave(bytes: &[u8], channels: usize) -> Vec<Vec<f32>> {
    let frames = bytes.len() / (4 * channels);
    let sample = |at: usize| f32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().expect("four bytes"));
    (0..channels).map(|c| (0..frames).map(|n| sample(n * channels + c)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_come_apart_and_a_broken_last_frame_is_left_out() {
        let bytes: Vec<u8> = [1f32, 2.0, 3.0, 4.0, 5.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(deinterleave(&bytes, 2), vec![vec![1.0, 3.0], vec![2.0, 4.0]]);
    }
}
