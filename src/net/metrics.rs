//! `/metrics`: the status as Prometheus reads it. Names are stable; they are only ever added. `docs/observability/` has a
//! dashboard and alerts made of them.

use super::Service;
use super::exposition::{Exposition, Kind::Counter, Kind::Gauge};
use super::process::{self, Process};
use crate::core::cause::Cause;
use crate::hub::{RATE, State};
use crate::units::NS_PER_S;
use std::sync::atomic::Ordering::Relaxed;

/// Nanoseconds in a second.
const PER_S: f64 = NS_PER_S as f64;

/// Everything at this moment.
pub(super) fn text(service: &Service) -> String {
    let mut text = Exposition::default();
    let version = [(env!("CARGO_PKG_VERSION"), 1.0)];
    text.by("synthwire_build_info", Gauge, "The version that runs.", ("version", version));
    let up_s = service.started.elapsed().as_secs_f64();
    text.one("synthwire_uptime_seconds", Gauge, "Time since the service was started.", up_s);
    capture(&mut text, service);
    losses(&mut text, service);
    listeners(&mut text, service);
    door(&mut text, service);
    let thread = service.hub.counters.capture_thread.load(Relaxed);
    process(&mut text, &process::look((thread > 0).then_some(thread)));
    text.into_text()
}

fn capture(text: &mut Exposition, service: &Service) {
    let counters = &service.hub.counters;
    let playing = f64::from(service.hub.source().borrow().source.state == State::Playing);
    text.one("synthwire_source_playing", Gauge, "1 while the source delivers frames.", playing);
    let frames = counters.frames.load(Relaxed) as f64;
    text.one("synthwire_captured_frames_total", Counter, "Frames taken from the source.", frames);
    let periods = counters.periods.load(Relaxed) as f64;
    text.one("synthwire_captured_periods_total", Counter, "Periods taken from the source.", periods);
    let timeouts = counters.timeouts.load(Relaxed) as f64;
    text.one(
        "synthwire_capture_timeouts_total",
        Counter,
        "Waits for the source that brought no frames.",
        timeouts,
    );
    let delay_s = RATE.duration_ns(counters.delay_frames.load(Relaxed)) as f64 / PER_S;
    text.one("synthwire_device_delay_seconds", Gauge, "From capture to the fetching of a period.", delay_s);
    let drift = counters.drift_ppm().map(|ppm| ppm * 1e-6);
    text.maybe("synthwire_drift_ratio", Gauge, "The source's clock against ours, positive when slow.", drift);
    let late = counters.wake_late.spread();
    text.spread(
        "synthwire_wake_late_seconds",
        "From a device's stamp to the capture thread's answer.",
        &late,
        PER_S,
    );
}

/// Under the same names as in the stream and on the page: `capture_xrun`, `usb_loss`, `queue_drop` and the others.
fn losses(text: &mut Exposition, service: &Service) {
    let counted = |cause: Cause| {
        let totals = &service.hub.totals;
        match cause {
            Cause::QueueDrop => {
                (totals.queue_drop_packets.load(Relaxed), totals.queue_drop_frames.load(Relaxed))
            }
            _ => service.hub.counters.losses(cause),
        }
    };
    let events = Cause::ALL.map(|cause| (cause.name(), counted(cause).0 as f64));
    text.by(
        "synthwire_losses_total",
        Counter,
        "Times frames were lost on the way to a listener.",
        ("cause", events),
    );
    let frames = Cause::ALL.map(|cause| (cause.name(), counted(cause).1 as f64));
    text.by(
        "synthwire_lost_frames_total",
        Counter,
        "Frames lost on the way to a listener.",
        ("cause", frames),
    );
}

fn listeners(text: &mut Exposition, service: &Service) {
    let (hub, totals) = (&service.hub, &service.hub.totals);
    text.one("synthwire_listeners", Gauge, "Who listens now.", hub.listening() as f64);
    let max = service.hub.sizes().listeners_max as f64;
    text.one("synthwire_listeners_max", Gauge, "How many may listen at once.", max);
    let joined = totals.joined.load(Relaxed) as f64;
    text.one("synthwire_listeners_joined_total", Counter, "Who ever listened.", joined);
    let packets = totals.packets.load(Relaxed) as f64;
    text.one("synthwire_packets_total", Counter, "Packets made for everybody.", packets);
    let messages = totals.messages.load(Relaxed) as f64;
    text.one("synthwire_messages_sent_total", Counter, "Messages written to listeners.", messages);
    let bytes = totals.bytes.load(Relaxed) as f64;
    text.one("synthwire_sent_bytes_total", Counter, "Bytes in them.", bytes);
    let waiting = totals.queue_packets.spread();
    text.spread(
        "synthwire_queue_packets",
        "Packets that wait for a listener when one is sent.",
        &waiting,
        1.0,
    );
    let age = totals.queue_age.spread();
    text.spread("synthwire_queue_age_seconds", "How long a packet has waited when it is sent.", &age, PER_S);
    let (_, glitches) = hub.reports.shown();
    let glitches = glitches.iter().map(|(cause, count)| (cause.as_str(), *count as f64));
    let help = "What interrupted the sound, by the listeners' own accounts.";
    text.by("synthwire_listener_glitches_total", Counter, help, ("cause", glitches));
}

fn door(text: &mut Exposition, service: &Service) {
    text.one("synthwire_connections", Gauge, "Connections there are.", service.crowd.total() as f64);
    let refused = service.refusals.shown();
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
