//! Checks that every frame arrives once, in order, and that every missing frame was announced.
//!
//! In: records, and the selected pair. Out: [`Order`], a ledger. The instrument's counters give the number of
//! each frame as the instrument counts it. Until the timeline restarts, this number has a fixed distance from
//! the service's own `frame_index`, whichever pair is selected. If the distance grows, frames were lost; if
//! it shrinks, frames were played twice.

use crate::records::Record;
use montage::signal::{Signal, frame_of};
use std::collections::BTreeMap;

/// A jump of more than a minute means that the samples are garbled.
const JUMP_FRAMES_MAX: u64 = 60 * 44_100;

/// The sound heard so far, and its faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// First channel of the current pair, from 0.
    pair: usize,
    /// The pair that follows after the fade.
    next_pair: Option<usize>,
    /// The instrument's frame minus `frame_index`; `None` at the start of a timeline.
    distance: Option<i64>,
    /// The instrument's frame after the last one received.
    next_device_frame: u64,
    next_index: Option<u64>,
    next_seq: Option<u32>,
    lost_packets: u32,
    /// Frames that arrived in order.
    pub frames: u64,
    /// Frames received during a fade from one pair to another.
    pub fade_frames: u64,
    /// Missing frames of the instrument, found in continuous sound.
    pub missing_frames: u64,
    /// Number of times that frames were missing.
    pub jumps: u64,
    /// Frames that arrived twice or too late.
    pub backward: u64,
    /// Frames that are not the instrument's.
    pub garbled: u64,
    /// Records whose number or frame index does not follow from the record before.
    pub unexplained: u64,
    /// Packets that this listener's own queue dropped.
    pub queue_lost_packets: u64,
    /// Number of times that a timeline began.
    pub restarts: u64,
    /// Announced missing frames, by cause code.
    pub gaps: BTreeMap<u16, u64>,
}

impl Order {
    /// An empty ledger for the pair at `first_channel`, from 0.
    pub fn of_pair(first_channel: usize) -> Self {
        Self { pair: first_channel, ..Self::default() }
    }

    /// Expects another pair from some frame on.
    pub fn expect_pair(&mut self, first_channel: usize) {
        self.next_pair = (first_channel != self.pair).then_some(first_channel);
    }

    /// Returns whether the expected pair has arrived.
    pub fn has_switched(&self) -> bool {
        self.next_pair.is_none()
    }

    /// Returns whether everything is in order, except for faults of the device.
    pub fn is_in_order(&self) -> bool {
        self.backward == 0 && self.garbled == 0 && self.unexplained == 0 && self.queue_lost_packets == 0
    }

    /// Processes the next record.
    pub fn hear(&mut self, record: &Record) {
        match record {
            Record::Note { lost_packets } => {
                self.lost_packets += lost_packets;
                self.queue_lost_packets += u64::from(*lost_packets);
            }
            Record::Gap { past, cause, seq, frame_index, frames } => {
                *self.gaps.entry(*cause).or_default() += u64::from(*frames);
                self.follows(*seq, *frame_index);
                if !past {
                    self.next_index = Some(frame_index + u64::from(*frames));
                    self.distance = None; // the gap's length is estimated by the clock
                }
            }
            Record::Audio { restart, seq, frame_index, frames } => {
                if *restart {
                    self.restarts += 1;
                    self.distance = None;
                    self.next_index = Some(*frame_index);
                }
                self.follows(*seq, *frame_index);
                for (index, frame) in (*frame_index..).zip(frames) {
                    self.frame(index, *frame);
                }
                self.next_index = Some(frame_index + frames.len() as u64);
            }
        }
    }

    /// Checks that a record follows the one before; packets that were reported as dropped explain a jump.
    fn follows(&mut self, seq: u32, frame_index: u64) {
        let lost = std::mem::take(&mut self.lost_packets);
        let number_follows = self.next_seq.is_none_or(|next| next.wrapping_add(lost) == seq);
        let index_follows = self.next_index.is_none_or(|next| next == frame_index || lost > 0);
        self.unexplained += u64::from(!number_follows) + u64::from(!index_follows);
        self.next_seq = Some(seq.wrapping_add(1));
        self.next_index = Some(frame_index);
    }

    fn frame(&mut self, index: u64, frame: [i16; 2]) {
        let Some(distance) = self.distance else { return self.first_frame(index, frame) };
        let device_frame = index.wrapping_add_signed(distance);
        let holds =
            |pair: usize| frame == [0, 1].map(|side| Signal::Counter.sample(device_frame, pair + side));
        if self.next_pair.is_some_and(holds) {
            self.pair = self.next_pair.take().unwrap_or(self.pair);
        } else if !holds(self.pair) {
            return self.other_frame(index, device_frame, frame);
        }
        self.frames += 1;
        self.next_device_frame = device_frame + 1;
    }

