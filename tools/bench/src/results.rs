//! What a judgement consists of. The names are those of `results.json`: keys are only ever added.

use std::collections::BTreeMap;

use listening::continuity::{self, Fault};
use listening::delay::{Drift, Reading};
use listening::exactness::Exactness;
use listening::statistics::Summary;
use serde::Serialize;
use serde_json::Value;

/// Results of a run.
#[derive(Serialize)]
pub struct Results {
    /// Seconds that count.
    pub span_s: f64,
    /// Why the run says nothing, if so.
    pub void: Option<String>,
    /// The machine meanwhile.
    pub machine: Machine,
    /// Faults in the signal that went in: the rig's own.
    pub rig_faults: usize,
    /// Each chain.
    pub chains: Vec<ChainResults>,
    /// The classic design's median delay over the product's.
    pub classic_over_product: Option<f64>,
    /// The network between service and browser, where it was not loopback.
    pub network: Option<NetworkResults>,
    /// The clocks, where the service's source was set off the sound system's.
    pub skew: Option<SkewResults>,
}

/// The machine during the span.
#[derive(Serialize)]
pub struct Machine {
    /// How often the watchdog was late.
    pub freezes: usize,
    /// How late at worst, milliseconds.
    pub longest_freeze_ms: f64,
    /// Share of the span that was frozen.
    pub frozen_share: f64,
    /// Time the rig's own clock left out, milliseconds.
    pub clock_left_out_ms: f64,
    /// How much faster than its rate that clock ran, parts per million.
    pub clock_fast_ppm: f64,
    /// Could the watchdog run in real time?
    pub watchdog_real_time: bool,
}

/// Results of one chain. Where a thing does not exist or could not be read, it is null.
#[derive(Serialize)]
pub struct ChainResults {
    /// Its name.
    pub name: String,
    /// Its browser.
    pub browser: String,
    /// End to end, milliseconds.
    pub delay_ms: Option<Summary>,
    /// The browser's average output latency over the span (playbackStats), milliseconds; base latency is part of it.
    pub output_latency_ms: Option<f64>,
    /// The AudioContext's base latency, milliseconds.
    pub base_latency_ms: Option<f64>,
    /// Rate of the AudioContext, hertz.
    pub context_rate_hz: Option<f64>,
    /// Its latency hint as the page asked for it.
    pub latency_hint: Value,
    /// Median delay minus output latency, milliseconds: what is this chain's own.
    pub own_ms: Option<f64>,
    /// What the capture PCM itself says of its delay as a period is fetched, milliseconds. The period's own frames are in it.
    pub capture_delay_ms: Option<Summary>,
    /// Duration of a block of the rig's clock, milliseconds, for a chain that captures from it. The clock gives a block away
    /// as it begins; a card has to fill it first, so on a card this chain's own is so much more.
    pub clock_block_ms: Option<f64>,
    /// How the service reads its device, and in which format.
    pub capture_path: Option<String>,
    /// What the service lost on the way in during the span: events by cause, causes without any left out.
    pub service_losses: Value,
    /// Delay at the start and at the end.
    pub drift: Option<Drift>,
    /// Changes of delay by more than half a millisecond.
    pub delay_steps: usize,
    /// Faults outside machine freezes.
    pub faults: FaultCounts,
    /// Faults the machine is to blame for.
    pub faults_of_the_machine: FaultCounts,
    /// Faults between the first sound and the span, whoever is to blame.
    pub faults_at_start: FaultCounts,
    /// Each fault of the span.
    pub fault_list: Vec<PlacedFault>,
    /// Which bits survived.
    pub exactness: Exactness,
    /// From the click to the first sound, milliseconds (up to 3 ms too long: see `listening::clock`).
    pub click_to_sound_ms: Option<f64>,
    /// Share of a core: all the browser's processes.
    pub browser_cpu: f64,
    /// The same minus a page whose worklet writes silence.
    pub page_cpu: Option<f64>,
    /// Largest memory of the browser, MiB (shared pages counted once per process).
    pub browser_rss_mib: f64,
    /// Share of a core: the service.
    pub service_cpu: Option<f64>,
    /// Of which the thread of the PCM's sound server: libpulse's own, not the service's.
    pub plugin_cpu: Option<f64>,
    /// Largest memory of the service, MiB.
    pub service_rss_mib: Option<f64>,
    /// Messages a second to this listener. Null under a clock skew: there the bench is a second one.
    pub messages_per_s: Option<f64>,
    /// Records a second, by the page's `seq`.
    pub records_per_s: Option<f64>,
    /// The page's own delay minus the recorded one, milliseconds.
    pub report_error_ms: Option<Summary>,
    /// Underruns the browser counted in the span.
    pub browser_underruns: Option<f64>,
    /// How long they were together, milliseconds.
    pub browser_underrun_ms: Option<f64>,
    /// Share of a core: the page's Workers.
    pub worker_cpu: Option<f64>,
    /// Share of a core: the page's worklet threads.
    pub worklet_cpu: Option<f64>,
    /// Share of a core: each of the browser's threads, by name.
    pub thread_cpu: BTreeMap<String, f64>,
    /// By how much the page's live objects grew in the span, KiB, each after a collection of garbage.
    pub heap_growth_kib: Option<Heaps>,
    /// What the page's player says of itself.
    pub playout: Playout,
    /// How the page carries sound to the worklet.
    pub transport: Value,
    /// Glitches the page counted in the span, by cause.
    pub glitches_reported: Value,
    /// The delay, reading by reading.
    #[serde(skip)]
    pub readings: Vec<Reading>,
    /// For the picture: `(second, ms)`.
    #[serde(skip)]
    pub recorded: Vec<(f64, f64)>,
    /// For the picture: `(second, ms)`.
    #[serde(skip)]
    pub reported: Vec<(f64, f64)>,
}

