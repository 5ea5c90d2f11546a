//! The classic design, rebuilt for comparison. Its service reads chunks of 4096 frames and sends each to
//! everyone; its page has a ring of 2 s in its worklet, 0.5 s prefill and no catch-up (pages/classic*). The
//! original services are written in Python, this one in Rust. So its delay comes from the design alone, and
//! is rather too small than too large.

use std::io::Read;
use std::process::{Command, Stdio};

use listening::RATE_HZ;
use tungstenite::Bytes;

use crate::loopback_server::LoopbackServer;
use crate::rig::process::Running;
use crate::rig::pulse::Pulse;

/// Frames per chunk, from the device to the worklet.
pub const CHUNK_FRAMES: usize = 4096;
const CHUNK_BYTES: usize = CHUNK_FRAMES * 4;

/// The running service.
pub struct Classic {
    server: LoopbackServer,
    _capture: Running,
}

impl Classic {
    /// Starts capturing the synth and serving the page.
    pub fn start(pulse: &Pulse) -> Result<Self, String> {
        let server = LoopbackServer::start()?;
        let mut command = Command::new("parec");
        command
            .args(["--raw", "--format=s16le", "--channels=2", "--device=synth_src"])
            .args([format!("--rate={RATE_HZ}"), format!("--latency={CHUNK_BYTES}")])
            .envs(pulse.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut capture = Running::start("the classic capture", &mut command)?;
        let mut pipe = capture.child().stdout.take().expect("stdout was piped");
        let listeners = server.listeners.clone();
        std::thread::spawn(move || {
            let mut chunk = vec![0u8; CHUNK_BYTES];
            while pipe.read_exact(&mut chunk).is_ok() {
                listeners.send(&Bytes::copy_from_slice(&chunk));
            }
        });
        Ok(Self { server, _capture: capture })
    }

    /// Returns the address of the page.
    pub fn url(&self) -> String {
        self.server.url("/classic")
    }
}
