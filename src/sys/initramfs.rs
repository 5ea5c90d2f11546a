//! The files that the first program of the card's system (image/initramfs/init) leaves for the service. They
//! are in memory, belong to root, and concern only this start. On other machines there are none.

use crate::plain::Plain;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The file with the initramfs's problems during the start, one sentence per line.
const NOTES: &str = "/run/synthwire/notes";
/// The file that exists if an update has caused this start.
const RESTARTED: &str = "/run/synthwire/restarted";
/// Maximum bytes that are read: the program writes some ten lines at worst.
const NOTES_BYTES_MAX: u64 = 4096;
const NOTES_MAX: usize = 16;

/// Returns notices about this start for the user.
pub fn notes() -> Vec<Plain> {
    notes_in(Path::new(NOTES))
}

/// Returns whether an update has caused this start.
pub fn was_restarted() -> bool {
    Path::new(RESTARTED).exists()
}

fn notes_in(path: &Path) -> Vec<Plain> {
    match lines(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            vec![Plain::from(format!("What was noted when this device started cannot be read: {error}."))]
        }
        Ok(lines) => lines,
    }
}

fn lines(path: &Path) -> io::Result<Vec<Plain>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(NOTES_BYTES_MAX).read_to_end(&mut bytes)?;
    let lines = bytes.split(|byte| *byte == b'\n').map(Plain::of);
    Ok(lines.filter(|line| !line.is_empty()).take(NOTES_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_clean_lines_and_bounded() {
        let path = std::env::temp_dir().join(format!("synthwire-notes-{}", std::process::id()));
        assert_eq!(notes_in(&path), Vec::<Plain>::new(), "none on other machines");
        std::fs::write(&path, "The first.\n\n\u{1b}[2JThe\tsecond.\n\0").unwrap();
        assert_eq!(notes_in(&path), ["The first.".into(), Plain::from("The second.".to_owned())]);
        std::fs::write(&path, "a line\n".repeat(10_000)).unwrap();
        assert_eq!(notes_in(&path).len(), NOTES_MAX);
        std::fs::write(&path, "x".repeat(1 << 20)).unwrap();
        assert_eq!(notes_in(&path).len(), 1);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(notes_in(&path)[0].starts_with("What was noted when this device started cannot be read: "));
        std::fs::remove_dir(&path).unwrap();
    }

    #[test]
    fn these_are_the_files_that_the_cards_first_program_leaves() {
        let init = include_str!("../../image/initramfs/init");
        for path in [NOTES, RESTARTED] {
            assert!(init.contains(&format!(">{path}")), "{path}");
        }
    }
}
