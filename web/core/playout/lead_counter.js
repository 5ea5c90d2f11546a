/**
 * Counts side by side, on the blocks that are played, how much many leads would have cost.
 *
 * In: the lead each block required. Out: sums per lead. The owner decides what is counted and whether it fades: target.js for
 * the law, what_if.js for the curve. A lead is late while it is shorter than required; what is late again within 100 ms is
 * the same event. No clock is read: time is counted in frames, and wraps. The audio thread calls it: no method makes an object.
 */

import { SAME_EVENT_MS } from './constants.js';
import { framesOf } from '../units.js';

/** @template {Float64Array | Int32Array} Sums */
export class LeadCounter {
  /** In rising order, frames. @type {Int32Array} */
  leads;
  /** A sum for each lead. @type {Sums} */
  sums;

  #sameEventFrames;
  /** Position at which each lead was last late. */
  #markedAt;
  #now = 0;
  /** How many leads were late last time; usually about as many are late again. */
  #late = 0;

  /** @param {Int32Array} leads @param {Sums} sums as many @param {number} streamRateHz */
  constructor(leads, sums, streamRateHz) {
    this.leads = leads;
    this.sums = sums;
    this.#sameEventFrames = framesOf(SAME_EVENT_MS, streamRateHz);
    this.#markedAt = new Int32Array(leads.length);
    this.begin();
  }

  /** The next lateness is a new event. */
  begin() {
    this.#markedAt.fill((this.#now - this.#sameEventFrames) | 0);
  }

  /** @param {number} required whole frames @returns {number} the number of leads that are shorter; they come first */
  lateFor(required) {
    const { leads } = this;
    let at = this.#late;
    while (at > 0 && /** @type {number} */ (leads[at - 1]) >= required) at -= 1;
    while (at < leads.length && /** @type {number} */ (leads[at]) < required) at += 1;
    this.#late = at;
    return at;
  }

  /** @param {number} at @returns {boolean} whether the lead's last event ended long enough ago */
  isNew(at) {
    return ((this.#now - /** @type {number} */ (this.#markedAt[at])) | 0) >= this.#sameEventFrames;
  }

  /** Records that the lead is late now. @param {number} at */
  mark(at) {
    this.#markedAt[at] = this.#now;
  }

  /** @param {number} frames */
  advance(frames) {
    this.#now = (this.#now + frames) | 0;
  }

  /** Call this from time to time: otherwise, after hours, a wrapped count would make an old event look recent. */
  settle() {
    for (let at = 0; at < this.leads.length; at += 1) {
      const quiet = (this.#now - /** @type {number} */ (this.#markedAt[at])) | 0;
      if (quiet > this.#sameEventFrames) this.#markedAt[at] = (this.#now - this.#sameEventFrames) | 0;
    }
  }

  /** @param {number} frames that passed @param {number} memory frames within which a sum fades to a third */
  fade(frames, memory) {
    const kept = 1 - frames / memory;
    for (let at = 0; at < this.leads.length; at += 1) this.sums[at] = /** @type {number} */ (this.sums[at]) * kept;
  }

  /** Gives each lead the sum of the lead that is longer by `frames`. @param {number} frames */
  shift(frames) {
    const { leads, sums } = this;
    for (let at = 0, from = 0; at < leads.length; at += 1) {
      const lead = /** @type {number} */ (leads[at]) + frames;
      while (from < leads.length - 1 && /** @type {number} */ (leads[from]) < lead) from += 1;
      sums[at] = /** @type {number} */ (sums[from]);
    }
  }
}
