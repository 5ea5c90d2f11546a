/**
 * The live edge as the audio thread follows it.
 *
 * In: the control words. Out: where the live edge is at a context frame. No method makes an object: fractions live in an array.
 */

import { DRIFT_ONE, FRACTION_ONE, LEAD_ONE } from './constants.js';
import { WORD } from './controls.js';

const FRACTION = 0;
const DRIFT = 1;

export class LineReader {
  /** Of the timeline asked for, once look() said so. */
  isValid = false;
  /** Counts the lines published. */
  version = 0;
  /** Frames by which a change of the network's least delay shifted the line in the last look(); positive: it became faster. */
  shiftFrames = 0;
  /** How much later than the live edge the line permanently is: every lead is measured too long by this. */
  biasFrames = 0;
  /** The result of measure(); returned, a fraction could be a new object each time. */
  ahead = new Float64Array(1);

  #words;
  #contextFrame = 0;
  #position = 0;
  #shift = 0;
  #values = new Float64Array(2);
  #nominal;

  /** @param {Int32Array} words @param {number} nominal stream frames per context frame */
  constructor(words, nominal) {
    this.#words = words;
    this.#nominal = nominal;
  }

  /** Takes in the newest line. @param {number} epoch of the timeline that is played */
  look(epoch) {
    const words = this.#words;
    const version = Atomics.load(words, WORD.LINE);
    this.shiftFrames = 0;
    if ((version & 1) !== 0) return;
    const lineEpoch = Atomics.load(words, WORD.LINE_EPOCH);
    if (version === this.version || lineEpoch !== epoch) {
      this.isValid &&= lineEpoch === epoch;
      return;
    }
    const contextFrame = Atomics.load(words, WORD.LINE_CONTEXT_FRAME);
    const position = Atomics.load(words, WORD.LINE_POSITION);
    const fraction = Atomics.load(words, WORD.LINE_FRACTION);
    const drift = Atomics.load(words, WORD.LINE_DRIFT);
    const shift = Atomics.load(words, WORD.LINE_SHIFT);
    const bias = Atomics.load(words, WORD.LINE_BIAS);
    if (Atomics.load(words, WORD.LINE) !== version) return;
    if (this.isValid) this.shiftFrames = Math.round(((shift - this.#shift) | 0) / LEAD_ONE) | 0;
    this.version = version;
    this.isValid = true;
    this.biasFrames = bias;
    this.#contextFrame = contextFrame;
    this.#position = position;
    this.#shift = shift;
    this.#values[FRACTION] = fraction / FRACTION_ONE;
    this.#values[DRIFT] = drift / DRIFT_ONE;
  }

  /** @returns {number} by how much the stream is faster than nominal against the context, a ratio; 0 exactly: one clock */
  get drift() {
    return /** @type {number} */ (this.#values[DRIFT]);
  }

  /** Leaves in ahead[0] how far it is from a position to the live edge, frames. @param {number} contextFrame @param {number} position */
  measure(contextFrame, position) {
    const since = (contextFrame - this.#contextFrame) | 0;
    const moved = since * this.#nominal * (1 + this.drift) + /** @type {number} */ (this.#values[FRACTION]);
    this.ahead[0] = ((this.#position - position) | 0) + moved;
  }
}
