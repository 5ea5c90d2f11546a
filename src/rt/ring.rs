//! The hand-off from the capture thread to tokio: samples in one wait-free ring, what they mean in another, one eventfd.
//!
//! The writer never waits and never allocates. When either ring is full the newest period is dropped; the next mark that
//! fits is preceded by a gap of the frames that were not handed over, so the reader's timeline stays whole.

#![deny(clippy::disallowed_macros)]

use crate::core::cause::Cause;
use crate::core::timeline::Span;
use crate::units::MonoNs;
use nix::sys::eventfd::{EfdFlags, EventFd};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;

/// Periods of the largest size the ring holds: 16 x 1024 frames = 370 ms, far beyond what tokio may sleep.
const RING_FRAMES: usize = 16 * 1024;
/// Marks it holds: periods of the smallest size (32 frames) for the same time.
pub const RING_MARKS: usize = RING_FRAMES / 32;

/// What a mark says about its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// `span.frames` stereo frames lie in the sample ring.
    Audio,
    /// The frames do not exist. `past`: found after the fact, the timeline is not advanced.
    Gap {
        /// Why.
        cause: Cause,
        /// See above.
        past: bool,
    },
    /// The next audio begins a new timeline; the span is empty.
    Restart,
    /// Nothing more comes from this source: what is being gathered is all there is; the span is empty.
    End,
}

/// One entry of the mark ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where on the timeline.
    pub span: Span,
    /// When the capture thread was done with it.
    pub ready: MonoNs,
    /// What it is.
    pub what: What,
}

/// The capture thread's end.
#[derive(Debug)]
pub struct HandoffWriter {
    samples: Producer<i16>,
    marks: Producer<Mark>,
    wake: Arc<EventFd>,
    /// Frames dropped since the last mark that fitted, and where they began.
    dropped: Option<Span>,
}

/// The reader's end. Drain it whole at every wake: wakes coalesce.
#[derive(Debug)]
pub struct HandoffReader {
    samples: Consumer<i16>,
    marks: Consumer<Mark>,
    wake: Arc<EventFd>,
}

/// Makes the two ends.
///
/// # Errors
/// When the kernel gives no eventfd.
pub fn handoff() -> nix::Result<(HandoffWriter, HandoffReader)> {
    let (samples_in, samples_out) = RingBuffer::new(RING_FRAMES * 2);
    let (marks_in, marks_out) = RingBuffer::new(RING_MARKS);
    let wake = Arc::new(EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?);
    let writer =
        HandoffWriter { samples: samples_in, marks: marks_in, wake: Arc::clone(&wake), dropped: None };
    Ok((writer, HandoffReader { samples: samples_out, marks: marks_out, wake }))
}

impl HandoffWriter {
    /// Room for one period in the ring itself; `None` when it is full (then call [`Self::drop_newest`]).
    pub fn period(&mut self, frames: u32) -> Option<PeriodSlot<'_>> {
        // Two marks: one may be the gap that explains what was dropped before.
        if self.marks.slots() < 2 {
            return None;
        }
        let chunk = self.samples.write_chunk(frames as usize * 2).ok()?;
        Some(PeriodSlot { chunk, marks: &mut self.marks, dropped: &mut self.dropped, filled: 0 })
    }

    /// Notes that a period had to be dropped.
    pub fn drop_newest(&mut self, span: Span) {
        match &mut self.dropped {
            Some(before) => before.frames = before.frames.saturating_add(span.frames),
            none => *none = Some(span),
        }
    }

    /// Hands over a mark without samples. Without room its frames, if it has any of their own, join those dropped.
    pub fn mark(&mut self, mark: Mark) {
        if self.marks.slots() < 2 {
            if matches!(mark.what, What::Gap { past: false, .. }) {
                self.drop_newest(mark.span);
            }
            return;
        }
        explain_dropped(&mut self.dropped, &mut self.marks, mark.ready);
        let _ = self.marks.push(mark);
    }

    /// Wakes the reader. Never blocks: a saturated eventfd has woken it already.
    pub fn wake(&self) {
        let _ = self.wake.write(1);
    }

    /// Both rings' memory, to be locked before the thread is real-time. Only while they are empty.
    pub fn memory(&mut self) -> [Area; 2] {
        [area_of(&mut self.samples), area_of(&mut self.marks)]
    }
}

/// A piece of memory: address and bytes.
pub type Area = (usize, usize);

fn area_of<T: Copy>(ring: &mut Producer<T>) -> Area {
    let capacity = ring.buffer().capacity();
    ring.write_chunk_uninit(capacity).map_or((0, 0), |mut chunk| {
        let (head, _) = chunk.as_mut_slices();
        (head.as_ptr() as usize, std::mem::size_of_val(head))
    })
}

/// Room for one period in the ring; nothing is handed over until [`Self::commit`].
pub struct PeriodSlot<'a> {
    chunk: rtrb::chunks::WriteChunk<'a, i16>,
    marks: &'a mut Producer<Mark>,
    dropped: &'a mut Option<Span>,
    filled: usize,
}

