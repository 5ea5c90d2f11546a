//! What a person should know of this device besides its sound, gathered once at the start: what its board cannot do, which
//! boot loader it has, and what was wrong on its card. `/api/status` and the page show it.

use crate::card::left::Report;
use crate::plain::Plain;
use crate::state::{Found, Kept, StateFolder};
use crate::sys::{board, boot_loader};
use std::fs;

/// All there is to be said.
pub(super) fn gather(folder: Option<&StateFolder>) -> Vec<Plain> {
    let model = fs::read(board::MODEL_FILE).unwrap_or_default();
    let mut notices: Vec<Plain> =
        board::notice(&String::from_utf8_lossy(&model)).into_iter().map(Plain::from).collect();
    notices.extend(boot_loader::here().notice().map(Plain::from));
    match folder.map(|folder| Kept::<Report>::open(folder).1) {
        None | Some(Found::Nothing) => {}
        Some(Found::Kept { value, .. }) => notices.extend(value.notices().map(Plain::from)),
        Some(Found::Damaged(why)) => tracing::warn!("what was wrong on the card is not shown: {why}"),
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrong_on_the_card_is_told_and_damage_is_borne() {
        let path = std::env::temp_dir().join(format!("synthwire-notices-{}", std::process::id()));
        let folder = StateFolder::open(&path).unwrap();
        let without = gather(Some(&folder));
        fs::write(path.join("card.json"), r#"{"when":"today","done":[],"problems":["line 1: no"]}"#).unwrap();
        let told = gather(Some(&folder));
        assert_eq!(told.len(), without.len() + 1);
        assert_eq!(told.last().unwrap(), "synthwire.toml on the card, line 1: no.");
        fs::write(path.join("card.json"), "?").unwrap();
        assert_eq!(gather(Some(&folder)), without);
        fs::remove_dir_all(path).unwrap();
    }
}
