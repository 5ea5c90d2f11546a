//! The tokens that browsers get in place of the key they have shown: 32 random bytes, of which only the digest is stored.
//! Pure.

use super::super::client_id::ClientId;
use super::rules::{PerPurpose, Purpose};
use blake2::{Blake2s256, Digest};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Random bytes of a token.
pub const TOKEN_BYTES: usize = 32;
/// Tokens remembered for each key. Beyond that, the browser with the earliest token of the address with most tokens must
/// enter the key again. So a client that enters the key over and over displaces only its own tokens.
pub const TOKENS_MAX: usize = 256;
/// Tokens remembered for one address. (A proxy on this machine presents all visitors under one address: it may hold all
/// tokens.)
pub(in crate::net) const TOKENS_PER_ADDRESS: usize = TOKENS_MAX / 4;

/// A token that a browser shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Makes a token of random bytes.
    pub fn of(random: [u8; TOKEN_BYTES]) -> Self {
        Self(HEXLOWER.encode(&random))
    }

    /// Parses a value sent by a browser; `None` if it cannot be a token.
    pub fn parse(text: &str) -> Option<Self> {
        let plain =
            text.len() == 2 * TOKEN_BYTES && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| Self(text.to_owned()))
    }

    /// Returns the value for a cookie.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the digest to look up. The time of the look-up does not help in guessing a random token.
    fn digest(&self) -> String {
        HEXLOWER.encode(&Blake2s256::digest(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token") // keeps the token out of logs and panics
    }
}

/// The digests of all valid tokens, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    listening: VecDeque<String>,
    settings: VecDeque<String>,
    /// The client each token was given to, since the start.
    #[serde(skip)]
    holders: BTreeMap<String, ClientId>,
}

impl Tokens {
    /// Makes `token`, given to the client with this `client_id`, valid for the key of `purpose`.
    pub(in crate::net) fn add(&mut self, purpose: Purpose, token: &Token, client_id: ClientId) {
        let of_one = if client_id.is_loopback() { TOKENS_MAX } else { client_id.share(TOKENS_PER_ADDRESS) };
        while self.count(purpose, client_id) >= of_one {
            self.push_out(purpose, client_id);
        }
        while self.of_mut(purpose).len() >= TOKENS_MAX {
            match self.largest(purpose) {
                Some(largest) => self.push_out(purpose, largest),
                None => self.remove(purpose, 0), // no client has more than one
            }
        }
        self.of_mut(purpose).push_back(token.digest());
        self.holders.insert(token.digest(), client_id);
    }

    /// Makes this token invalid.
    pub(super) fn take_back(&mut self, purpose: Purpose, token: &Token) {
        if let Some(place) = self.of(purpose).iter().position(|digest| *digest == token.digest()) {
            self.remove(purpose, place);
        }
    }

    /// Makes all tokens for this purpose invalid.
    pub fn clear(&mut self, purpose: Purpose) {
        self.of_mut(purpose).clear();
        let Self { listening, settings, holders } = self;
        holders.retain(|digest, _| listening.contains(digest) || settings.contains(digest));
    }

    /// Returns which keys these tokens stand for.
    pub fn known(&self, shown: &PerPurpose<Option<Token>>) -> PerPurpose<bool> {
        let known = |token: &Option<Token>, tokens: &VecDeque<String>| {
            token.as_ref().is_some_and(|token| tokens.contains(&token.digest()))
        };
        PerPurpose {
            listening: known(&shown.listening, &self.listening),
            settings: known(&shown.settings, &self.settings),
        }
    }

    fn count(&self, purpose: Purpose, client_id: ClientId) -> usize {
        self.of(purpose).iter().filter(|digest| self.holders.get(*digest) == Some(&client_id)).count()
    }

    /// Returns the client with most tokens, if it has more than one.
    fn largest(&self, purpose: Purpose) -> Option<ClientId> {
        let mut counts = BTreeMap::new();
        for client_id in self.of(purpose).iter().filter_map(|digest| self.holders.get(digest)) {
            *counts.entry(*client_id).or_insert(0_usize) += 1;
        }
        counts
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .max_by_key(|(_, count)| *count)
            .map(|(client_id, _)| client_id)
    }

    fn push_out(&mut self, purpose: Purpose, client_id: ClientId) {
        let own = self.of(purpose).iter().position(|digest| self.holders.get(digest) == Some(&client_id));
        self.remove(purpose, own.unwrap_or(0));
    }

    fn remove(&mut self, purpose: Purpose, place: usize) {
        if let Some(digest) = self.of_mut(purpose).remove(place) {
            self.holders.remove(&digest);
        }
    }

