//! The files that remain after the card's file was read: the card's new file, and the report to the service.
//! They contain no secrets.

use super::Problem;
use super::keys::KEYS;
use super::sheet::Sheet;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The report to the service: `card.json` in a folder that belongs to root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Identifies the reading of the card; '' before format 1.
    pub reading: String,
    /// The time, in words.
    pub when: String,
    /// The keys that were applied.
    pub done: Vec<String>,
    /// The problems, one or two sentences each.
    pub problems: Vec<String>,
}

impl Report {
    /// Creates the report on a card's file that is read now.
    pub fn new(sheet: &Sheet, further: &[Problem], when: &str, reading: String) -> Self {
        let right = sheet.entries.iter().filter(|entry| entry.wrong.is_none());
        let problems = sheet.problems();
        Self {
            reading,
            when: when.to_owned(),
            done: right.filter_map(|entry| entry.key.map(str::to_owned)).collect(),
            problems: problems.iter().chain(further).map(Problem::to_string).collect(),
        }
    }

    /// Returns whether the file set the pair in the configuration.
    pub fn set_pair(&self) -> bool {
        self.done.iter().any(|key| key == "first_channel")
    }

    /// Returns one sentence for each problem, for the page and the status.
    pub fn notices(&self) -> impl Iterator<Item = String> {
        let said = |problem: &String| format!("synthwire.toml on the card, {problem}.");
        self.problems.iter().map(said)
    }

    /// Returns the content of `synthwire-problems.txt`.
    pub fn problems_text(&self) -> String {
        let mut text = format!("Read {}. The rest of synthwire.toml was done.\n\n", self.when);
        for problem in &self.problems {
            writeln!(text, "synthwire.toml, {problem}.").expect("a string can be written to");
        }
        text.push_str("\nCorrect synthwire.toml, put the card back and switch the device on again.\n");
        // Old versions of Notepad need both characters to end a line.
        text.replace('\n', "\r\n")
    }
}

/// Returns the moment in words, without a time if the clock has not been set.
pub fn moment(unix_s: i64, is_set: bool) -> String {
    let date = time::OffsetDateTime::from_unix_timestamp(unix_s).ok().filter(|_| is_set);
    date.map_or_else(
        || "at a start when this device did not know the time".into(),
        |date| {
            let (year, month, day) = date.to_calendar_date();
            format!(
                "on {year}-{:02}-{day:02} at {:02}:{:02} UTC",
                u8::from(month),
                date.hour(),
                date.minute()
            )
        },
    )
}

/// Returns the file for the card: instructions, and the result for each line. The file consists only of comments.
///
/// # Panics
/// Never: writing to a string cannot fail.
pub fn sheet_text(sheet: &Sheet, report: Option<&Report>) -> String {
    let mut text = String::from(
        "# Synthwire: set up without a screen.\n#\n# Remove the '#' before a line, put your own words between the quotes, save, \
         and start the device with\n# this card. What was done is then taken out of this file, passwords above all; mistakes are \
         named in\n# synthwire-problems.txt beside it and on the page.\n",
    );
    for key in KEYS.iter() {
        write!(text, "\n# {}.\n#{} = {}\n", key.about, key.name, key.example)
            .expect("a string can be written to");
    }
    if let Some(report) = report {
        write!(text, "\n# ---- Read {} ----\n", report.when).expect("a string can be written to");
    }
    for entry in &sheet.entries {
        let value = match (&entry.shown, entry.key) {
            (Some(shown), Some(key)) => format!("{key} = {shown}").replace('\n', " "),
            (None, Some(key)) => format!("{key} = (taken out of this file)"),
            (_, None) => "(a line that was not understood)".into(),
        };
        match &entry.wrong {
            None => writeln!(text, "# Done: {value}"),
            Some(wrong) => writeln!(text, "# Not done: {value}\n#   {wrong}."),
        }
        .expect("a string can be written to");
    }
    text.replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::super::sheet::read;
    use super::*;

    #[test]
    fn what_is_left_asks_for_nothing_and_holds_no_secret() {
        let sheet = read(
            "hostname = \"stage\"\nwifi_name = \"Home\"\nwifi_password = \"hunter2hunter2\"\nlisten = \"hunter2\"\n",
        );
        let report = Report::new(&sheet, &[], "today", "1".into());
        let left = sheet_text(&sheet, Some(&report));
        assert!(read(&left).is_blank(), "{left}");
        assert!(left.contains("# Done: hostname = \"stage\"\r\n"), "{left}");
        assert!(left.contains("# Done: wifi_password = (taken out of this file)"), "{left}");
        assert!(
            left.contains("# Not done: (a line that was not understood)\r\n#   \"listen\" is no key"),
            "{left}"
        );
        assert!(left.contains("---- Read today ----"), "{left}");
        assert_eq!(report.done, ["hostname", "wifi_name", "wifi_password"]);
        let all = format!("{left}{}{:?}", report.problems_text(), report.notices().collect::<Vec<_>>());
        assert!(!all.contains("hunter2"), "{all}");
    }

    #[test]
    fn a_card_from_the_image_holds_this_very_file() {
        let text = sheet_text(&read(""), None);
        assert_eq!(include_str!("../../image/config/synthwire.toml"), text);
    }

    #[test]
    fn an_untouched_card_says_how_and_every_line_works_without_its_mark() {
        let text = sheet_text(&read(""), None);
        assert!(read(&text).is_blank());
        for key in KEYS.iter() {
            let line = format!("#{} = {}\r\n", key.name, key.example);
            assert!(text.contains(&line), "{line}");
            let problems = read(&text.replace(&line, &line[1..])).problems();
            let needs_more = ["wifi_name", "wifi_password", "ssh_key"].contains(&key.name);
            assert_eq!(!problems.is_empty(), needs_more, "{}: {problems:?}", key.name);
        }
    }

    #[test]
    fn problems_are_told_alike_in_the_file_and_on_the_page() {
        let further = [Problem { line: 0, says: "synthwire.toml.txt is not read".into() }];
        let report = Report::new(&read("hostname = 5\n"), &further, "today", "1".into());
        let said = "line 1: hostname wants its value between straight quotes: hostname = \"synthwire\"";
        assert_eq!(report.problems, [said, "synthwire.toml.txt is not read"]);
        assert_eq!(report.notices().collect::<Vec<_>>()[0], format!("synthwire.toml on the card, {said}."));
        assert!(report.problems_text().contains(&format!("synthwire.toml, {said}.\r\n")));
        let kept: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(kept, report);
    }

    #[test]
    fn the_moment_is_said_only_where_it_is_known() {
        assert_eq!(moment(1_795_579_560, true), "on 2026-11-25 at 04:06 UTC");
        assert!(moment(0, false).contains("did not know the time"));
        assert!(moment(i64::MAX, true).contains("did not know the time"));
    }
}
