//! The hand-off from the capture thread to the fan-out thread: a wait-free ring of frames, a second ring of
//! marks that describe the frames, and one eventfd.
//!
//! In: whole frames of all channels of a source, as 32-bit integers. Out: the same frames.
//!
//! The writer never waits and never allocates. When either ring is full, the newest period is dropped. A gap of the dropped
//! frames precedes the next mark that fits, so the reader's timeline stays complete. Marks without frames (a source begins
//! or ends, a loss is found) are never lost. The ring of marks keeps room for them; beyond that, the writer merges them
//! into the few that still matter ([`Owed`]).
//!
//! The ring of marks lasts as long as the service. The ring of frames lasts as long as a source, whose channels decide its
//! size: it is made before the capture thread starts ([`HandoffWriter::lay_out`]). Its reader's end is passed on right
//! before the mark that begins the source, so the reader first finishes the previous source's ring.

#![deny(clippy::disallowed_macros)]

use crate::core::cause::Cause;
use crate::core::layout::{Layout, PERIOD_FRAMES_MAX};
use crate::core::timeline::Span;
use crate::units::{CHANNELS_MAX, MonoNs};
use nix::sys::eventfd::{EfdFlags, EventFd};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;

/// Frames the ring holds, for any number of channels: 370 ms at 44.1 kHz, far longer than the reader sleeps.
const RING_FRAMES: usize = 16 * 1024;
// Room for a source's two longest periods: one fills while the reader wakes up for the other.
const _: () = assert!(RING_FRAMES >= 2 * PERIOD_FRAMES_MAX as usize);
/// Bytes of the largest possible ring, which is locked in memory while its source plays.
pub const RING_BYTES_MAX: usize = RING_FRAMES * CHANNELS_MAX as usize * size_of::<i32>();
/// Marks the ring holds: periods of the smallest size (32 frames) for the same time.
pub const RING_MARKS: usize = RING_FRAMES / 32;
/// Marks kept free of sound: room for everything that can be [`Owed`].
const MARKS_KEPT_FREE: usize = 4;
/// Sources that may begin before the reader takes the first of them. Usually the reader is awake when one begins.
const RINGS_UNREAD: usize = 2;

/// The meaning of a mark for its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// `span.frames` frames lie in the ring.
    Audio,
    /// The frames do not exist.
    Gap {
        /// The cause of the gap.
        cause: Cause,
        /// The gap was found after the fact and does not advance the timeline.
        past: bool,
    },
    /// The next audio begins a new timeline with this layout; the span is empty.
    Restart(Layout),
    /// This source delivers nothing more, so the packet being gathered is complete; the span is empty.
    End,
}

/// An entry of the mark ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The position on the timeline.
    pub span: Span,
    /// The time at which the capture thread finished the span.
    pub ready: MonoNs,
    /// The event at this position.
    pub what: What,
}

/// The capture thread's end of the hand-off.
#[derive(Debug)]
pub struct HandoffWriter {
    frames: Producer<i32>,
    channels: usize,
    marks: Producer<Mark>,
    wake: Arc<EventFd>,
    owed: Owed,
    rings: Rings,
    memory: [Area; 2],
}

/// The reader's end of one source's ring of frames.
#[derive(Debug)]
struct Frames {
    ring: Consumer<i32>,
    channels: usize,
}

/// Passes a new ring of frames to the reader.
#[derive(Debug)]
struct Rings {
    to_reader: Producer<Frames>,
    /// The reader's end of the ring that is being written, until the mark that begins its source has been sent.
    unsent: Option<Frames>,
}

impl Rings {
    fn has_room(&self) -> bool {
        self.to_reader.slots() > 0
    }

    /// Passes the ring on, before the mark. The caller has made sure that there is room.
    fn send(&mut self) {
        if let Some(frames) = self.unsent.take() {
            let _ = self.to_reader.push(frames);
        }
    }
}

/// Marks the reader has not got yet, because there was no room. These four are enough, sent in this order: a restart makes
/// everything before it irrelevant, and between a restart and the end there can only be missing frames.
#[derive(Debug, Default)]
struct Owed {
    restart: Option<Mark>,
    /// Frames not handed over, and the place of the first.
    dropped: Option<Span>,
    /// Losses found after the fact, merged into one.
    past: Option<Mark>,
    end: Option<Mark>,
}

