//! The evidence of one run: the recording and all notes. `run` makes it, and `judge` judges it.

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

/// The evidence of one run.
pub struct Evidence {
    /// The recording of all places.
    pub recording: Recording,
    /// The stalls of the machine.
    pub freezes: Vec<Freeze>,
    /// True if the watchdog had real-time priority. If not, "frozen" may mean "busy".
    pub watchdog_real_time: bool,
    /// Start and end of the measured time, `CLOCK_MONOTONIC` ns.
    pub span_ns: (u64, u64),
    /// The chains that played side by side.
    pub chains: Vec<ChainEvidence>,
    /// Share of a core that the browser needs to play a worklet's silence; `None` when not measured.
    pub silent_page_cpu: Option<f64>,
    /// Frames the rig's clock renders at once.
    pub clock_block_frames: u32,
    /// The network between service and browser, where it was not loopback.
    pub network: Option<NetworkEvidence>,
    /// The capture time of each frame, if the service played its own exact source.
    pub skew: Option<SkewEvidence>,
}

/// The behaviour of the network.
pub struct NetworkEvidence {
    /// The network's intended behaviour.
    pub profile: Profile,
    /// The network's outages within the span, `CLOCK_MONOTONIC` ns.
    pub outages: Vec<Outage>,
    /// The packets that crossed the network, including those before and after the span.
    pub crossings: Crossings,
}

/// The evidence of one chain.
pub struct ChainEvidence {
    /// The chain's name in the table.
    pub name: String,
    /// The place in the recording that holds the chain's output.
    pub place: Place,
    /// Browser and version; empty if the chain has no browser.
    pub browser: String,
    /// The time of the click on the page, `CLOCK_MONOTONIC` ns.
    pub clicked_ns: Option<u64>,
    /// The page's answers during the span.
    pub polls: Vec<Poll>,
    /// Processor time of all the browser's processes during the span, seconds.
    pub page_cpu_s: f64,
    /// Processor time of the browser's threads during the span, by thread name, seconds.
    pub thread_cpu_s: BTreeMap<String, f64>,
    /// Size of the page's live objects before and after the span, KiB.
    pub heaps_kib: Option<(Heaps, Heaps)>,
    /// Largest memory of all the browser's processes, MiB.
    pub page_rss_mib: f64,
    /// The service, if the chain has the product's.
    pub service: Option<ServiceEvidence>,
}

/// The product's service during the span.
pub struct ServiceEvidence {
    /// Processor time, seconds.
    pub cpu_s: f64,
    /// Processor time of the service's threads by name, including those of alsa-lib's plugin.
    pub thread_cpu_s: BTreeMap<String, f64>,
    /// Largest resident memory, MiB.
    pub rss_mib: f64,
    /// `/api/status` once per second during the span: the first at its start, the last at its end.
    pub statuses: Vec<Value>,
}

/// A sample of a page (pages/poll.js).
#[derive(Clone, Debug)]
pub struct Poll {
    /// The time between question and answer, `CLOCK_MONOTONIC` ns.
    pub at_ns: u64,
    /// The answer.
    pub page: Value,
}

impl Poll {
    /// A number from the browser's AudioContext.
    pub fn context(&self, key: &str) -> Option<f64> {
        self.page["context"][key].as_f64()
    }

    /// A number from the page's own report.
    pub fn report(&self, key: &str) -> Option<f64> {
        self.page["report"][key].as_f64()
    }
}
