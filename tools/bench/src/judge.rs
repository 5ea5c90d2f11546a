//! Turns evidence into results. Pure: no file, clock, process or socket. The modules below judge the parts
//! that exist only in runs on a bad network or under a clock skew.

pub mod network;
pub mod skew;

use std::collections::BTreeMap;

use listening::clock::FrameClock;
use listening::continuity::{self, Fault, Kind};
use listening::delay::{self, Reading};
use listening::exactness::{self, Exactness};
use listening::freeze::{self, VOID_SHARE};
use listening::statistics::{Summary, summarise};
use listening::{RATE_HZ, frames_to_ms};
use serde_json::Value;

use crate::evidence::{ChainEvidence, Evidence, ServiceEvidence};
use crate::page;
use crate::results::{ChainResults, FaultCounts, Heaps, Machine, PlacedFault, Results};
use crate::rig::pulse::SYNTH;
use crate::service::PLUGIN_THREAD;

/// The longest delay that the search covers, frames (3 s): more than the classic ring can hold.
const LONGEST_FRAMES: usize = 3 * RATE_HZ as usize;
/// Minimum change of delay between two readings that counts, milliseconds.
const STEP_MS: f64 = 0.5;
/// If the rig's clock skips more than this, milliseconds, nothing can play to it without gaps. The recorder's
/// blocks make the figure uncertain by 2 ms.
const CLOCK_LEFT_OUT_MS_MAX: f64 = 5.0;
/// Minimum level of a sample that counts as sound (-60 dBFS).
const AUDIBLE: f32 = 0.001;
/// The place in `/api/status` of the capture PCM's own delay.
const CAPTURE_DELAY_MS: &str = "/stream/device_delay_ms";
/// The beginning of the kernel's names of Chromium's Worker threads.
const WORKER_THREADS: &[&str] = &["DedicatedWorker"];
/// Beginnings of the worklet threads' names: with real-time priority (the kernel cuts names at 15 bytes) and
/// without.
const WORKLET_THREADS: &[&str] = &["Realtime AudioW", "AudioWorklet"];
/// The place in `/api/status` of the count of messages sent to all listeners.
const MESSAGES: &str = "/listeners/messages";

/// Judges a run.
pub fn judge(evidence: &Evidence) -> Result<Results, String> {
    let clock = FrameClock::fit(&evidence.recording.stamps).ok_or("nothing was recorded")?;
    let span = Span::of(evidence, &clock)?;
    let pace = evidence.skew.as_ref().map(|skew| skew::Pace::of(skew, evidence)).transpose()?;
    let chains: Vec<ChainResults> = evidence
        .chains
        .iter()
        .map(|chain| {
            let around = match &pace {
                Some(pace) => pace.readings_around(evidence, chain, &span),
                None => readings_around(evidence, chain, &span),
            };
            judge_chain(evidence, chain, &clock, &span, &around)
        })
        .collect();
    let machine = judge_machine(evidence, &clock, &span);
    let rig_faults = match evidence.skew {
        None => continuity::faults(&evidence.recording.pair(SYNTH)[1][span.frames()]).len(),
        Some(_) => 0, // the rig injects no signal
    };
    let median_of = |name: &str| Some(chains.iter().find(|c| c.name == name)?.delay_ms?.median);
    let classic_over_product =
        median_of("classic").zip(median_of("synthwire")).map(|(slow, fast)| slow / fast);
    let void = void_reason(&machine, rig_faults);
    let product = chains.first();
    let network = evidence
        .network
        .as_ref()
        .map(|network| network::judge(network, evidence.span_ns, &clock, product.map(|c| &c.readings[..])));
    let skew = pace.map(|pace| pace.results(product));
    Ok(Results {
        span_s: span.seconds(),
        void,
        machine,
        rig_faults,
        chains,
        classic_over_product,
        network,
        skew,
    })
}

