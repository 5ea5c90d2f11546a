//! What one run leaves behind: the recording, and everything noted while it was made. Judged by `judge`, made by `run`.

use listening::freeze::Freeze;
use serde_json::Value;

use crate::rig::pulse::Place;
use crate::rig::sound::Recording;

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
    /// Largest memory of all the browser's processes, MiB.
    pub page_rss_mib: f64,
    /// The service, where the chain has one of the product's.
    pub service: Option<ServiceEvidence>,
}

/// The product's service during the span.
pub struct ServiceEvidence {
    /// Processor time, seconds.
    pub cpu_s: f64,
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