    /// The first frame of a timeline, or after a gap: any later frame is valid.
    fn first_frame(&mut self, index: u64, [left, right]: [i16; 2]) {
        match frame_of(self.pair, left, right) {
            None => self.garbled += 1,
            Some(found) if found < self.next_device_frame => self.backward += 1,
            Some(found) => {
                self.distance = Some(found as i64 - index as i64);
                self.frames += 1;
                self.next_device_frame = found + 1;
            }
        }
    }

    /// A frame other than the expected one.
    fn other_frame(&mut self, index: u64, due: u64, [left, right]: [i16; 2]) {
        if self.next_pair.is_some() {
            self.fade_frames += 1;
            return;
        }
        match frame_of(self.pair, left, right) {
            Some(found) if found > due && found - due <= JUMP_FRAMES_MAX => {
                self.missing_frames += found - due;
                self.jumps += 1;
                self.distance = Some(found as i64 - index as i64);
                self.frames += 1;
                self.next_device_frame = found + 1;
            }
            Some(found) if found < due && due - found <= JUMP_FRAMES_MAX => {
                self.backward += 1;
                self.distance = Some(found as i64 - index as i64);
            }
            _ => self.garbled += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audio(seq: u32, frame_index: u64, device_frame: u64, pair: usize) -> Record {
        let sample = |frame, channel| Signal::Counter.sample(frame, channel);
        let frames =
            (device_frame..device_frame + 100).map(|f| [sample(f, pair), sample(f, pair + 1)]).collect();
        Record::Audio { restart: seq == 0, seq, frame_index, frames }
    }

    fn heard(records: &[Record]) -> Order {
        let mut order = Order::of_pair(2);
        for record in records {
            order.hear(record);
        }
        order
    }

    #[test]
    fn sound_in_order_is_in_order() {
        let order = heard(&[audio(0, 50, 9000, 2), audio(1, 150, 9100, 2)]);
        assert!(order.is_in_order());
        assert_eq!((order.frames, order.jumps, order.restarts), (200, 0, 1));
    }

    #[test]
    fn lost_repeated_swapped_and_foreign_frames_are_told_apart() {
        let lost = heard(&[audio(0, 50, 9000, 2), audio(1, 150, 9144, 2)]);
        assert_eq!((lost.missing_frames, lost.jumps, lost.backward), (44, 1, 0));
        let repeated = heard(&[audio(0, 50, 9000, 2), audio(1, 150, 9000, 2)]);
        assert_eq!((repeated.backward, repeated.is_in_order()), (1, false));
        let foreign = heard(&[audio(0, 50, 9000, 2), audio(1, 150, 9100, 3)]);
        assert!(foreign.garbled > 0 && !foreign.is_in_order());
        let mut swapped = audio(1, 150, 9100, 2);
        if let Record::Audio { frames, .. } = &mut swapped {
            frames.swap(10, 11);
        }
        assert!(!heard(&[audio(0, 50, 9000, 2), swapped]).is_in_order());
    }

    #[test]
    fn a_record_that_does_not_follow_is_unexplained_unless_a_note_explains_it() {
        let jump = audio(4, 350, 9300, 2);
        assert_eq!(heard(&[audio(0, 50, 9000, 2), jump.clone()]).unexplained, 2);
        let order = heard(&[audio(0, 50, 9000, 2), Record::Note { lost_packets: 3 }, jump]);
        assert_eq!((order.unexplained, order.queue_lost_packets, order.jumps), (0, 3, 0));
    }

    #[test]
    fn gaps_are_added_up_and_only_a_new_one_moves_the_timeline() {
        let gap = |seq, past, frame_index| Record::Gap { past, cause: 2, seq, frame_index, frames: 44 };
        let past = heard(&[audio(0, 50, 9000, 2), gap(1, true, 150), audio(2, 150, 9144, 2)]);
        assert_eq!((past.gaps[&2], past.missing_frames, past.is_in_order()), (44, 44, true));
        let hole = heard(&[audio(0, 50, 9000, 2), gap(1, false, 150), audio(2, 194, 9150, 2)]);
        assert_eq!((hole.gaps[&2], hole.missing_frames, hole.is_in_order()), (44, 0, true));
    }

    #[test]
    fn another_pair_is_heard_after_its_fade() {
        let mut order = heard(&[audio(0, 50, 9000, 2)]);
        order.expect_pair(5);
        let fade = Record::Audio { restart: false, seq: 1, frame_index: 150, frames: vec![[0, 0]; 7] };
        order.hear(&fade);
        assert!(!order.has_switched());
        order.hear(&audio(2, 157, 9107, 5));
        assert!(order.has_switched() && order.is_in_order());
        assert_eq!((order.fade_frames, order.frames), (7, 200));
    }
}