impl Owed {
    fn count(&self) -> usize {
        let Self { restart, dropped, past, end } = self;
        [restart.is_some(), dropped.is_some(), past.is_some(), end.is_some()]
            .into_iter()
            .filter(|is| *is)
            .count()
    }

    fn frames(&mut self, span: Span) {
        match &mut self.dropped {
            Some(before) => before.frames = before.frames.saturating_add(span.frames),
            none => *none = Some(span),
        }
    }

    fn add(&mut self, mark: Mark) {
        match (mark.what, &mut self.past) {
            (What::Restart(_), _) => *self = Self { restart: Some(mark), ..Self::default() },
            (What::End, _) => self.end = Some(mark),
            (What::Audio | What::Gap { past: false, .. }, _) => self.frames(mark.span),
            (What::Gap { .. }, Some(before)) => {
                before.span.frames = before.span.frames.saturating_add(mark.span.frames);
            }
            (What::Gap { .. }, none) => *none = Some(mark),
        }
    }

    /// Returns whether there is room for all of them and `more` further marks.
    fn fits(&self, marks: &Producer<Mark>, rings: &Rings, more: usize) -> bool {
        marks.slots() >= self.count() + more && (self.restart.is_none() || rings.has_room())
    }

    /// Sends all of them if there is room for them and one mark more; returns whether nothing is owed any longer.
    fn pay(&mut self, marks: &mut Producer<Mark>, rings: &mut Rings, ready: MonoNs) -> bool {
        if !self.fits(marks, rings, 1) {
            return false;
        }
        if self.count() == 0 {
            return true; // the usual case
        }
        let Self { restart, dropped, past, end } = std::mem::take(self);
        let what = What::Gap { cause: Cause::HandoffFull, past: false };
        let dropped = dropped.map(|span| Mark { span, ready, what });
        if restart.is_some() {
            rings.send();
        }
        for mark in [restart, dropped, past, end].into_iter().flatten() {
            let _ = marks.push(mark); // there is room: it was just counted, and this is the only writer
        }
        true
    }
}

/// The reader's end of the hand-off. Drain it completely at every wake-up: wake-ups coalesce.
#[derive(Debug)]
pub struct HandoffReader {
    frames: Frames,
    rings: Consumer<Frames>,
    marks: Consumer<Mark>,
    wake: Arc<EventFd>,
}

/// Creates both ends. There is room for frames once the source is known: [`HandoffWriter::lay_out`].
///
/// # Errors
/// If the kernel provides no eventfd.
pub fn handoff() -> nix::Result<(HandoffWriter, HandoffReader)> {
    let (frames, unread) = RingBuffer::new(0);
    let (to_reader, rings) = RingBuffer::new(RINGS_UNREAD);
    let (mut marks_in, marks_out) = RingBuffer::new(RING_MARKS + MARKS_KEPT_FREE);
    let wake = Arc::new(EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?);
    let memory = [(0, 0), area_of(&mut marks_in)];
    let writer = HandoffWriter {
        frames,
        channels: 1,
        marks: marks_in,
        wake: Arc::clone(&wake),
        owed: Owed::default(),
        rings: Rings { to_reader, unsent: None },
        memory,
    };
    let frames = Frames { ring: unread, channels: 1 };
    Ok((writer, HandoffReader { frames, rings, marks: marks_out, wake }))
}

impl HandoffWriter {
    /// Makes a ring for the frames of another source, whose beginning must be marked before it hands over frames. Allocates
    /// and may free the previous ring, so never call it on the capture thread.
    pub fn lay_out(&mut self, layout: &Layout) {
        if self.owed.restart.is_some() {
            self.owed = Owed::default(); // these marks belong to a source that the reader has never seen and need not see
        }
        let channels = layout.channels().samples_per_frame();
        let (mut frames, unread) = RingBuffer::new(RING_FRAMES * channels);
        self.memory[0] = area_of(&mut frames);
        self.frames = frames;
        self.channels = channels;
        self.rings.unsent = Some(Frames { ring: unread, channels });
    }