fn void_reason(machine: &Machine, rig_faults: usize) -> Option<String> {
    if machine.frozen_share > VOID_SHARE {
        return Some(format!("the machine was frozen for {:.1} % of the time", machine.frozen_share * 100.0));
    }
    if machine.clock_left_out_ms > CLOCK_LEFT_OUT_MS_MAX {
        return Some(format!("the rig's clock left out {:.1} ms", machine.clock_left_out_ms));
    }
    (rig_faults > 0).then(|| format!("the signal that went in had {rig_faults} faults of the rig's own"))
}

/// The frames of the recording that are measured.
pub(crate) struct Span {
    first: usize,
    end: usize,
}

impl Span {
    fn of(evidence: &Evidence, clock: &FrameClock) -> Result<Self, String> {
        let recorded = evidence.recording.channels[0].len();
        let frame = |time_ns: u64| (clock.frame_at(time_ns).max(0.0) as usize).min(recorded);
        let span = Self { first: frame(evidence.span_ns.0), end: frame(evidence.span_ns.1) };
        if span.end < span.first + RATE_HZ as usize {
            return Err(format!("only {} frames of the measured time were recorded", span.end - span.first));
        }
        Ok(span)
    }

    fn frames(&self) -> std::ops::Range<usize> {
        self.first..self.end
    }

    fn seconds(&self) -> f64 {
        (self.end - self.first) as f64 / f64::from(RATE_HZ)
    }

    fn second_of(&self, frame: f64) -> f64 {
        (frame - self.first as f64) / f64::from(RATE_HZ)
    }
}

fn judge_machine(evidence: &Evidence, clock: &FrameClock, span: &Span) -> Machine {
    let (start_ns, end_ns) = evidence.span_ns;
    let inside: Vec<f64> = evidence
        .freezes
        .iter()
        .filter(|f| f.woke_ns >= start_ns && f.due_ns < end_ns)
        .map(|f| (f.woke_ns - f.due_ns) as f64 / 1e6)
        .collect();
    Machine {
        freezes: inside.len(),
        longest_freeze_ms: inside.iter().copied().fold(0.0, f64::max),
        frozen_share: freeze::frozen_share(&evidence.freezes, start_ns, end_ns),
        clock_left_out_ms: clock.left_out_ms(span.first as f64, span.end as f64),
        clock_fast_ppm: clock.fast_ppm(),
        watchdog_real_time: evidence.watchdog_real_time,
    }
}

