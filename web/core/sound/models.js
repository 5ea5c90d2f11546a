/**
 * Models of the present sound: always ready, and renewed continually in slices.
 *
 * In: the past of both channels, and the length of every block. Out: coefficients for a guess (guess.js). Elsewhere: the
 * mathematics (burg.js). Both channels share their models, because room and player are the same on both sides.
 */

import {
  EDGE_ORDER, EDGE_WINDOW, HIGH_ORDER, HIGH_WINDOW, HOLD, LOW_DECIMATION, LOW_ORDER, LOW_PASS_REACH_FRAMES, LOW_WINDOW, TURNS,
  WORK_PER_FRAME,
} from './constants.js';
import { raised } from './bands.js';
import { Burg } from './burg.js';

/** @typedef {import('./bands.js').Past} Past */

export class ModelMaker {
  /** The newest models. */
  models = { edge: new Float64Array(EDGE_ORDER), low: new Float64Array(LOW_ORDER), high: new Float64Array(HIGH_ORDER) };

  #edge = new Burg(EDGE_ORDER, EDGE_WINDOW);
  #low = new Burg(LOW_ORDER, LOW_WINDOW);
  #high = new Burg(HIGH_ORDER, HIGH_WINDOW);
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
    this.#make(this.#low, work, this.models.low);
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

  /** @param {Burg} burg @param {number} work @param {Float64Array} model */
  #make(burg, work, model) {
    if (!this.#filled) burg.begin();
    this.#filled = true;
    if (!burg.step(work)) return;
    this.#filled = false;
    this.#turn = (this.#turn + 1) % TURNS;
    copyEnd(burg.coefficients, model.length, model);
    if (burg.empty) model[0] = HOLD;
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
