//! One run: sets the chains up side by side, clicks, notes, and hands over the evidence. Judges nothing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::browser::chromium::Chromium;
use crate::browser::{Browser, Wishes};
use crate::classic::Classic;
use crate::evidence::{ChainEvidence, Evidence, Poll, ServiceEvidence};
use crate::interrupt;
use crate::loopback_server::LoopbackServer;
use crate::rig::pulse::{CLASSIC_SPEAKERS, ClockKind, Place, Pulse, SPEAKERS, SYNTH};
use crate::rig::sound::{Player, Recorder};
use crate::rig::usage::{self, Usage};
use crate::rig::watchdog::{Watchdog, now_ns};
use crate::service::{Service, Settings};

/// What the page under test is asked, four times a second.
const POLL: &str = include_str!("../pages/poll.js");
const POLL_TIME: Duration = Duration::from_millis(250);
/// Every so many polls the processes are looked at and the service is asked (once a second).
const METER_ROUNDS: u32 = 4;
/// From the start of a browser to its click: what it does at its own start is over.
const CALM_TIME: Duration = Duration::from_secs(2);
/// From the last click to the first second that counts.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// How long a page with silence is watched at most.
const SILENCE_TIME: Duration = Duration::from_secs(20);
/// After the span, so that what was injected in it has come out.
const TAIL_TIME: Duration = Duration::from_secs(2);

/// What is to be measured.
pub struct Plan {
    /// The product, through this binary.
    pub product: Option<Product>,
    /// The classic design.
    pub classic: bool,
    /// The rig itself: the signal once more, so many frames late.
    pub known_delay_frames: Option<usize>,
    /// What paces the rig.
    pub clock: ClockKind,
    /// How long.
    pub span: Duration,
    /// Browser program.
    pub browser: String,
}

/// The product under test.
pub struct Product {
    /// Release binary of the service.
    pub program: PathBuf,
    /// ALSA PCM.
    pub device: String,
    /// Text of the configuration file.
    pub configuration: String,
    /// What is wished of its page.
    pub wishes: Wishes,
}

/// A chain while it plays.
struct Chain {
    name: &'static str,
    place: Place,
    browser: Option<Chromium>,
    service: Option<Service>,
    clicked_ns: Option<u64>,
    polls: Vec<Poll>,
    statuses: Vec<Value>,
    page: Meter,
    service_meter: Meter,
}

/// What processes used since they were first looked at.
#[derive(Default)]
struct Meter {
    first: Option<Usage>,
    used_cpu_s: f64,
    rss_mib: f64,
}

impl Meter {
    fn note(&mut self, now: Usage) {
        let first = self.first.get_or_insert(now);
        self.used_cpu_s = now.cpu_s - first.cpu_s;
        self.rss_mib = self.rss_mib.max(now.rss_mib);
    }
}

/// Runs `plan` once. All files go to `folder`.
pub fn run(plan: &Plan, folder: &Path) -> Result<Evidence, String> {
    let places: &[Place] =
        if plan.classic { &[SYNTH, SPEAKERS, CLASSIC_SPEAKERS] } else { &[SYNTH, SPEAKERS] };
    let pulse = Pulse::start(folder, places, plan.clock)?;
    let recorder = Recorder::start(&pulse, &folder.join("recording.f32"))?;
    let player = match plan.known_delay_frames {
        None => Player::start(&pulse)?,
        Some(frames) => Player::start_with_echo(&pulse, frames)?,
    };
    let watchdog = Watchdog::start();
    let watchdog_real_time = watchdog.real_time;
    let classic = if plan.classic { Some(Classic::start(&pulse)?) } else { None };
    let mut chains = set_up(plan, &pulse, folder, classic.as_ref())?;
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
    interrupt::sleep_until(Instant::now() + SETTLE_TIME)?;
    let span_ns = watch(&mut chains, plan.span)?;
    let finished: Vec<ChainEvidence> = chains.into_iter().map(Chain::finish).collect();
    drop(classic);
    interrupt::sleep_until(Instant::now() + TAIL_TIME)?;
    let silent_page_cpu = match finished.iter().find(|c| c.place == SPEAKERS && c.clicked_ns.is_some()) {
        Some(chain) => Some(silent_page(plan, &pulse, folder, chain)?),
        None => None,
    };
    drop(player);
    let freezes = watchdog.finish();
    let recording = recorder.finish()?;
    Ok(Evidence { recording, freezes, watchdog_real_time, span_ns, chains: finished, silent_page_cpu })
}

fn set_up(
    plan: &Plan,
    pulse: &Pulse,
    folder: &Path,
    classic: Option<&Classic>,
) -> Result<Vec<Chain>, String> {
    let mut chains = Vec::new();
    if let Some(product) = &plan.product {
        let settings = Settings {
            program: &product.program,
            device: &product.device,
            configuration: product.configuration.clone(),
        };
        let service = Service::start(&settings, pulse, folder)?;
        let mut browser =
            Chromium::start(&plan.browser, &folder.join("product"), pulse, SPEAKERS, &product.wishes)?;
        browser.open(&service.url())?;
        chains.push(Chain::new("synthwire", SPEAKERS, Some(browser), Some(service)));
    }
    if let Some(classic) = classic {
        let mut browser = Chromium::start(
            &plan.browser,
            &folder.join("classic"),
            pulse,
            CLASSIC_SPEAKERS,
            &Wishes::default(),
        )?;
        browser.open(&classic.url())?;
        chains.push(Chain::new("classic", CLASSIC_SPEAKERS, Some(browser), None));
    }
    if plan.known_delay_frames.is_some() {
        chains.push(Chain::new("known delay", SPEAKERS, None, None));
    }
    Ok(chains)
}

/// Polls all chains for `span`; the seconds that count.
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

/// Share of a core for the same browser on the same rig, its worklet writing silence, asked as often.
fn silent_page(plan: &Plan, pulse: &Pulse, folder: &Path, like: &ChainEvidence) -> Result<f64, String> {
    let server = LoopbackServer::start()?;
    let context = like.polls.last().map_or(Value::Null, |poll| poll.page["context"].clone());
    let hint = match &context["latency_hint"] {
        Value::String(hint) => hint.clone(),
        Value::Number(hint) => hint.to_string(),
        _ => "interactive".into(),
    };
    let rate_hz = context["rate_hz"].as_f64().unwrap_or(f64::from(listening::RATE_HZ));
    let mut browser =
        Chromium::start(&plan.browser, &folder.join("silent"), pulse, SPEAKERS, &Wishes::default())?;
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
            service_meter: Meter::default(),
        }
    }

    /// Asks the page.
    fn poll(&mut self) -> Result<(), String> {
        let Some(browser) = &mut self.browser else { return Ok(()) };
        let asked_ns = now_ns();
        let page = browser.evaluate(POLL)?;
        self.polls.push(Poll { at_ns: asked_ns.midpoint(now_ns()), page });
        Ok(())
    }

    /// Asks the service and the kernel.
    fn meter(&mut self) {
        if let Some(browser) = &self.browser {
            self.page.note(usage::of_tree(browser.pid()));
        }
        if let Some(service) = &self.service {
            self.service_meter.note(usage::of_process(service.pid()));
            self.statuses.push(service.status());
        }
    }

    /// Ends its programs; what is left of it.
    fn finish(self) -> ChainEvidence {
        let service = self.service.is_some().then_some(ServiceEvidence {
            cpu_s: self.service_meter.used_cpu_s,
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
            page_rss_mib: self.page.rss_mib,
            service,
        }
    }
}
