/**
 * A guess at how one channel continues, from the models of its two bands.
 *
 * In: the channel's past, three models. Out: one frame after another. Elsewhere: fading (concealment.js).
 *
 * The low band of the newest frames depends on frames that do not exist. So these are guessed first, by a short model of the
 * whole sound. That model is very good over such a short time (0.7 ms), and has little influence. Then a second model continues
 * the low band, and a third one the difference between the newest frames and their low band. Both begin at their present values.
 */

import {
  GUESS_FRAMES, HIGH_ORDER, LEVEL_LEAST, LOW_DECIMATION, LOW_ORDER, LOW_PASS_REACH_FRAMES, PEAK_FRAMES, PEAK_MARGIN, SMALLEST,
  TRIAL,
} from './constants.js';
import { lower, raised, UP_AFTER } from './bands.js';

/** Frames copied from the past: the ones that the low-pass needs around the oldest unknown low sample. */
const EDGE_FRAMES = 2 * LOW_PASS_REACH_FRAMES;
/** Known low samples around the newest frames. */
const UNKNOWN_LOW = LOW_PASS_REACH_FRAMES / LOW_DECIMATION;
/** Low samples copied from the past: the ones that the model needs before the trial. */
const LOW_KEPT = LOW_ORDER + TRIAL - UNKNOWN_LOW;
const LOW_KNOWN = LOW_KEPT + UNKNOWN_LOW;
const LOW_ROOM = LOW_KNOWN + Math.ceil(GUESS_FRAMES / LOW_DECIMATION) + UP_AFTER + 1;

/** @typedef {{edge: Float64Array, low: Float64Array, high: Float64Array}} Models coefficients as Burg makes them */

export class Guess {
  #edge = new Float64Array(EDGE_FRAMES + LOW_PASS_REACH_FRAMES);
  #low = new Float64Array(LOW_ROOM);
  #trial = new Float64Array(LOW_ORDER + TRIAL);
  #high = new Float64Array(HIGH_ORDER + GUESS_FRAMES);
  /** Place and phase of the next frame in #low, and how far #low is filled. */
  #place = 0;
  #phase = 0;
  #lowEnd = 0;
  #made = 0;
  /** [0]: neither band exceeds this; [1]: no step is larger than this. [2]: the newest frame. */
  #limits = new Float64Array(3);

  /**
   * Begins after the newest frame.
   *
   * @param {import('./bands.js').Past} past @param {Models} models
   * @returns {boolean} whether there is any sound to continue
   */
  begin(past, models) {
    this.#made = 0;
    this.#findLimits(past);
    this.#place = LOW_KEPT - past.lowEnd + Math.floor(past.end / LOW_DECIMATION);
    this.#phase = past.end % LOW_DECIMATION;
    this.#completeLow(past, models.edge);
    this.#reach(models.low);
    this.#splitHigh(past);
    return /** @type {number} */ (this.#limits[0]) > LEVEL_LEAST;
  }

  /**
   * Measures the range of the newest frames: a guess hardly exceeds it, and never changes faster.
   *
   * @param {import('./bands.js').Past} past
   */
  #findLimits(past) {
    const frames = past.frames;
    let peak = 0;
    let step = 0;
    let before = /** @type {number} */ (frames[past.end - PEAK_FRAMES - 1]);
    for (let at = past.end - PEAK_FRAMES; at < past.end; at += 1) {
      const sample = /** @type {number} */ (frames[at]);
      peak = Math.max(peak, Math.abs(sample));
      step = Math.max(step, Math.abs(sample - before));
      before = sample;
    }
    this.#limits[0] = PEAK_MARGIN * peak;
    this.#limits[1] = step;
    this.#limits[2] = before;
  }

  /** @param {import('./bands.js').Past} past @param {Float64Array} model of the newest frames */
  #completeLow(past, model) {
    const edge = this.#edge;
    const low = this.#low;
    const first = past.end - EDGE_FRAMES;
    for (let i = 0; i < EDGE_FRAMES; i += 1) edge[i] = /** @type {number} */ (past.frames[first + i]);
    for (let i = EDGE_FRAMES; i < edge.length; i += 1) extend(edge, i, model, this.#limits);
    for (let i = 0; i < LOW_KEPT; i += 1) low[i] = /** @type {number} */ (past.low[past.lowEnd - LOW_KEPT + i]);
    for (let i = 0; i < UNKNOWN_LOW; i += 1) lower(edge, (past.lowEnd + i) * LOW_DECIMATION - first, low, LOW_KEPT + i);
    this.#lowEnd = LOW_KNOWN;
  }

