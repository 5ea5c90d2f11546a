//! Access keys: one for listening, one for changing settings. Without them everybody on the local network may do both.
//!
//! In: the keys that a request shows. Out: the rights of its sender. Keys are checked on separate threads, in turn, and at
//! a limited rate (`checker`, `tries`). A browser that has shown the right key gets a token in a cookie. Keys are stored
//! hashed (`key`), tokens as digests (`tokens`), both in `access.json` of the state folder. The rules themselves are in
//! `rules`.

mod checker;
mod denied;
mod kept;
pub mod key;
mod locked;
pub mod rules;
mod shown;
pub mod tokens;
pub(super) mod tries;

use super::client_id::ClientId;
use super::peer::Peer;
use super::refusals::Refusal;
use super::turns::Rank;
use crate::clock::mono_raw_now;
use crate::error::Error;
use crate::state::{Found, StateFolder, Stored};
use crate::units::{MonoNs, NS_PER_S};
use checker::Checker;
pub(super) use denied::Denied;
use hyper::header::HeaderMap;
use kept::{DIGEST_FLAGS, KeptKeys, LISTENING_SET, SETTINGS_SET, State};
use key::{HashedKey, SALT_BYTES};
use rules::{Grant, PerPurpose, Purpose};
use shown::{key_in, tokens_in};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokens::{TOKEN_BYTES, Token};
use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Pause between two writes of new tokens: browsers that enter the key meanwhile share the next write.
const WRITE_PAUSE_NS: u64 = NS_PER_S / 4;

/// The tokens that the file already holds.
#[derive(Debug, Default)]
struct Written {
    tokens: u64,
    when: Option<MonoNs>,
}

/// The client charged for hashing a new access key, on behalf of the owner.
const OWNER: ClientId = ClientId::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

/// The access keys in use.
pub struct Access {
    now: Arc<Mutex<State>>,
    /// A digest of the keys. The fan-out thread reads it for every listener once a second, and must not wait for a lock.
    digest: Arc<AtomicU64>,
    /// Keys set in the configuration, which the page cannot change.
    configured: PerPurpose<bool>,
    checker: Checker,
    /// Allows one write at a time; holds which tokens are in the file, and since when.
    writing: Arc<tokio::sync::Mutex<Written>>,
    /// The file, whether all of it was damaged, and whether it was never written.
    file: Option<Arc<Mutex<Stored<KeptKeys>>>>,
    damaged: bool,
    unwritten: bool,
    /// True if the folder that may hold the keys cannot be used.
    out_of_reach: bool,
    /// The time at which the machine was switched on by hand; `None` if a program ordered the start.
    powered_up: Option<MonoNs>,
}

impl Access {
    /// Takes the keys of the configuration, and from `folder` those that it does not name. If a stored key
    /// cannot be read, the rights that it protects stay locked: damage never unlocks anything. `powered_up`
    /// is when the machine was switched on by hand, if it was.
    pub fn open(
        configured: PerPurpose<Option<&str>>,
        folder: Option<&StateFolder>,
        powered_up: Option<MonoNs>,
    ) -> Self {
        let (mut file, found) = folder.map(Stored::<KeptKeys>::open).unzip();
        let damaged = matches!(found, Some(Found::Damaged(_)));
        let unwritten = matches!(found, Some(Found::Nothing));
        let state = State::of(configured, file.as_mut(), found);
        Self {
            digest: Arc::new(AtomicU64::new(state.digest())),
            now: Arc::new(Mutex::new(state)),
            configured: PerPurpose {
                listening: configured.listening.is_some(),
                settings: configured.settings.is_some(),
            },
            checker: Checker::new(),
            writing: Arc::default(),
            file: file.map(|file| Arc::new(Mutex::new(file))),
            damaged,
            unwritten,
            out_of_reach: false,
            powered_up,
        }
    }

    /// Writes the file if there never was one, before the authority is made. If the file is missing later, it
    /// was lost, and the initramfs keeps everything locked that its keys may have locked (decision 0014).
    pub(super) fn begin_file(&self) {
        if let (true, Some(file)) = (self.unwritten, &self.file) {
            let (kept, _) = self.now().page(self.configured);
            if let Err(error) = file.lock().unwrap_or_else(PoisonError::into_inner).write(&kept) {
                tracing::error!("{error}");
            }
        }
    }

    /// Returns the access control for a folder that cannot be used. It may hold keys, so everything that no key of the
    /// configuration locks stays locked, and nothing is stored.
    #[must_use]
    pub fn out_of_reach(self) -> Self {
        let digest = self.now().closed_but(self.configured);
        self.digest.store(digest, Relaxed);
        Self { file: None, out_of_reach: true, ..self }
    }