    fn of(&self, purpose: Purpose) -> &VecDeque<String> {
        match purpose {
            Purpose::Listening => &self.listening,
            Purpose::Settings => &self.settings,
        }
    }

    fn of_mut(&mut self, purpose: Purpose) -> &mut VecDeque<String> {
        match purpose {
            Purpose::Listening => &mut self.listening,
            Purpose::Settings => &mut self.settings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn client_id(n: u32) -> ClientId {
        ClientId::Address(IpAddr::V4((0x0a00_0000 + n).into()))
    }

    fn token(n: usize) -> Token {
        Token::of(std::array::from_fn(|place| if place == 0 { (n >> 8) as u8 } else { n as u8 }))
    }

    #[test]
    fn a_token_counts_for_its_own_key_until_it_is_taken_back() {
        let (mine, other) = (Token::of([7; 32]), Token::of([8; 32]));
        let mut tokens = Tokens::default();
        tokens.add(Purpose::Listening, &mine, client_id(1));
        let shown =
            |token: &Token| PerPurpose { listening: Some(token.clone()), settings: Some(token.clone()) };
        assert_eq!(tokens.known(&shown(&mine)), PerPurpose { listening: true, settings: false });
        assert_eq!(tokens.known(&shown(&other)), PerPurpose { listening: false, settings: false });
        assert_eq!(tokens.known(&PerPurpose::default()), PerPurpose { listening: false, settings: false });
        assert!(!serde_json::to_string(&tokens).unwrap().contains(mine.as_str()), "only its digest is kept");
        tokens.clear(Purpose::Listening);
        assert!(!tokens.known(&shown(&mine)).listening);
    }

    /// Clients that enter the key one after another; the first browser that is still known, and how many are
    /// known.
    #[test]
    fn whoever_enters_the_key_over_and_over_pushes_out_himself() {
        let known = |tokens: &Tokens, n| {
            tokens.known(&PerPurpose { listening: None, settings: Some(token(n)) }).settings
        };
        let after = |who: &dyn Fn(usize) -> ClientId, times: usize| {
            let mut tokens = Tokens::default();
            for n in 0..100 {
                tokens.add(Purpose::Settings, &token(n), client_id(n as u32)); // a hundred who entered it once
            }
            for n in 100..100 + times {
                tokens.add(Purpose::Settings, &token(n), who(n));
            }
            assert!(known(&tokens, 99 + times), "the newest is known");
            assert_eq!(tokens.holders.len(), tokens.settings.len());
            ((0..100).filter(|n| known(&tokens, *n)).count(), tokens.settings.len())
        };
        for (who, times, still_known, in_all) in [
            ((&|_| client_id(1000)) as &dyn Fn(usize) -> ClientId, 256, 100, 164),
            (&|_| client_id(1000), 1000, 100, 164),
            (&|n| client_id(1000 + n as u32 % 2), 1000, 100, 228),
            (&|n| client_id(1000 + n as u32 % 16), 1000, 100, TOKENS_MAX),
            (&|n| client_id(1000 + n as u32), 100, 100, 200),
            (&|n| client_id(1000 + n as u32), 256, 0, TOKENS_MAX),
            (&|_| ClientId::Address(IpAddr::from([127, 0, 0, 1])), 1000, 100, TOKENS_MAX),
        ] {
            assert_eq!(after(who, times), (still_known, in_all), "{times} times");
        }
    }

    #[test]
    fn those_from_before_the_start_go_last_and_one_can_be_taken_back() {
        let mut tokens = Tokens::default();
        for n in 0..TOKENS_MAX {
            tokens.add(Purpose::Settings, &token(n), client_id(n as u32));
        }
        let mut again: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
        again.add(Purpose::Settings, &token(1000), client_id(1000));
        again.add(Purpose::Settings, &token(1001), client_id(1000));
        again.add(Purpose::Settings, &token(1002), client_id(1000));
        let known = |tokens: &Tokens, n| {
            tokens.known(&PerPurpose { listening: None, settings: Some(token(n)) }).settings
        };
        assert!(!known(&again, 0) && !known(&again, 1) && known(&again, 2), "its own went for the third");
        assert!(!known(&again, 1000) && known(&again, 1001) && known(&again, 1002));
        again.take_back(Purpose::Settings, &token(1002));
        assert!(!known(&again, 1002));
    }

    #[test]
    fn only_what_can_be_a_token_is_looked_up() {
        assert!(Token::parse(&"0f".repeat(32)).is_some());
        for text in ["", "0f", &"0F".repeat(32), &"0g".repeat(32), &"0f".repeat(33)] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
