/**
 * What the audio thread tells the page, written into the control words.
 *
 * In: numbers of one block. Out: control words (controls.js). Belongs elsewhere: reading them (readPlayout), deciding.
 * No method makes an object.
 */

import { PEAK_ONE, WORD } from './controls.js';

/** Twice full scale: what is above it is as red. */
const PEAK_MOST = 2 * PEAK_ONE;

export class Gauges {
  #words;
  #hasSounded = false;

  /** @param {Int32Array} words */
  constructor(words) {
    this.#words = words;
  }

  /** @param {number} word a counter of WORD @param {number} times */
  add(word, times) {
    Atomics.add(this.#words, word, times);
  }

  /**
   * Which frame of the stream met which frame of the context.
   *
   * @param {number} position of the block's first frame @param {number} contextFrame @param {number} frames
   */
  stamp(position, contextFrame, frames) {
    const words = this.#words;
    Atomics.add(words, WORD.STAMP, 1);
    Atomics.store(words, WORD.READ_POSITION, position);
    Atomics.store(words, WORD.READ_CONTEXT_FRAME, contextFrame | 0);
    Atomics.add(words, WORD.STAMP, 1);
    Atomics.store(words, WORD.BLOCK_FRAMES, frames);
    Atomics.add(words, WORD.BLOCK_COUNT, 1);
  }

  /** @param {number} state of PLAYOUT @param {import('./controller.js').PlayoutController} controller */
  steering(state, controller) {
    const words = this.#words;
    Atomics.store(words, WORD.PLAYOUT_STATE, state);
    Atomics.store(words, WORD.LEVEL_FRAMES, controller.levelFrames);
    Atomics.store(words, WORD.TARGET_FRAMES, controller.targetFrames);
    Atomics.store(words, WORD.SPREAD_FRAMES, controller.spreadFrames);
  }

  /** @param {Float64Array} peaks highest absolute samples of the block, left and right */
  peaks(peaks) {
    this.#raise(WORD.PEAK_LEFT, Math.min(/** @type {number} */ (peaks[0]) * PEAK_ONE, PEAK_MOST) | 0);
    this.#raise(WORD.PEAK_RIGHT, Math.min(/** @type {number} */ (peaks[1]) * PEAK_ONE, PEAK_MOST) | 0);
  }

  /** @param {number} frames left over after a block was read */
  headroom(frames) {
    if (frames < Atomics.load(this.#words, WORD.HEADROOM_LEAST_FRAMES)) {
      Atomics.store(this.#words, WORD.HEADROOM_LEAST_FRAMES, frames);
    }
  }

  /** Frames of silence or fading; what comes before the first sound is not missing. @param {number} frames */
  missing(frames) {
    if (this.#hasSounded) Atomics.add(this.#words, WORD.MISSING_FRAMES, frames);
  }

  /** Sound is heard; the first time counts. @param {number} contextFrame */
  sounds(contextFrame) {
    if (this.#hasSounded) return;
    this.#hasSounded = true;
    Atomics.store(this.#words, WORD.FIRST_SOUND_CONTEXT_FRAME, contextFrame | 0);
    Atomics.store(this.#words, WORD.HAS_SOUNDED, 1);
  }

  /** @param {number} word @param {number} value kept if it is the highest since the page last looked */
  #raise(word, value) {
    if (value > Atomics.load(this.#words, word)) Atomics.store(this.#words, word, value);
  }
}