  /**
   * Tests a model on known frames: adds the energies of the error and of the low band to the sums.
   *
   * @param {Float64Array} model of the low band @param {Float64Array} sums
   */
  try(model, sums) {
    const low = this.#low;
    const trial = this.#trial;
    for (let i = 0; i < LOW_ORDER; i += 1) trial[i] = /** @type {number} */ (low[i]);
    for (let i = LOW_ORDER; i < trial.length; i += 1) {
      extend(trial, i, model, this.#limits);
      const is = /** @type {number} */ (low[i]);
      const error = /** @type {number} */ (trial[i]) - is;
      sums[0] = /** @type {number} */ (sums[0]) + error * error;
      sums[1] = /** @type {number} */ (sums[1]) + is * is;
    }
  }

  /**
   * Copies the newest known samples of the low band.
   *
   * @param {Float64Array} into filled @param {number} back samples left out at the end
   */
  copyLow(into, back) {
    const first = LOW_KNOWN - back - into.length;
    for (let i = 0; i < into.length; i += 1) into[i] = /** @type {number} */ (this.#low[first + i]);
  }

  /** Sets another model of the low band; call it before the first frame. @param {Float64Array} model */
  reconsider(model) {
    this.#lowEnd = LOW_KNOWN;
    this.#reach(model);
  }

  /** Extends the low band as far as the next frame needs. @param {Float64Array} model */
  #reach(model) {
    while (this.#lowEnd <= this.#place + UP_AFTER) this.#extendLow(model);
  }

  /** @param {Float64Array} model */
  #extendLow(model) {
    extend(this.#low, this.#lowEnd, model, this.#limits);
    this.#lowEnd += 1;
  }

  /** The part of the newest frames that the low band does not explain. @param {import('./bands.js').Past} past */
  #splitHigh(past) {
    const first = past.end - HIGH_ORDER;
    const placeOfZero = LOW_KEPT - past.lowEnd;
    for (let i = 0; i < HIGH_ORDER; i += 1) {
      const at = first + i;
      const low = raised(this.#low, placeOfZero + Math.floor(at / LOW_DECIMATION), at % LOW_DECIMATION);
      this.#high[i] = /** @type {number} */ (past.frames[at]) - low;
    }
  }

  /**
   * Writes the next frames, GUESS_FRAMES in all.
   *
   * @param {Float32Array} samples @param {number} from index of the first @param {number} frames @param {Models} models those of begin()
   */
  next(samples, from, frames, models) {
    const limit = /** @type {number} */ (this.#limits[0]);
    const step = /** @type {number} */ (this.#limits[1]);
    let before = /** @type {number} */ (this.#limits[2]);
    for (let frame = from; frame < from + frames; frame += 1) {
      const at = HIGH_ORDER + this.#made;
      extend(this.#high, at, models.high, this.#limits);
      const sample = /** @type {number} */ (this.#high[at]) + raised(this.#low, this.#place, this.#phase);
      before = Math.max(-limit, before - step, Math.min(limit, before + step, sample));
      samples[frame] = before;
      this.#made += 1;
      this.#phase += 1;
      if (this.#phase < LOW_DECIMATION) continue;
      this.#phase = 0;
      this.#place += 1;
      this.#extendLow(models.low);
    }
    this.#limits[2] = before;
  }
}

/**
 * Appends one value by the model. Even and odd coefficients are summed separately, so that the two sums need not wait for each
 * other.
 *
 * @param {Float64Array} values @param {number} at @param {Float64Array} model of an even order @param {Float64Array} limits
 *   maximum value in [0]
 */
function extend(values, at, model, limits) {
  let even = 0;
  let odd = 0;
  for (let i = 0; i < model.length; i += 2) {
    even -= /** @type {number} */ (model[i]) * /** @type {number} */ (values[at - 1 - i]);
    odd -= /** @type {number} */ (model[i + 1]) * /** @type {number} */ (values[at - 2 - i]);
  }
  const sum = even + odd;
  const most = /** @type {number} */ (limits[0]);
  values[at] = Math.abs(sum) < SMALLEST ? 0 : Math.max(-most, Math.min(most, sum));
}
