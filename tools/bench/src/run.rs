//! Carries out a run: sets up the chains side by side, clicks, records, and returns the evidence. It judges
//! nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use impair::profile::Profile;
use serde_json::Value;

use crate::browser::chromium::{Chromium, Seat};
use crate::browser::{Browser, PageOverrides};
use crate::classic::Classic;
use crate::evidence::{ChainEvidence, Evidence, NetworkEvidence, Poll, ServiceEvidence};
use crate::interrupt;
use crate::loopback_server::LoopbackServer;
use crate::network::Network;
use crate::network::site::Site;
use crate::results::Heaps;
use crate::rig::pulse::{CLASSIC_SPEAKERS, ClockKind, Place, Pulse, SPEAKERS, SYNTH};
use crate::rig::sound::{Player, Recorder};
use crate::rig::usage::{self, Usage};
use crate::rig::watchdog::{Watchdog, now_ns};
use crate::service::{Service, Settings, SoundSource};
use crate::skew::CaptureLog;

/// The script that the page under test runs four times a second.
const POLL: &str = include_str!("../pages/poll.js");
const POLL_TIME: Duration = Duration::from_millis(250);
/// Number of polls after which the processes are measured and the service is asked (once a second).
const METER_ROUNDS: u32 = 4;
/// Time from the start of a browser to its click, so that its own start-up work is over.
const CALM_TIME: Duration = Duration::from_secs(2);
/// Time from the last click to the first measured second.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// Maximum time for which a page with silence is watched.
const SILENCE_TIME: Duration = Duration::from_secs(20);
/// Time after the span, so that sound which entered within the span can come out.
const TAIL_TIME: Duration = Duration::from_secs(2);

/// Time for which the rig's clock is measured before the service gets its skew; then the clock is known to a
/// few parts per million.
const CLOCK_TIME: Duration = Duration::from_secs(12);

/// The plan of a measurement.
pub struct Plan {
    /// The product, through this binary.
    pub product: Option<Product>,
    /// The classic design.
    pub classic: bool,
    /// The rig itself, which plays the signal once more, this many frames later.
    pub known_delay_frames: Option<usize>,
    /// The rig's clock.
    pub clock: ClockKind,
    /// Frames per tick of the clock: the service's period.
    pub period_frames: u32,
    /// Length of the measurement.
    pub span: Duration,
    /// Browser program.
    pub browser: String,
    /// The network between service and browser; loopback without one.
    pub network: Option<Profile>,
    /// Seed of the network's random behaviour.
    pub seed: u64,
    /// True to measure the cost of the page itself, too: compared with a silent page, and its live objects
    /// before and after.
    pub costs: bool,
}

impl Plan {
    /// The requested skew of the service's own source against the sound system's clock, parts per million, if
    /// it plays one.
    fn skew_ppm(&self) -> Option<i32> {
        match self.product.as_ref()?.source {
            SoundSource::Probe { skew_ppm } => Some(skew_ppm),
            SoundSource::Device(_) => None,
        }
    }
}

/// The product under test.
pub struct Product {
    /// Release binary of the service.
    pub program: PathBuf,
    /// The source of the service.
    pub source: SoundSource,
    /// Text of the configuration file.
    pub configuration: String,
    /// Overrides for the chain's page.
    pub overrides: PageOverrides,
}

/// A chain during the run.
struct Chain {
    name: &'static str,
    place: Place,
    browser: Option<Chromium>,
    service: Option<Service>,
    clicked_ns: Option<u64>,
    polls: Vec<Poll>,
    statuses: Vec<Value>,
    page: Meter,
    heaps_kib: Option<(Heaps, Heaps)>,
    service_meter: Meter,
}

/// The CPU time and memory that processes have used since the first look.
#[derive(Default)]
struct Meter {
    first: Option<Usage>,
    used_cpu_s: f64,
    rss_mib: f64,
    threads_first: Option<BTreeMap<String, f64>>,
    thread_cpu_s: BTreeMap<String, f64>,
}

