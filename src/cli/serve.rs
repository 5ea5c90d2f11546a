//! `synthwire serve`: builds the chain in the order of the data, waits, stops. Meanwhile it reloads its configuration on
//! request.

use super::arguments::{ServeArguments, Settled};
use super::card::CARD_FOLDER;
use super::informing::{keep_power_told, keep_systemd_informed};
use super::places::SettingPlaces;
use super::{keeping, notices, ports, standing};
use crate::card::left::Report;
use crate::config::Config;
use crate::core::layout::Layout;
use crate::error::{Error, Result};
use crate::hub::pump::HandoffReader;
use crate::hub::{Hub, Sizes};
use crate::identity::Names;
use crate::net::events;
use crate::net::fan_out::{self, Setup};
use crate::net::new_listeners::{NewListenerReceiver, new_listeners};
use crate::net::{self, Gate, Service};
use crate::plain::Plain;
use crate::rt::counters::{Controls, Counters};
use crate::rt::ring::{HandoffWriter, handoff};
use crate::rt::supervisor::{Supervisor, SupervisorHandle};
use crate::rt::thread::{RtRequest, become_prompt};
use crate::source::alsa::DeviceRequest;
use crate::source::discover::SYSFS_SOUND;
use crate::source::opening::Selection;
use crate::sys::{announce, boot_loader, initramfs, logging, machine, notify, power_up, signals};
use crate::update::{UPDATER_FOLDER, Updater};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Maximum time for closing a device after the listeners are gone: a stop takes a second in total.
const CAPTURE_STOP_LIMIT: Duration = Duration::from_millis(250);

