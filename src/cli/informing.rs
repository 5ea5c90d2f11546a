//! Tells systemd how the service is, and the page how its power is, for as long as it runs. The words, and when it may be believed to live, are `standing`'s.

use super::standing::{self, Beat, Pulse};
use crate::core::cause::Cause;
use crate::hub::Hub;
use crate::net::Service;
use crate::plain::Plain;
use crate::sys::{notify, power};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often systemd is told how the service is, unless its watchdog wants to know more often.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// How often the firmware is asked for power and heat.
const POWER_EVERY: Duration = Duration::from_secs(10);
/// How often the watchdog is fed within the time it waits: one late look does no harm.
const FEEDS_PER_WATCHDOG: u32 = 4;

/// Keeps the line of `systemctl status` true, and feeds the watchdog while the capture side moves. That this runs at all
/// shows that the network side does.
pub(super) async fn keep_systemd_informed(hub: Arc<Hub>, mut misread: watch::Receiver<Option<Plain>>) {
    let watchdog = notify::watchdog();
    let every = watchdog.map_or(TELL_EVERY, |limit| TELL_EVERY.min(limit / FEEDS_PER_WATCHDOG));
    let mut look = tokio::time::interval(every);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.tick().await; // the first is at once, before anything can have moved
    let mut source = hub.source();
    let mut pulse = Pulse::default();
    let mut said = Plain::default();
    loop {
        tokio::select! {
            _ = look.tick() => if watchdog.is_some() {
                match pulse.look(hub.counters.turns.load(Relaxed)) {
                    Beat::Alive => notify::alive(),
                    Beat::Stopped => tracing::warn!(
                        "the sound device has kept its threads for {} s: systemd's watchdog is not fed until they move",
                        every.as_secs_f32()
                    ),
                    Beat::Still => {}
                }
            },
            Ok(()) = source.changed() => {}
            Ok(()) = misread.changed() => {}
        }
        let losses = Cause::ALL.into_iter().map(|cause| hub.counters.losses(cause).0).sum();
        let line = standing::line(&source.borrow_and_update(), hub.listening(), losses);
        let line =
            misread.borrow_and_update().iter().fold(line, |line, mistake| format!("{mistake} {line}").into());
        if said != line {
            notify::status(&line);
            said = line;
        }
    }
}

/// Keeps true what the page says of power and heat; ends at once on a machine that cannot tell.
pub(super) async fn keep_power_told(service: Arc<Service>) {
    let mut told = None;
    let mut look = tokio::time::interval(POWER_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        // The firmware answers when it has time: nobody who waits for a page waits for it.
        let Ok(Some(throttled)) = tokio::task::spawn_blocking(power::here).await else { return };
        let notice = throttled.notice();
        if notice != told {
            match notice {
                Some(words) => tracing::warn!("{words} (the firmware says {:#x})", throttled.0),
                None => tracing::info!("power and heat are as they should be"),
            }
            service.tell_power(notice);
            told = notice;
        }
    }
}
