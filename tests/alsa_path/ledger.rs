//! Checks what one listener receives: every frame follows the one before it, or the gap was announced with
//! its true length.
//!
//! The ledger compares two counts: the service's (`seq`, `frame_index`, gaps with a cause) and the device's
//! own count, which every frame carries (`Pattern::Counter`).

use crate::service::{Ear, Heard, Said};
use std::collections::BTreeMap;
use synthwire::core::cause::Cause;
use synthwire::core::wire::Place;
use synthwire::source::tone::counted_frame;

/// A gap measured by the clock and the same gap by the device's count differ by at most one period.
const TOLERANCE_FRAMES: i64 = 128;

/// The record of what a listener has received so far.
#[derive(Default)]
pub(crate) struct Ledger {
    /// The bits that the card adds to the samples of the selected pair.
    mark: u16,
    /// `seq` and frame index that the next record should have.
    next: Option<(u32, u64)>,
    /// The device's count that the next frame should carry; `None` until the first frame.
    count: Option<u32>,
    /// Frames announced as missing since the last received frame.
    announced: u64,
    /// Frames that were correct.
    pub(crate) frames: u64,
    /// Records that started a new timeline.
    pub(crate) restarts: u32,
    /// Gaps by cause: how many, frames announced, and frames missing by the device's count. A step of the
    /// index at a new timeline counts as "restart". Losses that were found after the fact are not included.
    pub(crate) gaps: BTreeMap<&'static str, (u32, u64, i64)>,
    /// Losses found after the fact, in frames: how far the device fell behind its clock.
    pub(crate) found_later: u64,
    /// Cycle length of a sound server that skips cycles for late clients, in frames. Skipped cycles are
    /// counted in `skipped_cycles`; the test itself checks whether the server reports them.
    cycle_frames: Option<i64>,
    /// Cycles that the server skipped.
    pub(crate) skipped_cycles: i64,
    /// The cause that the service gave for the gaps since the last frame.
    because: Option<&'static str>,
}

impl Ledger {
    /// A ledger for the listener of this pair, counted from 0.
    pub(crate) fn of_pair(pair: u16) -> Self {
        Self { mark: pair.wrapping_mul(0x1111), ..Self::default() }
    }

    /// Says that the device is a sound server which may skip whole cycles of this many frames.
    pub(crate) fn cycles_may_be_skipped(&mut self, cycle_frames: i64) {
        self.cycle_frames = Some(cycle_frames);
    }

    /// Reads messages until one contains sound.
    fn listen(&mut self, ear: &mut Ear) {
        while self.hears_text(ear).is_some() {}
    }

    /// Reads messages until one reports the state of the source, and returns that one.
    pub(crate) fn listen_for_source(&mut self, ear: &mut Ear) -> serde_json::Value {
        loop {
            match self.hears_text(ear) {
                Some(mut text) if text["type"] == "source" => return text["source"].take(),
                _ => {}
            }
        }
    }

    /// Reads one message, and returns it if it is a text.
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

    /// Listens until this many more frames were correct.
    pub(crate) fn listen_for(&mut self, frames: u64, ear: &mut Ear) {
        let enough = self.frames + frames;
        while self.frames < enough {
            self.listen(ear);
        }
    }

    /// Forgets the device's count: the device is another one, or its count started anew.
    pub(crate) fn count_begins_anew(&mut self) {
        self.count = None;
    }

    fn joins_on(&mut self, place: &Place, held: u32) {
        if let Some((seq, frame_index)) = self.next {
            assert_eq!(place.seq, seq, "records join up");
            if place.restart {
                // The record itself announces the loss: the step of its index.
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
            // Jack delivers silence until its ports are connected; then one channel starts before the other.
            if let (Some(run), None) = (runs.next(), runs.next()) {
                self.settle(run);
            }
            return;
        }
        for run in runs {
            self.run(place.frame_index, run);
        }
    }

    /// Checks frames which are consecutive by the device's count.
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
