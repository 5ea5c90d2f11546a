/**
 * How predictable the present sound is.
 *
 * In: the past of both channels, and a model of their low band. Out: the share of the newest sound's energy that a guess would get
 * wrong. Elsewhere: guesses themselves (guess.js), and the use of this number (hearing.js).
 *
 * The model is tried on the newest 3.6 ms, which it was made without. What is above the low band counts as unpredictable: it is
 * mostly noise, or partials that a guess keeps for a millisecond.
 */

import { LOW_DECIMATION, LOW_ORDER, LOW_PASS_REACH_FRAMES, POWER_LEAST, TRIAL } from './constants.js';

/** @typedef {import('./bands.js').Past} Past */

const TRIAL_FRAMES = TRIAL * LOW_DECIMATION;

export class Trial {
  #low = new Float64Array(LOW_ORDER + TRIAL);
  /** Energies: of the error and of the sound in the low band, and of all sound at the full rate. */
  #energy = new Float64Array(3);

  /** @param {Past} left @param {Past} right @param {Float64Array} model of the low band @param {Float64Array} shares written: 0 to 1; 1 for silence */
  share(left, right, model, shares) {
    const energy = this.#energy.fill(0);
    this.#try(left, model);
    this.#try(right, model);
    const whole = /** @type {number} */ (energy[2]);
    const low = LOW_DECIMATION * /** @type {number} */ (energy[1]);
    const wrong = LOW_DECIMATION * /** @type {number} */ (energy[0]) + Math.max(0, whole - low);
    shares[0] = whole < POWER_LEAST * TRIAL_FRAMES ? 1 : Math.min(1, wrong / whole);
  }

  /** @param {Past} past @param {Float64Array} model */
  #try(past, model) {
    const low = this.#low;
    const energy = this.#energy;
    const first = past.lowEnd - low.length;
    for (let at = 0; at < LOW_ORDER; at += 1) low[at] = /** @type {number} */ (past.low[first + at]);
    for (let at = LOW_ORDER; at < low.length; at += 1) {
      let guess = 0;
      for (let back = 0; back < LOW_ORDER; back += 1) guess -= /** @type {number} */ (model[back]) * /** @type {number} */ (low[at - 1 - back]);
      const is = /** @type {number} */ (past.low[first + at]);
      low[at] = guess;
      energy[0] = /** @type {number} */ (energy[0]) + (guess - is) ** 2;
      energy[1] = /** @type {number} */ (energy[1]) + is ** 2;
    }
    const end = past.end - LOW_PASS_REACH_FRAMES;
    for (let at = end - TRIAL_FRAMES; at < end; at += 1) energy[2] = /** @type {number} */ (energy[2]) + /** @type {number} */ (past.frames[at]) ** 2;
  }
}