fn judge_chain(
    evidence: &Evidence,
    chain: &ChainEvidence,
    clock: &FrameClock,
    span: &Span,
    around: &[Reading],
) -> ChainResults {
    let injected = evidence.recording.pair(SYNTH);
    let played = evidence.recording.pair(chain.place);
    let readings: Vec<Reading> =
        around.iter().copied().filter(|r| span.frames().contains(&(r.played_frame as usize))).collect();
    let delays: Vec<f64> = readings.iter().map(Reading::delay_ms).collect();
    let delay_ms = summarise(&delays);
    let output_latency_ms = page::output_latency_ms(&chain.polls);
    let faults = place_faults(evidence, continuity::faults(&played[1][span.frames()]), clock, span);
    let excluded: Vec<_> = faults.iter().map(PlacedFault::reach).collect();
    let first_sound = first_sound(played, chain.clicked_ns.map(|ns| clock.frame_at(ns)));
    let starting =
        first_sound.filter(|frame| *frame < span.first).map_or(&[][..], |from| &played[1][from..span.first]);
    let report_errors = page::report_errors_ms(&chain.polls, &readings, clock);
    let per_core = |cpu_s: f64| cpu_s / span.seconds();
    let page_cpu = evidence.silent_page_cpu.filter(|_| chain.clicked_ns.is_some());
    let last = chain.polls.last().map_or(&Value::Null, |poll| &poll.page);
    ChainResults {
        name: chain.name.clone(),
        browser: chain.browser.clone(),
        delay_ms,
        output_latency_ms,
        base_latency_ms: page::context_ms(&chain.polls, "base_latency_s"),
        context_rate_hz: chain.polls.last().and_then(|poll| poll.context("rate_hz")),
        latency_hint: last["context"]["latency_hint"].clone(),
        own_ms: delay_ms.zip(output_latency_ms).map(|(delay, output)| delay.median - output),
        capture_delay_ms: chain.service.as_ref().and_then(capture_delay_ms),
        clock_block_ms: clock_block_ms(evidence, chain),
        capture_path: chain.service.as_ref().and_then(capture_path),
        service_losses: chain.service.as_ref().map_or(Value::Null, service_losses),
        drift: delay::drift(&readings),
        delay_steps: delay::steps(&readings, STEP_MS),
        faults: count(faults.iter().filter(|f| !f.machine).map(|f| f.fault.kind)),
        faults_of_the_machine: count(faults.iter().filter(|f| f.machine).map(|f| f.fault.kind)),
        faults_at_start: count(continuity::faults(starting).iter().map(|f| f.kind)),
        fault_list: faults,
        exactness: match evidence.skew {
            None => exactness::compare(injected, played, around, span.frames(), &excluded),
            Some(_) => Exactness::default(), // the input was not recorded
        },
        click_to_sound_ms: first_sound
            .zip(chain.clicked_ns)
            .map(|(frame, clicked_ns)| (clock.time_ns(frame as f64) as f64 - clicked_ns as f64) / 1e6),
        browser_cpu: per_core(chain.page_cpu_s),
        page_cpu: page_cpu.map(|silent| per_core(chain.page_cpu_s) - silent),
        browser_rss_mib: chain.page_rss_mib,
        service_cpu: chain.service.as_ref().map(|s| per_core(s.cpu_s)),
        plugin_cpu: chain
            .service
            .as_ref()
            .and_then(|s| thread_cpu_s(&s.thread_cpu_s, &[PLUGIN_THREAD]))
            .map(per_core),
        service_rss_mib: chain.service.as_ref().map(|s| s.rss_mib),
        messages_per_s: messages(evidence, chain).map(per_core),
        records_per_s: page::records(&chain.polls),
        report_error_ms: summarise(&report_errors),
        browser_underruns: page::growth(&chain.polls, |poll| poll.context("underruns")),
        browser_underrun_ms: page::growth(&chain.polls, |poll| poll.context("underrun_s"))
            .map(|s| s * 1000.0),
        worker_cpu: thread_cpu_s(&chain.thread_cpu_s, WORKER_THREADS).map(per_core),
        worklet_cpu: thread_cpu_s(&chain.thread_cpu_s, WORKLET_THREADS).map(per_core),
        thread_cpu: chain.thread_cpu_s.iter().map(|(name, cpu_s)| (name.clone(), per_core(*cpu_s))).collect(),
        heap_growth_kib: chain.heaps_kib.map(|(start, end)| heap_growth(start, end)),
        playout: page::playout(&chain.polls),
        transport: last["report"]["transport"].clone(),
        glitches_reported: page::glitches(&chain.polls),
        recorded: readings.iter().map(|r| (span.second_of(r.played_frame), r.delay_ms())).collect(),
        reported: chain
            .polls
            .iter()
            .filter_map(|poll| Some((span.second_of(clock.frame_at(poll.at_ns)), poll.report("delay_ms")?)))
            .collect(),
        readings,
    }
}

/// Readings of the sound played within the span and slightly beyond it.
fn readings_around(evidence: &Evidence, chain: &ChainEvidence, span: &Span) -> Vec<Reading> {
    let [injected, _] = evidence.recording.pair(SYNTH);
    let [played, _] = evidence.recording.pair(chain.place);
    let from = span.first.saturating_sub(LONGEST_FRAMES);
    let to = (span.end + RATE_HZ as usize).min(played.len());
    delay::track(&injected[from..to], &played[from..to], LONGEST_FRAMES)
        .into_iter()
        .map(|reading| Reading { played_frame: reading.played_frame + from as f64, ..reading })
        .collect()
}

/// The first frame after the click in which either channel is audible.
fn first_sound(played: [&[f32]; 2], clicked_frame: Option<f64>) -> Option<usize> {
    let from = clicked_frame?.max(0.0) as usize;
    (from..played[0].len()).find(|&n| played[0][n].abs() > AUDIBLE || played[1][n].abs() > AUDIBLE)
}

