//! `/metrics`: the status in the format of Prometheus. Names are stable; they are only ever added. `docs/ref/metrics/` has
//! a dashboard and alerts for them.

use super::exposition::{Exposition, Kind::Counter, Kind::Gauge};
use super::overview::Overview;
use super::process::{self, Process};
use crate::clock::mono_raw_now;
use crate::core::cause::Cause;
use crate::core::liveness::Ill;
use crate::hub::numbers::Numbers;
use crate::hub::tap::TapNumbers;
use crate::hub::{Hub, State};
use crate::units::NS_PER_S;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Nanoseconds in a second.
const PER_S: f64 = NS_PER_S as f64;

/// Returns all metrics at this moment.
pub(super) fn text(overview: &Overview) -> String {
    let mut text = Exposition::default();
    let version = [(env!("CARGO_PKG_VERSION"), 1.0)];
    text.by("synthwire_build_info", Gauge, "The version that runs.", ("version", version));
    let up_s = overview.started.elapsed().as_secs_f64();
    text.one("synthwire_uptime_seconds", Gauge, "Time since the service was started.", up_s);
    life(&mut text, overview);
    capture(&mut text, overview);
    losses(&mut text, overview);
    listeners(&mut text, overview);
    taps(&mut text, &overview.hub.numbers);
    door(&mut text, overview);
    let thread = overview.hub.numbers.counters.capture_thread.load(Relaxed);
    process(&mut text, &process::look((thread > 0).then_some(thread)));
    text.into_text()
}

/// Writes the same verdict as `/healthz`.
fn life(text: &mut Exposition, overview: &Overview) {
    let ill = overview.hub.health.ill(mono_raw_now());
    let help =
        "1 while sound reaches the sockets, if there is any, and a source is looked for, if there is none.";
    text.one("synthwire_alive", Gauge, help, f64::from(ill.is_none()));
    let causes = Ill::ALL.map(|cause| (cause.name(), f64::from(ill == Some(cause))));
    text.by("synthwire_ill", Gauge, "1 for what keeps it from being alive.", ("cause", causes));
}

fn capture(text: &mut Exposition, overview: &Overview) {
    let counters = &overview.hub.numbers.counters;
    let playing = f64::from(overview.hub.now_playing.status().borrow().source.state == State::Playing);
    text.one("synthwire_source_playing", Gauge, "1 while the source delivers frames.", playing);
    text.counters([
        ("synthwire_captured_frames_total", "Frames taken from the source.", &counters.frames),
        ("synthwire_captured_periods_total", "Periods taken from the source.", &counters.periods),
        (
            "synthwire_capture_timeouts_total",
            "Waits for the source that brought no frames.",
            &counters.timeouts,
        ),
    ]);
    let rate = overview.hub.numbers.fan_out.rate();
    let delay_s = rate.duration_ns(counters.delay_frames.load(Relaxed)) as f64 / PER_S;
    text.one("synthwire_device_delay_seconds", Gauge, "From capture to the fetching of a period.", delay_s);
    let drift = counters.drift_ppm().map(|ppm| ppm * 1e-6);
    text.maybe("synthwire_drift_ratio", Gauge, "The source's clock against ours, positive when slow.", drift);
    let help = "From a device's stamp to the capture thread's answer.";
    text.histogram("synthwire_wake_late_seconds", help, &counters.wake_late.so_far(), PER_S);
}

/// Writes the losses, under the same names as in the stream and on the page: `capture_xrun`, `usb_loss`, `queue_drop` and
/// the others.
fn losses(text: &mut Exposition, overview: &Overview) {
    let totals = &overview.hub.numbers.totals;
    let dropped = [&totals.queue_drop_packets, &totals.queue_drop_frames].map(|count| count.load(Relaxed));
    let counted = Cause::ALL.map(|cause| match cause {
        Cause::QueueDrop => (cause, dropped.into()),
        _ => (cause, overview.hub.numbers.counters.losses(cause)),
    });
    let events = counted.map(|(cause, (events, _))| (cause.name(), events as f64));
    let help = "Times frames were lost on the way to a listener.";
    text.by("synthwire_losses_total", Counter, help, ("cause", events));
    let frames = counted.map(|(cause, (_, frames))| (cause.name(), frames as f64));
    let help = "Frames lost on the way to a listener.";
    text.by("synthwire_lost_frames_total", Counter, help, ("cause", frames));
}

