//! What a person should know of this device besides its sound, gathered once at the start: what its board cannot do, and what
//! was wrong on its card. `/api/status` and the page show it.

use crate::card::left::Report;
use crate::plain::Plain;
use crate::state::StateFolder;
use crate::sys::board;
use std::fs;

/// What `synthwire card` leaves in the state folder.
pub(super) const CARD_REPORT: &str = "card.json";

/// All there is to be said.
pub(super) fn gather(folder: Option<&StateFolder>) -> Vec<Plain> {
    let model = fs::read(board::MODEL_FILE).unwrap_or_default();
    let mut notices: Vec<Plain> =
        board::notice(&String::from_utf8_lossy(&model)).into_iter().map(Plain::from).collect();
    let report = folder.map(|folder| folder.read(CARD_REPORT)).transpose();
    match report.map(Option::flatten) {
        Ok(None) => {}
        Ok(Some(bytes)) => match serde_json::from_slice::<Report>(&bytes) {
            Ok(report) => notices.extend(report.notices().map(Plain::from)),
            Err(error) => tracing::warn!("cannot understand {CARD_REPORT} of the state folder: {error}"),
        },
        Err(error) => tracing::warn!("what was wrong on the card is not shown: {error}"),
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
        folder.write(CARD_REPORT, br#"{"when":"today","done":[],"problems":["line 1: no"]}"#).unwrap();
        let told = gather(Some(&folder));
        assert_eq!(told.len(), without.len() + 1);
        assert_eq!(told.last().unwrap(), "synthwire.toml on the card, line 1: no.");
        folder.write(CARD_REPORT, b"?").unwrap();
        assert_eq!(gather(Some(&folder)), without);
        fs::remove_dir_all(path).unwrap();
    }
}
