//! `synthwire devices`: lists the sound cards, which one would be chosen, and why not the others.

use super::terminal::say;
use crate::source::alsa::plugin_pcms;
use crate::source::discover::{self, SYSFS_SOUND, Verdict};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run() -> ExitCode {
    let cards = discover::cards(Path::new(SYSFS_SOUND));
    if cards.is_empty() {
        say("No sound cards. Connect the synth's USB TO HOST socket to this machine and switch it on.");
    }
    let mut chosen = false;
    for card in &cards {
        let verdict = card.verdict();
        let (mark, choice) = match verdict {
            Verdict::Synth if !std::mem::replace(&mut chosen, true) => ("*", ": would be chosen"),
            Verdict::Synth => (" ", ": would be tried if those before it cannot be opened"),
            _ => (" ", ""),
        };
        let bus = card.usb.as_ref().map_or_else(String::new, |usb| {
            format!(", USB {}:{}, {} Mbit/s", usb.vendor, usb.product, usb.speed_mbit_s)
        });
        say(format!("{mark} {:<24} {}{bus}: {}{choice}", card.pcm(), card.name(), verdict.words()));
    }
    let plugins = plugin_pcms();
    if !plugins.is_empty() {
        say("");
        say(format!("Other ALSA PCMs that can be named with --device: {}", plugins.join(", ")));
    }
    if !chosen {
        say("");
        say("None would be chosen automatically: 'synthwire serve' waits, or plays the demo with --demo.");
    }
    ExitCode::SUCCESS
}
