//! The service's state in words for systemd. Pure: `informing` watches and reports.

use crate::config::{Config, Setting};
use crate::hub::SourceStatus;
use crate::plain::Plain;
use std::fmt::Write as _;

/// Returns the line of `systemctl status`: what plays, for how many, what was lost; or what is wrong.
pub(super) fn line(status: &SourceStatus, listening: usize, losses: u64) -> Plain {
    let source = &status.source;
    let listeners = match listening {
        1 => "1 listener".to_owned(),
        listening => format!("{listening} listeners"),
    };
    let Some(capture) = &status.capture else {
        // No notice is due between two sources, or when the service ends.
        let notice = if source.notice.is_empty() { "Nothing plays." } else { &source.notice };
        return format!("{notice} {listeners}.").into();
    };
    let (first, second) = (source.first_channel, source.first_channel + 1);
    let mut line = match capture.channels {
        1 => format!("Playing {}, its one channel on both sides, ", source.name),
        channels => format!("Playing {}, channels {first} and {second} of {channels}, ", source.name),
    };
    match capture.real_time.fifo_priority {
        Some(priority) => write!(line, "SCHED_FIFO {priority}, "),
        None => write!(line, "without real-time priority, "),
    }
    .and_then(|()| match losses {
        0 => write!(line, "to {listeners}."),
        losses => write!(line, "to {listeners}; sound was lost {losses} times (see /api/status)."),
    })
    .expect("a string can be written to");
    if !source.notice.is_empty() {
        line.push(' ');
        line.push_str(&source.notice);
    }
    line.into()
}

/// Returns the effects of a reload in words, for the log.
pub(super) fn reloaded(running: &Config, new: &Config) -> String {
    let changed = running.differing_keys(new);
    let (now, later): (Vec<&str>, Vec<&str>) =
        changed.iter().partition(|key| Setting::of(key).is_some_and(|setting| setting.is_live));
    let effect = match (now.is_empty(), later.is_empty()) {
        (true, true) => "nothing has changed".to_owned(),
        (false, true) => format!("in effect now: {}", now.join(", ")),
        (true, false) => format!("takes effect at the next start: {}", later.join(", ")),
        (false, false) => {
            format!("in effect now: {}; at the next start: {}", now.join(", "), later.join(", "))
        }
    };
    format!("read the configuration again: {effect}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::capture_loop::Exit;
    use crate::rt::status::{Capture, State};
    use crate::rt::thread::RtState;
    use crate::source::opening::Kind;
    use crate::units::Hz;

    fn playing() -> SourceStatus {
        let mut status = SourceStatus::unknown(3);
        status.source.kind = Kind::Synth;
        status.source.state = State::Playing;
        status.source.name = "MONTAGE".into();
        status.source.channels = 8;
        status.source.notice = Plain::default();
        status.capture = Some(Capture {
            device: "hw:1".into(),
            path: "kernel_mmap",
            format: "S24_3LE",
            rate_hz: Hz(44_100),
            channels: 8,
            period_frames: 128,
            real_time: RtState { fifo_priority: Some(70), ..RtState::default() },
        });
        status
    }

    #[test]
    fn the_line_says_what_plays_for_whom_and_what_was_lost() {
        let mut status = playing();
        let begins = "Playing MONTAGE, channels 3 and 4 of 8, SCHED_FIFO 70, to ";
        assert_eq!(line(&status, 1, 0), *format!("{begins}1 listener."));
        status.source.notice = "The other is busy.".into();
        let lost = "2 listeners; sound was lost 5 times (see /api/status). The other is busy.";
        assert_eq!(line(&status, 2, 5), *format!("{begins}{lost}"));
    }

    #[test]
    fn without_a_source_the_line_says_what_to_do() {
        let absent = SourceStatus::unknown(1).absent(None);
        let said = line(&absent, 0, 0);
        assert!(said.starts_with("No synth found. Connect ") && said.ends_with(" 0 listeners."), "{said}");
        let ended = playing().after(Exit::Stopped);
        assert_eq!(line(&ended, 1, 0), "Nothing plays. 1 listener.");
    }

    #[test]
    fn a_reload_says_what_is_in_effect_and_what_waits() {
        let running = Config::default();
        let says = |text: &str| reloaded(&running, &Config::parse(text, "x").unwrap());
        assert_eq!(says(""), "read the configuration again: nothing has changed");
        assert!(says("listeners_max = 99").ends_with("in effect now: listeners_max"));
        assert!(says("demo = true").ends_with("takes effect at the next start: demo"));
        let both = says("first_channel = 3\nlisteners_max = 99\nperiod_frames = 64");
        assert!(
            both.ends_with("in effect now: first_channel, listeners_max; at the next start: period_frames")
        );
    }
}