fn listeners(text: &mut Exposition, overview: &Overview) {
    let Hub { admissions, numbers, .. } = &overview.hub;
    let totals = &numbers.totals;
    text.one("synthwire_listeners", Gauge, "Who listens now.", admissions.listening() as f64);
    let max = admissions.most() as f64;
    text.one("synthwire_listeners_max", Gauge, "How many may listen at once.", max);
    text.counters([
        ("synthwire_listeners_joined_total", "Who ever listened.", &totals.joined),
        ("synthwire_packets_total", "Packets made for everybody.", &totals.packets),
        ("synthwire_messages_sent_total", "Messages written to listeners.", &totals.messages),
        ("synthwire_sent_bytes_total", "Bytes in them.", &totals.bytes),
    ]);
    let help = "Packets that wait for a listener when one is sent.";
    text.histogram("synthwire_queue_packets", help, &totals.queue_packets.so_far(), 1.0);
    let help = "How long a packet has waited when it is sent.";
    text.histogram("synthwire_queue_age_seconds", help, &totals.queue_age.so_far(), PER_S);
    let (_, glitches) = numbers.reports.shown();
    let glitches = glitches.iter().map(|(cause, count)| (cause.as_str(), *count as f64));
    let help = "What interrupted the sound, by the listeners' own accounts.";
    text.by("synthwire_listener_glitches_total", Counter, help, ("cause", glitches));
}

/// Writes the taps' counts, if there are taps.
fn taps(text: &mut Exposition, numbers: &Numbers) {
    let Some(taps) = numbers.taps.get().filter(|taps| !taps.is_empty()) else { return };
    let of = |count: fn(&TapNumbers) -> &AtomicU64| {
        taps.iter().map(move |tap| (tap.name, count(tap).load(Relaxed) as f64))
    };
    let help = "Packets given to who wants them besides listeners.";
    text.by("synthwire_tap_packets_total", Counter, help, ("tap", of(|tap| &tap.packets)));
    let help = "Packets such a one had no room for.";
    text.by("synthwire_tap_dropped_packets_total", Counter, help, ("tap", of(|tap| &tap.dropped)));
}

fn door(text: &mut Exposition, overview: &Overview) {
    text.one("synthwire_connections", Gauge, "Connections there are.", overview.connections.total() as f64);
    let refused = overview.refusals.shown();
    let refused = refused.iter().map(|(reason, count)| (*reason, *count as f64));
    text.by("synthwire_refused_total", Counter, "Who was turned away, by reason.", ("reason", refused));
}

fn process(text: &mut Exposition, process: &Process) {
    let seconds = |ns: Option<u64>| ns.map(|ns| ns as f64 / PER_S);
    let capture_s = seconds(process.capture_cpu_ns);
    let help = "CPU time of the capture thread since it opened its source.";
    text.maybe("synthwire_capture_cpu_seconds_total", Counter, help, capture_s);
    let cpu_s = seconds(process.cpu_ns);
    text.maybe("process_cpu_seconds_total", Counter, "CPU time of the threads there are.", cpu_s);
    let number = |value: Option<u64>| value.map(|value| value as f64);
    let resident = number(process.resident_bytes);
    text.maybe("process_resident_memory_bytes", Gauge, "Memory in use.", resident);
    text.maybe("process_open_fds", Gauge, "Open files and sockets.", number(process.open_files));
    text.maybe("process_threads", Gauge, "Threads.", number(process.threads));
}
