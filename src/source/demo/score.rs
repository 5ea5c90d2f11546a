//! The demo's score: sixteen slow bars in D major that lead back to their beginning.
//!
//! In: nothing. Out: [`notes`], every note of one loop with its start, length and strength, in order. Chords are played as
//! a person would: slightly rolled, and never twice equally loud. How a note sounds belongs in `voices`.

use super::waves::BLOCK_FRAMES;

/// Blocks in an eighth note: 76 beats a minute.
const EIGHTH_BLOCKS: u32 = 544;

/// Delay of an off-beat eighth: a hint of swing.
const SWING_BLOCKS: u32 = 60;

/// Eighths in a bar.
const BAR_EIGHTHS: u32 = 8;

/// Bars in a loop.
const BARS: u32 = 16;

/// Blocks in a loop: 50.5 seconds.
pub(super) const ROUND_BLOCKS: u32 = BARS * BAR_EIGHTHS * EIGHTH_BLOCKS;

/// Frames in a loop.
pub(super) const ROUND_FRAMES: u64 = ROUND_BLOCKS as u64 * BLOCK_FRAMES as u64;

/// The instrument that plays a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Keys,
    Pad,
    Bass,
}

/// One note of the loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Note {
    pub(super) begin_block: u32,
    pub(super) length_blocks: u32,
    pub(super) part: Part,
    /// MIDI note number.
    pub(super) pitch: u8,
    /// Force of the key stroke, 0 to 1.
    pub(super) strength: f32,
}

/// A chord from `eighth` of `bar`: the bass note, the fifth or passing note the bass moves to, and the notes of the hands.
struct Chord {
    bar: u32,
    eighth: u32,
    bass: u8,
    bass_visits: u8,
    hands: [u8; 4],
}

const fn chord(bar: u32, eighth: u32, bass: u8, bass_visits: u8, hands: [u8; 4]) -> Chord {
    Chord { bar, eighth, bass, bass_visits, hands }
}

const CHORDS: [Chord; 20] = [
    chord(0, 0, 38, 45, [54, 57, 61, 64]),  // D major 9
    chord(1, 0, 35, 42, [57, 61, 62, 66]),  // B minor 9
    chord(2, 0, 43, 38, [54, 57, 59, 62]),  // G major 9
    chord(3, 0, 45, 40, [55, 59, 62, 66]),  // A 13 sus
    chord(4, 0, 42, 37, [57, 59, 61, 64]),  // F sharp minor 11
    chord(5, 0, 35, 42, [57, 61, 62, 66]),  // B minor 9
    chord(6, 0, 40, 47, [54, 55, 59, 62]),  // E minor 9
    chord(7, 0, 45, 40, [55, 59, 62, 66]),  // A 13 sus
    chord(7, 4, 45, 37, [55, 58, 61, 66]),  // A 13 flat 9
    chord(8, 0, 38, 45, [54, 57, 61, 64]),  // D major 9
    chord(9, 0, 45, 40, [55, 59, 60, 64]),  // A minor 9, leading to
    chord(9, 4, 38, 42, [54, 59, 60, 64]),  // D 13, then
    chord(10, 0, 43, 38, [54, 57, 59, 62]), // G major 9,
    chord(11, 0, 43, 46, [57, 58, 62, 64]), // borrowed from its minor
    chord(12, 0, 42, 37, [57, 59, 61, 64]), // F sharp minor 11
    chord(13, 0, 35, 42, [57, 59, 64, 66]), // B 7 sus
    chord(13, 4, 35, 39, [57, 60, 63, 66]), // B 7 flat 9
    chord(14, 0, 40, 47, [55, 59, 62, 66]), // E minor 9
    chord(15, 0, 45, 40, [55, 59, 62, 64]), // A 9 sus
    chord(15, 4, 45, 37, [55, 58, 61, 64]), // A 7 flat 9, leading home
];

/// Bar, eighth, length in eighths, pitch.
#[rustfmt::skip]
const MELODY: [(u32, u32, u32, u8); 47] = [
    (0, 4, 1, 69), (0, 5, 1, 71), (0, 6, 4, 74),
    (1, 2, 2, 73), (1, 4, 4, 69),
    (2, 4, 1, 71), (2, 5, 1, 74), (2, 6, 5, 78),
    (3, 3, 2, 76), (3, 5, 1, 74), (3, 6, 4, 71),
    (4, 4, 1, 73), (4, 5, 1, 76), (4, 6, 4, 81),
    (5, 2, 2, 78), (5, 4, 1, 76), (5, 5, 1, 74), (5, 6, 2, 73),
    (6, 0, 3, 74), (6, 4, 1, 71), (6, 5, 1, 69), (6, 6, 2, 67),
    (7, 0, 5, 69),
    (8, 4, 1, 69), (8, 5, 1, 71), (8, 6, 4, 74),
    (9, 2, 2, 76), (9, 4, 2, 79), (9, 6, 2, 76),
    (10, 0, 4, 78), (10, 5, 1, 74), (10, 6, 2, 71),
    (11, 0, 3, 70), (11, 3, 1, 74), (11, 4, 5, 76),
    (12, 4, 1, 73), (12, 5, 1, 76), (12, 6, 4, 78),
    (13, 2, 1, 76), (13, 3, 1, 75), (13, 4, 2, 72), (13, 6, 2, 71),
    (14, 0, 4, 74), (14, 4, 2, 71), (14, 6, 4, 78),
    (15, 2, 2, 76), (15, 5, 3, 73),
];