impl Meter {
    /// Notes the usage of these processes, and of their threads by name.
    fn note(&mut self, now: Usage, threads: BTreeMap<String, f64>) {
        let first = self.first.get_or_insert(now);
        self.used_cpu_s = now.cpu_s - first.cpu_s;
        self.rss_mib = self.rss_mib.max(now.rss_mib);
        let first = self.threads_first.get_or_insert_with(|| threads.clone());
        let used = |(name, cpu_s): (String, f64)| {
            let before = first.get(&name).copied().unwrap_or(0.0);
            (name, (cpu_s - before).max(0.0)) // a thread that ended no longer appears
        };
        self.thread_cpu_s = threads.into_iter().map(used).collect();
    }
}

/// Runs `plan` once. All files go to `folder`.
pub fn run(plan: &Plan, folder: &Path) -> Result<Evidence, String> {
    let places: &[Place] =
        if plan.classic { &[SYNTH, SPEAKERS, CLASSIC_SPEAKERS] } else { &[SYNTH, SPEAKERS] };
    let pulse = Pulse::start(folder, places, plan.clock, plan.period_frames)?;
    let recorder = Recorder::start(&pulse, &folder.join("recording.f32"))?;
    // Under a skew the service makes its own sound; a player beside the page would only make the clock
    // wander.
    let player = match (plan.known_delay_frames, plan.skew_ppm()) {
        (Some(frames), _) => Some(Player::start_with_echo(&pulse, frames)?),
        (None, None) => Some(Player::start(&pulse)?),
        (None, Some(_)) => None,
    };
    let watchdog = Watchdog::start();
    let watchdog_real_time = watchdog.real_time;
    let classic = if plan.classic { Some(Classic::start(&pulse)?) } else { None };
    let network = plan.network.map(|profile| Network::start(profile, plan.seed)).transpose()?;
    let source =
        plan.product.as_ref().map(|product| settle_source(&product.source, &recorder)).transpose()?;
    let rig = Rig { pulse: &pulse, folder, network: network.as_ref(), source: source.as_ref() };
    let mut chains = set_up(plan, &rig, classic.as_ref())?;
    let capture_log = start_capture_log(plan, source.as_ref(), &chains)?;
    interrupt::sleep_until(Instant::now() + CALM_TIME)?;
    if !recorder.is_running() {
        return Err(format!("the recorder hears nothing; the sound server said:\n{}", pulse.log()));
    }
    for chain in &mut chains {
        if let Some(browser) = &mut chain.browser {
            chain.clicked_ns = Some(browser.click("#listen")?);
            interrupt::sleep_until(Instant::now() + CALM_TIME)?;
        }
    }
    // Comes before the settling time and after the span, because a garbage collection may cause a gap.
    let heaps_first: Vec<_> =
        if plan.costs { chains.iter_mut().map(Chain::heaps_kib).collect() } else { Vec::new() };
    interrupt::sleep_until(Instant::now() + SETTLE_TIME)?;
    let outages_ns = now_ns();
    if let Some(network) = &network {
        network.begin_outages(outages_ns);
    }
    let span_ns = watch(&mut chains, plan.span)?;
    let skew = capture_log.map(CaptureLog::finish).transpose()?;
    for (chain, first) in chains.iter_mut().zip(heaps_first) {
        chain.heaps_kib = first.zip(chain.heaps_kib());
    }
    let finished: Vec<ChainEvidence> = chains.into_iter().map(Chain::finish).collect();
    drop(classic);
    let network =
        network.map(|network| network_evidence(plan, network, (outages_ns, span_ns.1))).transpose()?;
    interrupt::sleep_until(Instant::now() + TAIL_TIME)?;
    let heard = finished.iter().find(|c| plan.costs && c.place == SPEAKERS && c.clicked_ns.is_some());
    let silent_page_cpu = heard.map(|chain| silent_page(plan, &pulse, folder, chain)).transpose()?;
    drop(player);
    let freezes = watchdog.finish();
    let recording = recorder.finish()?;
    Ok(Evidence {
        recording,
        freezes,
        watchdog_real_time,
        span_ns,
        chains: finished,
        silent_page_cpu,
        clock_block_frames: pulse.block_frames(),
        network,
        skew,
    })
}

