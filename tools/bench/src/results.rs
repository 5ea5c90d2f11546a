//! The results of a judgement. The names are those of `results.json`: keys are only ever added.

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
    /// Length of the measured time, seconds.
    pub span_s: f64,
    /// The reason why the run is void, if it is.
    pub void: Option<String>,
    /// The machine during the run.
    pub machine: Machine,
    /// Faults in the input signal, which are the rig's own.
    pub rig_faults: usize,
    /// The results of each chain.
    pub chains: Vec<ChainResults>,
    /// The classic design's median delay divided by the product's.
    pub classic_over_product: Option<f64>,
    /// The network between service and browser, where it was not loopback.
    pub network: Option<NetworkResults>,
    /// The clocks, if the rate of the service's source differed on purpose from the sound system's clock.
    pub skew: Option<SkewResults>,
}

/// The machine during the span.
#[derive(Serialize)]
pub struct Machine {
    /// Number of times the watchdog was late.
    pub freezes: usize,
    /// The longest lateness, milliseconds.
    pub longest_freeze_ms: f64,
    /// Share of the span that was frozen.
    pub frozen_share: f64,
    /// Time that the rig's own clock skipped, milliseconds.
    pub clock_left_out_ms: f64,
    /// Excess of that clock's rate over its nominal rate, parts per million.
    pub clock_fast_ppm: f64,
    /// True if the watchdog had real-time priority.
    pub watchdog_real_time: bool,
}

/// Results of one chain. A value that does not exist or could not be read is null.
#[derive(Serialize)]
pub struct ChainResults {
    /// The name of the chain.
    pub name: String,
    /// The browser of the chain.
    pub browser: String,
    /// End-to-end delay, milliseconds.
    pub delay_ms: Option<Summary>,
    /// The browser's average output latency over the span (playbackStats), milliseconds; base latency is part of it.
    pub output_latency_ms: Option<f64>,
    /// The AudioContext's base latency, milliseconds.
    pub base_latency_ms: Option<f64>,
    /// Rate of the AudioContext, hertz.
    pub context_rate_hz: Option<f64>,
    /// The latency hint that the page asked for.
    pub latency_hint: Value,
    /// Median delay minus output latency, milliseconds: the chain's own part.
    pub own_ms: Option<f64>,
    /// The delay that the capture PCM reports when a period is fetched, milliseconds. It includes the
    /// period's own frames.
    pub capture_delay_ms: Option<Summary>,
    /// Duration of a block of the rig's clock, milliseconds, for a chain that captures from it. This clock
    /// delivers a block at the block's start; a card must fill it first. So with a card the chain's own delay
    /// is this much longer.
    pub clock_block_ms: Option<f64>,
    /// The way in which the service reads its device, and the format.
    pub capture_path: Option<String>,
    /// The service's capture losses during the span: events by cause, without causes that had none.
    pub service_losses: Value,
    /// Delay at the start and at the end.
    pub drift: Option<Drift>,
    /// Changes of delay by more than half a millisecond.
    pub delay_steps: usize,
    /// Faults outside machine freezes.
    pub faults: FaultCounts,
    /// Faults caused by the machine.
    pub faults_of_the_machine: FaultCounts,
    /// Faults between the first sound and the span, whatever caused them.
    pub faults_at_start: FaultCounts,
    /// The faults of the span.
    pub fault_list: Vec<PlacedFault>,
    /// The samples that kept all their bits.
    pub exactness: Exactness,
    /// Time from the click to the first sound, milliseconds (up to 3 ms too long: see `listening::clock`).
    pub click_to_sound_ms: Option<f64>,
    /// Share of a core for all the browser's processes.
    pub browser_cpu: f64,
    /// The browser's share of a core, less that of a page whose worklet writes silence.
    pub page_cpu: Option<f64>,
    /// Largest memory of the browser, MiB (shared pages counted once per process).
    pub browser_rss_mib: f64,
    /// Share of a core for the service.
    pub service_cpu: Option<f64>,
    /// The part of the service's share that the thread of libpulse takes, which is not code of ours.
    pub plugin_cpu: Option<f64>,
    /// Largest memory of the service, MiB.
    pub service_rss_mib: Option<f64>,
    /// Messages per second to this listener. Null under a clock skew, because the bench is then a second
    /// listener.
    pub messages_per_s: Option<f64>,
    /// Records per second, by the page's `seq`.
    pub records_per_s: Option<f64>,
    /// The page's reported delay minus the recorded one, milliseconds.
    pub report_error_ms: Option<Summary>,
    /// Underruns the browser counted in the span.
    pub browser_underruns: Option<f64>,
    /// Total duration of these underruns, milliseconds.
    pub browser_underrun_ms: Option<f64>,
    /// Share of a core for the page's Workers.
    pub worker_cpu: Option<f64>,
    /// Share of a core for the page's worklet threads.
    pub worklet_cpu: Option<f64>,
    /// Share of a core for each of the browser's threads, by name.
    pub thread_cpu: BTreeMap<String, f64>,
    /// Growth of the page's live objects in the span, KiB, each measured after a garbage collection.
    pub heap_growth_kib: Option<Heaps>,
    /// The player's own figures.
    pub playout: Playout,
    /// The means by which the page carries sound to the worklet.
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

/// The player's own figures over the span. Null if a page does not report them.
#[derive(Serialize)]
pub struct Playout {
    /// The player's mode at the end.
    pub mode: Option<String>,
    /// The player's distance behind the live edge, milliseconds.
    pub level_ms: Option<Summary>,
    /// Share of the readings within 1 ms of the median distance.
    pub level_within_1_ms: Option<f64>,
    /// The distance for which the player aimed, milliseconds.
    pub target_ms: Option<Summary>,
    /// Excess of the playback rate over the context's clock, parts per million.
    pub rate_ppm: Option<Summary>,
    /// Standard deviation of that rate.
    pub rate_sd_ppm: Option<f64>,
    /// The player's estimate of the difference between the clocks, median, parts per million.
    pub drift_ppm: Option<f64>,
    /// Sound that the player concealed in the span, milliseconds.
    pub concealed_ms: Option<f64>,
    /// Number of splices that the player made in the span.
    pub splices: Option<f64>,
}

/// Memory of the page's three kinds of scripts. Null if there is none, or if the browser does not report it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Heaps {
    /// The page itself.
    pub page: Option<f64>,
    /// Memory of the page's Workers.
    pub worker: Option<f64>,
    /// Memory of the page's worklets.
    pub worklet: Option<f64>,
}

