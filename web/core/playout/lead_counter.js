/**
 * Counts side by side, on the blocks that are played, how much many leads would have cost.
 *
 * In: the lead each block required. Out: when each lead was late. The owner decides what is counted: what_if.js, for the curve. The
 * law counts otherwise (late_cost.js). A lead is late while it is shorter than required; what is late again within 100 ms is the same
 * event. No clock is read: time is counted in frames, and wraps. The audio thread calls it: no method makes an object.
 */

import { SAME_EVENT_MS } from './constants.js';
import { shorterThan } from './leads.js';
import { framesOf } from '../units.js';

export class LeadCounter {
  /** In rising order, frames. @type {Int32Array} */
  leads;
  #sameEventFrames;
  /** Position at which each lead was last late. */
  #markedAt;
  #now = 0;
  /** How many leads were late last time; usually about as many are late again. */
  #late = 0;

  /** @param {Int32Array} leads @param {number} streamRateHz */
  constructor(leads, streamRateHz) {
    this.leads = leads;
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
    this.#late = shorterThan(this.leads, required, this.#late);
    return this.#late;
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
}
