//! The settings in the guide, the man page and the package match their declarations in
//! `src/config/settings.rs`.

use crate::stands;
use std::fmt::Write as _;
use synthwire::card::left::sheet_text;
use synthwire::card::sheet::read;
use synthwire::config::{Config, Kind, SETTINGS, Setting};

const GUIDE: &str = "docs/ref/configuration.md";
const PACKAGED: &str = "packaging/synthwire.toml";
const CARD: &str = "image/config/synthwire.toml";
const MAN_PAGE: &str = "packaging/synthwire.1";

/// The default in words; values are set as code.
fn default(setting: &Setting) -> String {
    let words = setting.default();
    if words == setting.unset { words } else { format!("`{words}`") }
}

/// Options of a list may be given several times.
fn option(Setting { option, kind, .. }: &Setting) -> String {
    let times = if matches!(kind, Kind::Names | Kind::Addresses) { ", several times" } else { "" };
    if option.is_empty() { String::new() } else { format!("`{option}`{times}") }
}

#[test]
fn the_guide_has_a_row_for_each() {
    let mut rows = String::new();
    for setting in SETTINGS {
        let Setting { key, kind, about, more, is_live, .. } = setting;
        let live = if *is_live { "; **live**" } else { "" };
        let more = if more.is_empty() { String::new() } else { format!("; {more}") };
        let (option, default) = (option(setting), default(setting));
        writeln!(rows, "| `{key}` | {option} | {} | {default} | {about}{more}{live} |", kind.wants())
            .expect("a string can be written to");
    }
    stands(GUIDE, ("|---|---|---|---|---|\n", "\n\n"), rows.trim_end());
}

#[test]
fn the_packages_file_explains_each_that_stands_there() {
    let live: Vec<&str> =
        SETTINGS.iter().filter(|setting| setting.is_live).map(|setting| setting.key).collect();
    let mut text = format!(
        " Every key has a default; remove the '#' to change it.\n#\n\
         # After a change: systemctl reload synthwire. These then take effect without a gap in the sound: {}.\n\
         # Every other key waits for `systemctl restart synthwire`. The log says which: journalctl -u synthwire\n\
         # If synthwire.socket is in use, it sets the port: systemctl cat synthwire.socket shows it.\n",
        live.join(", ")
    );
    for setting in SETTINGS.iter().filter(|setting| !setting.example.is_empty()) {
        let Setting { key, kind, about, example, .. } = setting;
        let range = match kind {
            Kind::Number { least, most, .. } => format!(". {least} to {most}"),
            Kind::HashedKey => ", as 'synthwire key' prints it".to_owned(),
            _ => String::new(),
        };
        // Each line must be valid without its mark. Keys are the exception, because no valid key
        // can be shown.
        let mark = if *kind == Kind::HashedKey { "# " } else { "#" };
        let default = setting.default();
        write!(text, "\n# {about}{range}. Default: {default}.\n{mark}{key} = {example}\n")
            .expect("a string can be written to");
    }
    stands(PACKAGED, ("# Synthwire's configuration.", ""), &text);
    let unmarked: String = text
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or("").to_owned() + "\n"
        })
        .collect();
    Config::parse(&unmarked, PACKAGED).expect("every line holds without its mark");
}

#[test]
fn the_man_page_lists_each() {
    let plain = |text: &str| text.replace('\\', "\\\\").replace('-', "\\-");
    let mut text = String::new();
    for setting in SETTINGS {
        let Setting { key, kind, about, .. } = setting;
        let option = setting
            .option()
            .map_or_else(String::new, |_| format!(" \" (\" {} )", plain(setting.option).replace(' ', "\\ ")));
        let (about, wants, default) = (plain(about), plain(&kind.wants()), plain(&setting.default()));
        writeln!(text, ".TP\n.BR {key}{option}\n{about}. It wants {wants}. Default: {default}.")
            .expect("a string can be written to");
    }
    stands(MAN_PAGE, (".SH CONFIGURATION\n", ".SH SIGNALS"), &text);
}

#[test]
fn the_cards_file_asks_for_nothing_and_shows_each_key() {
    let text = sheet_text(&read(""), None);
    stands(CARD, ("", ""), &text);
}
