/**
 * The past of one channel in two bands: a low one at an eighth of the rate, and the rest.
 *
 * In: frames that were played. Out: the same frames, and their low band (up to about 2.5 kHz). Elsewhere: models of the bands,
 * and guesses from them (burg.js, guess.js).
 *
 * The reason for two bands: most of music's energy is in partials a few hundred hertz apart or less. A model of 128 coefficients
 * sees 3 ms at the full rate and cannot tell them apart; at an eighth of the rate it sees 23 ms and can.
 */

import { LOW_DECIMATION, LOW_PASS_BETA, LOW_PASS_REACH_FRAMES, LOW_PASS_SHARE, PAST_FRAMES } from './constants.js';
import { kaiser } from './kaiser.js';

/** Cutoff in cycles per frame: 2480 Hz, slightly below half the low rate. Aliases are in both bands, and cancel. */
const CUTOFF = LOW_PASS_SHARE / (2 * LOW_DECIMATION);

/** Room before the past is moved to the front. Like every move, it is a multiple of LOW_DECIMATION. */
const ROOM_FRAMES = 2 * PAST_FRAMES;

const PROTOTYPE = lowPass();
/** The low band's taps at the full rate; their sum is 1. */
const DOWN = scaled(PROTOTYPE, 1);
/** Number of low samples for one full-rate frame: from place - 3 to place + 4. */
const UP_TAPS = (2 * LOW_PASS_REACH_FRAMES) / LOW_DECIMATION;
const UP_BEFORE = UP_TAPS / 2 - 1;
/** UP_TAPS taps per phase. The sum of each phase is 1; otherwise a steady level would produce a tone at the low rate. */
const UP = interpolation();

/** @returns {Float64Array} a windowed sinc */
function lowPass() {
  return Float64Array.from({ length: 2 * LOW_PASS_REACH_FRAMES + 1 }, (_, tap) => {
    const at = tap - LOW_PASS_REACH_FRAMES;
    const sinc = at === 0 ? 2 * CUTOFF : Math.sin(2 * Math.PI * CUTOFF * at) / (Math.PI * at);
    return sinc * kaiser(at / (LOW_PASS_REACH_FRAMES + 1), LOW_PASS_BETA);
  });
}

/** @param {Float64Array} taps @param {number} sum @returns {Float64Array} */
function scaled(taps, sum) {
  const is = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => (tap * sum) / is);
}

/** @returns {Float64Array} */
function interpolation() {
  const phases = Array.from({ length: LOW_DECIMATION }, (_, phase) => scaled(Float64Array.from({ length: UP_TAPS }, (_tap, tap) =>
    PROTOTYPE[LOW_PASS_REACH_FRAMES + phase - (tap - UP_BEFORE) * LOW_DECIMATION] ?? 0), 1));
  return Float64Array.from(phases.flatMap((taps) => [...taps]));
}

/**
 * Computes the low band at one frame: writes low[place].
 *
 * @param {Float64Array} frames @param {number} center @param {Float64Array} low @param {number} place
 */
export function lower(frames, center, low, place) {
  const first = center - LOW_PASS_REACH_FRAMES;
  let even = 0;
  let odd = 0;
  for (let tap = 0; tap < 2 * LOW_PASS_REACH_FRAMES; tap += 2) {
    even += /** @type {number} */ (DOWN[tap]) * /** @type {number} */ (frames[first + tap]);
    odd += /** @type {number} */ (DOWN[tap + 1]) * /** @type {number} */ (frames[first + tap + 1]);
  }
  const last = /** @type {number} */ (DOWN[2 * LOW_PASS_REACH_FRAMES]);
  low[place] = even + odd + last * /** @type {number} */ (frames[center + LOW_PASS_REACH_FRAMES]);
}

/**
 * Computes the low band at the full rate.
 *
 * @param {Float64Array} low @param {number} place of the low sample at or before the frame
 * @param {number} phase frames since that sample @returns {number}
 */
export function raised(low, place, phase) {
  const first = place - UP_BEFORE;
  const taps = phase * UP_TAPS;
  let sum = 0;
  for (let tap = 0; tap < UP_TAPS; tap += 1) {
    sum += /** @type {number} */ (UP[taps + tap]) * /** @type {number} */ (low[first + tap]);
  }
  return sum;
}
/** Low samples that are needed after the place. */
export const UP_AFTER = UP_TAPS - 1 - UP_BEFORE;

export class Past {
  /** The played frames; the newest is at end - 1. Silence before the first. */
  frames = new Float64Array(ROOM_FRAMES);
  end = PAST_FRAMES;
  /** low[i] is the low band at frames[i * LOW_DECIMATION], known below lowEnd: LOW_PASS_REACH_FRAMES after a frame. */
  low = new Float64Array(ROOM_FRAMES / LOW_DECIMATION);
  lowEnd = (PAST_FRAMES - LOW_PASS_REACH_FRAMES) / LOW_DECIMATION;

  /** @param {Float32Array} samples @param {number} from @param {number} frames */
  remember(samples, from, frames) {
    for (let frame = Math.max(0, frames - PAST_FRAMES); frame < frames; frame += 1) {
      if (this.end === ROOM_FRAMES) this.#makeRoom();
      this.frames[this.end] = /** @type {number} */ (samples[from + frame]);
      this.end += 1;
    }
    // A long block skips low samples that are too old to be used.
    for (; this.lowEnd * LOW_DECIMATION + LOW_PASS_REACH_FRAMES < this.end; this.lowEnd += 1) {
      lower(this.frames, this.lowEnd * LOW_DECIMATION, this.low, this.lowEnd);
    }
  }

  /** Resets to silence, as at the beginning. */
  forget() {
    this.frames.fill(0);
    this.low.fill(0);
  }

  #makeRoom() {
    const low = PAST_FRAMES / LOW_DECIMATION;
    this.frames.copyWithin(0, PAST_FRAMES, ROOM_FRAMES);
    this.low.copyWithin(0, low, 2 * low);
    this.end -= PAST_FRAMES;
    this.lowEnd -= low;
  }
}