/// Serves until a signal asks to stop.
pub(super) fn run(arguments: &ServeArguments) -> Result<ExitCode> {
    let Settled { mut config, complaints, places } = arguments.settle()?;
    logging::begin();
    for complaint in &complaints {
        tracing::warn!("{complaint}");
    }
    let (memory, forgetful) = keeping::open(&mut config, &places.of("state"), |name| std::env::var_os(name))?;
    let card = notices::card_report(arguments.card.as_deref().unwrap_or(Path::new(CARD_FOLDER)));
    let (names, following) = watch::channel(Names::of(&machine::host(), &config.names));
    let mut gate = Gate::open(&config, following, &memory, power_up::was_by_hand());
    gate.notices = notices::gather(&complaints, card.as_ref());
    gate.notes = initramfs::notes();
    gate.notices.extend(forgetful);
    if let Some(card) = card.filter(Report::set_pair) {
        gate.settings.give_way(&card.reading);
    }
    let updater = Updater::new(
        arguments.updater.as_deref().unwrap_or(Path::new(UPDATER_FOLDER)),
        memory.folder().cloned(),
    );
    gate.updater = updater.unless(boot_loader::here().unfit().map(Into::into));
    // This runtime serves pages, handshakes and status; the listeners' sound has its own thread.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new("cannot start the network runtime").because(error))?;
    let served = runtime.block_on(serve(arguments, (config, &places), gate, names));
    runtime.shutdown_background(); // do not wait for a device that is being opened
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(
    arguments: &ServeArguments,
    (config, places): (Config, &SettingPlaces),
    mut gate: Gate,
    names: watch::Sender<Names>,
) -> Result<()> {
    let mut reload_requests = signals::reload_requests()?; // before anybody can send one
    let (listeners, problems) = ports::open(&config, &gate.names, places).await?;
    gate.notes.extend(problems); // `systemctl status` shows these, and doctor reads them there

    let counters = Arc::new(Counters::new());
    let controls = Arc::new(Controls::default());
    let chosen = gate.settings.first_channel().filter(|_| !arguments.give("first_channel"));
    controls.first_channel.store(chosen.unwrap_or(config.first_channel) - 1, Relaxed);
    let hub = Hub::new(sizes(&config), config.listeners_max as usize, counters, Arc::clone(&controls));
    let (frames_in, frames_out) = handoff()
        .map_err(|error| Error::new("cannot make the hand-off to the capture thread").because(error))?;
    let (capture, tried) = spawn_capture(arguments, &config, (&hub, controls), frames_in)?;

    let (stop, stopping) = watch::channel(false);
    let (misread, misreadings) = watch::channel(None);
    let (sender, arrivals) = new_listeners()?;
    let (changes, asked) = net::settings::changes()?;
    let (began, plays) = oneshot::channel();
    let (tell, events) = events::events()?;
    tokio::spawn(events::pass_on(hub.now_playing.status(), stopping.clone(), tell));
    let setup = Setup {
        sizes: hub.sizes,
        numbers: Arc::clone(&hub.numbers),
        now_playing: Arc::clone(&hub.now_playing),
        access_control: gate.access_control.clone(),
        dscp: config.dscp,
        began,
        changes,
        taps: Vec::new(),
        events,
    };
    let turns = RtRequest { priority: config.fan_out_priority(), cpu: config.fan_out_cpu };
    let mut playing = spawn_fan_out(frames_out, arrivals, setup, turns)?;
    announce::follow(names, ports::offered(&config, &listeners));
    let (ports, secure) = listeners.part();
    let service = Arc::new(Service::new(hub.clone(), gate, sender, secure, stopping));
    let mut serving = tokio::spawn(net::serve(ports, asked.here()?, Arc::clone(&service)));
    tokio::spawn(keep_systemd_informed(hub.clone(), Arc::clone(&service), misreadings));
    tokio::spawn(keep_power_told(Arc::clone(&service)));
    let served = Arc::clone(&service);
    let reloading = async move {
        // We are ready when listeners can be served and the first look for a source has ended. A reload also reports
        // "ready" when it is done, so none is handled earlier.
        let _ = tokio::join!(plays, tried);
        notify::ready();
        let mut running = config;
        while reload_requests.recv().await.is_some() {
            reload(arguments, &mut running, &hub, &served, &misread);
        }
    };
    tokio::select! {
        () = reloading => return Err(Error::new("the kernel no longer passes on SIGHUP")),
        signal = signals::asked_to_stop() => tracing::info!("stopping: {}", signal?),
        ended = &mut playing => return ended.unwrap_or_else(|_| Err(Error::new("the fan-out thread panicked"))),
        ended = &mut serving => return Err(Error::new("the network service ended unexpectedly")
            .because(ended.err().map_or("without an error".to_owned(), |error| error.to_string()))),
    }
    notify::stopping();
    let _ = stop.send(true);
    let captured = tokio::task::spawn_blocking(move || capture.stop());
    let _ = serving.await;
    let _ = tokio::task::spawn_blocking(move || service.keep_settings_now()).await;
    let _ = playing.await;
    if tokio::time::timeout(CAPTURE_STOP_LIMIT, captured).await.is_err() {
        tracing::warn!("the sound device does not let go: ending without waiting for it");
    }
    Ok(())
}

/// Starts the supervisor; returns its handle, and a signal for the end of its first attempt to open a source.
fn spawn_capture(
    arguments: &ServeArguments,
    config: &Config,
    (hub, controls): (&Hub, Arc<Controls>),
    frames: HandoffWriter,
) -> Result<(SupervisorHandle, oneshot::Receiver<()>)> {
    let selection = Selection {
        choice: arguments.choice(config),
        wish: DeviceRequest { period_frames: config.period_frames, channels: config.channels },
        skew_ppm: arguments.skew_ppm,
        sysfs: SYSFS_SOUND.into(),
    };
    let (tried, is_tried) = oneshot::channel();
    let tell = {
        let now_playing = Arc::clone(&hub.now_playing);
        move |status| now_playing.announce(status)
    };
    let supervisor = Supervisor {
        opener: selection.opener(),
        rt: RtRequest { priority: config.rt_priority, cpu: config.capture_cpu },
        counters: Arc::clone(&hub.numbers.counters),
        controls,
        announce: Box::new(tell),
        tried: Box::new(move || {
            let _ = tried.send(()); // the receiver may be gone if the service is ending
        }),
    };
    Ok((supervisor.spawn(frames)?, is_tried))
}

/// Starts the fan-out thread; returns a channel for its result.
fn spawn_fan_out(
    frames: HandoffReader,
    arrivals: NewListenerReceiver,
    setup: Setup,
    turns: RtRequest,
) -> Result<oneshot::Receiver<Result<()>>> {
    let (ended, end) = oneshot::channel();
    let play = move || {
        let state = become_prompt(turns);
        for refusal in &state.refusals {
            tracing::warn!("the fan-out thread: {refusal}");
        }
        let _ = setup.numbers.fan_out.real_time.set(state);
        let _ = ended.send(fan_out::run(frames, arrivals, setup));
    };
    std::thread::Builder::new()
        .name("fan-out".into())
        .spawn(play)
        .map_err(|error| Error::new("cannot start the fan-out thread").because(error))?;
    Ok(end)
}

/// Reloads the configuration and applies the live keys without interrupting the sound. If it has a mistake, nothing
/// changes.
fn reload(
    arguments: &ServeArguments,
    running: &mut Config,
    hub: &Hub,
    service: &Arc<Service>,
    misread: &watch::Sender<Option<Plain>>,
) {
    notify::reloading();
    // The running settings are better than defaults, so after a mistake nothing changes. An unknown key is not a mistake.
    let settled = arguments.settle().and_then(|Settled { config: new, complaints, .. }| {
        for complaint in &complaints {
            tracing::warn!("{complaint}");
        }
        match complaints.into_iter().find(|complaint| !complaint.is_unknown) {
            Some(mistake) => Err(Error::new(mistake.to_string())),
            None => Ok(new),
        }
    });
    let mistake = match settled {
        Ok(new) => {
            tracing::info!("{}", standing::reloaded(running, &new));
            let before = std::mem::replace(running, running.with_live_keys_of(&new));
            hub.admissions.set_most(running.listeners_max as usize);
            // A pair chosen on the page stays, unless the file now names a different one.
            if running.first_channel != before.first_channel {
                service.reconfigure_pair(running.first_channel);
            }
            None
        }
        Err(error) => {
            tracing::error!("the configuration was not taken, the one before stays in effect: {error}");
            Some(format!("Configuration not taken: {error}.").into())
        }
    };
    misread.send_replace(mistake);
    notify::ready();
}

fn sizes(config: &Config) -> Sizes {
    Sizes {
        queue_ms: config.queue_ms,
        chunk_frames: config.chunk_frames,
        expected: Layout::expected(config.period_frames),
    }
}
