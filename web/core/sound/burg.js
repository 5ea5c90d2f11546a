/**
 * Burg's method: the all-pole model of a stretch of sound, computed in slices.
 *
 * In: a window of frames, two channels. Out: the coefficients of one model for both: x[n] is about -sum a[i] x[n - i].
 * What belongs elsewhere: when to make a model and what to do with it (concealment.js). Made once, then free of allocation.
 *
 * The plain method filters the window once for every order. This is its fast form (Koen Vos, "A Fast Implementation of
 * Burg's Method", 2013): one autocorrelation, then a recursion that costs order squared and gives the same reflection
 * coefficients. Everything in it is a sum over frames, so a second channel is only added. Reflection coefficients of
 * Burg's method are below 1, so the model is stable whatever the sound was.
 */

import { LAGS_AT_ONCE, NOISE_SHARE, POWER_LEAST, WORK_PER_COEFFICIENT } from './constants.js';

export class Burg {
  /** The window, oldest frame first: filled by the caller before begin(). */
  left;
  right;
  /** a[1] to a[order], valid when step() has said so; zeros if there was nothing to model. */
  coefficients;
  /** The window was silent: nothing was modelled. */
  empty = true;

  #order;
  #frames;
  /** Next lag of the autocorrelation; beyond the order once it is known. */
  #lag = 0;
  /** Order of the model as far as it is. */
  #stage = 0;
  #correlation;
  /** The names of Vos: the model with its leading 1, R times the model, the newest row of R. */
  #model;
  #product;
  #row;

  /** @param {number} order @param {number} frames of the window, a few times the order */
  constructor(order, frames) {
    this.#order = order;
    this.#frames = frames;
    this.left = new Float64Array(frames);
    this.right = new Float64Array(frames);
    this.coefficients = new Float64Array(order);
    this.#correlation = new Float64Array(order + 1 + LAGS_AT_ONCE);
    this.#model = new Float64Array(order + 2);
    this.#product = new Float64Array(order + 2);
    this.#row = new Float64Array(order + 2);
  }

  /** The window is filled: what follows is work for step(). */
  begin() {
    this.#lag = 0;
    this.#stage = 0;
    this.#correlation.fill(0);
  }

