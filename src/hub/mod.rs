//! Carries one stream to many listeners.
//!
//! In: the hand-off, and the source's status from the supervisor. Out: packets, listeners' positions, and what
//! `/api/status` shows. Nothing here knows sockets or ALSA. Packets stay on the fan-out thread (`net::fan_out`), which
//! shares them with every listener; other threads see only counters.

pub mod admissions;
pub mod fan_out;
pub mod handover;
pub mod health;
pub mod now_playing;
pub mod numbers;
pub mod pump;
pub mod rendition;
pub mod reports;
pub mod tap;

pub use crate::rt::counters::{Controls, Counters};
pub use crate::rt::status::{SourceStatus, SourceView, State};
pub use crate::rt::thread::RtState;

use crate::core::adaptation::Stream;
use crate::core::layout::Layout;
use crate::core::packetizer::Payload;
use admissions::Admissions;
use fan_out::FanOutNumbers;
use health::Health;
use now_playing::NowPlaying;
use numbers::{Numbers, Totals};
use reports::Reports;
use std::sync::{Arc, OnceLock};

/// The stream's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Length of a listener's queue.
    pub queue_ms: u32,
    /// Requested frames per packet; by default one period.
    pub chunk_frames: Option<u32>,
    /// The layout we ask a source for. It describes the stream until the first source has been opened, and never after.
    pub expected: Layout,
}

impl Sizes {
    /// Returns the sizes of a stream with this payload, from a source with this layout.
    pub fn stream(&self, payload: &Payload, layout: &Layout) -> Stream {
        Stream::new(payload, layout, self.chunk_frames, self.queue_ms)
    }
}

/// The state that threads share. Other code gets only the parts it needs.
#[derive(Clone)]
pub struct Hub {
    /// The stream's sizes.
    pub sizes: Sizes,
    /// The source and its pair.
    pub now_playing: Arc<NowPlaying>,
    /// The limit of listeners.
    pub admissions: Arc<Admissions>,
    /// All counters.
    pub numbers: Arc<Numbers>,
    /// The verdict whether the service is alive.
    pub health: Arc<Health>,
}

impl Hub {
    /// Starts without listeners and admits `listeners_max`; `counters` and `controls` belong to the capture thread.
    pub fn new(sizes: Sizes, listeners_max: usize, counters: Arc<Counters>, controls: Arc<Controls>) -> Self {
        let numbers = Arc::new(Numbers {
            counters,
            totals: Totals::default(),
            fan_out: FanOutNumbers::new(&sizes.expected, sizes.expected.packet_frames(sizes.chunk_frames)),
            reports: Reports::default(),
            taps: OnceLock::new(),
        });
        let admissions = Arc::new(Admissions::new(listeners_max, Arc::clone(&numbers)));
        let health = Arc::new(Health::new(Arc::clone(&numbers), Arc::clone(&admissions)));
        Self { sizes, now_playing: Arc::new(NowPlaying::new(controls)), admissions, numbers, health }
    }
}
