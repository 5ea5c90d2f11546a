//! Access keys: one for listening, one for changing settings. Without them everybody on the local network may do both.
//!
//! In: what a request shows. Out: what its sender may do. A key is checked on a thread of its own, one at a time, and only
//! so often (`tries`); whoever has shown it gets a token in a cookie. Keys are kept hashed (`key`), tokens as digests
//! (`tokens`), both in `access.json` of the state folder. The rules themselves are in `rules`.

pub mod key;
pub mod rules;
pub mod tokens;
pub(super) mod tries;

use super::guard::Peer;
use super::refusals::Refusal;
use crate::clock::mono_raw_now;
use crate::error::{Error, Result};
use crate::state::StateFolder;
use crate::units::MonoNs;
use hyper::header::HeaderMap;
use key::{HashedKey, SALT_BYTES, Workspace};
use rules::{Each, Grant, Purpose};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokens::{TOKEN_BYTES, Token, Tokens};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tries::Tries;

const FILE: &str = "access.json";
/// Keys checked or hashed at once.
const CHECKS_AT_ONCE: usize = 1;
/// How long a check waits for those before it.
const CHECK_WAIT: Duration = Duration::from_secs(2);

/// Why somebody may not, in plain words.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) refusal: Refusal,
    pub(super) words: String,
    /// When to try again.
    pub(super) retry_s: Option<u64>,
}

impl Denied {
    pub(super) fn new(refusal: Refusal, words: impl Into<String>) -> Self {
        Self { refusal, words: words.into(), retry_s: None }
    }

    fn too_often(retry_s: u64) -> Self {
        let words = format!("Keys were tried too often. Try again in {retry_s} seconds.");
        Self { retry_s: Some(retry_s), ..Self::new(Refusal::KeyTries, words) }
    }
}

/// What is kept on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    listening_key: Option<String>,
    settings_key: Option<String>,
    tokens: Tokens,
}

/// The keys as they are at this moment.
#[derive(Clone, Debug)]
struct State {
    /// Grows when a key is set, changed or taken away.
    version: u64,
    keys: Each<Option<HashedKey>>,
    tokens: Tokens,
}

/// Which keys are set, below the version in a digest.
const LISTENING_SET: u64 = 1;
const SETTINGS_SET: u64 = 2;
const DIGEST_FLAGS: u32 = 2;

impl State {
    fn digest(&self) -> u64 {
        let set = |key: &Option<HashedKey>, flag| if key.is_some() { flag } else { 0 };
        self.version << DIGEST_FLAGS
            | set(&self.keys.listening, LISTENING_SET)
            | set(&self.keys.settings, SETTINGS_SET)
    }
}

/// The door's keys.
pub struct Access {
    now: Mutex<State>,
    /// The same in short: the fan-out thread asks for every listener once a second, and must not wait for a lock.
    digest: AtomicU64,
    /// Set in the configuration: the page cannot change them.
    configured: Each<bool>,
    tries: Mutex<Tries>,
    checks: Arc<Semaphore>,
    /// Where they work.
    workspace: Arc<Mutex<Workspace>>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
    folder: Option<StateFolder>,
    powered_up: MonoNs,
}

