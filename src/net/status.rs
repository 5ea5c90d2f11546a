//! `/api/status`: the state of the service. Names are stable; keys are only ever added.

use super::handshake::Counts;
use super::overview::Overview;
use super::refusals::Refusal;
use crate::clock::mono_raw_now;
use crate::core::cause::Cause;
use crate::core::liveness::Ill;
use crate::core::log_buckets::{end_us, quantile_us};
use crate::hub::fan_out::FanOutNumbers;
use crate::hub::numbers::Numbers;
use crate::hub::reports::{ServedReport, Sum};
use crate::hub::tap::TapNumbers;
use crate::hub::{Hub, RtState, SourceStatus};
use crate::plain::Plain;
use crate::units::NS_PER_S;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

/// The whole answer.
#[derive(Serialize)]
pub(super) struct Status {
    version: &'static str,
    uptime_s: u64,
    /// Name of the reason why the service is not alive; null while it is.
    ill: Option<&'static str>,
    /// Notices for the user about this device, besides its sound.
    notices: Vec<Plain>,
    /// True if no usable authority will outlast a restart, so that `/api/authority` can make one.
    authority_lacking: bool,
    #[serde(flatten)]
    source: SourceStatus,
    stream: Stream,
    listeners: ListenerFigures,
    fan_out: FanOut,
    /// The taps' counts; left out if there are no taps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    taps: Vec<Tap>,
    /// Counts of TLS handshakes; null without HTTPS.
    tls_handshakes: Option<Counts>,
    /// The state of a system update; null without an updater.
    update: Option<super::updates::UpdateView>,
    /// Losses before the stream, by cause: how often, and how many frames.
    losses: BTreeMap<&'static str, Loss>,
    /// Counts of refusals, by reason.
    refusals: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Stream {
    rate_hz: u32,
    period_frames: u32,
    chunk_frames: u32,
    periods: u64,
    frames: u64,
    packets: u64,
    /// Time between capture and the fetching of a period, according to the device.
    device_delay_ms: f64,
    /// Longest time since the start from a device's stamp to the capture thread's answer.
    wake_late_ms_max: f64,
    /// Waits that returned no frames.
    timeouts: u64,
    /// The device's drift against our clock, positive if it is slow; null until known.
    drift_ppm: Option<f64>,
}

#[derive(Serialize)]
struct ListenerFigures {
    now: usize,
    max: usize,
    joined: u64,
    refused: u64,
    connections: usize,
    connections_refused: u64,
    messages: u64,
    /// The last reports of current listeners on their playback, and how they are served.
    reports: Vec<ServedReport>,
    /// Glitches that listeners reported, by cause: of current and past listeners.
    glitches: Sum,
}

/// The fan-out thread.
#[derive(Serialize)]
struct FanOut {
    /// The real-time properties that the thread got.
    real_time: Option<RtState>,
    /// Delays from the moment a message's sound was ready to the end of its write.
    capture_to_socket: Delays,
    /// Number of times the thread woke up for packets; `busy_ms` is the time it then worked.
    ticks: u64,
    busy_ms: f64,
    /// The least number of packets in a message with which the thread keeps up.
    floor_packets: u32,
    /// Short sleeps that the thread was forced to take because its last sleep was too long ago.
    breaths: u64,
    partial_writes: u64,
    blocked: u64,
    caught_up: u64,
    control_full: u64,
    control_first: u64,
    reports_skipped: u64,
}

#[derive(Serialize)]
struct Tap {
    name: &'static str,
    packets: u64,
    /// Packets dropped for lack of room.
    dropped: u64,
}

#[derive(Serialize)]
struct Delays {
    messages: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    p999_ms: Option<f64>,
    max_ms: f64,
    /// Messages since the start, by delay: the upper end of the bucket in microseconds, and the number of messages. Empty
    /// buckets are left out.
    buckets: Vec<(u64, u64)>,
}

#[derive(Serialize)]
struct Loss {
    events: u64,
    frames: u64,
}

/// Returns the current status.
pub(super) fn of(overview: &Overview) -> Status {
    let Overview { hub, started, refusals, secure, .. } = overview;
    let Hub { now_playing, admissions, numbers, health, .. } = hub;
    let Numbers { counters, totals, .. } = &**numbers;
    let mut losses: BTreeMap<&'static str, Loss> = Cause::ALL
        .into_iter()
        .map(|cause| {
            let (events, frames) = counters.losses(cause);
            (cause.name(), Loss { events, frames })
        })
        .collect();
    // Queues count packets, the capture thread counts events: one table holds both.
    losses.insert(
        Cause::QueueDrop.name(),
        Loss {
            events: totals.queue_drop_packets.load(Relaxed),
            frames: totals.queue_drop_frames.load(Relaxed),
        },
    );
    let refused = refusals.shown();
    let (reports, glitches) = numbers.reports.shown();
    let rate = numbers.fan_out.rate();
    let delay_ns = rate.duration_ns(counters.delay_frames.load(Relaxed));
    let ill = health.ill(mono_raw_now());
    let ill_words = ill.map(|ill| Plain::from(ill.words()));
    let sound = ill_words.into_iter().chain(now_playing.absent_pair());
    let notices = sound.chain(overview.notices.now());
    Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: started.elapsed().as_secs(),
        ill: ill.map(Ill::name),
        notices: notices.collect(),
        authority_lacking: secure.as_ref().is_some_and(|secure| secure.identity.notice().is_some()),
        source: now_playing.status().borrow().clone(),
        stream: Stream {
            rate_hz: rate.0,
            period_frames: numbers.fan_out.period_frames.load(Relaxed),
            chunk_frames: numbers.fan_out.packet_frames.load(Relaxed),
            periods: counters.periods.load(Relaxed),
            frames: counters.frames.load(Relaxed),
            packets: totals.packets.load(Relaxed),
            device_delay_ms: in_ms(delay_ns),
            wake_late_ms_max: in_ms(counters.wake_late_ns_max.load(Relaxed)),
            timeouts: counters.timeouts.load(Relaxed),
            drift_ppm: counters.drift_ppm(),
        },
        listeners: ListenerFigures {
            now: admissions.listening(),
            max: admissions.most(),
            joined: totals.joined.load(Relaxed),
            refused: totals.refused.load(Relaxed),
            connections: overview.connections.total(),
            connections_refused: refused[Refusal::ConnectionsTotal.name()],
            messages: totals.messages.load(Relaxed),
            reports,
            glitches,
        },
        fan_out: fan_out(&numbers.fan_out),
        taps: numbers.taps.get().into_iter().flatten().map(|numbers| tap(numbers)).collect(),
        tls_handshakes: secure.as_ref().map(|secure| secure.handshakes.counts(refusals)),
        update: overview.updates.shown(),
        losses,
        refusals: refused,
    }
}