    /// Returns which keys are set.
    pub(super) fn set(&self) -> PerPurpose<bool> {
        let digest = self.digest.load(Relaxed);
        PerPurpose { listening: digest & LISTENING_SET != 0, settings: digest & SETTINGS_SET != 0 }
    }

    /// Returns how often a key was changed since the start.
    pub(super) fn version(&self) -> u64 {
        self.digest.load(Relaxed) >> DIGEST_FLAGS
    }

    /// Returns which keys a request shows, as tokens or as the key itself.
    ///
    /// # Errors
    /// If it shows a wrong key, or tries too often.
    pub(super) async fn shown(
        &self,
        headers: &HeaderMap,
        peer: Peer,
    ) -> std::result::Result<PerPurpose<bool>, Denied> {
        let mut shown = self.now().tokens.known(&tokens_in(headers));
        if let Some(key) = key_in(headers) {
            // The settings key comes first, because it unlocks both.
            let candidates = [Purpose::Settings, Purpose::Listening].into_iter().filter_map(|purpose| {
                let hashed = self.now().keys.of(purpose).clone().filter(|_| !shown.of(purpose));
                Some((purpose, hashed?))
            });
            let candidates: Vec<_> = candidates.collect();
            if !candidates.is_empty()
                && let Some(purpose) = self.checker.find(key, candidates, peer.client_id()).await?
            {
                *shown.of_mut(purpose) = true;
            }
            if shown == PerPurpose::default() && self.set() != PerPurpose::default() {
                return Err(Denied::new(Refusal::KeyWrong, "This key is wrong."));
            }
        }
        Ok(shown)
    }

    /// Returns the rights of a request that shows these keys.
    pub(super) fn grant(&self, shown: PerPurpose<bool>) -> Grant {
        rules::grant(self.set(), shown)
    }

    /// Returns whether a request that shows these keys may set or change the key for `purpose` now.
    pub(super) fn may_set_key(&self, purpose: Purpose, shown: PerPurpose<bool>) -> bool {
        self.file.is_some()
            && !self.configured.of(purpose)
            && rules::may_set_key(purpose, self.set(), shown, self.soon_s_left() > 0)
    }

    /// Returns whether these keys include a valid settings key.
    pub(super) fn is_owner(&self, shown: PerPurpose<bool>) -> bool {
        self.set().settings && shown.settings
    }

    /// Checks whether a request that shows these keys may update or restart the system now.
    ///
    /// # Errors
    /// The reason why the request is denied, and what the user can do.
    pub(super) fn check_update(&self, shown: PerPurpose<bool>) -> std::result::Result<(), Denied> {
        let set = self.set();
        if rules::may_update(set, shown, self.soon_s_left() > 0) {
            return Ok(());
        }
        Err(match (set.settings, rules::grant(set, shown).listen) {
            (true, _) => Denied::new(Refusal::KeyMissing, "Enter the settings key first."),
            (false, false) => Denied::new(Refusal::KeyMissing, "Enter the listening key first."),
            (false, true) => Denied::new(
                Refusal::UpdateLocked,
                "Without a settings key the system is updated within five minutes after the device is switched on by hand. Switch it \
                 off and on again; then update, or set a settings key on the page, with which you can do so at any time.",
            ),
        })
    }

    /// Returns the remaining seconds in which a first key can be set on the page.
    pub(super) fn first_key_s_left(&self) -> u64 {
        if self.file.is_none() { 0 } else { self.soon_s_left() }
    }

    /// Returns how many seconds are left of the first minutes after a start by hand.
    fn soon_s_left(&self) -> u64 {
        rules::first_key_s_left(self.powered_up, mono_raw_now())
    }

    /// Checks a key and returns the token that stands for it, with its purpose. For listening, the settings key is accepted
    /// as well, because it unlocks both.
    ///
    /// # Errors
    /// If no key is set, it is wrong, or it was tried too often.
    pub(super) async fn enter(
        &self,
        purpose: Purpose,
        key: &str,
        peer: Peer,
    ) -> std::result::Result<(Purpose, Token), Denied> {
        if self.now().keys.of(purpose).is_none() {
            if *self.now().lost.of(purpose) {
                return Err(Denied::new(Refusal::KeyLocked, self.notice().unwrap_or_default()));
            }
            return Err(Denied::new(Refusal::KeyLocked, "No such key is set, so none is needed."));
        }
        let opening =
            if purpose == Purpose::Listening { &[purpose, Purpose::Settings][..] } else { &[purpose] };
        let candidates: Vec<_> = {
            let now = self.now();
            opening.iter().filter_map(|purpose| Some((*purpose, now.keys.of(*purpose).clone()?))).collect()
        };
        let Some(purpose) = self.checker.find(key, candidates.clone(), peer.client_id()).await? else {
            return Err(Denied::new(Refusal::KeyWrong, "This key is wrong."));
        };
        let hashed = candidates.into_iter().find_map(|(of, hashed)| (of == purpose).then_some(hashed));
        let token = Token::of(random());
        let handed_out = {
            let mut now = self.now();
            if *now.keys.of(purpose) != hashed {
                return Err(Denied::new(Refusal::KeyWrong, "The key has just been changed."));
            }
            now.tokens.add(purpose, &token, peer.client_id());
            now.handed_out += 1;
            now.handed_out
        };
        if let Err(why) = self.write_tokens(handed_out).await {
            self.now().tokens.take_back(purpose, &token);
            return Err(why);
        }
        Ok((purpose, token))
    }

