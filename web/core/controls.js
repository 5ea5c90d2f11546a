/**
 * The control words in front of the ring's samples: every number that crosses between the Worker, the audio thread and
 * the page without a message. Int32, each written by one side only, always through Atomics.
 *
 * With shared memory the page reads them where they lie; without, the worklet posts a copy when asked. Counters wrap
 * like all Int32; positions are the low 32 bits of frame_index.
 */

import { msOf } from './units.js';

/** Which word is what. */
export const WORD = Object.freeze({
  // Written with the samples, by the ring's writer.
  /** Even: settled; odd: the timeline is being replaced this instant. */
  EPOCH: 0,
  /** First position of this timeline. */
  EPOCH_START: 1,
  /** Slot of a position: (position + EPOCH_SHIFT) modulo the capacity. */
  EPOCH_SHIFT: 2,
  /** Position after the newest frame. */
  WRITE: 3,
  /** Gap marks ever written; the last GAP_MARKS of them are kept. */
  GAP_COUNT: 4,
  /** 1 while the service says that no sound is to be expected. */
  SILENCE_EXPECTED: 5,
  /** GAP_COUNT when this timeline began: older marks speak of another one. */
  EPOCH_GAPS: 6,

  // Written by the audio thread.
  /** Odd while the two words after it are being written. */
  STAMP: 8,
  /** Position of the first frame of the last block. */
  READ_POSITION: 9,
  /** Context frame of that block, low 32 bits. */
  READ_CONTEXT_FRAME: 10,
  /** One of PLAYOUT. */
  PLAYOUT_STATE: 11,
  /** Frames in hand at the lowest, typical of the last seconds. */
  LEVEL_FRAMES: 12,
  /** Where that is held. */
  TARGET_FRAMES: 13,
  /** How far the level moves within a tenth of a second: the rhythm of packets and of the audio callback. */
  SPREAD_FRAMES: 14,
  /** Lowest headroom since the page last looked; the page writes HEADROOM_NONE to begin anew. */
  HEADROOM_LEAST_FRAMES: 15,
  /** Times the sound broke off because frames had not arrived, nobody else being to blame. */
  LATE_COUNT: 16,
  /** Frames of silence or fading in all, whatever the cause. */
  MISSING_FRAMES: 17,
  TRIM_COUNT: 18,
  TRIMMED_FRAMES: 19,
  INSERT_COUNT: 20,
  INSERTED_FRAMES: 21,
  /** Large backlogs dropped at once. */
  JUMP_COUNT: 22,
  /** Blocks the context's own frame count says were never asked for. */
  SKIP_COUNT: 23,
  /** Times the audio thread stood still for a second or more. */
  SLEEP_COUNT: 24,
  /** Peaks since the page last looked, in PEAK_ONEs; the page writes 0. */
  PEAK_LEFT: 25,
  PEAK_RIGHT: 26,
  /** Context frame at which sound was first heard, valid once HAS_SOUNDED is 1. */
  FIRST_SOUND_CONTEXT_FRAME: 27,
  HAS_SOUNDED: 28,
  BLOCK_FRAMES: 29,
  BLOCK_COUNT: 30,
});

/** What the audio thread is doing. */
export const PLAYOUT = Object.freeze({ EMPTY: 0, SEEKING: 1, SOUNDING: 2 });

/** Gap marks kept, each of GAP_WORDS words: first position, position after the last, cause code. */
export const GAP_MARKS = 16;
export const GAP_WORDS = 3;
export const GAPS_AT = 32;
export const CONTROL_WORDS = 128;

/** What HEADROOM_LEAST_FRAMES holds when no block has been read since. */
export const HEADROOM_NONE = 0x7fff_ffff;
/** A peak of 1.0. */
export const PEAK_ONE = 1 << 23;

/**
 * What the page makes of the control words.
 *
 * @typedef {object} PlayoutReading
 * @property {number} state one of PLAYOUT
 * @property {number} read_position
 * @property {number} read_context_frame low 32 bits
 * @property {number} level_ms
 * @property {number} target_ms
 * @property {number} spread_ms
 * @property {number | null} headroom_least_ms
 * @property {number} late_count
 * @property {number} missing_ms
 * @property {number} trims
 * @property {number} trimmed_ms
 * @property {number} inserts
 * @property {number} inserted_ms
 * @property {number} jumps
 * @property {number} skips
 * @property {number} sleeps
 * @property {number | null} first_sound_context_frame
 * @property {number} block_frames
 * @property {number} blocks
 */

/**
 * @param {Int32Array} words
 * @returns {PlayoutReading | null} null when the audio thread was in the midst of writing: look again next time
 */
export function readPlayout(words) {
  /** @param {number} word */
  const at = (word) => Atomics.load(words, word);
  const stamp = at(WORD.STAMP);
  const readPosition = at(WORD.READ_POSITION);
  const readContextFrame = at(WORD.READ_CONTEXT_FRAME);
  if ((stamp & 1) !== 0 || at(WORD.STAMP) !== stamp) return null;
  const least = at(WORD.HEADROOM_LEAST_FRAMES);
  return {
    state: at(WORD.PLAYOUT_STATE),
    read_position: readPosition,
    read_context_frame: readContextFrame,
    level_ms: msOf(at(WORD.LEVEL_FRAMES)),
    target_ms: msOf(at(WORD.TARGET_FRAMES)),
    spread_ms: msOf(at(WORD.SPREAD_FRAMES)),
    headroom_least_ms: least === HEADROOM_NONE ? null : msOf(least),
    late_count: at(WORD.LATE_COUNT),
    missing_ms: msOf(at(WORD.MISSING_FRAMES)),
    trims: at(WORD.TRIM_COUNT),
    trimmed_ms: msOf(at(WORD.TRIMMED_FRAMES)),
    inserts: at(WORD.INSERT_COUNT),
    inserted_ms: msOf(at(WORD.INSERTED_FRAMES)),
    jumps: at(WORD.JUMP_COUNT),
    skips: at(WORD.SKIP_COUNT),
    sleeps: at(WORD.SLEEP_COUNT),
    first_sound_context_frame: at(WORD.HAS_SOUNDED) === 1 ? at(WORD.FIRST_SOUND_CONTEXT_FRAME) : null,
    block_frames: at(WORD.BLOCK_FRAMES),
    blocks: at(WORD.BLOCK_COUNT),
  };
}

/**
 * Takes the peaks and the lowest headroom for itself: the audio thread begins them anew. A block that ends in the same
 * instant may be missed by a meter; nothing else reads them.
 *
 * @param {Int32Array} words
 * @param {[number, number]} peaks written: left, right, linear
 */
export function takePeaks(words, peaks) {
  peaks[0] = Atomics.exchange(words, WORD.PEAK_LEFT, 0) / PEAK_ONE;
  peaks[1] = Atomics.exchange(words, WORD.PEAK_RIGHT, 0) / PEAK_ONE;
  Atomics.store(words, WORD.HEADROOM_LEAST_FRAMES, HEADROOM_NONE);
}
