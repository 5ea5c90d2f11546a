//! Keeps the books of one listener: every frame joins on to the one before, or the hole was announced at its true length.
//!
//! Two counts are compared: the service's (`seq`, `frame_index`, gaps with a cause) and the device's own, which every frame
//! carries (`Pattern::Counter`).

use crate::service::{Ear, Heard, Said};
use std::collections::BTreeMap;
use synthwire::core::cause::Cause;
use synthwire::core::wire::Place;
use synthwire::source::tone::counted_frame;

/// Between the clock's length of a hole and the device's own count lies one period at most.
const TOLERANCE_FRAMES: i64 = 128;

/// What one listener heard so far.
#[derive(Default)]
pub(crate) struct Ledger {
    /// What the card has laid over the samples of the pair that is heard.
    mark: u16,
    /// The service's next record.
    next: Option<(u32, u64)>,
    /// The count of the next frame; `None` until the device's count is heard for the first time.
    count: Option<u32>,
    /// Frames announced as missing since the last one heard.
    announced: u64,
    /// Frames that were right.
    pub(crate) frames: u64,
    /// Records that began a new timeline.
    pub(crate) restarts: u32,
    /// Gaps by cause ("restart": a step of the index at a new timeline), except those found after the fact: how many,
    /// frames announced, frames missing by the device's count.
    pub(crate) gaps: BTreeMap<&'static str, (u32, u64, i64)>,
    /// Losses found after the fact, in frames: what the device fell behind its clock.
    pub(crate) found_later: u64,
    /// Frames a sound server leaves out at a time when it skips a late client, if it does: those are counted here, and whether
    /// the server admits them is for the test to ask.
    cycle_frames: Option<i64>,
    /// Cycles left out.
    pub(crate) skipped_cycles: i64,
    /// What the gaps since the last frame were said to be.
    because: Option<&'static str>,
}

impl Ledger {
    /// Hears this pair, counted from 0.
    pub(crate) fn of_pair(pair: u16) -> Self {
        Self { mark: pair.wrapping_mul(0x1111), ..Self::default() }
    }

    /// The device is a sound server with cycles of so many frames, which may skip some.
    pub(crate) fn cycles_may_be_skipped(&mut self, cycle_frames: i64) {
        self.cycle_frames = Some(cycle_frames);
    }

    /// Hears messages until one brings sound.
    fn listen(&mut self, ear: &mut Ear) {
        while self.hears_text(ear).is_some() {}
    }

    /// Hears messages until one says how the source is now.
    pub(crate) fn listen_for_source(&mut self, ear: &mut Ear) -> serde_json::Value {
        loop {
            match self.hears_text(ear) {
                Some(mut text) if text["type"] == "source" => return text["source"].take(),
                _ => {}
            }
        }
    }

    /// Hears one message; gives it back when it is a text.
    fn hears_text(&mut self, ear: &mut Ear) -> Option<serde_json::Value> {
        let records = match ear.said() {
            Said::Text(text) => return Some(text),
            Said::Sound(records) => records,
        };
        for heard in records {
            match heard {
                Heard::Audio(place, samples) => self.audio(&place, &samples),
                Heard::Gap(place, cause) => self.gap(&place, cause),
                Heard::Note(note) => {
                    assert_eq!(note.lost_packets, 0, "this listener reads as fast as it can");
                }
            }
        }
        None
    }

    /// Listens until so many more frames were right.
    pub(crate) fn listen_for(&mut self, frames: u64, ear: &mut Ear) {
        let enough = self.frames + frames;
        while self.frames < enough {
            self.listen(ear);
        }
    }

    /// What the device counts now is unknown: it is another one, or its count began anew.
    pub(crate) fn count_begins_anew(&mut self) {
        self.count = None;
    }

    fn joins_on(&mut self, place: &Place, held: u32) {
        if let Some((seq, frame_index)) = self.next {
            assert_eq!(place.seq, seq, "records join up");
            if place.restart {
                // The step of the index is the announcement.
                assert!(place.frame_index >= frame_index, "{} after {frame_index}", place.frame_index);
                self.announced += place.frame_index - frame_index;
                self.because = Some("restart");
            } else {
                assert_eq!(place.frame_index, frame_index, "frames join up");
            }
        }
        self.restarts += u32::from(place.restart);
        self.next = Some((place.seq.wrapping_add(1), place.frame_index + u64::from(held)));
    }

    fn gap(&mut self, place: &Place, cause: u16) {
        let cause = Cause::from_code(cause).expect("every cause has a name").name();
        self.joins_on(place, if place.past { 0 } else { place.frames });
        if place.past {
            self.found_later += u64::from(place.frames);
            return;
        }
        self.announced += u64::from(place.frames);
        self.because = Some(cause);
    }

    fn audio(&mut self, place: &Place, samples: &[[i16; 2]]) {
        self.joins_on(place, place.frames);
        let counts: Vec<u32> = samples
            .iter()
            .map(|pair| pair.map(|sample| sample ^ self.mark.cast_signed()))
            .map(|[left, right]| counted_frame(left, right))
            .collect();
        let mut runs = counts.chunk_by(|one, next| *next == one.wrapping_add(1));
        if self.count.is_none() {
            // Before its ports are connected jack gives silence, and then one channel before the other.
            if let (Some(run), None) = (runs.next(), runs.next()) {
                self.settle(run);
            }
            return;
        }
        for run in runs {
            self.run(place.frame_index, run);
        }
    }

    /// Frames that follow each other by the device's count.
    fn run(&mut self, frame_index: u64, run: &[u32]) {
        let expected = self.count.expect("the count is known");
        let missing = i64::from(run[0].wrapping_sub(expected).cast_signed());
        let announced = self.announced.cast_signed();
        match self.cycle_frames {
            Some(cycle) if announced == 0 && missing > 0 && missing % cycle == 0 => {
                self.skipped_cycles += missing / cycle;
                return self.settle(run);
            }
            _ if announced == 0 => {
                assert_eq!(missing, 0, "near frame {frame_index}: {missing} frames are missing unannounced");
            }
            _ => {}
        }
        assert!(
            (announced - missing).abs() <= TOLERANCE_FRAMES,
            "frame {frame_index}: {announced} frames were said to be missing ({:?}), {missing} are",
            self.because
        );
        if let Some(cause) = self.because.filter(|_| announced > 0) {
            let (gaps, frames, by_count) = self.gaps.entry(cause).or_default();
            *gaps += 1;
            *frames += self.announced;
            *by_count += missing;
        }
        self.settle(run);
    }

    fn settle(&mut self, run: &[u32]) {
        self.count = run.last().map(|last| last.wrapping_add(1));
        self.frames += run.len() as u64;
        self.announced = 0;
        self.because = None;
    }
}
