//! The rig's sound system: its own headless PulseAudio on a socket in a private folder.
//!
//! A single sink is the only clock: a null sink, or one on a dummy jackd ([`ClockKind`]). It carries a pair
//! of channels per place: the sound played into the "synth", and the sound that each player gives to its
//! "speakers". The rig records its whole monitor, so all places appear on one time line. The service captures
//! from `synth_src` through alsa-lib's pulse plugin, by a private ALSA configuration. Nothing listens on the
//! network, and the rig does not touch the user's own sound system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use listening::RATE_HZ;

use super::jack::{self, Jack};
use super::process::{Running, make_real_time, real_time_command};

/// Round-robin priority of the sound server; without it the rig causes gaps.
pub const PRIORITY: i32 = 6;
/// The recorder asks for this many frames more than a block. The server converts the size into whole
/// microseconds and back into whole frames, and rounds down both times; without this a block would be one
/// frame shorter than a period.
const ROUNDING_FRAMES: u32 = 1;
/// Maximum time for the server to open its socket.
const START_TIME: Duration = Duration::from_secs(10);

/// A place where sound is played or captured: its pair of channels in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The sink to play into.
    pub sink: &'static str,
    /// First channel in the recording; the second follows.
    pub channel: usize,
    positions: &'static str,
}

/// The sink that is the rig's clock and carries all places.
pub const CLOCK: &str = "clock";
/// The input of the known signal.
pub const SYNTH: Place = Place { sink: "synth", channel: 0, positions: "front-left,front-right" };
/// The output of the player under test.
pub const SPEAKERS: Place = Place { sink: "speakers", channel: 2, positions: "rear-left,rear-right" };
/// The output of the classic design.
pub const CLASSIC_SPEAKERS: Place =
    Place { sink: "classic_speakers", channel: 4, positions: "side-left,side-right" };

/// The clock of the rig's sink, and the PCM through which the service captures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ClockKind {
    /// A null sink that renders one period at a time; alsa-lib's pulse plugin: read and write only
    Null,
    /// A dummy jackd of 64 frames; alsa-lib's jack plugin under plug: mmap, even periods
    Jack,
}

/// The running sound server.
pub struct Pulse {
    folder: PathBuf,
    places: Vec<Place>,
    block_frames: u32,
    server: Running,
    // Ends after the server, which is its client: fields are dropped in this order.
    _jack: Option<Jack>,
}

