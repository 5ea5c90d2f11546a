//! The observations of a soak, and its verdict. Pure: `soak.rs` listens and asks, and passes the times.

use crate::core::cause::Cause;
use crate::core::wire::{self, Place, Record};
use crate::units::{Hz, MonoNs, NS_PER_S};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Losses that reveal a fault of machine, cable or service; the other causes are intended.
const FAULTS: [Cause; 5] =
    [Cause::CaptureXrun, Cause::UsbLoss, Cause::DeviceGone, Cause::HandoffFull, Cause::QueueDrop];
/// Seconds without sound that the verdict ignores, because starting and connecting take some time.
const STILL_S: u64 = 2;

/// The sound that a listener has received.
#[derive(Clone, Debug, Default)]
pub(super) struct Ear {
    /// Frames received as sound.
    pub(super) frames: u64,
    /// Frames reported as missing, by cause.
    pub(super) missing: BTreeMap<&'static str, u64>,
    /// Places where the stream jumped without an explanation.
    pub(super) breaks: u64,
    /// Invalid messages.
    pub(super) refused: u64,
    /// Times the connection ended.
    pub(super) cut: u64,
    /// Longest wait for the next sound.
    pub(super) wait_ns_max: u64,
    last: Option<MonoNs>,
    /// The number and the first frame that the next record should have.
    next: Option<(u32, u64)>,
    /// Records that this listener was told it will not get.
    told_lost: u32,
}

impl Ear {
    /// Takes in a binary message that came at `now`.
    pub(super) fn hear(&mut self, message: &[u8], now: MonoNs) {
        let Ok(records) = wire::parse(message) else {
            self.refused += 1;
            return;
        };
        for record in records {
            match record {
                Record::Audio(place, _) => {
                    self.follow(&place, place.frame_index.saturating_add(u64::from(place.frames)));
                    self.frames += u64::from(place.frames);
                    let waited_ns = self.last.replace(now).map_or(0, |last| now.since(last));
                    self.wait_ns_max = self.wait_ns_max.max(waited_ns);
                }
                Record::Gap(place, cause) => {
                    let after = if place.past { 0 } else { u64::from(place.frames) };
                    self.follow(&place, place.frame_index.saturating_add(after));
                    self.miss(cause, place.frames);
                }
                Record::Listener(note) => {
                    self.told_lost = self.told_lost.wrapping_add(note.lost_packets);
                    if note.lost_packets > 0 {
                        self.miss(note.cause, note.lost_frames);
                    }
                }
            }
        }
    }

    /// Records that the connection has ended, so that the next one starts a new sequence.
    pub(super) fn lose_connection(&mut self) {
        self.cut += 1;
        (self.next, self.told_lost) = (None, 0);
    }

    /// Checks that this record follows the last one without a gap.
    fn follow(&mut self, place: &Place, frame_after: u64) {
        if let Some((seq, frame)) = self.next {
            let passed_over = place.seq.wrapping_sub(seq);
            let joins = match passed_over {
                0 if place.restart => place.frame_index >= frame,
                0 => place.frame_index == frame,
                _ => place.frame_index > frame,
            };
            self.breaks += u64::from(passed_over != self.told_lost || !joins);
        }
        self.told_lost = 0;
        self.next = Some((place.seq.wrapping_add(1), frame_after));
    }

    fn miss(&mut self, cause: u16, frames: u32) {
        let name = Cause::from_code(cause).map_or("unknown", Cause::name);
        *self.missing.entry(name).or_default() += u64::from(frames);
    }
}

/// The service's reports, from one look to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// Number of times the service did not answer.
    pub(super) silent: u64,
    /// Number of times the service restarted.
    pub(super) restarts: u64,
    /// Number of looks that found capture without real-time priority.
    pub(super) not_prompt: u64,
    /// Losses since the soak began, by cause.
    pub(super) losses: BTreeMap<String, u64>,
    /// The last status of the service, in words.
    pub(super) now: String,
    uptime_s: u64,
    before: BTreeMap<String, u64>,
    looked: bool,
}

