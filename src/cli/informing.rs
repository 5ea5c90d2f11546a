//! Tells systemd how the service is, and the page how its power is, for as long as it runs. The words are `standing`'s, the verdict is
//! `core::liveness`'s.

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

/// How often the firmware is asked for power and heat.
const POWER_EVERY: Duration = Duration::from_secs(10);
/// How often to check that the service lives, unless systemd's watchdog wants to know more often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the watchdog is fed within the time it waits: one late look does no harm.
const FEEDS_PER_WATCHDOG: u32 = 4;
/// How often systemd is told of numbers that change all the time.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Keeps the line of `systemctl status` true, and feeds the watchdog while the service lives. That this runs at all shows that the
/// thread of the pages does.
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
        // Behind the rest, for the board's light goes by how the line begins.
        let line = service.notes().iter().fold(line, |line, note| format!("{line} {note}").into());
        // For whoever sits at the device: a copy of the fingerprint that did not come over the network.
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

/// Keeps true what the page says of power and heat; ends at once on a machine that cannot tell. One that has told before will again.
pub(super) async fn keep_power_told(service: Arc<Service>) {
    let (mut told, mut has_answered) = (None, false);
    let mut look = tokio::time::interval(POWER_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        // The firmware answers when it has time: nobody who waits for a page waits for it.
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

/// Says once that the service is not alive, and once that it is again; a start is nothing to speak of.
fn log_change(before: Option<Ill>, ill: Option<Ill>) {
    match (before, ill) {
        (before, Some(ill)) if before != Some(ill) && !ill.is_start() => {
            tracing::error!("{} systemd's watchdog is not fed until that is over.", ill.words());
        }
        (Some(before), None) if !before.is_start() => tracing::warn!("what stood still moves again"),
        _ => {}
    }
}
