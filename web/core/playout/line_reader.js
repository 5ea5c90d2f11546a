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
  /** True if the line belongs to the timeline that look() was asked for. */
  isValid = false;
  /** Number of published lines. */
  version = 0;
  /**
   * Shift of the line in the last look(), frames, by a change of the network's minimum delay; positive: the network became
   * faster.
   */
  shiftFrames = 0;
  /** Permanent lateness of the line behind the live edge: every measured lead is too long by this much. */
  biasFrames = 0;
  /** The result of measure(). A returned fraction could be a new object each time. */
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

  /** Reads the newest line. @param {number} epoch of the timeline that plays */
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

  /** @returns {number} how much faster than nominal the stream is against the context, a ratio; exactly 0 for one clock */
  get drift() {
    return /** @type {number} */ (this.#values[DRIFT]);
  }

  /**
   * Writes the distance from a position to the live edge into ahead[0], frames.
   *
   * @param {number} contextFrame @param {number} position
   */
  measure(contextFrame, position) {
    const since = (contextFrame - this.#contextFrame) | 0;
    const moved = since * this.#nominal * (1 + this.drift) + /** @type {number} */ (this.#values[FRACTION]);
    this.ahead[0] = ((this.#position - position) | 0) + moved;
  }
}