impl Watch {
    /// Takes in an answer of `/api/status`; `None` if there was none.
    pub(super) fn look(&mut self, status: Option<&Value>) {
        let Some(status) = status else {
            self.silent += 1;
            return;
        };
        let uptime_s = status["uptime_s"].as_u64().unwrap_or(0);
        let restarted = self.looked && uptime_s < self.uptime_s;
        self.restarts += u64::from(restarted);
        self.uptime_s = uptime_s;
        let playing = !status["capture"].is_null();
        let fifo = &status["capture"]["real_time"]["fifo_priority"];
        self.not_prompt += u64::from(playing && fifo.is_null());
        let source = |key: &str| status["source"][key].as_str().unwrap_or_default().to_owned();
        format!("{} {}", source("name"), source("state")).trim().clone_into(&mut self.now);
        for (cause, loss) in status["losses"].as_object().into_iter().flatten() {
            let events = loss["events"].as_u64().unwrap_or(0);
            let before = self.before.insert(cause.clone(), events);
            // After a restart all counts are new; at the first look, none are.
            let new = match before {
                Some(before) if !restarted => events.saturating_sub(before),
                _ if self.looked => events,
                _ => 0,
            };
            *self.losses.entry(cause.clone()).or_default() += new;
        }
        self.looked = true;
    }
}

/// The verdict of a soak.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The faults; empty if the soak passed.
    pub(super) faults: Vec<String>,
    /// Further remarks.
    pub(super) notes: Vec<String>,
}

impl Verdict {
    /// Judges `elapsed_ns` of listening to a stream of this rate.
    pub(super) fn of(ear: &Ear, watch: &Watch, rate: Hz, elapsed_ns: u64) -> Self {
        let mut faults: Vec<String> = [
            (ear.breaks, "the stream broke # without an explanation"),
            (ear.refused, "a message could not be read #"),
            (ear.cut, "the connection ended #"),
            (watch.silent, "the service did not answer #"),
            (watch.restarts, "the service was started anew #"),
        ]
        .into_iter()
        .filter_map(|(count, says)| counted(count, says))
        .collect();
        for name in FAULTS.map(Cause::name) {
            let events = watch.losses.get(name).copied().unwrap_or(0);
            faults.extend(counted(events, &format!("sound was lost #: {name}")));
            // The capture side's sums do not include frames that only this listener missed.
            let missing_ms = rate.duration_ns(ear.missing.get(name).copied().unwrap_or(0)) / 1_000_000;
            if missing_ms > 0 && events == 0 {
                faults.push(format!("{missing_ms} ms of sound were missing: {name}"));
            }
        }
        let missing: u64 = ear.missing.values().sum();
        let still_s = elapsed_ns.saturating_sub(rate.duration_ns(ear.frames + missing)) / NS_PER_S;
        if ear.frames == 0 {
            faults.push("no sound came at all".into());
        } else if still_s > STILL_S + elapsed_ns / NS_PER_S / 1000 {
            // Allow for a thousandth, because the synth's clock differs from ours.
            faults.push(format!("for {still_s} s no sound came"));
        }
        let mut notes = Vec::new();
        if watch.not_prompt > 0 {
            notes.push("capture had no real-time priority ('synthwire doctor' says why)".into());
        }
        let wanted = watch.losses.get(Cause::SourceChange.name()).copied().unwrap_or(0);
        if wanted > 0 {
            notes.push(format!("the instrument changed {wanted} times"));
        }
        Self { faults, notes }
    }

    /// Returns the final text of a soak planned for `wanted_ns`.
    pub(super) fn words(&self, elapsed_ns: u64, wanted_ns: u64) -> String {
        let so_far = if elapsed_ns < wanted_ns {
            format!(", ended before its {}", span(wanted_ns))
        } else {
            String::new()
        };
        let head = if self.faults.is_empty() { "PASSED" } else { "FAILED" };
        let mut text = format!("{head} after {}{so_far}", span(elapsed_ns));
        for (mark, line) in
            self.faults.iter().map(|f| ("fault", f)).chain(self.notes.iter().map(|n| ("note", n)))
        {
            write!(text, "\n  {mark}: {line}").expect("a string can be written to");
        }
        text
    }
}

