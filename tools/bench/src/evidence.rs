//! What one run leaves behind: the recording, and everything noted while it was made. Judged by `judge`, made by `run`.

use std::collections::BTreeMap;

use impair::outage::Outage;
use impair::profile::Profile;
use listening::freeze::Freeze;
use serde_json::Value;

use crate::network::bridge::Crossings;
use crate::results::Heaps;
use crate::rig::pulse::Place;
use crate::rig::sound::Recording;
use crate::skew::SkewEvidence;

/// All of one run.
pub struct Evidence {
    /// The recording of all places.
    pub recording: Recording,
    /// When the machine stood still.
    pub freezes: Vec<Freeze>,
    /// Could the watchdog run in real time? If not, "frozen" may mean "busy".
    pub watchdog_real_time: bool,
    /// The seconds that count, `CLOCK_MONOTONIC` ns.
    pub span_ns: (u64, u64),
    /// The chains that played side by side.
    pub chains: Vec<ChainEvidence>,
    /// Share of a core the browser takes for playing a worklet's silence; `None` when not measured.
    pub silent_page_cpu: Option<f64>,
    /// Frames the rig's clock renders at once.
    pub clock_block_frames: u32,
    /// The network between service and browser, where it was not loopback.
    pub network: Option<NetworkEvidence>,
    /// When which frame was captured, where the service played its own exact source.
    pub skew: Option<SkewEvidence>,
}

/// What the network did.
pub struct NetworkEvidence {
    /// As it was meant.
    pub profile: Profile,
    /// Its outages within the span, `CLOCK_MONOTONIC` ns.
    pub outages: Vec<Outage>,
    /// What crossed it, before and after the span as well.
    pub crossings: Crossings,
}

/// One chain.
pub struct ChainEvidence {
    /// Its name in the table.
    pub name: String,
    /// Where it came out.
    pub place: Place,
    /// Browser and version; empty without one.
    pub browser: String,
    /// When the page was clicked, `CLOCK_MONOTONIC` ns.
    pub clicked_ns: Option<u64>,
    /// What the page said during the span.
    pub polls: Vec<Poll>,
    /// Processor time of all the browser's processes during the span, seconds.
    pub page_cpu_s: f64,
    /// Processor time of the browser's threads during the span by name, seconds.
    pub thread_cpu_s: BTreeMap<String, f64>,
    /// Live objects of the page before and after the span, KiB.
    pub heaps_kib: Option<(Heaps, Heaps)>,
    /// Largest memory of all the browser's processes, MiB.
    pub page_rss_mib: f64,
    /// The service, where the chain has one of the product's.
    pub service: Option<ServiceEvidence>,
}

/// The product's service during the span.
pub struct ServiceEvidence {
    /// Processor time, seconds.
    pub cpu_s: f64,
    /// The same of its threads by name, those of alsa-lib's plugin among them.
    pub thread_cpu_s: BTreeMap<String, f64>,
    /// Largest resident memory, MiB.
    pub rss_mib: f64,
    /// `/api/status` once a second during the span, the first at its start, the last at its end.
    pub statuses: Vec<Value>,
}

/// One reading of a page (pages/poll.js).
#[derive(Clone, Debug)]
pub struct Poll {
    /// Between question and answer, `CLOCK_MONOTONIC` ns.
    pub at_ns: u64,
    /// The answer.
    pub page: Value,
}

impl Poll {
    /// A number the browser's AudioContext gave.
    pub fn context(&self, key: &str) -> Option<f64> {
        self.page["context"][key].as_f64()
    }

    /// A number of the page's own report.
    pub fn report(&self, key: &str) -> Option<f64> {
        self.page["report"][key].as_f64()
    }
}
