//! Suggests the known word that an unknown one was probably meant to be. Pure.

/// Maximum letters of a word: a longer word cannot be a misspelling of a known one.
const LETTERS_MAX: usize = 64;
/// Minimum letters of a beginning that can stand for the whole word.
const BEGINNING_MIN: usize = 4;

/// Returns the word of `known` that differs in the fewest letters, if it is likely to be the intended one; otherwise one
/// with the same beginning. Case, `-` and `_` make no difference.
pub fn meant<'a>(typed: &str, mut known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if typed.len() > LETTERS_MAX {
        return None;
    }
    let plain = |word: &str| word.to_lowercase().replace(['-', '_'], "");
    let typed = plain(typed);
    let near = known.clone().map(|word| (strsim::osa_distance(&typed, &plain(word)), word)).min();
    let near = near.filter(|(letters, word)| *letters <= 1 + word.len() / 5).map(|(_, word)| word);
    near.or_else(|| known.find(|word| typed.len() >= BEGINNING_MIN && plain(word).starts_with(&typed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_from_another_word() {
        let known = ["hostname", "wifi_name", "listening_key", "queue_ms", "demo"];
        for (typed, expected) in [
            ("hostnam", Some("hostname")),
            ("hsotname", Some("hostname")),
            ("Host-Name", Some("hostname")),
            ("listning_key", Some("listening_key")),
            ("LISTENING-KEY", Some("listening_key")),
            ("queue", Some("queue_ms")),
            ("dem", Some("demo")),
            ("d", None),
            ("volume", None),
            ("", None),
            (&"hostname".repeat(9), None),
        ] {
            assert_eq!(meant(typed, known.into_iter()), expected, "{typed}");
        }
    }
}