/// The environment of the chains.
struct Rig<'a> {
    pulse: &'a Pulse,
    folder: &'a Path,
    network: Option<&'a Network>,
    /// The source of the product's service.
    source: Option<&'a SoundSource>,
}

impl Rig<'_> {
    /// An environment for a browser at this site.
    fn seat<'a>(&'a self, name: &str, place: Place, site: &'a Site) -> Seat<'a> {
        Seat { profile: self.folder.join(name), pulse: self.pulse, place, site, trusted_origin: None }
    }
}

fn set_up(plan: &Plan, rig: &Rig, classic: Option<&Classic>) -> Result<Vec<Chain>, String> {
    let loopback = Site::loopback();
    let mut chains = Vec::new();
    if let Some(product) = &plan.product {
        let (service_site, browser_site) =
            rig.network.map_or((&loopback, &loopback), |network| (&network.service, &network.listener));
        let settings = Settings {
            program: &product.program,
            source: rig.source.unwrap_or(&product.source),
            configuration: product.configuration.clone(),
            site: service_site,
        };
        let service = Service::start(&settings, rig.pulse, rig.folder)?;
        let seat = Seat {
            trusted_origin: rig.network.map(|_| service.origin()),
            ..rig.seat("product", SPEAKERS, browser_site)
        };
        let mut browser = Chromium::start(&plan.browser, &seat, &product.overrides)?;
        browser.open(&service.url())?;
        chains.push(Chain::new("synthwire", SPEAKERS, Some(browser), Some(service)));
    }
    if let Some(classic) = classic {
        let seat = rig.seat("classic", CLASSIC_SPEAKERS, &loopback);
        let mut browser = Chromium::start(&plan.browser, &seat, &PageOverrides::default())?;
        browser.open(&classic.url())?;
        chains.push(Chain::new("classic", CLASSIC_SPEAKERS, Some(browser), None));
    }
    if plan.known_delay_frames.is_some() {
        chains.push(Chain::new("known delay", SPEAKERS, None, None));
    }
    Ok(chains)
}

/// The service's own source is paced by the machine's clock, and the sound system by a clock that differs
/// from it. This corrects the skew that the service is given.
fn settle_source(source: &SoundSource, recorder: &Recorder) -> Result<SoundSource, String> {
    let SoundSource::Probe { skew_ppm } = source else { return Ok(source.clone()) };
    interrupt::sleep_until(Instant::now() + CLOCK_TIME)?;
    let fast_ppm = recorder.fast_ppm().ok_or("the recorder hears nothing: no clock to be set off")?;
    Ok(SoundSource::Probe { skew_ppm: skew_ppm + fast_ppm.round() as i32 })
}

/// Starts to note the service's stamps, if it plays its own source.
fn start_capture_log(
    plan: &Plan,
    settled: Option<&SoundSource>,
    chains: &[Chain],
) -> Result<Option<CaptureLog>, String> {
    let asked = plan.product.as_ref().map(|product| &product.source);
    let (Some(SoundSource::Probe { skew_ppm }), Some(SoundSource::Probe { skew_ppm: told_ppm })) =
        (asked, settled)
    else {
        return Ok(None);
    };
    let service = chains.iter().find_map(|chain| chain.service.as_ref());
    let (site, port) = service.expect("a product has a service").place();
    CaptureLog::start(&site, port, *skew_ppm, *told_ppm).map(Some)
}

fn network_evidence(
    plan: &Plan,
    network: Network,
    (begin_ns, end_ns): (u64, u64),
) -> Result<NetworkEvidence, String> {
    let crossings = network.finish()?;
    let profile = plan.network.expect("there was a network");
    let outages = impair::link::outages(&profile, plan.seed, begin_ns, end_ns);
    Ok(NetworkEvidence { profile, outages, crossings })
}

/// Polls all chains for `span`; returns start and end of the measured time.
fn watch(chains: &mut [Chain], span: Duration) -> Result<(u64, u64), String> {
    let (began, began_ns) = (Instant::now(), now_ns());
    let mut next = began;
    for round in 0.. {
        let over = began.elapsed() >= span;
        for chain in &mut *chains {
            chain.poll()?;
            if over || round % METER_ROUNDS == 0 {
                chain.meter();
            }
        }
        if over {
            break;
        }
        next = (next + POLL_TIME).max(Instant::now());
        interrupt::sleep_until(next.min(began + span))?;
    }
    Ok((began_ns, now_ns()))
}

