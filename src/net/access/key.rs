//! Stored keys: hashed with Argon2id, in the standard text form. Pure except for the memory it takes.
//!
//! 4 MiB and 4 passes take about 30 ms on a Pi 4: little memory for it, but slow enough to make guessing useless.

use crate::error::{Error, Result};
use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Memory of one check, in KiB.
const MEMORY_KIB: u32 = 4096;
/// Passes over that memory.
const PASSES: u32 = 4;
/// Maximum memory that a key hashed elsewhere may require, in KiB.
const MEMORY_KIB_MAX: u32 = 32_768;
/// Maximum number of passes that a key hashed elsewhere may require.
const PASSES_MAX: u32 = 16;
/// Minimum length of a key, in characters.
pub const KEY_CHARS_MIN: usize = 8;
/// Maximum length of a key, in bytes.
pub const KEY_BYTES_MAX: usize = 128;
/// Random bytes that make hashes of equal keys differ.
pub const SALT_BYTES: usize = 16;

/// Memory for checks, reused from one to the next. If it were freed each time, on changing threads, the allocator would
/// keep many times as much.
#[derive(Debug, Default)]
pub struct Workspace(Vec<Block>);

/// A hashed key.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedKey(String);

impl HashedKey {
    /// Hashes `key`.
    ///
    /// # Errors
    /// If it is too short or too long.
    ///
    /// # Panics
    /// Never: the parameters are our own.
    pub fn of(key: &str, salt: [u8; SALT_BYTES]) -> Result<Self> {
        if key.chars().count() < KEY_CHARS_MIN || key.len() > KEY_BYTES_MAX {
            return Err(Error::new(format!(
                "a key has at least {KEY_CHARS_MIN} characters and at most {KEY_BYTES_MAX} bytes"
            )));
        }
        let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("our own parameters are in range");
        let hashed = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt(key.as_bytes(), &salt)
            .map_err(|error| Error::new("cannot hash the key").because(error.to_string()))?;
        Ok(Self(hashed.to_string()))
    }

    /// Accepts a key that was hashed before.
    ///
    /// # Errors
    /// If it is not an Argon2id hash, or needs too much of this machine.
    pub fn parse(text: &str) -> Result<Self> {
        let none = || {
            Error::new("this is no hashed key").try_this("'synthwire key' makes one from the key it is told")
        };
        let parsed = PasswordHash::new(text).map_err(|_| none())?;
        let params = Params::try_from(&parsed).map_err(|_| none())?;
        let bearable =
            params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= PASSES_MAX && params.p_cost() <= 4;
        let whole =
            parsed.hash.is_some() && parsed.salt.is_some() && parsed.version == Some(Version::V0x13.into());
        if parsed.algorithm.as_str() != "argon2id" || !whole || !bearable {
            return Err(none());
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns whether `key` is the one that was hashed, comparing in constant time. Takes tens of milliseconds.
    pub fn is(&self, key: &str, Workspace(blocks): &mut Workspace) -> bool {
        let Ok(PasswordHash { salt: Some(salt), hash: Some(expected), ref params, .. }) =
            PasswordHash::new(&self.0)
        else {
            return false;
        };
        let Ok(params) = Params::try_from(params) else { return false };
        blocks.resize(params.block_count().max(blocks.len()), Block::default());
        let mut found = [0; Output::MAX_LENGTH];
        let found = &mut found[..expected.as_bytes().len()];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let done = argon.hash_password_into_with_memory(key.as_bytes(), salt.as_ref(), found, blocks);
        key.len() <= KEY_BYTES_MAX && done.is_ok() && Output::new(found).is_ok_and(|found| found == expected)
    }

    /// Returns the text form to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for HashedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashedKey") // keeps the hash out of logs and panics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_itself_fits_and_equal_keys_are_kept_differently() {
        let kept = HashedKey::of("open sesame", [1; 16]).unwrap();
        let mut room = Workspace::default();
        for (key, fits) in [("open sesame", true), ("Open sesame", false), ("", false), ("open sesame", true)]
        {
            assert_eq!(kept.is(key, &mut room), fits, "{key}");
        }
        assert!(!kept.is(&"x".repeat(999), &mut room));
        assert_ne!(kept, HashedKey::of("open sesame", [2; 16]).unwrap());
        assert!(kept.as_str().starts_with("$argon2id$v=19$m=4096,t=4,p=1$"), "{}", kept.as_str());
        assert!(!kept.as_str().contains("sesame") && !format!("{kept:?}").contains('$'));
        assert_eq!(HashedKey::parse(kept.as_str()).unwrap(), kept);
    }

    #[test]
    fn what_is_no_key_or_would_take_too_much_is_refused() {
        let salt = [3; 16];
        assert!(HashedKey::of("short", salt).is_err() && HashedKey::of(&"x".repeat(129), salt).is_err());
        let kept = HashedKey::of("open sesame", salt).unwrap();
        for text in [
            "open sesame".to_owned(),
            String::new(),
            kept.as_str().replace("argon2id", "argon2d"),
            kept.as_str().replace("m=4096", "m=999999"),
            kept.as_str().replace("t=4", "t=999"),
            kept.as_str().rsplit_once('$').unwrap().0.to_owned(),
        ] {
            assert!(HashedKey::parse(&text).is_err(), "{text}");
        }
    }
}
