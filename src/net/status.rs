//! `/api/status`: what the service knows of itself. Names are stable; keys are only ever added.

use super::Service;
use super::refusals::Refusal;
use crate::core::cause::Cause;
use crate::hub::reports::{Report, Sum};
use crate::hub::{RATE, SourceStatus};
use crate::units::NS_PER_S;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

/// The whole answer.
#[derive(Serialize)]
pub(super) struct Status {
    version: &'static str,
    uptime_s: u64,
    #[serde(flatten)]
    source: SourceStatus,
    stream: Stream,
    listeners: Listeners,
    /// By cause: how often frames were lost on the way into the stream, and how many.
    losses: BTreeMap<&'static str, Loss>,
    /// By reason: how often somebody was turned away.
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
    /// Between capture and the moment a period was fetched, as the device says.
    device_delay_ms: f64,
    /// Longest time from a device's stamp to the capture thread's answer since the start.
    wake_late_ms_max: f64,
    /// Waits that brought no frames.
    timeouts: u64,
    /// The device's clock against ours, positive when it is slow; null until known.
    drift_ppm: Option<f64>,
}

#[derive(Serialize)]
struct Listeners {
    now: usize,
    max: u32,
    joined: u64,
    refused: u64,
    connections: usize,
    connections_refused: u64,
    messages: u64,
    /// What those who listen now last said of their playing.
    reports: Vec<Report>,
    /// What went wrong by the listeners' own accounts, by cause: of those who listen now and of those who have gone.
    glitches: Sum,
}

#[derive(Serialize)]
struct Loss {
    events: u64,
    frames: u64,
}

/// The status at this moment.
pub(super) fn of(service: &Service) -> Status {
    let Service { hub, config, started, refusals, .. } = service;
    let (counters, totals, sizes) = (&hub.counters, &hub.totals, hub.sizes());
    let mut losses: BTreeMap<&'static str, Loss> = Cause::ALL
        .into_iter()
        .map(|cause| {
            let (events, frames) = counters.losses(cause);
            (cause.name(), Loss { events, frames })
        })
        .collect();
    // Queues count packets, the capture thread events: one table for both.
    losses.insert(
        Cause::QueueDrop.name(),
        Loss {
            events: totals.queue_drop_packets.load(Relaxed),
            frames: totals.queue_drop_frames.load(Relaxed),
        },
    );
    let refused = refusals.shown();
    let (reports, glitches) = hub.reports.shown();
    let delay_ns = RATE.duration_ns(counters.delay_frames.load(Relaxed));
    Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: started.elapsed().as_secs(),
        source: hub.source().borrow().clone(),
        stream: Stream {
            rate_hz: RATE.0,
            period_frames: sizes.period_frames,
            chunk_frames: sizes.chunk_frames,
            periods: counters.periods.load(Relaxed),
            frames: counters.frames.load(Relaxed),
            packets: totals.packets.load(Relaxed),
            device_delay_ms: in_ms(delay_ns),
            wake_late_ms_max: in_ms(counters.wake_late_ns_max.load(Relaxed)),
            timeouts: counters.timeouts.load(Relaxed),
            drift_ppm: counters.drift_ppm(),
        },
        listeners: Listeners {
            now: hub.listening(),
            max: config.listeners_max,
            joined: totals.joined.load(Relaxed),
            refused: totals.refused.load(Relaxed),
            connections: service.crowd.total(),
            connections_refused: refused[Refusal::ConnectionsTotal.name()],
            messages: totals.messages.load(Relaxed),
            reports,
            glitches,
        },
        losses,
        refusals: refused,
    }
}

fn in_ms(ns: u64) -> f64 {
    ns as f64 * 1000.0 / NS_PER_S as f64
}