/// Share of a core for the same browser on the same rig, polled as often, while its worklet writes silence.
fn silent_page(plan: &Plan, pulse: &Pulse, folder: &Path, like: &ChainEvidence) -> Result<f64, String> {
    let server = LoopbackServer::start()?;
    let context = like.polls.last().map_or(Value::Null, |poll| poll.page["context"].clone());
    let hint = match &context["latency_hint"] {
        Value::String(hint) => hint.clone(),
        Value::Number(hint) => hint.to_string(),
        _ => "interactive".into(),
    };
    let rate_hz = context["rate_hz"].as_f64().unwrap_or(f64::from(listening::RATE_HZ));
    let (rig, loopback) = (Rig { pulse, folder, network: None, source: None }, Site::loopback());
    let seat = rig.seat("silent", SPEAKERS, &loopback);
    let mut browser = Chromium::start(&plan.browser, &seat, &PageOverrides::default())?;
    browser.open(&server.url(&format!("/silent?latency_hint={hint}&rate_hz={rate_hz}")))?;
    interrupt::sleep_until(Instant::now() + CALM_TIME)?;
    let mut chain = Chain::new("silence", SPEAKERS, Some(browser), None);
    if let Some(browser) = &mut chain.browser {
        browser.click("#listen")?;
    }
    interrupt::sleep_until(Instant::now() + CALM_TIME + SETTLE_TIME)?;
    let span_ns = watch(std::slice::from_mut(&mut chain), plan.span.min(SILENCE_TIME))?;
    Ok(chain.finish().page_cpu_s / ((span_ns.1 - span_ns.0) as f64 / 1e9))
}

impl Chain {
    fn new(name: &'static str, place: Place, browser: Option<Chromium>, service: Option<Service>) -> Self {
        Self {
            name,
            place,
            browser,
            service,
            clicked_ns: None,
            polls: Vec::new(),
            statuses: Vec::new(),
            page: Meter::default(),
            heaps_kib: None,
            service_meter: Meter::default(),
        }
    }

    /// Polls the page.
    fn poll(&mut self) -> Result<(), String> {
        let Some(browser) = &mut self.browser else { return Ok(()) };
        let asked_ns = now_ns();
        let page = browser.evaluate(POLL)?;
        self.polls.push(Poll { at_ns: asked_ns.midpoint(now_ns()), page });
        Ok(())
    }

    /// Size of the page's live objects after a garbage collection.
    fn heaps_kib(&mut self) -> Option<Heaps> {
        self.browser.as_mut()?.heaps_kib().ok()
    }

    /// Asks the service and the kernel for their figures.
    fn meter(&mut self) {
        if let Some(browser) = &self.browser {
            self.page.note(usage::of_tree(browser.pid()), usage::of_threads(browser.pid()));
        }
        if let Some(service) = &self.service {
            let pid = service.pid();
            self.service_meter.note(usage::of_process(pid), usage::of_threads(pid));
            self.statuses.push(service.status());
        }
    }

    /// Ends the chain's programs and returns its evidence.
    fn finish(self) -> ChainEvidence {
        let service = self.service.is_some().then_some(ServiceEvidence {
            cpu_s: self.service_meter.used_cpu_s,
            thread_cpu_s: self.service_meter.thread_cpu_s,
            rss_mib: self.service_meter.rss_mib,
            statuses: self.statuses,
        });
        ChainEvidence {
            name: self.name.into(),
            place: self.place,
            browser: self.browser.as_ref().map_or_else(String::new, |browser| browser.name().into()),
            clicked_ns: self.clicked_ns,
            polls: self.polls,
            page_cpu_s: self.page.used_cpu_s,
            thread_cpu_s: self.page.thread_cpu_s,
            heaps_kib: self.heaps_kib,
            page_rss_mib: self.page.rss_mib,
            service,
        }
    }
}