impl Pulse {
    /// Starts a server with `places` in `folder`, which must be private and empty. A null clock ticks once
    /// per `period_frames` frames, which is the service's period.
    pub fn start(
        folder: &Path,
        places: &[Place],
        clock: ClockKind,
        period_frames: u32,
    ) -> Result<Self, String> {
        let jack =
            if clock == ClockKind::Jack { Some(Jack::start(folder, &environment(folder))?) } else { None };
        let write = |name: &str, text: String| {
            fs::write(folder.join(name), text).map_err(|e| format!("writing {name} of the rig: {e}"))
        };
        write(
            "daemon.conf",
            format!(
                "default-sample-rate = {RATE_HZ}
alternate-sample-rate = {RATE_HZ}
"
            ),
        )?;
        write("rig.pa", server_script(folder, places, clock))?;
        write("alsa.conf", alsa_configuration(&socket(folder), clock))?;
        let log = fs::File::create(folder.join("pulse.log")).map_err(|e| format!("the rig's log: {e}"))?;
        let mut command = real_time_command("pulseaudio", PRIORITY);
        command
            .args([
                "-n",
                "--daemonize=no",
                "--use-pid-file=no",
                "--exit-idle-time=-1",
                "--realtime=yes",
                "-F",
            ])
            .arg(folder.join("rig.pa"))
            .envs(environment(folder))
            .env("PULSE_CONFIG", folder.join("daemon.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let server = Running::start("pulseaudio", &mut command)?;
        let block_frames = if clock == ClockKind::Jack { jack::CYCLE_FRAMES } else { period_frames };
        let mut pulse =
            Self { folder: folder.to_owned(), places: places.to_vec(), block_frames, server, _jack: jack };
        pulse.wait_until_ready()?;
        // The server's main thread drops its own priority at the start, so raise it again.
        make_real_time(pulse.server.pid(), libc::SCHED_RR, PRIORITY);
        Ok(pulse)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_TIME;
        let last = self.places.last().expect("a rig has places").sink;
        loop {
            self.server.check().map_err(|e| format!("{e}\n{}", self.log()))?;
            let listed = Command::new("pactl")
                .args(["list", "short", "sinks"])
                .envs(environment(&self.folder))
                .output();
            if listed.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains(last)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("pulseaudio did not get ready in {START_TIME:?}\n{}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The server's log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("pulse.log")).unwrap_or_default()
    }

    /// Positions of all channels, in the recording's order.
    pub fn channel_map(&self) -> String {
        channel_map(&self.places)
    }

    /// Returns the number of channels of the recording.
    pub fn channels(&self) -> usize {
        2 * self.places.len()
    }

    /// Frames the clock renders at once.
    pub fn block_frames(&self) -> u32 {
        self.block_frames
    }

    /// Returns the number of frames for which the recorder asks. No other client asks for less, so the null
    /// sink renders one block at a time.
    pub fn recorder_frames(&self) -> u32 {
        self.block_frames + ROUNDING_FRAMES
    }

    /// Environment for the service. By default alsa-lib's pulse plugin asks for a period in whole
    /// microseconds, which is less than the 128 frames of a period; then the periods came in pairs, delayed
    /// by another 4.4 ms. With the next whole millisecond it gets the recorder's blocks at once: one block is
    /// one period.
    pub fn service_environment(&self) -> Vec<(String, String)> {
        let wish_ms = (u64::from(self.block_frames) * 1000).div_ceil(u64::from(RATE_HZ));
        let mut variables = self.environment();
        variables.push(("PULSE_LATENCY_MSEC".into(), wish_ms.to_string()));
        variables
    }

    /// Environment for every program that plays to this rig or records from it.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(&self.folder)
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("pulse.sock")
}

fn environment(folder: &Path) -> Vec<(String, String)> {
    let path = |p: PathBuf| p.to_string_lossy().into_owned();
    vec![
        ("PULSE_SERVER".into(), format!("unix:{}", path(socket(folder)))),
        ("PULSE_RUNTIME_PATH".into(), path(folder.join("pulse"))),
        ("XDG_RUNTIME_DIR".into(), path(folder.to_owned())),
        ("XDG_CONFIG_HOME".into(), path(folder.join("config"))),
        ("HOME".into(), path(folder.to_owned())),
        ("TMPDIR".into(), path(folder.to_owned())),
        ("ALSA_CONFIG_PATH".into(), format!("/usr/share/alsa/alsa.conf:{}", path(folder.join("alsa.conf")))),
        ("JACK_DEFAULT_SERVER".into(), jack::server_name(folder)),
        ("JACK_NO_START_SERVER".into(), "1".into()),
        ("DBUS_SESSION_BUS_ADDRESS".into(), "disabled:".into()),
    ]
}

fn channel_map(places: &[Place]) -> String {
    places.iter().map(|place| place.positions).collect::<Vec<_>>().join(",")
}

fn server_script(folder: &Path, places: &[Place], clock: ClockKind) -> String {
    let sink = match clock {
        ClockKind::Null => format!("module-null-sink format=float32le rate={RATE_HZ} norewinds=1"),
        ClockKind::Jack => format!("module-jack-sink client_name={CLOCK} connect=no"),
    };
    let mut lines = vec![
        format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}",
            socket(folder).display()
        ),
        format!(
            "load-module {sink} sink_name={CLOCK} channels={} channel_map={}",
            2 * places.len(),
            channel_map(places)
        ),
    ];
    let pair = "channels=2 channel_map=front-left,front-right remix=no";
    for place in places {
        lines.push(format!(
            "load-module module-remap-sink sink_name={} master={CLOCK} {pair} master_channel_map={}",
            place.sink, place.positions
        ));
    }
    lines.push(format!(
        "load-module module-remap-source source_name=synth_src master={CLOCK}.monitor {pair} master_channel_map={}",
        SYNTH.positions
    ));
    lines.push("set-default-sink speakers".into());
    lines.push("set-default-source synth_src".into());
    lines.join("\n") + "\n"
}

/// `bench` is the synth through the clock's own plugin. `bench_plug` adds plug around it, for either clock.
fn alsa_configuration(socket: &Path, clock: ClockKind) -> String {
    let server = socket.display();
    let hint = "hint.description \"the bench's synth\"";
    let synth = match clock {
        ClockKind::Null => format!(
            "pcm.bench {{ type pulse server \"unix:{server}\" device \"synth_src\" {hint} }}\n\
             ctl.bench {{ type pulse server \"unix:{server}\" source \"synth_src\" }}\n"
        ),
        ClockKind::Jack => format!(
            "pcm.bench_jack {{ type jack capture_ports {{ 0 \"{CLOCK}:front-left\" 1 \"{CLOCK}:front-right\" }} }}\n\
             pcm.bench {{ type plug slave.pcm \"bench_jack\" {hint} }}\n"
        ),
    };
    format!("{synth}pcm.bench_plug {{ type plug slave.pcm \"bench\" {hint} }}\n")
}
