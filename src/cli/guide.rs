//! The sentences of `docs/guide/troubleshooting.md`. They contain no private data, so that part of a message may be shown
//! to everybody. Pure.

/// Letters a sentence must have in common with a message, not counting placeholders.
const LETTERS_MIN: usize = 12;
/// The placeholder in a sentence for any text in a message.
const HOLE: char = '…';

/// Returns every sentence that the guide explains: headings, and the first cell of each row.
pub(crate) fn sentences(guide: &str) -> impl Iterator<Item = String> + '_ {
    let lines = guide.lines().filter_map(|line| {
        let cell = line.strip_prefix("| ").map(|row| first_cell(row).trim());
        cell.or_else(|| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')))
    });
    lines.map(|line| line.replace('`', "").replace("\\|", "|"))
}

fn first_cell(row: &str) -> &str {
    let ends = |at: usize| row.as_bytes()[at] == b'|' && (at == 0 || row.as_bytes()[at - 1] != b'\\');
    (0..row.len()).find(|at| ends(*at)).map_or(row, |end| &row[..end])
}

/// Returns the sentence that a message is or begins with, preferring the one that has most letters in common with it.
pub(super) fn sentence_of(message: &str) -> Option<String> {
    let known = sentences(include_str!("../../docs/guide/troubleshooting.md"));
    let letters = |sentence: &String| sentence.chars().filter(|letter| letter.is_alphabetic()).count();
    known
        .filter(|sentence| letters(sentence) >= LETTERS_MIN && begins_with(message, sentence))
        .max_by_key(letters)
}

/// Returns whether a message begins with a sentence, with any text for its placeholders.
fn begins_with(message: &str, sentence: &str) -> bool {
    let mut pieces = sentence.split(HOLE);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = message.strip_prefix(first) else { return false };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_sentence_and_only_that_is_told() {
        let guide = "# Title\n\n## cannot listen on …: Address already in use\n\ntext\n\n| words | what |\n|---|---|\n| `… is gone.` Check | do \\| it |\n";
        let found: Vec<String> = sentences(guide).collect();
        assert_eq!(
            found,
            ["Title", "cannot listen on …: Address already in use", "words", "… is gone. Check"]
        );
        assert!(begins_with("cannot listen on 10.0.0.7:80: Address already in use. End it", &found[1]));
        assert!(begins_with("Anna's MONTAGE is gone. Check its cable", &found[3]));
        assert!(!begins_with("I cannot listen on x: Address already in use", &found[1]));
    }

    #[test]
    fn the_guide_of_this_version_is_known() {
        assert_eq!(
            sentence_of("Anna's MONTAGE is gone. Check its cable and that it is switched on; sound returns automatically.").unwrap(),
            "… is gone. Check its cable and that it is switched on; sound returns automatically."
        );
        assert_eq!(sentence_of("hunter2"), None);
    }
}