    /// Sets or removes the key for `purpose`. Browsers that have shown the old key must then show the new one.
    ///
    /// # Errors
    /// If it is not allowed, the key is too short, or it cannot be stored.
    pub(super) async fn set_key(
        &self,
        purpose: Purpose,
        key: Option<String>,
        shown: PerPurpose<bool>,
    ) -> std::result::Result<(), Denied> {
        if !self.may_set_key(purpose, shown) {
            return Err(Denied::new(Refusal::KeyLocked, self.why_locked(purpose))); // before a stranger can make us hash
        }
        let hashed = match key {
            None => None,
            Some(key) => {
                let salt: [u8; SALT_BYTES] = random();
                let hashed = move || HashedKey::of(&key, salt);
                let hashed = self.checker.work(OWNER, Rank::First, hashed).await?;
                Some(hashed.map_err(|error| Denied::new(Refusal::BodyUnreadable, sentence(&error)))?)
            }
        };
        let one = Arc::clone(&self.writing).lock_owned().await;
        if !self.may_set_key(purpose, shown) {
            return Err(Denied::new(Refusal::KeyLocked, self.why_locked(purpose)));
        }
        let change = move |state: &mut State| {
            state.keys.of_mut(purpose).clone_from(&hashed);
            *state.lost.of_mut(purpose) = false;
            state.tokens.clear(purpose);
            state.version += 1;
        };
        let mut state = self.now().clone();
        change(&mut state);
        let (now, digest) = (Arc::clone(&self.now), Arc::clone(&self.digest));
        let take_effect = move |_: &mut Written| {
            // Change the current state, not the copy: it includes tokens that were handed out in the meantime.
            let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut now);
            digest.store(now.digest(), Relaxed);
        };
        self.write(&state, one, take_effect).await
    }

    /// Ensures that the first `handed_out` tokens are written to the file, together with those handed out to others
    /// meanwhile.
    async fn write_tokens(&self, handed_out: u64) -> std::result::Result<(), Denied> {
        let written = Arc::clone(&self.writing).lock_owned().await;
        if written.tokens >= handed_out {
            return Ok(());
        }
        let since_ns = written.when.map_or(WRITE_PAUSE_NS, |when| mono_raw_now().since(when));
        sleep(Duration::from_nanos(WRITE_PAUSE_NS.saturating_sub(since_ns))).await;
        let state = self.now().clone();
        let tokens = state.handed_out;
        let note = move |written: &mut Written| *written = Written { tokens, when: Some(mono_raw_now()) };
        self.write(&state, written, note).await
    }

    /// Writes `state`, then does what must follow the write. Both finish even if the request is cancelled, and no other
    /// write comes in between, so the file and the keys in use always agree.
    async fn write(
        &self,
        state: &State,
        mut one: OwnedMutexGuard<Written>,
        done: impl FnOnce(&mut Written) + Send + 'static,
    ) -> std::result::Result<(), Denied> {
        // A damaged file is the only sign that there were keys, so keep it until no key is lost.
        let may_write = !self.damaged || state.lost == PerPurpose::default();
        let page = self.file.clone().filter(|_| may_write).map(|file| (file, state.page(self.configured)));
        let whole = move || {
            if let Some((file, (kept, gone))) = page {
                file.lock().unwrap_or_else(PoisonError::into_inner).write_without(&kept, &gone)?;
            }
            done(&mut one);
            Ok(())
        };
        let written = spawn_blocking(whole).await;
        let Err(error) =
            written.unwrap_or_else(|ended| Err(Error::new("the keys were not kept").because(ended)))
        else {
            return Ok(());
        };
        tracing::error!("{error}");
        Err(Denied::new(Refusal::KeyLocked, sentence(&error)))
    }

    fn now(&self) -> MutexGuard<'_, State> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sentence(error: &Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// Returns unpredictable bytes.
///
/// # Panics
/// If the kernel provides no random bytes: no key would be safe then.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("every Linux gives random bytes");
    bytes
}

const _: () = assert!(TOKEN_BYTES >= 16 && SALT_BYTES >= 16);

#[cfg(test)]
mod tests;