/// Returns every note of one loop, earliest first.
pub(super) fn notes() -> Vec<Note> {
    let mut notes = Vec::new();
    for (number, chord) in (0_u32..).zip(&CHORDS) {
        let next = CHORDS
            .get(number as usize + 1)
            .map_or(BARS * BAR_EIGHTHS, |next| next.bar * BAR_EIGHTHS + next.eighth);
        let begin = chord.bar * BAR_EIGHTHS + chord.eighth;
        play_chord(&mut notes, number, chord, begin, next - begin);
    }
    for (number, &(bar, eighth, length, pitch)) in (0_u32..).zip(&MELODY) {
        let accent = if eighth % 2 == 0 { 0.06 } else { 0.0 };
        let strength = 0.56 + accent + 0.1 * unevenness(number, 3);
        add(
            &mut notes,
            Part::Keys,
            (bar * BAR_EIGHTHS + eighth, length),
            (pitch, strength),
            late(number, 17),
        );
    }
    notes.sort_by_key(|note| note.begin_block);
    notes
}

/// Adds a chord: two strokes of the hands, the sustained pad, and the bass with its second note.
fn play_chord(notes: &mut Vec<Note>, number: u32, chord: &Chord, begin: u32, length: u32) {
    let whole_bar = length == BAR_EIGHTHS;
    for (finger, &pitch) in (0_u32..).zip(&chord.hands) {
        let roll = finger * 11 + late(number * 4 + finger, 6);
        let strength = 0.42 + 0.12 * unevenness(number * 4 + finger, 1);
        let first = if whole_bar { 3 } else { length };
        add(notes, Part::Keys, (begin, first), (pitch, strength), roll);
        let again_at = if number.is_multiple_of(2) { 3 } else { 5 };
        if whole_bar && (number.is_multiple_of(2) || finger > 0) {
            add(notes, Part::Keys, (begin + again_at, 8 - again_at), (pitch, strength * 0.72), roll);
        }
        add(notes, Part::Pad, (begin, length), (pitch, 0.8), finger * 20);
    }
    let strength = 0.8 + 0.1 * unevenness(number, 2);
    add(notes, Part::Bass, (begin, 3.min(length)), (chord.bass, strength), 0);
    if whole_bar {
        add(notes, Part::Bass, (begin + 3, 1), (chord.bass, strength * 0.6), 0);
        add(notes, Part::Bass, (begin + 4, 3), (chord.bass_visits, strength * 0.8), 0);
        add(notes, Part::Bass, (begin + 7, 1), (chord.bass, strength * 0.6), 0);
    } else {
        add(notes, Part::Bass, (begin + 3, 1), (chord.bass_visits, strength * 0.7), 0);
    }
}

/// Adds a note of (start, length) in eighths since the loop began, delayed by `late_blocks`.
fn add(
    notes: &mut Vec<Note>,
    part: Part,
    (begin, length): (u32, u32),
    (pitch, strength): (u8, f32),
    late_blocks: u32,
) {
    let swing = (begin % 2) * SWING_BLOCKS;
    // Release a key slightly early, so that a repeated note gets a new attack.
    let length_blocks = length * EIGHTH_BLOCKS - EIGHTH_BLOCKS / 10;
    notes.push(Note {
        begin_block: begin * EIGHTH_BLOCKS + swing + late_blocks,
        length_blocks,
        part,
        pitch,
        strength,
    });
}

/// Returns a pseudo-random number from -0.5 to 0.5, the same each time.
fn unevenness(number: u32, salt: u32) -> f32 {
    let mixed = (number * 8 + salt + 1).wrapping_mul(0x9E37_79B9);
    ((mixed ^ mixed >> 15).wrapping_mul(0x85EB_CA6B) >> 16) as f32 / 65_536.0 - 0.5
}

/// Returns a delay from 0 to `most` blocks.
fn late(number: u32, most: u32) -> u32 {
    ((unevenness(number, 5) + 0.5) * most as f32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_is_in_order_and_within_its_bounds() {
        let notes = notes();
        assert!(notes.windows(2).all(|pair| pair[0].begin_block <= pair[1].begin_block));
        for note in &notes {
            assert!(note.begin_block < ROUND_BLOCKS && note.length_blocks > 0, "{note:?}");
            assert!((28..=84).contains(&note.pitch) && (0.2..1.0).contains(&note.strength), "{note:?}");
        }
    }

    #[test]
    fn a_round_lasts_fifty_seconds() {
        assert!((40..=60).contains(&(ROUND_FRAMES / 44_100)));
    }
}
