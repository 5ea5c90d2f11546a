//! The parts of the service that requests and listeners need, and the data that is read before the first of
//! them comes.

use super::access::Access;
use super::access::rules::PerPurpose;
use super::access_control::AccessControl;
use super::clients::Clients;
use super::connection_limits::{Bounds, ConnectionLimits};
use super::limits::CONNECTIONS_PER_ADDRESS;
use super::listening::Listening;
use super::new_listeners::NewListenerSender;
use super::overview::{Notices, Overview};
use super::proxies::Proxies;
use super::secure::Secure;
use super::settings::KeptSettings;
use super::updates::Updates;
use crate::config::Config;
use crate::hub::Hub;
use crate::hub::now_playing::NowPlaying;
use crate::identity::Names;
use crate::plain::Plain;
use crate::state::Memory;
use crate::tls::fingerprint::Fingerprint;
use crate::units::MonoNs;
use crate::update::{UPDATER_FOLDER, Updater};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// The parts of the service, grouped by use: the router sees all of it, each answer gets only its parts.
pub struct Service {
    pub(super) stop: watch::Receiver<bool>,
    pub(super) names: watch::Receiver<Names>,
    pub(super) proxies: Proxies,
    /// All current connections.
    pub(super) connections: ConnectionLimits,
    pub(super) access_control: AccessControl,
    pub(super) settings: Arc<KeptSettings>,
    pub(super) now_playing: Arc<NowPlaying>,
    pub(super) updates: Arc<Updates>,
    /// The address of HTTPS, if it is enabled.
    pub(super) secure: Option<Arc<Secure>>,
    pub(super) listening: Listening,
    pub(super) overview: Overview,
}

impl Service {
    /// Assembles the service; the `gate` admits clients, and listeners leave through the `sender`.
    pub fn new(
        hub: Hub,
        gate: Gate,
        sender: NewListenerSender,
        secure: Option<Secure>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let secure = secure.map(Arc::new);
        let (settings, updates) = (Arc::new(gate.settings), Arc::new(Updates::new(gate.updater)));
        let AccessControl { access, refusals } = gate.access_control.clone();
        let notices = Notices {
            notes: gate.notes,
            standing: gate.notices,
            power: Mutex::default(),
            access,
            settings: Arc::clone(&settings),
            secure: secure.clone(),
        };
        let listening = Listening {
            admissions: Arc::clone(&hub.admissions),
            clients: Clients::default(),
            sender,
            refusals: Arc::clone(&refusals),
        };
        Self {
            stop,
            names: gate.names,
            proxies: gate.proxies,
            connections: gate.connections.clone(),
            access_control: gate.access_control,
            settings,
            now_playing: Arc::clone(&hub.now_playing),
            updates: Arc::clone(&updates),
            secure: secure.clone(),
            listening,
            overview: Overview {
                hub,
                started: tokio::time::Instant::now(),
                refusals,
                connections: gate.connections,
                updates,
                secure,
                notices,
            },
        }
    }

    /// Sets the notice on power and heat; `None` clears it.
    pub fn tell_power(&self, notice: Option<&'static str>) {
        self.overview.notices.tell_power(notice);
    }

    /// Returns the problems during the start of the machine.
    pub fn notes(&self) -> &[Plain] {
        &self.overview.notices.notes
    }

    /// Returns the fingerprint of the certificate that listeners' devices must trust, if it is our own.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        Some(self.secure.as_ref()?.identity.authority()?.fingerprint)
    }

    /// Adopts a new pair from the configuration. If the page has also chosen one, the later choice counts, even after a
    /// restart.
    pub fn reconfigure_pair(&self, first_channel: u16) {
        self.settings.reconfigure_pair(&self.now_playing, first_channel);
    }

    /// Writes recently changed settings at once, before the service ends. Waits for the disk.
    pub fn keep_settings_now(&self) {
        self.settings.write_if_due();
    }
}

/// The data that is read before the first connection: who may come in, and which settings they may change.
pub struct Gate {
    /// The current names of this device.
    pub names: watch::Receiver<Names>,
    /// The access keys.
    pub access_control: AccessControl,
    /// Problems during the start of the machine, shown even to clients that may not listen.
    pub notes: Vec<Plain>,
    /// The settings chosen on the page.
    pub settings: KeptSettings,
    /// Notices for the user about this device, besides its sound: plain sentences.
    pub notices: Vec<Plain>,
    /// Access to the system's updater.
    pub updater: Updater,
    /// The proxies whose word on a visitor counts.
    pub(super) proxies: Proxies,
    pub(super) connections: ConnectionLimits,
}

impl Gate {
    /// Opens the gate for a machine with these names. Reads the state folder, if there is one; damaged files
    /// are not fatal.
    /// If the folder cannot be used, the device is locked, because the folder may contain keys.
    /// `by_hand` tells whether a person switched the machine on, rather than software.
    pub fn open(config: &Config, names: watch::Receiver<Names>, memory: &Memory, by_hand: bool) -> Self {
        let keys = PerPurpose {
            listening: config.listening_key.as_deref(),
            settings: config.settings_key.as_deref(),
        };
        let per_address = config.connections_per_address;
        let bounds = Bounds {
            per_address: per_address.map_or(CONNECTIONS_PER_ADDRESS, |most| most as usize),
            and_loopback: per_address.is_some(),
        };
        let folder = memory.folder();
        // The time counts from the moment the machine was switched on.
        let access = Access::open(keys, folder, by_hand.then_some(MonoNs(0)));
        let access = if matches!(memory, Memory::Lost(_)) { access.out_of_reach() } else { access };
        access.begin_file();
        Self {
            names,
            proxies: Proxies::new(config.trusted_blocks()),
            access_control: AccessControl { access: Arc::new(access), refusals: Arc::default() },
            settings: KeptSettings::open(folder),
            notes: Vec::new(),
            notices: Vec::new(),
            updater: Updater::new(Path::new(UPDATER_FOLDER), folder.cloned()),
            connections: ConnectionLimits::new(bounds),
        }
    }
}
