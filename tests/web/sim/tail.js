/**
 * The reference for concealment: a sound that breaks off is faded out, and fades in again when it returns.
 *
 * In: played frames. Out: the sound in place of missing frames. Nothing that ships uses it.
 */

import { OVERLAP_FRAMES } from '../../../web/core/sound/constants.js';

/** Length of the fade: 5.8 ms, a power of two for the history's mask. */
const TAIL_FRAMES = 256;
const TAIL_MASK = TAIL_FRAMES - 1;

/** Raised cosine from slightly above 0 to slightly below 1. */
export const FADE_IN = raisedCosine(OVERLAP_FRAMES);
const TAIL_FADE_IN = raisedCosine(TAIL_FRAMES);

/** @param {number} frames @returns {Float32Array} */
function raisedCosine(frames) {
  return Float32Array.from({ length: frames }, (_, frame) => 0.5 - 0.5 * Math.cos((Math.PI * (frame + 1)) / (frames + 1)));
}

/**
 * Fades out a sound that broke off, without a step: plays its last 5.8 ms backwards under a fade. The mirror image begins with
 * the value at which the sound stopped, and has the same spectrum; nothing is predicted.
 */
export class Tail {
  active = false;
  /** The current output, valid after step(). */
  left = 0;
  right = 0;

  #left = new Float32Array(TAIL_FRAMES);
  #right = new Float32Array(TAIL_FRAMES);
  #mirrorLeft = new Float32Array(TAIL_FRAMES);
  #mirrorRight = new Float32Array(TAIL_FRAMES);
  /** Number of frames remembered so far, modulo 2^30; the newest is at (count - 1) & TAIL_MASK. */
  #count = 0;
  #step = 0;

  /** Remembers one frame that was played. @param {number} left @param {number} right */
  remember(left, right) {
    this.#left[this.#count & TAIL_MASK] = left;
    this.#right[this.#count & TAIL_MASK] = right;
    this.#count = (this.#count + 1) & 0x3fff_ffff;
  }

  /** Remembers a whole block; only its end matters. @param {Float32Array} left @param {Float32Array} right */
  rememberBlock(left, right) {
    for (let frame = Math.max(0, left.length - TAIL_FRAMES); frame < left.length; frame += 1) {
      this.remember(/** @type {number} */ (left[frame]), /** @type {number} */ (right[frame]));
    }
  }

  /** The sound has just broken off. A tail that is still sounding was remembered too, so the new tail continues it. */
  begin() {
    for (let step = 0; step < TAIL_FRAMES; step += 1) {
      const back = (this.#count - 1 - step) & TAIL_MASK;
      const gain = 1 - /** @type {number} */ (TAIL_FADE_IN[step]);
      this.#mirrorLeft[step] = /** @type {number} */ (this.#left[back]) * gain;
      this.#mirrorRight[step] = /** @type {number} */ (this.#right[back]) * gain;
    }
    this.#step = 0;
    this.active = true;
  }

  /** Advances by one frame: left and right hold the samples to add. Only while active. */
  step() {
    this.left = /** @type {number} */ (this.#mirrorLeft[this.#step]);
    this.right = /** @type {number} */ (this.#mirrorRight[this.#step]);
    this.#step += 1;
    if (this.#step === TAIL_FRAMES) this.active = false;
  }
}