fn tap(numbers: &TapNumbers) -> Tap {
    let TapNumbers { name, packets, dropped } = numbers;
    Tap { name, packets: packets.load(Relaxed), dropped: dropped.load(Relaxed) }
}

fn fan_out(numbers: &FanOutNumbers) -> FanOut {
    let counts = numbers.delays();
    let quantile_ms = |share| quantile_us(&counts, share).map(|us| us as f64 / 1000.0);
    let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    FanOut {
        real_time: numbers.real_time.get().cloned(),
        capture_to_socket: Delays {
            messages: counts.iter().sum(),
            p50_ms: quantile_ms(0.5),
            p99_ms: quantile_ms(0.99),
            p999_ms: quantile_ms(0.999),
            max_ms: in_ms(numbers.delay_ns_max.load(Relaxed)),
            buckets: filled.map(|(bucket, count)| (end_us(bucket), *count)).collect(),
        },
        ticks: numbers.ticks.load(Relaxed),
        busy_ms: in_ms(numbers.busy_ns.load(Relaxed)),
        floor_packets: numbers.floor_packets.load(Relaxed),
        breaths: numbers.forced_pauses.load(Relaxed),
        partial_writes: numbers.partial_writes.load(Relaxed),
        blocked: numbers.blocked.load(Relaxed),
        caught_up: numbers.caught_up.load(Relaxed),
        control_full: numbers.control_full.load(Relaxed),
        control_first: numbers.control_first.load(Relaxed),
        reports_skipped: numbers.reports_skipped.load(Relaxed),
    }
}

fn in_ms(ns: u64) -> f64 {
    ns as f64 * 1000.0 / NS_PER_S as f64
}
