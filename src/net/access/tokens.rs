//! What a browser is given in place of the key it has shown: 32 random bytes, of which only the digest is kept. Pure.

use super::rules::{Each, Purpose};
use blake2::{Blake2s256, Digest};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Random bytes of a token.
pub const TOKEN_BYTES: usize = 32;
/// Browsers remembered for each key; the longest-known is asked for the key again when there are more.
pub const TOKENS_MAX: usize = 256;

/// What a browser shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Of random bytes.
    pub fn of(random: [u8; TOKEN_BYTES]) -> Self {
        Self(hex(&random))
    }

    /// Of what a browser sent, if it can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain =
            text.len() == 2 * TOKEN_BYTES && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| Self(text.to_owned()))
    }

    /// As it goes into a cookie.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A random token cannot be guessed from the time its digest takes to be looked up.
    fn digest(&self) -> String {
        hex(&Blake2s256::digest(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token") // neither in logs nor in panics
    }
}

/// The digests of all tokens that count, the longest-known first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    listening: VecDeque<String>,
    settings: VecDeque<String>,
}

impl Tokens {
    /// From now on `token` stands for the key of `purpose`.
    pub fn add(&mut self, purpose: Purpose, token: &Token) {
        let tokens = self.of_mut(purpose);
        while tokens.len() >= TOKENS_MAX {
            tokens.pop_front();
        }
        tokens.push_back(token.digest());
    }

    /// None stands for it any more.
    pub fn clear(&mut self, purpose: Purpose) {
        self.of_mut(purpose).clear();
    }

    /// Which keys these tokens stand for.
    pub fn known(&self, shown: &Each<Option<Token>>) -> Each<bool> {
        let known = |token: &Option<Token>, tokens: &VecDeque<String>| {
            token.as_ref().is_some_and(|token| tokens.contains(&token.digest()))
        };
        Each {
            listening: known(&shown.listening, &self.listening),
            settings: known(&shown.settings, &self.settings),
        }
    }

    fn of_mut(&mut self, purpose: Purpose) -> &mut VecDeque<String> {
        match purpose {
            Purpose::Listening => &mut self.listening,
            Purpose::Settings => &mut self.settings,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_for_its_own_key_until_it_is_taken_back() {
        let (mine, other) = (Token::of([7; 32]), Token::of([8; 32]));
        let mut tokens = Tokens::default();
        tokens.add(Purpose::Listening, &mine);
        let shown = |token: &Token| Each { listening: Some(token.clone()), settings: Some(token.clone()) };
        assert_eq!(tokens.known(&shown(&mine)), Each { listening: true, settings: false });
        assert_eq!(tokens.known(&shown(&other)), Each { listening: false, settings: false });
        assert_eq!(tokens.known(&Each::default()), Each { listening: false, settings: false });
        assert!(!serde_json::to_string(&tokens).unwrap().contains(mine.as_str()), "only its digest is kept");
        tokens.clear(Purpose::Listening);
        assert!(!tokens.known(&shown(&mine)).listening);
    }

    #[test]
    fn the_longest_known_is_forgotten_for_the_newest() {
        let mut tokens = Tokens::default();
        let token = |n: usize| {
            Token::of(std::array::from_fn(|place| if place == 0 { (n >> 8) as u8 } else { n as u8 }))
        };
        for n in 0..=TOKENS_MAX {
            tokens.add(Purpose::Settings, &token(n));
        }
        let known = |n| tokens.known(&Each { listening: None, settings: Some(token(n)) }).settings;
        assert!(!known(0) && known(1) && known(TOKENS_MAX));
    }

    #[test]
    fn only_what_can_be_a_token_is_looked_up() {
        assert!(Token::parse(&"0f".repeat(32)).is_some());
        for text in ["", "0f", &"0F".repeat(32), &"0g".repeat(32), &"0f".repeat(33)] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
