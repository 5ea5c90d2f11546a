/**
 * Models of the present sound: always ready, and renewed continually in slices.
 *
 * In: the past of both channels, and the length of every block. Out: coefficients for a guess (guess.js). Elsewhere: the
 * mathematics (burg.js). Both channels share their models, because room and player are the same on both sides.
 */

import {
  EDGE_ORDER, EDGE_WINDOW, HIGH_ORDER, HIGH_WINDOW, HOLD, LOW_DECIMATION, LOW_ORDER, LOW_PASS_REACH_FRAMES, LOW_WINDOW,
  SHARE_MODELS, TURNS, WORK_PER_FRAME,
} from './constants.js';
import { raised } from './bands.js';
import { Burg } from './burg.js';
import { Trial } from './trial.js';

/** @typedef {import('./bands.js').Past} Past */

export class ModelMaker {
  /** The newest models. */
  models = { edge: new Float64Array(EDGE_ORDER), low: new Float64Array(LOW_ORDER), high: new Float64Array(HIGH_ORDER) };

  #edge = new Burg(EDGE_ORDER, EDGE_WINDOW);
  #low = new Burg(LOW_ORDER, LOW_WINDOW);
  #high = new Burg(HIGH_ORDER, HIGH_WINDOW);
  /** The share of the newest sound's energy that the model of the low band gets wrong, and all that is above it: 0 to 1. In an
   array, because it has a fraction. */
  share = Float64Array.of(1);
  #trial = new Trial();
  #newest = new Float64Array(1);
  /** The model that is made next, and whether its window is filled. */
  #turn = 0;
  #filled = false;

  constructor() {
    this.forget();
  }

  /** Forgets every model, as at the beginning. */
  forget() {
    this.models.edge.fill(0)[0] = HOLD;
    this.models.low.fill(0)[0] = HOLD;
    this.models.high.fill(0)[0] = HOLD;
    this.share[0] = 1;
    this.#turn = 0;
    this.#filled = false;
  }

  /** Does a slice of the work. @param {Past} left @param {Past} right @param {number} frames of the block */
  work(left, right, frames) {
    const work = frames * WORK_PER_FRAME;
    if (this.#turn === 1) this.#makeEdge(left, right, work);
    else if (this.#turn === 3) this.#makeHigh(left, right, work);
    else this.#makeLow(left, right, work);
  }

  /** @param {Past} left @param {Past} right @param {number} work */
  #makeLow(left, right, work) {
    if (!this.#filled) {
      copyEnd(left.low, left.lowEnd, this.#low.left);
      copyEnd(right.low, right.lowEnd, this.#low.right);
    }
    if (this.#make(this.#low, work, this.models.low)) this.#noteShare(left, right);
  }

  /**
   * Tries the new model on sound that it was made without, and averages: a single trial may have met the quiet between two beats.
   *
   * @param {Past} left @param {Past} right
   */
  #noteShare(left, right) {
    const share = /** @type {number} */ (this.share[0]);
    this.#trial.share(left, right, this.models.low, this.#newest);
    this.share[0] = share + (/** @type {number} */ (this.#newest[0]) - share) / SHARE_MODELS;
  }

  /** @param {Past} left @param {Past} right @param {number} work */
  #makeEdge(left, right, work) {
    if (!this.#filled) {
      copyEnd(left.frames, left.end, this.#edge.left);
      copyEnd(right.frames, right.end, this.#edge.right);
    }
    this.#make(this.#edge, work, this.models.edge);
  }

  /** @param {Past} left @param {Past} right @param {number} work */
  #makeHigh(left, right, work) {
    if (!this.#filled) {
      copyHigh(left, this.#high.left);
      copyHigh(right, this.#high.right);
    }
    this.#make(this.#high, work, this.models.high);
  }

  /** @param {Burg} burg @param {number} work @param {Float64Array} model @returns {boolean} whether it is finished */
  #make(burg, work, model) {
    if (!this.#filled) burg.begin();
    this.#filled = true;
    if (!burg.step(work)) return false;
    this.#filled = false;
    this.#turn = (this.#turn + 1) % TURNS;
    copyEnd(burg.coefficients, model.length, model);
    if (burg.empty) model[0] = HOLD;
    return true;
  }
}

/** Copies the newest values. @param {Float64Array} values @param {number} end @param {Float64Array} into filled */
export function copyEnd(values, end, into) {
  const first = end - into.length;
  for (let i = 0; i < into.length; i += 1) into[i] = /** @type {number} */ (values[first + i]);
}

/** Copies the newest sound above the low band, as far as it is known. @param {Past} past @param {Float64Array} into filled */
function copyHigh(past, into) {
  const first = past.end - 2 * LOW_PASS_REACH_FRAMES - into.length;
  for (let i = 0; i < into.length; i += 1) {
    const at = first + i;
    into[i] = /** @type {number} */ (past.frames[at]) - raised(past.low, Math.floor(at / LOW_DECIMATION), at % LOW_DECIMATION);
  }
}
