//! Notices for the user about this device, besides its sound, collected once at the start: mistakes in its configuration,
//! limits of its board, its boot loader, and problems on its card. `/api/status` and the page show them.

use crate::card::left::Report;
use crate::config::Complaint;
use crate::plain::Plain;
use crate::state::{Found, StateFolder, Stored};
use crate::sys::{board, boot_loader};
use std::fs;
use std::path::Path;

/// Returns the report that `synthwire card` left for the service in `folder`, if there is one.
pub(super) fn card_report(folder: &Path) -> Option<Report> {
    match Stored::<Report>::open(&StateFolder::of_others(folder)).1 {
        Found::Nothing => None,
        Found::Stored { value, .. } => Some(value),
        Found::Damaged(why) => {
            tracing::warn!("the problems of the card are not shown: {why}");
            None
        }
    }
}

/// Returns all notices.
pub(super) fn gather(complaints: &[Complaint], card: Option<&Report>) -> Vec<Plain> {
    let complaints = complaints.iter().map(|complaint| Plain::from(format!("Configuration, {complaint}.")));
    let model = fs::read(board::MODEL_FILE).unwrap_or_default();
    let board = board::notice(&String::from_utf8_lossy(&model));
    let machine = board.into_iter().chain(boot_loader::here().notice()).map(Plain::from);
    complaints.chain(machine).chain(card.into_iter().flat_map(Report::notices).map(Plain::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_folder::TestFolder;

    #[test]
    fn what_was_wrong_on_the_card_is_told_and_damage_is_borne() {
        let path = TestFolder::new("notices");
        let told = || gather(&[], card_report(&path).as_ref());
        let without = told();
        fs::write(path.join("card.json"), r#"{"when":"today","done":[],"problems":["line 1: no"]}"#).unwrap();
        assert_eq!(told().len(), without.len() + 1);
        assert_eq!(told().last().unwrap(), "synthwire.toml on the card, line 1: no.");
        fs::write(path.join("card.json"), "?").unwrap();
        assert_eq!(told(), without);
    }
}
