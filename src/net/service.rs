//! What requests and listeners need of the service, and what is read before the first of them comes.

use super::access::Access;
use super::access::rules::Each;
use super::clients::Clients;
use super::crowd::{Bounds, Crowd};
use super::door::Door;
use super::handshake::Handshakes;
use super::limits::CONNECTIONS_PER_ADDRESS;
use super::proxies::Proxies;
use super::refusals::Refusals;
use super::settings::KeptSettings;
use super::updates::Updates;
use crate::config::Config;
use crate::hub::Hub;
use crate::identity::Names;
use crate::plain::Plain;
use crate::state::StateFolder;
use crate::tls::fingerprint::Fingerprint;
use crate::tls::{Facts, Identity};
use crate::units::MonoNs;
use crate::update::{UPDATER_FOLDER, Updater};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// What every request needs.
pub struct Service {
    pub(super) hub: Arc<Hub>,
    pub(super) started: tokio::time::Instant,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) names: watch::Receiver<Names>,
    pub(super) proxies: Proxies,
    pub(super) access: Access,
    pub(super) settings: Arc<KeptSettings>,
    /// What a person should know of this device.
    pub(super) notices: Vec<Plain>,
    /// What is to be said of power and heat.
    pub(super) power: Mutex<Option<&'static str>>,
    pub(super) updates: Updates,
    /// Who was turned away, by reason.
    pub(super) refusals: Refusals,
    /// Every connection there is.
    pub(super) crowd: Crowd,
    /// Who listens.
    pub(super) clients: Clients,
    /// Where listeners go.
    pub(super) door: Door,
    /// How to come to HTTPS, where it is spoken.
    pub(super) secure: Option<Secure>,
}

impl Service {
    /// Behind the `gate`; listeners leave by the `door`.
    pub fn new(
        hub: Arc<Hub>,
        gate: Gate,
        door: Door,
        secure: Option<Secure>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            hub,
            started: tokio::time::Instant::now(),
            stop,
            names: gate.names,
            proxies: gate.proxies,
            access: gate.access,
            settings: Arc::new(gate.settings),
            notices: gate.notices,
            power: Mutex::default(),
            updates: Updates::new(gate.updater),
            refusals: Refusals::default(),
            crowd: gate.crowd,
            clients: Clients::default(),
            door,
            secure,
        }
    }

    /// Says from now on this of power and heat, or nothing.
    pub fn tell_power(&self, notice: Option<&'static str>) {
        *self.power.lock().unwrap_or_else(PoisonError::into_inner) = notice;
    }

    /// The fingerprint of the certificate that listeners' devices are asked to trust, where it is one of our own.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        Some(self.secure.as_ref()?.identity.authority()?.fingerprint)
    }

    /// What a person should know of this device besides its sound, at this moment: plain sentences.
    pub(super) fn notices(&self) -> Vec<Plain> {
        let identity = self.secure.iter().flat_map(|secure| secure.identity.notices());
        let power = *self.power.lock().unwrap_or_else(PoisonError::into_inner);
        let kept =
            [power.map(str::to_owned), self.access.notice(), self.settings.notice()].into_iter().flatten();
        kept.chain(identity).map(Plain::from).chain(self.notices.iter().cloned()).collect()
    }

    /// The configuration names another pair than before. Where one was chosen on the page, too, the later wish counts, also
    /// at the next start.
    pub fn reconfigure_pair(&self, first_channel: u16) {
        self.settings.reconfigure_pair(&self.hub, first_channel);
    }

    /// Writes down at once what was set a moment ago: before the service ends. Waits for the disk.
    pub fn keep_settings_now(&self) {
        self.settings.write_if_due();
    }
}

/// Who may come in and what they may change: what is read before the first connection.
pub struct Gate {
    /// The names this device answers to, as they change.
    pub names: watch::Receiver<Names>,
    /// The keys.
    pub access: Access,
    /// The settings chosen on the page.
    pub settings: KeptSettings,
    /// What a person should know of this device besides its sound: plain sentences.
    pub notices: Vec<Plain>,
    /// The way to the system's updater.
    pub updater: Updater,
    /// Whose word on a visitor counts.
    pub(super) proxies: Proxies,
    pub(super) crowd: Crowd,
}

impl Gate {
    /// For a machine of these names; reads the state folder, where there is one, whatever it holds.
    /// `by_hand`: somebody switched the machine on, rather than software.
    pub fn open(
        config: &Config,
        names: watch::Receiver<Names>,
        folder: Option<StateFolder>,
        by_hand: bool,
    ) -> Self {
        let keys =
            Each { listening: config.listening_key.as_deref(), settings: config.settings_key.as_deref() };
        let per_address = config.connections_per_address;
        let bounds = Bounds {
            per_address: per_address.map_or(CONNECTIONS_PER_ADDRESS, |most| most as usize),
            and_loopback: per_address.is_some(),
        };
        Self {
            names,
            proxies: Proxies::new(config.trusted_blocks()),
            // The clock counts from the moment the machine was switched on.
            access: Access::open(keys, folder.as_ref(), by_hand.then_some(MonoNs(0))),
            settings: KeptSettings::open(folder.as_ref()),
            notices: Vec::new(),
            updater: Updater::new(Path::new(UPDATER_FOLDER), folder),
            crowd: Crowd::new(bounds),
        }
    }
}

/// HTTPS as requests see it.
pub struct Secure {
    pub(super) identity: Arc<Identity>,
    pub(super) handshakes: Handshakes,
    pub(super) facts: Look,
    /// Somebody said something the certificate may depend on.
    pub(super) news: Arc<Notify>,
    pub(super) port: u16,
    pub(super) plain_port: u16,
}

/// A look at the machine.
pub type Look = Arc<dyn Fn() -> Facts + Send + Sync>;

/// Waits until the service is to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // an error means that whoever could say so is gone
}