/// Faults by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultCounts {
    /// Silence.
    pub gaps: usize,
    /// Sudden jumps to another place.
    pub jumps: usize,
    /// Smooth transitions to another place.
    pub splices: usize,
    /// A fault of another kind.
    pub disturbances: usize,
}

/// A fault with its time and its cause.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PlacedFault {
    /// Seconds since the start of the span.
    pub second: f64,
    /// Length, milliseconds.
    pub length_ms: f64,
    /// True if a freeze of the machine was near.
    pub machine: bool,
    /// The kind of fault.
    #[serde(flatten)]
    pub fault: Fault,
}

impl PlacedFault {
    /// The frames in which the fault may be visible, including one block on either side.
    pub fn reach(&self) -> std::ops::Range<usize> {
        let from = self.fault.start_frame.saturating_sub(continuity::BLOCK_FRAMES);
        from..self.fault.start_frame + self.fault.frames + continuity::BLOCK_FRAMES
    }
}

/// The network of a run.
#[derive(Serialize)]
pub struct NetworkResults {
    /// Name of the network's profile.
    pub profile: String,
    /// The profile's description.
    pub about: String,
    /// Mean one-way delay by the profile's numbers, without outages and queues, milliseconds.
    pub nominal_ms: f64,
    /// The real one-way delay of every packet from the service to the browser within the span, milliseconds.
    pub one_way_ms: Option<Summary>,
    /// Lateness with which the bridge delivered packets, milliseconds: the bench's own error.
    pub bridge_late_ms: Option<Summary>,
    /// Packets from the service in the whole run: taken, lost by chance, dropped by a full queue.
    pub to_listener: [u64; 3],
    /// The real one-way delay of every packet from the browser within the span, milliseconds.
    pub to_service: [u64; 3],
    /// Outages within the span.
    pub outages: usize,
    /// The delay after each outage that can be judged; `None` if outages are irregular, or if there was none.
    pub returns: Option<ReturnResults>,
}

/// The return of the delay after outages.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReturnResults {
    /// Number of outages that could be judged.
    pub judged: usize,
    /// After this many outages, the delay did not return to within 1 ms of its former value before the next
    /// outage or the end.
    pub never: usize,
    /// Time from the end of each other outage to the return, milliseconds.
    pub after_ms: Option<Summary>,
}

/// The clocks of a run under skew, and how the page reacted.
#[derive(Clone, Debug, Serialize)]
pub struct SkewResults {
    /// The requested skew of the service's source against the sound system's clock, parts per million.
    pub asked_ppm: i32,
    /// The skew against the machine's clock that the service was given for it, because the sound system's
    /// clock is off too.
    pub told_ppm: i32,
    /// Excess of the rate at which frames arrived over the rate at which the sound system played, parts per
    /// million.
    pub measured_ppm: f64,
    /// Difference of the sound system's clock between its fastest and its slowest 10 s, parts per
    /// million. No player can keep its rate steadier than this.
    pub clock_wander_ppm: f64,
    /// Largest minus smallest delay, milliseconds.
    pub delay_range_ms: Option<f64>,
    /// Slope of the delay, microseconds per second.
    pub slope_ppm: Option<f64>,
    /// `rate_ppm` as the page reports it.
    pub rate_ppm: Option<Summary>,
    /// Standard deviation of that rate.
    pub rate_sd_ppm: Option<f64>,
    /// The possible error of the method itself.
    pub error: MethodError,
}

/// The possible error of the method.
#[allow(clippy::struct_field_names, reason = "the unit ends the name")]
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MethodError {
    /// Largest error that is the same for every delay, in either direction, milliseconds.
    pub constant_ms: f64,
    /// Deviation of the service's stamps from their line, root mean square, milliseconds.
    pub capture_rms_ms: f64,
    /// Deviation of the two clocks from their line, milliseconds.
    pub clocks_rms_ms: f64,
}