fn place_faults(
    evidence: &Evidence,
    faults: Vec<Fault>,
    clock: &FrameClock,
    span: &Span,
) -> Vec<PlacedFault> {
    faults
        .into_iter()
        .map(|fault| {
            let fault = fault.later_by(span.first);
            let time_ns = |frame: usize| clock.time_ns(frame as f64);
            let (start_ns, end_ns) = (time_ns(fault.start_frame), time_ns(fault.start_frame + fault.frames));
            PlacedFault {
                second: span.second_of(fault.start_frame as f64),
                length_ms: frames_to_ms(fault.frames as f64),
                machine: freeze::excuses(&evidence.freezes, start_ns, end_ns),
                fault,
            }
        })
        .collect()
}

fn count(kinds: impl Iterator<Item = Kind>) -> FaultCounts {
    let mut counts = FaultCounts::default();
    for kind in kinds {
        match kind {
            Kind::Gap => counts.gaps += 1,
            Kind::Jump => counts.jumps += 1,
            Kind::Splice => counts.splices += 1,
            Kind::Disturbance => counts.disturbances += 1,
        }
    }
    counts
}

/// `None` if the bench itself is a second listener, because the service counts the messages to all.
fn messages(evidence: &Evidence, chain: &ChainEvidence) -> Option<f64> {
    let service = chain.service.as_ref().filter(|_| evidence.skew.is_none())?;
    let count = |status: &Value| status.pointer(MESSAGES)?.as_f64();
    Some(count(service.statuses.last()?)? - count(service.statuses.first()?)?)
}

fn capture_path(service: &ServiceEvidence) -> Option<String> {
    let capture = service.statuses.last()?.get("capture")?;
    Some(format!("{}, {}", capture["path"].as_str()?, capture["format"].as_str()?))
}