    /// Returns room for one period in the ring itself; `None` when the ring is full (then call [`Self::drop_newest`]).
    pub fn period(&mut self, frames: u32) -> Option<PeriodSlot<'_>> {
        if !self.owed.fits(&self.marks, &self.rings, MARKS_KEPT_FREE + 1) {
            return None;
        }
        let chunk = self.frames.write_chunk(frames as usize * self.channels).ok()?;
        let Self { channels, marks, owed, rings, .. } = self;
        Some(PeriodSlot { chunk, channels: *channels, marks, owed, rings, filled: 0 })
    }

    /// Records that a period had to be dropped.
    pub fn drop_newest(&mut self, span: Span) {
        self.owed.frames(span);
    }

    /// Hands over a mark without frames; without room it is kept and sent before the next mark that fits.
    pub fn mark(&mut self, mark: Mark) {
        let Self { marks, owed, rings, .. } = self;
        let begins = matches!(mark.what, What::Restart(_));
        if !owed.pay(marks, rings, mark.ready) || (begins && !rings.has_room()) {
            owed.add(mark);
            return;
        }
        if begins {
            rings.send();
        }
        let _ = marks.push(mark); // there is room: the check covered one mark more than those owed
    }

    /// Wakes the reader. Never blocks: a saturated eventfd has already woken it.
    pub fn wake(&self) {
        let _ = self.wake.write(1);
    }

    /// Returns the memory of both rings, to be locked while the thread is real-time.
    pub fn memory(&self) -> [Area; 2] {
        self.memory
    }
}

/// A memory area: address and bytes.
pub type Area = (usize, usize);

/// Returns a ring's whole memory. Only for a ring that nothing was written to.
fn area_of<T: Copy>(ring: &mut Producer<T>) -> Area {
    let capacity = ring.buffer().capacity();
    ring.write_chunk_uninit(capacity).map_or((0, 0), |mut chunk| {
        let (head, _) = chunk.as_mut_slices();
        (head.as_ptr() as usize, std::mem::size_of_val(head))
    })
}

/// Room for one period in the ring; nothing is handed over until [`Self::commit`].
pub struct PeriodSlot<'a> {
    chunk: rtrb::chunks::WriteChunk<'a, i32>,
    channels: usize,
    marks: &'a mut Producer<Mark>,
    owed: &'a mut Owed,
    rings: &'a mut Rings,
    filled: usize,
}

impl PeriodSlot<'_> {
    /// Passes the free parts for the next `frames` frames to `fill`: one or two slices of whole interleaved frames.
    pub fn fill(&mut self, frames: u32, mut fill: impl FnMut(&mut [i32])) {
        let wanted = frames as usize * self.channels;
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
        self.owed.pay(self.marks, self.rings, ready); // period() made sure there is room
        self.chunk.commit_all();
        let _ = self.marks.push(Mark { span, ready, what: What::Audio });
    }
}

impl HandoffReader {
    /// Returns the descriptor that becomes readable when there is something to read.
    pub fn descriptor(&self) -> Arc<EventFd> {
        Arc::clone(&self.wake)
    }

    /// Takes the next mark and passes its frames to `take`, in two parts of whole frames because the ring wraps. Only audio
    /// has frames. Returns false when there is no mark. Frees a source's ring when the next source begins.
    ///
    /// # Panics
    /// If the frames of a mark are missing: the writer hands them over first.
    pub fn next(&mut self, take: &mut impl FnMut(&Mark, (&[i32], &[i32]))) -> bool {
        let Ok(mark) = self.marks.pop() else { return false };
        match mark.what {
            What::Audio => {
                let Frames { ring, channels } = &mut self.frames;
                let samples = mark.span.frames as usize * *channels;
                let chunk = ring.read_chunk(samples).expect("frames precede their mark");
                take(&mark, chunk.as_slices());
                chunk.commit_all();
                return true;
            }
            What::Restart(_) => {
                self.frames = self.rings.pop().expect("a ring precedes the mark of its source");
            }
            What::Gap { .. } | What::End => {}
        }
        take(&mark, (&[], &[]));
        true
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_macros)] // a test's failure message
mod tests {
    use super::*;
    use crate::core::convert::SampleFormat;
    use crate::core::layout::DeviceAnswer;
    use crate::units::FrameIndex;
    use proptest::prelude::*;

    /// Returns both ends, for a source of this many channels that has begun.
    fn playing(channels: u32) -> (HandoffWriter, HandoffReader) {
        let (mut writer, reader) = handoff().unwrap();
        begin(&mut writer, channels, 0, 1);
        (writer, reader)
    }

    fn layout(channels: u32) -> Layout {
        let format = SampleFormat::S32Le;
        let answer =
            DeviceAnswer { rate_hz: 44_100, channels, format, period_frames: 128, buffer_frames: 8192 };
        Layout::new(answer).unwrap()
    }

