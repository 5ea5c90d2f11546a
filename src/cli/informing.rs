//! Informs systemd of the service's state, and the page of its power, as long as the service runs. The words come from
//! `standing`, the verdict from `core::liveness`.

use super::standing;
use crate::clock::mono_raw_now;
use crate::core::cause::Cause;
use crate::core::liveness::Ill;
use crate::hub::Hub;
use crate::net::Service;
use crate::plain::Plain;
use crate::sys::{notify, power};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Interval between questions to the firmware about power and heat.
const POWER_EVERY: Duration = Duration::from_secs(10);
/// Interval between checks that the service is alive, unless systemd's watchdog needs a shorter one.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Number of watchdog feeds within its time-out: several, so that one late check does no harm.
const FEEDS_PER_WATCHDOG: u32 = 4;
/// Interval between reports to systemd of numbers that change all the time.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Keeps the line of `systemctl status` up to date, and feeds the watchdog while the service is alive. Running at all also
/// proves that the `main` thread works.
pub(super) async fn keep_systemd_informed(
    hub: Hub,
    service: Arc<Service>,
    mut misread: watch::Receiver<Option<Plain>>,
) {
    let watched = notify::watchdog();
    let every = watched.map_or(LOOK_EVERY, |limit| LOOK_EVERY.min(limit / FEEDS_PER_WATCHDOG));
    let mut look = tokio::time::interval(every);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tell = tokio::time::interval(TELL_EVERY);
    let mut source = hub.now_playing.status();
    let (mut said, mut ill) = (Plain::default(), None);
    loop {
        tokio::select! {
            _ = look.tick() => {
                let before = std::mem::replace(&mut ill, hub.health.ill(mono_raw_now()));
                log_change(before, ill);
                if ill.is_none() && watched.is_some() {
                    notify::alive();
                }
                if ill == before {
                    continue;
                }
            }
            _ = tell.tick() => {}
            Ok(()) = source.changed() => {}
            Ok(()) = misread.changed() => {}
        }
        let losses = Cause::ALL.into_iter().map(|cause| hub.numbers.counters.losses(cause).0).sum();
        let line = standing::line(&source.borrow_and_update(), hub.admissions.listening(), losses);
        let first = [misread.borrow_and_update().clone(), ill.map(|ill| Plain::from(ill.words()))];
        let line = first.into_iter().flatten().fold(line, |line, first| format!("{first} {line}").into());
        // Notes stand at the end because the board's light depends on how the line begins.
        let line = service.notes().iter().fold(line, |line, note| format!("{line} {note}").into());
        // A user at the device can read the fingerprint here: a copy that did not come over the network.
        let line = match service.fingerprint() {
            Some(fingerprint) => Plain::from(format!("{line} Certificate: {fingerprint}.")),
            None => line,
        };
        if said != line {
            notify::status(&line);
            said = line;
        }
    }
}

/// Keeps the page's notice on power and heat up to date; returns at once on a machine that cannot tell. A machine that has
/// answered once will answer again.
pub(super) async fn keep_power_told(service: Arc<Service>) {
    let (mut told, mut has_answered) = (None, false);
    let mut look = tokio::time::interval(POWER_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        // The firmware may answer slowly, so no page request should wait for it.
        let throttled = match tokio::task::spawn_blocking(power::here).await {
            Ok(Some(throttled)) => throttled,
            _ if has_answered => continue,
            _ => return,
        };
        has_answered = true;
        let notice = throttled.notice();
        if notice != told {
            if let Some(words) = notice {
                tracing::warn!("{words} (the firmware says {:#x})", throttled.0);
            } else {
                tracing::info!("power and heat are as they should be");
            }
            service.tell_power(notice);
            told = notice;
        }
    }
}

/// Logs once that the service is not alive, and once that it is again; a start is not logged.
fn log_change(before: Option<Ill>, ill: Option<Ill>) {
    match (before, ill) {
        (before, Some(ill)) if before != Some(ill) && !ill.is_start() => {
            tracing::error!("{} systemd's watchdog is not fed until that is over.", ill.words());
        }
        (Some(before), None) if !before.is_start() => tracing::warn!("the service is alive again"),
        _ => {}
    }
}
