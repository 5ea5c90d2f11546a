/**
 * Smooth edges: how sound begins, ends and changes over.
 *
 * In: frames played. Out: gains, and a tail for a sound that broke off. Made once, then free of allocation.
 */

import { framesOf } from './units.js';

/** Fade-in, and the overlap of a splice: 10 ms. Shorter splices of low notes are heard as a tick. */
export const FADE_FRAMES = framesOf(10);
/** How long a sound that broke off takes to fall silent: 5.8 ms, a power of two for the history's mask. */
export const TAIL_FRAMES = 256;
const TAIL_MASK = TAIL_FRAMES - 1;

/** Raised cosine from just above 0 to just below 1; `1 - FADE_IN[i]` is its mirror, so a splice keeps the sum at 1. */
export const FADE_IN = raisedCosine(FADE_FRAMES);
const TAIL_FADE_IN = raisedCosine(TAIL_FRAMES);

/** @param {number} frames @returns {Float32Array} */
function raisedCosine(frames) {
  return Float32Array.from({ length: frames }, (_, frame) => 0.5 - 0.5 * Math.cos((Math.PI * (frame + 1)) / (frames + 1)));
}

/** Laws of crossfades: from 0, equal power, for sounds that have nothing in common, to this one, equal sum, for the same sound. */
export const LAW_SAME = 8;

/**
 * Gains of the sound that comes in, one table for each law; the sound that goes out gets the same table from its end. Between
 * the two extremes the power of the sum stays even for sounds of that correlation: a/sqrt(a^2 + b^2 + 2 ab r).
 *
 * @param {number} frames of the crossfade @returns {Float32Array[]} indexed by law
 */
export function riseTables(frames) {
  const linear = raisedCosine(frames);
  return Array.from({ length: LAW_SAME + 1 }, (_, law) => linear.map((rise) => {
    const fall = 1 - rise;
    return rise / Math.sqrt(rise * rise + fall * fall + (2 * rise * fall * law) / LAW_SAME);
  }));
}

/** @param {number} correlation -1 to 1, normalised @returns {number} the law that fits */
export function lawFor(correlation) {
  return correlation > 0 ? Math.min(LAW_SAME, Math.round(correlation * LAW_SAME)) | 0 : 0;
}

/**
 * Lets a sound that broke off fall silent without a step: its last 5.8 ms played backwards under a fade. The mirror
 * begins at the very value at which the sound stopped and goes on with the same spectrum; nothing is predicted.
 */
export class Tail {
  active = false;
  /** What sounds now, valid after step(). */
  left = 0;
  right = 0;

  #left = new Float32Array(TAIL_FRAMES);
  #right = new Float32Array(TAIL_FRAMES);
  #mirrorLeft = new Float32Array(TAIL_FRAMES);
  #mirrorRight = new Float32Array(TAIL_FRAMES);
  /** Frames ever remembered, modulo 2^30; the newest is at (count - 1) & TAIL_MASK. */
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

  /** The sound has just broken off. A tail still sounding is part of what is remembered, so it goes on in the new one. */
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

  /** One frame on: left and right hold what is to be added. Only while active. */
  step() {
    this.left = /** @type {number} */ (this.#mirrorLeft[this.#step]);
    this.right = /** @type {number} */ (this.#mirrorRight[this.#step]);
    this.#step += 1;
    if (this.#step === TAIL_FRAMES) this.active = false;
  }
}
