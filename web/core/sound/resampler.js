/**
 * Resampling: for clocks that drift, and for contexts that do not run at the stream's rate.
 *
 * In: stream frames in a linear buffer, and the times of the output frames in it. Out: those frames. The table of coefficients is
 * made once; run() allocates nothing. The caller chooses the times, and ensures that their neighbours are in the buffer.
 *
 * The filter is a windowed sinc, looked up by the fraction of the time (Smith, Digital Audio Resampling,
 * ccrma.stanford.edu/~jos/resample).
 * docs/design/decisions/0007-resampler.md has the choice, the measurements and the alternatives; `make bench-resampler` prints
 * the figures.
 */

import { CROSSINGS, PHASES, RESAMPLER_BETA } from './constants.js';
import { kaiser } from './kaiser.js';

/** For a time in [i, i + 1), without a lower cutoff, it reads input[i - back] to input[i + ahead]. Delay: 0.39 ms. */
export const LOOK_AHEAD_FRAMES = CROSSINGS;
export const LOOK_BACK_FRAMES = CROSSINGS - 1;

/** Only the bench uses filters other than ours. @typedef {{crossings: number, beta: number}} Shape */

/** @type {Shape} */
const SHAPE = { crossings: CROSSINGS, beta: RESAMPLER_BETA };

export class Resampler {
  /** Like LOOK_AHEAD_FRAMES and LOOK_BACK_FRAMES, for this cutoff: a lower one needs a proportionally longer filter. */
  lookAheadFrames;
  lookBackFrames;

  #taps;
  #table;
  /** True if a fraction of 0 leaves a frame unchanged. */
  #transparent;

  /** @param {number} cutoffRatio 1, or the context's rate divided by the stream's if that is lower @param {Shape} [shape] */
  constructor(cutoffRatio, shape = SHAPE) {
    if (!(cutoffRatio > 0 && cutoffRatio <= 1)) throw new RangeError(`cutoff ratio ${cutoffRatio}, not within 0 to 1`);
    this.lookAheadFrames = Math.ceil(shape.crossings / cutoffRatio);
    this.lookBackFrames = this.lookAheadFrames - 1;
    this.#taps = 2 * this.lookAheadFrames;
    this.#table = coefficients(this.lookAheadFrames, cutoffRatio, shape.beta);
    this.#transparent = cutoffRatio === 1;
  }

  /**
   * Fills the outputs, whatever their length. Frame k is at the time start + k * step + k * (k - 1) / 2 * change. So the next
   * block begins where frame k = length would be, with a step of step + length * change.
   *
   * @param {Float32Array} left stream frames @param {Float32Array} right of the same length
   * @param {Float64Array} times start (an index into left and right, and fraction), step per output frame, its change per output frame
   * @param {Float32Array} outLeft @param {Float32Array} outRight as long
   */
  run(left, right, times, outLeft, outRight) {
    const start = /** @type {number} */ (times[0]);
    const step = /** @type {number} */ (times[1]);
    const change = /** @type {number} */ (times[2]);
    const length = outLeft.length;
    if (this.#transparent && step === 1 && change === 0 && start === Math.floor(start)) {
      for (let k = 0; k < length; k += 1) {
        outLeft[k] = /** @type {number} */ (left[start + k]);
        outRight[k] = /** @type {number} */ (right[start + k]);
      }
      return;
    }
    const table = this.#table;
    const taps = this.#taps;
    const back = this.lookBackFrames;
    for (let k = 0; k < length; k += 1) {
      // Computed from the block's start each time, because a running sum of steps would accumulate rounding errors.
      const time = start + k * step + 0.5 * k * (k - 1) * change;
      const index = Math.floor(time);
      const phase = (time - index) * PHASES;
      const row = Math.floor(phase);
      const between = phase - row;
      const end = (row + 1) * taps;
      // Even and odd taps are summed separately, so that an addition need not wait for the one before it.
      let leftEven = 0;
      let leftOdd = 0;
      let rightEven = 0;
      let rightOdd = 0;
      for (let tap = row * taps, at = index - back; tap < end; tap += 2, at += 2) {
        const even = /** @type {number} */ (table[tap]);
        const odd = /** @type {number} */ (table[tap + 1]);
        const evenGain = even + between * (/** @type {number} */ (table[tap + taps]) - even);
        const oddGain = odd + between * (/** @type {number} */ (table[tap + taps + 1]) - odd);
        leftEven += evenGain * /** @type {number} */ (left[at]);
        rightEven += evenGain * /** @type {number} */ (right[at]);
        leftOdd += oddGain * /** @type {number} */ (left[at + 1]);
        rightOdd += oddGain * /** @type {number} */ (right[at + 1]);
      }
      outLeft[k] = leftEven + leftOdd;
      outRight[k] = rightEven + rightOdd;
    }
  }
}

/**
 * PHASES + 1 rows of 2 * reach taps; the last row is the first one shifted by a frame, so that every row has a neighbour. Each
 * row sums to 1: a constant stays constant, whatever the fraction.
 *
 * @param {number} reach frames on either side @param {number} cutoffRatio of half the stream's rate @param {number} beta
 * @returns {Float32Array}
 */
function coefficients(reach, cutoffRatio, beta) {
  const taps = 2 * reach;
  const table = new Float32Array((PHASES + 1) * taps);
  const row = new Float64Array(taps);
  // The filter is even: the row for 1 - fraction is this one backwards.
  for (let phase = 0; phase <= PHASES / 2; phase += 1) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const distance = tap - (reach - 1) - phase / PHASES;
      const gain = sinc(distance * cutoffRatio) * kaiser(distance / reach, beta);
      row[tap] = gain;
      sum += gain;
    }
    for (let tap = 0; tap < taps; tap += 1) {
      const gain = /** @type {number} */ (row[tap]) / sum;
      table[phase * taps + tap] = gain;
      table[(PHASES + 1 - phase) * taps - 1 - tap] = gain;
    }
  }
  return table;
}

/** Exactly 0 at every whole number except 0. Math.sin would give 1e-16 there, but a fraction of 0 must give the unit impulse. @param {number} x */
function sinc(x) {
  if (x === Math.floor(x)) return x === 0 ? 1 : 0;
  return Math.sin(Math.PI * x) / (Math.PI * x);
}