  /**
   * Some of the work.
   *
   * @param {number} work how much, in products of the autocorrelation: a quarter of a nanosecond each on a machine of 2020
   * @returns {boolean} the coefficients are there
   */
  step(work) {
    for (let left = work; left > 0;) {
      if (this.#lag <= this.#order) {
        this.#correlate(this.left, this.#lag);
        this.#correlate(this.right, this.#lag);
        this.#lag += LAGS_AT_ONCE;
        left -= 2 * LAGS_AT_ONCE * this.#frames;
        if (this.#lag > this.#order && !this.#beginRecursion()) return this.#finish();
      } else {
        if (!this.#raise()) return this.#finish();
        if (this.#stage === this.#order) return this.#finish();
        this.#prepareNext();
        left -= WORK_PER_COEFFICIENT * this.#stage;
      }
    }
    return false;
  }

  /** Sums of products at four lags. @param {Float64Array} samples @param {number} lag the least */
  #correlate(samples, lag) {
    const frames = this.#frames;
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    let back1 = 0; // the sample one lag further back; nothing lies before the window
    let back2 = 0;
    let back3 = 0;
    for (let frame = lag; frame < frames; frame += 1) {
      const now = /** @type {number} */ (samples[frame]);
      const back0 = /** @type {number} */ (samples[frame - lag]);
      sum0 += now * back0;
      sum1 += now * back1;
      sum2 += now * back2;
      sum3 += now * back3;
      back3 = back2;
      back2 = back1;
      back1 = back0;
    }
    const sums = this.#correlation;
    sums[lag] = /** @type {number} */ (sums[lag]) + sum0;
    sums[lag + 1] = /** @type {number} */ (sums[lag + 1]) + sum1;
    sums[lag + 2] = /** @type {number} */ (sums[lag + 2]) + sum2;
    sums[lag + 3] = /** @type {number} */ (sums[lag + 3]) + sum3;
  }

  /** @returns {boolean} there is something to model */
  #beginRecursion() {
    const energy = /** @type {number} */ (this.#correlation[0]);
    this.#model.fill(0);
    this.#model[0] = 1;
    this.empty = energy < POWER_LEAST * this.#frames;
    if (this.empty) return false;
    const twice = 2 * /** @type {number} */ (this.#correlation[1]);
    this.#product[0] = 2 * energy * (1 + NOISE_SHARE) - this.#ends(0);
    this.#product[1] = twice;
    this.#row[0] = twice;
    // D[1][1] of the first matrix is D[0][0], without the noise: the row's diagonal is never multiplied by anything but 0.
    this.#row[1] = 2 * energy - this.#ends(0);
    return true;
  }

  /** @param {number} frame @returns {number} squares of the frame and of its mirror in the window, both channels */
  #ends(frame) {
    const last = this.#frames - 1 - frame;
    return square(this.left, frame) + square(this.left, last) + square(this.right, frame) + square(this.right, last);
  }

  /** From a model of order m to one of m + 1. @returns {boolean} it went well */
  #raise() {
    const model = this.#model;
    const product = this.#product;
    const size = this.#stage + 1;
    let forth = 0;
    let both = 0;
    for (let i = 0; i < size; i += 1) {
      const coefficient = /** @type {number} */ (model[i]);
      both += coefficient * /** @type {number} */ (product[i]);
      forth += coefficient * /** @type {number} */ (product[size - i]);
    }
    if (!(both > Math.abs(forth))) return false; // rounding: the sound is modelled as well as it can be
    const reflection = -forth / both;
    addMirror(model, size, reflection);
    addMirror(product, size, reflection);
    this.#stage = size;
    return true;
  }

  /** The matrix of the next order: one frame fewer at either end of its sums, one row more. */
  #prepareNext() {
    const model = this.#model;
    const size = this.#stage; // coefficients beyond the leading 1
    const end = this.#frames - 1 - size;
    const left = this.left;
    const right = this.right;
    let aheadLeft = 0;
    let aheadRight = 0;
    let behindLeft = 0;
    let behindRight = 0;
    for (let i = 0; i <= size; i += 1) {
      const coefficient = /** @type {number} */ (model[i]);
      aheadLeft += coefficient * /** @type {number} */ (left[size - i]);
      aheadRight += coefficient * /** @type {number} */ (right[size - i]);
      behindLeft += coefficient * /** @type {number} */ (left[end + i]);
      behindRight += coefficient * /** @type {number} */ (right[end + i]);
    }
    this.#row.copyWithin(1, 0, size + 1);
    this.#row[0] = 2 * /** @type {number} */ (this.#correlation[size + 1]);
    this.#shorten(left, aheadLeft, behindLeft);
    this.#shorten(right, aheadRight, behindRight);
    let last = 0;
    for (let i = 0; i <= size; i += 1) last += /** @type {number} */ (this.#row[i]) * /** @type {number} */ (model[i]);
    this.#product[size + 1] = last;
  }

  /** @param {Float64Array} samples of one channel @param {number} ahead @param {number} behind what the model makes of its ends */
  #shorten(samples, ahead, behind) {
    const product = this.#product;
    const row = this.#row;
    const size = this.#stage;
    const newest = this.#frames - 1;
    const end = newest - size;
    const first = /** @type {number} */ (samples[size]);
    const last = /** @type {number} */ (samples[end]);
    for (let i = 0; i <= size; i += 1) {
      const early = /** @type {number} */ (samples[size - i]);
      const late = /** @type {number} */ (samples[end + i]);
      product[i] = /** @type {number} */ (product[i]) - early * ahead - late * behind;
      row[i + 1] = /** @type {number} */ (row[i + 1]) - last * /** @type {number} */ (samples[newest - i]) - first * /** @type {number} */ (samples[i]);
    }
  }

  /** @returns {true} */
  #finish() {
    for (let i = 0; i < this.#order; i += 1) this.coefficients[i] = /** @type {number} */ (this.#model[i + 1]);
    return true;
  }
}

/** @param {Float64Array} samples @param {number} frame @returns {number} */
function square(samples, frame) {
  const sample = /** @type {number} */ (samples[frame]);
  return sample * sample;
}

/** values[i] + factor * values[size - i], in place. @param {Float64Array} values @param {number} size @param {number} factor */
function addMirror(values, size, factor) {
  for (let i = 0, j = size; i <= j; i += 1, j -= 1) {
    const one = /** @type {number} */ (values[i]);
    const other = /** @type {number} */ (values[j]);
    values[i] = one + factor * other;
    values[j] = other + factor * one;
  }
}