impl PeriodSlot<'_> {
    /// Gives the free parts for the next `frames` frames to `fill`, one or two slices of interleaved samples.
    pub fn fill(&mut self, frames: u32, mut fill: impl FnMut(&mut [i16])) {
        let wanted = frames as usize * 2;
        let (head, tail) = self.chunk.as_mut_slices();
        let in_head = wanted.min(head.len().saturating_sub(self.filled));
        if in_head > 0 {
            fill(&mut head[self.filled..self.filled + in_head]);
        }
        if in_head < wanted {
            let from = self.filled + in_head - head.len();
            fill(&mut tail[from..from + wanted - in_head]);
        }
        self.filled += wanted;
    }

    /// Hands the period over.
    pub fn commit(self, span: Span, ready: MonoNs) {
        explain_dropped(self.dropped, self.marks, ready);
        self.chunk.commit_all();
        let _ = self.marks.push(Mark { span, ready, what: What::Audio });
    }
}

/// What was dropped comes before whatever is handed over next: marks stay in the order of the timeline.
fn explain_dropped(dropped: &mut Option<Span>, marks: &mut Producer<Mark>, ready: MonoNs) {
    if let Some(span) = dropped.take() {
        let what = What::Gap { cause: Cause::HandoffFull, past: false };
        let _ = marks.push(Mark { span, ready, what });
    }
}

impl HandoffReader {
    /// The descriptor that becomes readable when there is something.
    pub fn descriptor(&self) -> Arc<EventFd> {
        Arc::clone(&self.wake)
    }

    /// Takes the next mark and shows its samples (none but for audio) to `take`; false when there is nothing.
    ///
    /// # Panics
    /// When a mark came without its samples: the writer commits them first.
    pub fn next(&mut self, take: &mut impl FnMut(&Mark, (&[i16], &[i16]))) -> bool {
        let Ok(mark) = self.marks.pop() else { return false };
        if mark.what == What::Audio {
            // The samples were committed before their mark: they are there.
            let chunk =
                self.samples.read_chunk(mark.span.frames as usize * 2).expect("samples precede their mark");
            take(&mark, chunk.as_slices());
            chunk.commit_all();
        } else {
            take(&mark, (&[], &[]));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::FrameIndex;

    fn push(writer: &mut HandoffWriter, first: u64, frames: u32) -> bool {
        let span = Span { first: FrameIndex(first), frames, capture: MonoNs(0) };
        let Some(mut slot) = writer.period(frames) else {
            writer.drop_newest(span);
            return false;
        };
        let mut value = first as i16;
        slot.fill(frames, |part| {
            for frame in part.chunks_exact_mut(2) {
                frame.fill(value);
                value = value.wrapping_add(1);
            }
        });
        slot.commit(span, MonoNs(1));
        true
    }

    #[test]
    fn every_sample_crosses_in_order_under_two_threads() {
        let (mut writer, mut reader) = handoff().unwrap();
        let total = 2_000_000_u64;
        let producer = std::thread::spawn(move || {
            let mut next = 0;
            while next < total {
                // Uneven sizes make the ring wrap inside periods.
                let frames = 32 + (next % 97) as u32;
                while !push(&mut writer, next, frames) {
                    // Ask again as if nothing was dropped: this test is about order, the next about drops.
                    writer.dropped = None;
                    std::thread::yield_now();
                }
                next += u64::from(frames);
                writer.wake();
            }
        });
        let mut next = 0_u64;
        while next < total {
            let found = reader.next(&mut |mark, (head, tail)| {
                assert_eq!(mark.span.first.0, next);
                for sample in head.chunks_exact(2).chain(tail.chunks_exact(2)) {
                    assert_eq!(sample, [next as i16; 2]);
                    next += 1;
                }
            });
            if !found {
                std::thread::yield_now();
            }
        }
        producer.join().unwrap();
    }

    #[test]
    fn what_did_not_fit_comes_back_as_one_gap_of_the_right_length() {
        let (mut writer, mut reader) = handoff().unwrap();
        let mut first = 0;
        while push(&mut writer, first, 1024) {
            first += 1024;
        }
        push(&mut writer, first + 1024, 1024);
        let mut marks = Vec::new();
        while reader.next(&mut |mark, _| marks.push(*mark)) {}
        assert!(push(&mut writer, first + 2048, 1024));
        while reader.next(&mut |mark, _| marks.push(*mark)) {}
        let gap = marks[marks.len() - 2];
        assert_eq!(gap.what, What::Gap { cause: Cause::HandoffFull, past: false });
        assert_eq!((gap.span.first.0, gap.span.frames), (first, 2048));
        assert_eq!(marks.last().unwrap().span.first.0, first + 2048);
    }

    #[test]
    fn a_hole_after_what_was_dropped_comes_after_it() {
        let (mut writer, mut reader) = handoff().unwrap();
        let mut first = 0;
        while push(&mut writer, first, 1024) {
            first += 1024;
        }
        let mut marks = Vec::new();
        while reader.next(&mut |mark, _| marks.push(*mark)) {}
        let hole = Span { first: FrameIndex(first + 1024), frames: 500, capture: MonoNs(0) };
        let what = What::Gap { cause: Cause::CaptureXrun, past: false };
        writer.mark(Mark { span: hole, ready: MonoNs(1), what });
        assert!(push(&mut writer, first + 1524, 1024));
        marks.clear();
        while reader.next(&mut |mark, _| marks.push(*mark)) {}
        let places: Vec<(u64, u32)> =
            marks.iter().map(|mark| (mark.span.first.0, mark.span.frames)).collect();
        assert_eq!(places, [(first, 1024), (first + 1024, 500), (first + 1524, 1024)]);
    }
}