    /// Begins another source.
    fn begin(writer: &mut HandoffWriter, channels: u32, first: u64, source: u64) {
        writer.lay_out(&layout(channels));
        say(writer, first, 0, source, What::Restart(layout(channels)));
    }

    fn push(writer: &mut HandoffWriter, first: u64, frames: u32) -> bool {
        let span = Span { first: FrameIndex(first), frames, capture: MonoNs(0) };
        let Some(mut slot) = writer.period(frames) else {
            writer.drop_newest(span);
            return false;
        };
        let mut value = first as i32;
        let channels = slot.channels;
        slot.fill(frames, |part| {
            for frame in part.chunks_exact_mut(channels) {
                frame.fill(value);
                value = value.wrapping_add(1);
            }
        });
        slot.commit(span, MonoNs(1));
        true
    }

    #[test]
    fn every_sample_crosses_in_order_under_two_threads() {
        let (mut writer, mut reader) = playing(3);
        let total = 2_000_000_u64;
        let producer = std::thread::spawn(move || {
            let mut next = 0;
            while next < total {
                // Uneven sizes make the ring wrap inside periods.
                let frames = 32 + (next % 97) as u32;
                while !push(&mut writer, next, frames) {
                    // Forget the drop: this test is about order, the next one about drops.
                    writer.owed = Owed::default();
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
                for frame in head.chunks_exact(3).chain(tail.chunks_exact(3)) {
                    assert_eq!(frame, [next as i32; 3]);
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
        let (mut writer, mut reader) = playing(2);
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
        let (mut writer, mut reader) = playing(2);
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

    fn say(writer: &mut HandoffWriter, first: u64, frames: u32, source: u64, what: What) {
        let span = Span { first: FrameIndex(first), frames, capture: MonoNs(source) };
        writer.mark(Mark { span, ready: MonoNs(1), what });
    }

    fn read(reader: &mut HandoffReader) -> Vec<Mark> {
        let mut marks = Vec::new();
        while reader.next(&mut |mark, _| marks.push(*mark)) {}
        marks
    }

    #[test]
    fn an_end_and_a_beginning_have_room_when_sound_has_none() {
        let (mut writer, mut reader) = playing(2);
        let mut first = 0;
        while push(&mut writer, first, 32) {
            first += 32;
        }
        assert_eq!(writer.marks.slots(), MARKS_KEPT_FREE);
        say(&mut writer, first + 32, 0, 1, What::End);
        begin(&mut writer, 8, 90_000, 2);
        assert!(!push(&mut writer, 90_000, 32));
        let marks = read(&mut reader);
        let said: Vec<What> = marks[marks.len() - 3..].iter().map(|mark| mark.what).collect();
        assert_eq!(
            said,
            [What::Gap { cause: Cause::HandoffFull, past: false }, What::End, What::Restart(layout(8))]
        );
        assert!(push(&mut writer, 90_032, 32));
        let said: Vec<(u64, u32)> =
            read(&mut reader).iter().map(|mark| (mark.span.first.0, mark.span.frames)).collect();
        assert_eq!(said, [(90_000, 32), (90_032, 32)]);
    }

    #[test]
    fn what_a_source_has_left_is_read_when_the_next_has_begun_and_neither_ring_is_larger_than_it_must_be() {
        let (mut writer, mut reader) = playing(128);
        assert_eq!(writer.memory()[0].1, RING_BYTES_MAX);
        assert!(push(&mut writer, 0, 128) && push(&mut writer, 128, 128));
        say(&mut writer, 256, 0, 1, What::End);
        begin(&mut writer, 1, 500, 2);
        assert_eq!(writer.memory()[0].1, RING_BYTES_MAX / 128);
        assert!(push(&mut writer, 500, 32));
        let mut heard = Vec::new();
        while reader.next(&mut |mark, (head, tail)| {
            if mark.what == What::Audio {
                heard.push((mark.span.first.0, head.len() + tail.len(), head[0]));
            }
        }) {}
        assert_eq!(heard, [(0, 128 * 128, 0), (128, 128 * 128, 128), (500, 32, 500)]);
    }

    #[test]
    fn a_source_that_never_got_a_word_in_leaves_none_to_the_next() {
        let (mut writer, mut reader) = playing(2);
        for source in 2..10 {
            // The reader sleeps. Sooner or later there is no room for another ring, and the reader never learns of that
            // source.
            begin(&mut writer, source as u32, source * 1000, source);
            push(&mut writer, source * 1000, 32);
        }
        read(&mut reader);
        begin(&mut writer, 3, 20_000, 10);
        assert!(push(&mut writer, 20_000, 32));
        let said: Vec<(u64, What)> =
            read(&mut reader).iter().map(|mark| (mark.span.first.0, mark.what)).collect();
        assert_eq!(said, [(20_000, What::Restart(layout(3))), (20_000, What::Audio)]);
    }

    /// An event at the writer's end, or a turn of the reader.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        Period(u32),
        Hole(u32),
        Loss(u32),
        NewSource,
        Read(usize),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            60 => (32_u32..1024).prop_map(Event::Period),
            30 => Just(Event::Period(32)),
            3 => (1_u32..500).prop_map(Event::Hole),
            3 => (1_u32..50).prop_map(Event::Loss),
            3 => Just(Event::NewSource),
            1 => (1_usize..1000).prop_map(Event::Read),
        ]
    }

    /// The conditions that must hold for the reader: every frame is present or in a gap, and no source runs
    /// into another.
    #[derive(Debug, Default)]
    struct Heard {
        source: u64,
        channels: usize,
        next: u64,
        lost: u32,
        ended: bool,
    }

    impl Heard {
        fn take(&mut self, mark: &Mark, (head, tail): (&[i32], &[i32])) {
            let Span { first, frames, capture } = mark.span;
            match mark.what {
                What::Restart(layout) => {
                    let channels = layout.channels().samples_per_frame();
                    *self = Self { source: capture.0, next: first.0, channels, ..Self::default() };
                }
                What::End => self.ended = true,
                What::Gap { past: true, .. } => self.lost += frames,
                What::Audio | What::Gap { .. } => {
                    assert!(!self.ended, "nothing comes after an end: {mark:?}");
                    assert_eq!(first.0, self.next, "{mark:?} joins on");
                    self.next += u64::from(frames);
                    if mark.what == What::Audio {
                        assert_eq!(capture.0, self.source, "no source runs into another");
                        assert_eq!(head.len() + tail.len(), frames as usize * self.channels, "{mark:?}");
                        let own = |sample: &i32| *sample == self.source as i32;
                        assert!(head.iter().chain(tail).all(own), "nor its frames: {mark:?}");
                    }
                }
            }
        }
    }

    proptest! {
        /// The reader sleeps for any time while sources come and go.
        #[test]
        fn whatever_does_not_fit_no_source_runs_into_another_and_every_frame_is_accounted_for(
            events in proptest::collection::vec(event(), 1..3000)
        ) {
            let (mut writer, mut reader) = playing(1);
            let mut heard = Heard::default();
            let (mut source, mut next, mut lost) = (1, 0_u64, 0);
            for event in events.into_iter().chain([Event::Read(usize::MAX), Event::Period(32), Event::Read(usize::MAX)]) {
                match event {
                    Event::Period(frames) => {
                        let span = Span { first: FrameIndex(next), frames, capture: MonoNs(source) };
                        if let Some(mut slot) = writer.period(frames) {
                            slot.fill(frames, |part| part.fill(source as i32));
                            slot.commit(span, MonoNs(1));
                        } else {
                            writer.drop_newest(span);
                        }
                        next += u64::from(frames);
                    }
                    Event::Hole(frames) => {
                        say(&mut writer, next, frames, source, What::Gap { cause: Cause::CaptureXrun, past: false });
                        next += u64::from(frames);
                    }
                    Event::Loss(frames) => {
                        say(&mut writer, next, frames, source, What::Gap { cause: Cause::UsbLoss, past: true });
                        lost += frames;
                    }
                    Event::NewSource => {
                        say(&mut writer, next, 0, source, What::End);
                        (source, next, lost) = (source + 1, next + 10_000, 0);
                        begin(&mut writer, 1 + source as u32 % 9, next, source);
                    }
                    Event::Read(most) => {
                        for _ in 0..most {
                            if !reader.next(&mut |mark, frames| heard.take(mark, frames)) {
                                break;
                            }
                        }
                    }
                }
            }
            prop_assert_eq!((heard.source, heard.next, heard.lost), (source, next, lost));
        }
    }
}