fn service_losses(service: &ServiceEvidence) -> Value {
    let events = |status: Option<&Value>, cause: &str| {
        status.and_then(|status| status["losses"][cause]["events"].as_f64()).unwrap_or(0.0)
    };
    let (first, last) = (service.statuses.first(), service.statuses.last());
    let Some(causes) = last.and_then(|status| status["losses"].as_object()) else { return Value::Null };
    causes
        .keys()
        .map(|cause| (cause.clone(), events(last, cause) - events(first, cause)))
        .filter(|(_, gain)| *gain != 0.0)
        .map(|(cause, gain)| (cause, Value::from(gain)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Summarized over the run, because the service reports only the current value.
fn capture_delay_ms(service: &ServiceEvidence) -> Option<Summary> {
    let read = |status: &Value| status.pointer(CAPTURE_DELAY_MS)?.as_f64();
    summarise(&service.statuses.iter().filter_map(read).collect::<Vec<_>>())
}

/// `None` if nothing is captured from the rig's clock.
fn clock_block_ms(evidence: &Evidence, chain: &ChainEvidence) -> Option<f64> {
    let captures = chain.service.is_some() && evidence.skew.is_none();
    captures.then(|| frames_to_ms(f64::from(evidence.clock_block_frames)))
}

/// Processor time of the threads whose names have one of these beginnings, seconds.
fn thread_cpu_s(threads: &BTreeMap<String, f64>, names: &[&str]) -> Option<f64> {
    let of_kind = |thread: &str| names.iter().any(|name| thread.starts_with(name));
    threads.iter().filter(|(thread, _)| of_kind(thread)).map(|(_, cpu_s)| *cpu_s).reduce(|a, b| a + b)
}

fn heap_growth(start: Heaps, end: Heaps) -> Heaps {
    let growth = |start: Option<f64>, end: Option<f64>| Some(end? - start?);
    Heaps {
        page: growth(start.page, end.page),
        worker: growth(start.worker, end.worker),
        worklet: growth(start.worklet, end.worklet),
    }
}

#[cfg(test)]
mod tests {
    use listening::clock::Stamp;
    use listening::freeze::Freeze;
    use listening::signal::KnownSignal;
    use serde_json::json;

    use super::*;
    use crate::evidence::Poll;
    use crate::rig::pulse::SPEAKERS;
    use crate::rig::sound::Recording;

    const DELAY_FRAMES: usize = 1764; // 40 ms
    const START_NS: u64 = 1_000_000_000;

    fn ns(second: f64) -> u64 {
        START_NS + (second * 1e9) as u64
    }

    /// Twelve seconds, of which 2 to 10 are measured; played 40 ms late from second 1.2 on, clicked at second
    /// 1.0.
    fn evidence(change: impl Fn(&mut Vec<f32>)) -> Evidence {
        let frames: Vec<[i16; 2]> = KnownSignal::new(1).take(12 * 44_100).collect();
        let injected =
            |side: usize| frames.iter().map(|f| f32::from(f[side]) / 32_768.0).collect::<Vec<f32>>();
        let mut channels = vec![injected(0), injected(1)];
        for side in 0..2 {
            let mut played = vec![0.0; frames.len()];
            played[DELAY_FRAMES..].copy_from_slice(&channels[side][..frames.len() - DELAY_FRAMES]);
            played[..52_920].fill(0.0);
            change(&mut played);
            channels.push(played);
        }
        let poll = |second: f64| Poll {
            at_ns: ns(second),
            page: json!({ "report": { "delay_ms": 41.5, "seq": second * 100.0, "transport": "sab", "glitches": {} },
                "context": { "average_latency_s": 0.030, "total_s": second, "base_latency_s": 0.0116 } }),
        };
        let status = |messages: u32| json!({ "losses": { "capture_xrun": { "events": messages / 900 } }, "stream": { "device_delay_ms": 3.0 }, "listeners": { "messages": messages } });
        let chain = ChainEvidence {
            name: "synthwire".into(),
            place: SPEAKERS,
            browser: "Chromium 1".into(),
            clicked_ns: Some(ns(1.0)),
            polls: (8..40).map(|k| poll(f64::from(k) * 0.25)).collect(),
            page_cpu_s: 0.8,
            thread_cpu_s: [("DedicatedWorker", 0.16), ("Realtime AudioW", 0.04), ("AudioOutputDevi", 9.0)]
                .map(|(name, cpu_s)| (name.to_owned(), cpu_s))
                .into(),
            heaps_kib: Some((
                Heaps { page: Some(900.0), worker: Some(300.0), worklet: None },
                Heaps { page: Some(910.0), worker: Some(299.0), worklet: Some(200.0) },
            )),
            page_rss_mib: 100.0,
            service: Some(ServiceEvidence {
                cpu_s: 0.04,
                thread_cpu_s: [("threaded-ml", 0.016), ("capture", 0.01)]
                    .map(|(name, cpu_s)| (name.to_owned(), cpu_s))
                    .into(),
                rss_mib: 9.0,
                statuses: vec![status(100), status(900)],
            }),
        };
        Evidence {
            recording: Recording { channels, stamps: vec![Stamp { frames: 0, received_ns: START_NS }] },
            freezes: vec![],
            watchdog_real_time: true,
            span_ns: (ns(2.0), ns(10.0)),
            chains: vec![chain],
            silent_page_cpu: Some(0.06),
            clock_block_frames: 128,
            network: None,
            skew: None,
        }
    }

    fn close(value: Option<f64>, expected: f64, tolerance: f64) {
        assert!(value.is_some_and(|v| (v - expected).abs() < tolerance), "{value:?}, expected {expected}");
    }

    #[test]
    fn a_clean_run_gives_every_figure() {
        let results = judge(&evidence(|_| ())).unwrap();
        let chain = &results.chains[0];
        assert_eq!(results.void, None);
        close(chain.delay_ms.map(|d| d.median), 40.0, 0.01);
        close(chain.own_ms, 10.0, 0.01);
        close(chain.capture_delay_ms.map(|delay| delay.p95), 3.0, 1e-9);
        close(chain.clock_block_ms, 2.902, 1e-3);
        close(chain.worker_cpu, 0.02, 1e-4);
        close(chain.worklet_cpu, 0.005, 1e-4);
        close(chain.heap_growth_kib.and_then(|heaps| heaps.page), 10.0, 1e-9);
        assert!(chain.heap_growth_kib.is_some_and(|heaps| heaps.worklet.is_none()), "it began in the span");
        close(chain.click_to_sound_ms, 200.0, 1.0);
        close(chain.page_cpu, 0.04, 1e-3);
        close(chain.service_cpu, 0.005, 1e-4);
        close(chain.plugin_cpu, 0.002, 1e-4);
        close(chain.messages_per_s, 100.0, 0.1);
        close(chain.records_per_s, 100.0, 0.1);
        assert_eq!(chain.service_losses, json!({ "capture_xrun": 1.0 }));
        close(chain.report_error_ms.map(|e| e.median), 1.5, 0.01);
        close(chain.drift.map(|d| d.end_ms - d.start_ms), 0.0, 1e-6);
        assert_eq!(
            (chain.faults, chain.faults_of_the_machine),
            (FaultCounts::default(), FaultCounts::default())
        );
        assert_eq!((chain.delay_steps, chain.exactness.exact_share()), (0, 1.0));
    }

    #[test]
    fn a_gap_is_the_products_unless_a_freeze_lies_within_50_ms() {
        let gap_at_5_s = |played: &mut Vec<f32>| played[220_500..220_700].fill(0.0);
        let freeze = |from: f64, to: f64| Freeze { due_ns: ns(from), woke_ns: ns(to), processor: 0 };
        for (freezes, own, machine) in [
            (vec![], 1, 0),
            (vec![freeze(4.90, 4.96)], 0, 1),
            (vec![freeze(4.90, 4.94)], 1, 0),
            (vec![freeze(5.06, 5.07)], 1, 0),
            (vec![freeze(5.05, 5.06)], 0, 1),
        ] {
            let mut evidence = evidence(gap_at_5_s);
            evidence.freezes = freezes;
            let results = judge(&evidence).unwrap();
            let chain = &results.chains[0];
            assert_eq!(
                (chain.faults.gaps, chain.faults_of_the_machine.gaps),
                (own, machine),
                "{:?}",
                evidence.freezes
            );
        }
    }

    #[test]
    fn a_frozen_run_and_a_faulty_rig_are_void() {
        let mut frozen = evidence(|_| ());
        frozen.freezes = vec![Freeze { due_ns: ns(3.0), woke_ns: ns(3.2), processor: 1 }];
        assert!(judge(&frozen).unwrap().void.unwrap().contains("2.5 %"));
        let mut faulty = evidence(|_| ());
        faulty.recording.channels[SYNTH.channel + 1][200_000..200_500].fill(0.0);
        assert!(judge(&faulty).unwrap().void.unwrap().contains("1 faults"));
    }

    #[test]
    fn a_delay_that_ratchets_up_shows_as_a_step_and_as_drift() {
        let results = judge(&evidence(|played| {
            let late: Vec<f32> = played[300_000..played.len() - 441].to_vec();
            played[300_441..].copy_from_slice(&late);
            played[300_000..300_441].fill(0.0);
        }))
        .unwrap();
        let chain = &results.chains[0];
        assert_eq!((chain.faults.gaps, chain.delay_steps), (1, 1));
        close(chain.drift.map(|d| d.end_ms - d.start_ms), 10.0, 0.1);
        close(chain.delay_ms.map(|d| d.max), 50.0, 0.1);
    }

    #[test]
    fn a_player_that_never_sounds_has_no_delay_and_one_long_gap() {
        let results = judge(&evidence(|played| played.fill(0.0))).unwrap();
        let chain = &results.chains[0];
        assert!(chain.delay_ms.is_none() && chain.click_to_sound_ms.is_none());
        assert_eq!(chain.faults.gaps, 1);
        assert_eq!(chain.exactness.exact_share(), 0.0);
    }
}