impl Access {
    /// The keys of the configuration; where it names none, those kept in `folder`.
    ///
    /// # Errors
    /// When a key is no hashed key, or the folder cannot be read.
    pub fn open(
        configured: Each<Option<&str>>,
        folder: Option<StateFolder>,
        powered_up: MonoNs,
    ) -> Result<Self> {
        let kept: Kept = match folder.as_ref().map(|folder| folder.read(FILE)).transpose()?.flatten() {
            None => Kept::default(),
            // Never without keys because their file is damaged: that would open the door.
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Error::new(format!("cannot understand {FILE} of the state folder"))
                    .because(error)
                    .try_this("Remove it to start without keys")
            })?,
        };
        let key = |configured: Option<&str>, kept: Option<&str>, name: &str| {
            let key = configured.or(kept).map(HashedKey::parse).transpose();
            key.map_err(|error| Error::new(format!("cannot use {name}")).because(error))
        };
        let keys = Each {
            listening: key(configured.listening, kept.listening_key.as_deref(), "listening_key")?,
            settings: key(configured.settings, kept.settings_key.as_deref(), "settings_key")?,
        };
        let state = State { version: 0, keys, tokens: kept.tokens };
        Ok(Self {
            digest: AtomicU64::new(state.digest()),
            now: Mutex::new(state),
            configured: Each {
                listening: configured.listening.is_some(),
                settings: configured.settings.is_some(),
            },
            tries: Mutex::new(Tries::new(mono_raw_now())),
            checks: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
            workspace: Arc::default(),
            changing: tokio::sync::Mutex::new(()),
            folder,
            powered_up,
        })
    }

    /// Which keys are set.
    pub(super) fn set(&self) -> Each<bool> {
        let digest = self.digest.load(Relaxed);
        Each { listening: digest & LISTENING_SET != 0, settings: digest & SETTINGS_SET != 0 }
    }

    /// How often a key was changed since the start.
    pub(super) fn version(&self) -> u64 {
        self.digest.load(Relaxed) >> DIGEST_FLAGS
    }

    /// Which keys a request shows, as tokens or as the key itself.
    ///
    /// # Errors
    /// When a key is shown that is none, or too often.
    pub(super) async fn shown(
        &self,
        headers: &HeaderMap,
        peer: Peer,
    ) -> std::result::Result<Each<bool>, Denied> {
        let mut shown = self.now().tokens.known(&rules::tokens_in(headers));
        if let Some(key) = rules::key_in(headers) {
            for purpose in Purpose::ALL {
                let hashed = self.now().keys.of(purpose).clone();
                if let Some(hashed) = hashed {
                    *shown.of_mut(purpose) |= self.fits(key, hashed, peer.address).await?;
                }
            }
            if shown == Each::default() && self.set() != Each::default() {
                return Err(Denied::new(Refusal::KeyWrong, "This is not the key."));
            }
        }
        Ok(shown)
    }

    /// What a request with these keys may do.
    pub(super) fn grant(&self, shown: Each<bool>) -> Grant {
        rules::grant(self.set(), shown)
    }

    /// Whether the key for `purpose` may be set or changed by who has shown these, now.
    pub(super) fn may_set_key(&self, purpose: Purpose, shown: Each<bool>) -> bool {
        let up_ns = mono_raw_now().since(self.powered_up);
        self.folder.is_some()
            && !self.configured.of(purpose)
            && rules::may_set_key(purpose, self.set(), shown, up_ns)
    }

    /// For how many seconds a first key may still be set on the page.
    pub(super) fn first_key_s_left(&self) -> u64 {
        if self.folder.is_none() { 0 } else { rules::first_key_s_left(self.powered_up, mono_raw_now()) }
    }

    /// Takes a key and gives the token that stands for it.
    ///
    /// # Errors
    /// When there is none to enter, it is wrong, or was tried too often.
    pub(super) async fn enter(
        &self,
        purpose: Purpose,
        key: &str,
        peer: Peer,
    ) -> std::result::Result<Token, Denied> {
        let Some(hashed) = self.now().keys.of(purpose).clone() else {
            return Err(Denied::new(Refusal::KeyLocked, "No such key is set: none is needed."));
        };
        if !self.fits(key, hashed.clone(), peer.address).await? {
            return Err(Denied::new(Refusal::KeyWrong, "This is not the key."));
        }
        let token = Token::of(random());
        let _one = self.changing.lock().await;
        let mut state = self.now().clone();
        if state.keys.of(purpose).as_ref() != Some(&hashed) {
            return Err(Denied::new(Refusal::KeyWrong, "The key has just been changed."));
        }
        state.tokens.add(purpose, &token);
        self.keep(state).await?;
        Ok(token)
    }

    /// Sets the key for `purpose`, or takes it away; whoever had shown the old one has to show the new.
    ///
    /// # Errors
    /// When it may not be, is too short, or cannot be kept.
    pub(super) async fn set_key(
        &self,
        purpose: Purpose,
        key: Option<String>,
        shown: Each<bool>,
    ) -> std::result::Result<(), Denied> {
        if !self.may_set_key(purpose, shown) {
            return Err(Denied::new(Refusal::KeyLocked, self.why_locked(purpose))); // before a stranger makes us work
        }
        let hashed = match key {
            None => None,
            Some(key) => {
                let salt: [u8; SALT_BYTES] = random();
                let hashed = self.work(move || HashedKey::of(&key, salt)).await?;
                Some(hashed.map_err(|error| Denied::new(Refusal::BodyUnreadable, sentence(&error)))?)
            }
        };
        let _one = self.changing.lock().await;
        if !self.may_set_key(purpose, shown) {
            return Err(Denied::new(Refusal::KeyLocked, self.why_locked(purpose)));
        }
        let mut state = self.now().clone();
        *state.keys.of_mut(purpose) = hashed;
        state.tokens.clear(purpose);
        state.version += 1;
        self.keep(state).await
    }

    fn why_locked(&self, purpose: Purpose) -> &'static str {
        if *self.configured.of(purpose) {
            "This key is set in the configuration file, and can only be changed there."
        } else if self.folder.is_none() {
            "The service has no state folder to keep a key in: start it with --state, or set the key in the configuration."
        } else if self.set().settings {
            "Enter the settings key first."
        } else {
            "A first key can be set within five minutes after the device is switched on. Switch it off and on again."
        }
    }

    /// Whether `key` fits; at most so often.
    async fn fits(&self, key: &str, hashed: HashedKey, address: IpAddr) -> std::result::Result<bool, Denied> {
        self.tries().take(address, mono_raw_now()).map_err(Denied::too_often)?;
        let key = key.to_owned();
        let workspace = Arc::clone(&self.workspace);
        let check = move || hashed.is(&key, &mut workspace.lock().unwrap_or_else(PoisonError::into_inner));
        let fits = self.work(check).await?;
        if fits {
            self.tries().give_back(address);
        }
        Ok(fits)
    }

    /// Does what takes long on a thread that does not play, one at a time.
    async fn work<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> T + Send + 'static,
    ) -> std::result::Result<T, Denied> {
        let Ok(Ok(_one)) = timeout(CHECK_WAIT, self.checks.acquire()).await else {
            return Err(Denied::too_often(2));
        };
        spawn_blocking(what)
            .await
            .map_err(|_| Denied::new(Refusal::KeyLocked, "The key could not be checked."))
    }

    /// Writes the keys down, then goes by them.
    async fn keep(&self, state: State) -> std::result::Result<(), Denied> {
        if let Some(folder) = self.folder.clone() {
            let text = |key: &Option<HashedKey>, configured: bool| {
                key.as_ref().filter(|_| !configured).map(|key| key.as_str().to_owned())
            };
            let kept = Kept {
                listening_key: text(&state.keys.listening, self.configured.listening),
                settings_key: text(&state.keys.settings, self.configured.settings),
                tokens: state.tokens.clone(),
            };
            let bytes = serde_json::to_vec(&kept).expect("our own types serialise");
            let written = spawn_blocking(move || folder.write(FILE, &bytes)).await;
            if let Ok(Err(error)) = written {
                tracing::error!("{error}");
                return Err(Denied::new(Refusal::KeyLocked, sentence(&error)));
            }
        }
        let mut now = self.now();
        self.digest.store(state.digest(), Relaxed);
        *now = state;
        Ok(())
    }

    fn now(&self) -> MutexGuard<'_, State> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sentence(error: &Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// Bytes nobody can guess.
///
/// # Panics
/// Where the kernel gives no random bytes: then no key is safe either.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.expect("every Linux has /dev/urandom");
    bytes
}

const _: () = assert!(TOKEN_BYTES >= 16 && SALT_BYTES >= 16);

#[cfg(test)]
mod tests;