/// Returns a sentence with the count in place of '#'; `None` if the count is 0.
fn counted(count: u64, says: &str) -> Option<String> {
    let often = match count {
        0 => return None,
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    Some(says.replace('#', &often))
}

/// Returns the progress in one line.
pub(super) fn progress(ear: &Ear, watch: &Watch, (elapsed_ns, wanted_ns): (u64, u64)) -> String {
    let missing: u64 = ear.missing.values().sum();
    let lost = match (missing, ear.breaks) {
        (0, 0) => "nothing lost".to_owned(),
        (missing, 0) => format!("{missing} frames missing"),
        (missing, breaks) => format!("{missing} frames missing, {breaks} breaks"),
    };
    format!(
        "{} of {}: {}, {:.1} million frames, {lost}, longest wait {} ms",
        span(elapsed_ns),
        span(wanted_ns),
        if watch.now.is_empty() { "nothing known" } else { &watch.now },
        ear.frames as f64 / 1e6,
        ear.wait_ns_max / 1_000_000
    )
}

/// Formats a duration with its two largest units.
fn span(ns: u64) -> String {
    let s = ns / NS_PER_S;
    match (s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, min, s) => format!("{min} min {s} s"),
        (0, h, min, _) => format!("{h} h {min} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

/// Parses a duration as typed: 24h, 90m, 1h30m, 2d, 45s; from a second to thirty days.
pub(super) fn parse_span(text: &str) -> Result<u64, String> {
    let none = || format!("{text:?} is no length of time: 24h, 90m, 1h30m, 2d or 45s, from 1s to 30d");
    let mut total_s = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(none)?;
        let count: u64 = rest[..at].parse().map_err(|_| none())?;
        let unit_s = match rest.as_bytes()[at] {
            b'd' => 86_400,
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return Err(none()),
        };
        total_s = count.checked_mul(unit_s).and_then(|s| s.checked_add(total_s)).ok_or_else(none)?;
        rest = &rest[at + 1..];
    }
    if (1..=30 * 86_400).contains(&total_s) { Ok(total_s * NS_PER_S) } else { Err(none()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::wire::{FRAME_BYTES, ListenerNote};
    use serde_json::json;

    const RATE: Hz = Hz(44_100);
    const S: u64 = NS_PER_S;

    fn audio(seq: u32, frame_index: u64, restart: bool) -> Vec<u8> {
        let place = Place { seq, frame_index, restart, frames: 128, ..Place::default() };
        let mut bytes = wire::audio_head(&place, wire::Coding::S16_PAIR).to_vec();
        bytes.resize(bytes.len() + 128 * FRAME_BYTES, 0);
        bytes
    }

    fn gap(seq: u32, frame_index: u64, frames: u32, past: bool) -> Vec<u8> {
        wire::gap(&Place { past, seq, frames, frame_index, ..Place::default() }, Cause::UsbLoss.code())
            .to_vec()
    }

    fn lost(packets: u32) -> Vec<u8> {
        let note = ListenerNote {
            lost_packets: packets,
            lost_frames: packets * 128,
            cause: 6,
            ..ListenerNote::default()
        };
        wire::listener(&note).to_vec()
    }

    fn heard(messages: &[Vec<u8>]) -> Ear {
        let mut ear = Ear::default();
        for (number, message) in messages.iter().enumerate() {
            ear.hear(message, MonoNs(number as u64 * 3_000_000));
        }
        ear
    }

    #[test]
    fn a_stream_that_joins_on_is_whole() {
        let last = u32::MAX;
        let ear = heard(&[
            audio(last, 0, true),
            audio(0, 128, false),
            gap(1, 256, 64, false),
            audio(2, 320, false),
            gap(3, 448, 6, true),
            audio(4, 448, false),
            audio(5, 9000, true),
            lost(2),
            audio(8, 9128 + 256, false),
        ]);
        assert_eq!((ear.breaks, ear.refused, ear.frames), (0, 0, 6 * 128));
        assert_eq!(ear.missing, BTreeMap::from([("usb_loss", 70), ("queue_drop", 256)]));
        assert_eq!(ear.wait_ns_max, 6_000_000);
    }

    #[test]
    fn every_kind_of_break_is_found() {
        for (what, second) in [
            ("a record left out", vec![audio(2, 256, false)]),
            ("a record twice", vec![audio(0, 0, false)]),
            ("frames left out", vec![audio(1, 129, false)]),
            ("frames twice", vec![audio(1, 127, false)]),
            ("a start that goes back", vec![audio(1, 0, true)]),
            ("more lost than was told", vec![lost(1), audio(3, 384, false)]),
            ("less lost than was told", vec![lost(2), audio(2, 256, false)]),
        ] {
            let messages = [vec![audio(0, 0, false)], second].concat();
            assert_eq!(heard(&messages).breaks, 1, "{what}");
        }
        assert_eq!(heard(&[vec![9; 50]]).refused, 1);
        let mut ear = heard(&[audio(0, 0, false)]);
        ear.lose_connection();
        ear.hear(&audio(77, 9999, false), MonoNs(0));
        assert_eq!((ear.cut, ear.breaks), (1, 0), "another connection begins where it likes");
    }

    fn status(uptime_s: u64, xruns: u64) -> Value {
        json!({"uptime_s": uptime_s, "source": {"name": "MONTAGE", "state": "playing"},
               "capture": {"real_time": {"fifo_priority": 70}}, "losses": {"capture_xrun": {"events": xruns, "frames": 9}}})
    }

    #[test]
    fn only_what_happens_meanwhile_counts() {
        let mut watch = Watch::default();
        watch.look(Some(&status(100, 5)));
        watch.look(Some(&status(110, 5)));
        assert_eq!(
            (watch.losses["capture_xrun"], watch.restarts, watch.now.as_str()),
            (0, 0, "MONTAGE playing")
        );
        watch.look(Some(&status(120, 7)));
        watch.look(None);
        watch.look(Some(&status(3, 1)));
        assert_eq!((watch.losses["capture_xrun"], watch.restarts, watch.silent), (3, 1, 1));
        assert_eq!(watch.not_prompt, 0);
        watch.look(Some(&json!({"uptime_s": 9, "capture": {"real_time": {"fifo_priority": null}}})));
        assert_eq!(watch.not_prompt, 1);
    }

    /// Returns ten seconds of sound.
    fn well() -> Ear {
        Ear { frames: 441_000, ..Ear::default() }
    }

    #[test]
    fn a_calm_soak_passes_and_says_how_long_it_was() {
        let mut watch = Watch::default();
        watch.look(Some(&status(1, 0)));
        let verdict = Verdict::of(&well(), &watch, RATE, 10 * S);
        assert_eq!(verdict, Verdict { faults: vec![], notes: vec![] });
        assert_eq!(verdict.words(10 * S, 10 * S), "PASSED after 10 s");
        assert_eq!(verdict.words(10 * S, 86_400 * S), "PASSED after 10 s, ended before its 1 d 0 h");
        let line = progress(&well(), &watch, (3600 * S, 86_400 * S));
        assert_eq!(
            line,
            "1 h 0 min of 1 d 0 h: MONTAGE playing, 0.4 million frames, nothing lost, longest wait 0 ms"
        );
    }

    #[test]
    fn every_fault_fails_and_is_named() {
        let missing = Ear { missing: BTreeMap::from([("queue_drop", 44_100)]), ..well() };
        let losing =
            |cause: &str| Watch { losses: BTreeMap::from([(cause.to_owned(), 2)]), ..Watch::default() };
        let calm = Watch::default;
        for (ear, watch, said) in [
            (Ear { breaks: 1, ..well() }, calm(), "the stream broke once without an explanation"),
            (Ear { refused: 2, ..well() }, calm(), "a message could not be read 2 times"),
            (Ear { cut: 1, ..well() }, calm(), "the connection ended once"),
            (well(), Watch { silent: 3, ..calm() }, "the service did not answer 3 times"),
            (well(), Watch { restarts: 1, ..calm() }, "the service was started anew once"),
            (well(), losing("capture_xrun"), "sound was lost 2 times: capture_xrun"),
            (well(), losing("usb_loss"), "sound was lost 2 times: usb_loss"),
            (well(), losing("device_gone"), "sound was lost 2 times: device_gone"),
            (missing, calm(), "1000 ms of sound were missing: queue_drop"),
            (Ear::default(), calm(), "no sound came at all"),
            (Ear { frames: 200_000, ..well() }, calm(), "for 5 s no sound came"),
        ] {
            assert_eq!(Verdict::of(&ear, &watch, RATE, 10 * S).faults, [said]);
        }
        let verdict = Verdict::of(&well(), &losing("source_change"), RATE, 10 * S);
        assert_eq!(
            verdict.words(60 * S, 60 * S),
            "PASSED after 1 min 0 s\n  note: the instrument changed 2 times"
        );
    }

    #[test]
    fn lengths_of_time_are_typed_with_their_unit() {
        for (text, s) in [
            ("24h", 86_400),
            ("90m", 5400),
            ("1h30m", 5400),
            ("2d", 172_800),
            ("45s", 45),
            ("30d", 2_592_000),
        ] {
            assert_eq!(parse_span(text), Ok(s * S), "{text}");
        }
        for text in [
            "",
            "24",
            "h",
            "0s",
            "31d",
            "-1h",
            "1.5h",
            "1 h",
            "99999999999999999999d",
            "9999999999999999d",
            "1ü",
        ] {
            assert!(parse_span(text).unwrap_err().contains("1h30m"), "{text:?}");
        }
    }
}
