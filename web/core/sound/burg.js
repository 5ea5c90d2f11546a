/**
 * Burg's method: the all-pole model of a stretch of sound, computed in slices.
 *
 * In: a window of frames, two channels. Out: the coefficients of one model for both: x[n] is about -sum a[i] x[n - i].
 * Elsewhere: when to make a model, and its use (concealment.js). Memory is allocated once, at construction.
 *
 * The plain method filters the window once for every order. This is its fast form (Koen Vos, "A Fast Implementation of Burg's
 * Method", 2013): one autocorrelation, then a recursion whose cost is the square of the order, with the same reflection
 * coefficients. All of it are sums over frames, so a second channel is simply added. Reflection coefficients of Burg's method are
 * below 1, so the model is stable for any sound.
 */

import { LAGS_AT_ONCE, NOISE_SHARE, POWER_LEAST, WORK_PER_COEFFICIENT } from './constants.js';

export class Burg {
  /** The window, oldest frame first; the caller fills it before begin(). */
  left;
  right;
  /** a[1] to a[order], valid once step() has returned true; zeros if there was nothing to model. */
  coefficients;
  /** True if the window was silent, so that there is no model. */
  empty = true;

  #order;
  #frames;
  /** Next lag of the autocorrelation; beyond the order once it is complete. */
  #lag = 0;
  /** Order of the model so far. */
  #stage = 0;
  #correlation;
  /** Vos' variables: the model with its leading 1, R times the model, the newest row of R. */
  #model;
  #product;
  #row;

  /** @param {number} order @param {number} frames in the window, a few times the order */
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

  /** Call this when the window is filled; step() does the rest. */
  begin() {
    this.#lag = 0;
    this.#stage = 0;
    this.#correlation.fill(0);
  }

  /**
   * Does a part of the work.
   *
   * @param {number} work how much, in products of the autocorrelation: a quarter of a nanosecond each on a machine of 2020
   * @returns {boolean} whether the coefficients are complete
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

  /** Sums of products at four lags. @param {Float64Array} samples @param {number} lag the smallest */
  #correlate(samples, lag) {
    const frames = this.#frames;
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    let back1 = 0; // the sample one lag further back; before the window there is nothing
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

  /** @returns {boolean} whether there is anything to model */
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
    // D[1][1] of the first matrix is D[0][0] without the noise; the row's diagonal is only ever multiplied by 0.
    this.#row[1] = 2 * energy - this.#ends(0);
    return true;
  }

  /** @param {number} frame @returns {number} squares of the frame and of its mirror in the window, both channels */
  #ends(frame) {
    const last = this.#frames - 1 - frame;
    return square(this.left, frame) + square(this.left, last) + square(this.right, frame) + square(this.right, last);
  }

  /** Extends a model of order m to m + 1. @returns {boolean} whether that was possible */
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
    if (!(both > Math.abs(forth))) return false; // rounding error: the model is as good as it can be
    const reflection = -forth / both;
    addMirror(model, size, reflection);
    addMirror(product, size, reflection);
    this.#stage = size;
    return true;
  }

  /** Makes the matrix of the next order: one frame fewer at either end of its sums, and one row more. */
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

  /** @param {Float64Array} samples of one channel @param {number} ahead @param {number} behind the model's predictions at its ends */
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

/** Adds in place: values[i] + factor * values[size - i]. @param {Float64Array} values @param {number} size @param {number} factor */
function addMirror(values, size, factor) {
  for (let i = 0, j = size; i <= j; i += 1, j -= 1) {
    const one = /** @type {number} */ (values[i]);
    const other = /** @type {number} */ (values[j]);
    values[i] = one + factor * other;
    values[j] = other + factor * one;
  }
}