/// What a page's player says of itself over the span. Null where a page does not say it.
#[derive(Serialize)]
pub struct Playout {
    /// Its mode at the end.
    pub mode: Option<String>,
    /// How far it was behind the live edge, milliseconds.
    pub level_ms: Option<Summary>,
    /// Share of the readings in which that was within 1 ms of its median.
    pub level_within_1_ms: Option<f64>,
    /// How far it wished to be, milliseconds.
    pub target_ms: Option<Summary>,
    /// By how much it played faster than its context's clock, parts per million.
    pub rate_ppm: Option<Summary>,
    /// Standard deviation of that.
    pub rate_sd_ppm: Option<f64>,
    /// What it takes the difference of the clocks for, median, parts per million.
    pub drift_ppm: Option<f64>,
    /// Sound it made up in the span, milliseconds.
    pub concealed_ms: Option<f64>,
    /// Splices it made in the span.
    pub splices: Option<f64>,
}

/// Memory of the three kinds of script a page has. Null where there is none or the browser does not tell.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Heaps {
    /// The page itself.
    pub page: Option<f64>,
    /// Its Workers.
    pub worker: Option<f64>,
    /// Its worklets.
    pub worklet: Option<f64>,
}

/// Faults by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultCounts {
    /// Silence.
    pub gaps: usize,
    /// Clicks into another place.
    pub jumps: usize,
    /// Smooth joins to another place.
    pub splices: usize,
    /// Anything else.
    pub disturbances: usize,
}

/// A fault with its time and its owner.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PlacedFault {
    /// Seconds since the span began.
    pub second: f64,
    /// Length, milliseconds.
    pub length_ms: f64,
    /// Within reach of a freeze?
    pub machine: bool,
    /// What it is.
    #[serde(flatten)]
    pub fault: Fault,
}

impl PlacedFault {
    /// Frames in which it may show, a block to either side included.
    pub fn reach(&self) -> std::ops::Range<usize> {
        let from = self.fault.start_frame.saturating_sub(continuity::BLOCK_FRAMES);
        from..self.fault.start_frame + self.fault.frames + continuity::BLOCK_FRAMES
    }
}

/// The network of a run.
#[derive(Serialize)]
pub struct NetworkResults {
    /// Name of its profile.
    pub profile: String,
    /// What that stands for.
    pub about: String,
    /// Mean one-way delay by the profile's numbers, outages and waiting left out, milliseconds.
    pub nominal_ms: f64,
    /// One-way delay of every packet from the service to the browser within the span, as it was, milliseconds.
    pub one_way_ms: Option<Summary>,
    /// How much later than due the bridge was with them, milliseconds: the bench's own error.
    pub bridge_late_ms: Option<Summary>,
    /// Packets from the service, the whole run: taken, lost by chance, dropped by a full queue.
    pub to_listener: [u64; 3],
    /// The same from the browser.
    pub to_service: [u64; 3],
    /// Outages within the span.
    pub outages: usize,
    /// The delay after each outage that can be judged; `None` where outages are not regular, or there was none.
    pub returns: Option<ReturnResults>,
}

/// After outages.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReturnResults {
    /// How many could be judged.
    pub judged: usize,
    /// After so many the delay was not again within 1 ms of what it was, before the next outage or the end.
    pub never: usize,
    /// After the others: from the end of the outage until it was, milliseconds.
    pub after_ms: Option<Summary>,
}

/// The clocks of a run under skew, and what the page made of it.
#[derive(Clone, Debug, Serialize)]
pub struct SkewResults {
    /// How far the service's source was to be off the sound system's clock, parts per million.
    pub asked_ppm: i32,
    /// How far off the machine's clock it was told to be for that: the sound system's is off itself.
    pub told_ppm: i32,
    /// How much faster the service's frames really came than the sound system played, parts per million.
    pub measured_ppm: f64,
    /// Between its fastest and its slowest 10 s, the sound system's clock differed by so much, parts per million: no player
    /// can hold its rate steadier than that.
    pub clock_wander_ppm: f64,
    /// Largest minus smallest delay, milliseconds.
    pub delay_range_ms: Option<f64>,
    /// Slope of the delay, microseconds per second.
    pub slope_ppm: Option<f64>,
    /// `rate_ppm` as the page reports it.
    pub rate_ppm: Option<Summary>,
    /// Its standard deviation.
    pub rate_sd_ppm: Option<f64>,
    /// What the method itself can be off by.
    pub error: MethodError,
}

/// What the method can be off by.
#[allow(clippy::struct_field_names, reason = "the unit ends the name")]
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MethodError {
    /// Every delay, by the same amount, either way: this much at most, milliseconds.
    pub constant_ms: f64,
    /// The service's stamps about their line, root mean square, milliseconds.
    pub capture_rms_ms: f64,
    /// The two clocks about theirs, milliseconds.
    pub clocks_rms_ms: f64,
}
