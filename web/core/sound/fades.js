/**
 * Fades and crossfades.
 *
 * In: lengths, and the correlation of two sounds. Out: tables of gains, made once. Elsewhere: applying them.
 */

import { DISTRUSTED_FRAMES, FULL_LEVEL_FRAMES, GUESS_FRAMES, LAW_SAME } from './constants.js';

/** The raised cosine: 0 at 0, 1 at pi, 0 at 2 pi. @param {number} phase @returns {number} */
export function raisedCosine(phase) {
  return 0.5 - 0.5 * Math.cos(phase);
}

/**
 * Gains of the incoming sound, one table for each law; the outgoing sound uses the same table backwards. Between the two extremes
 * the power of the sum stays constant for sounds of that correlation: a/sqrt(a^2 + b^2 + 2 ab r).
 *
 * @param {number} frames of the crossfade @returns {Float32Array[]} indexed by law
 */
export function riseTables(frames) {
  // The ramp runs from slightly above 0 to slightly below 1; reversed, it is its own mirror image.
  const linear = Float32Array.from({ length: frames }, (_, frame) => raisedCosine((Math.PI * (frame + 1)) / (frames + 1)));
  return Array.from({ length: LAW_SAME + 1 }, (_, law) => linear.map((rise) => {
    const fall = 1 - rise;
    return rise / Math.sqrt(rise * rise + fall * fall + (2 * rise * fall * law) / LAW_SAME);
  }));
}

/** @param {number} correlation -1 to 1, normalised @returns {number} the law that fits */
export function lawFor(correlation) {
  return correlation > 0 ? Math.min(LAW_SAME, Math.round(correlation * LAW_SAME)) | 0 : 0;
}

/** Gains of a guess, frame by frame: one that is trusted, and one that is not. */
export const GAINS = Float32Array.from({ length: GUESS_FRAMES }, (_, frame) =>
  fall((frame + 1 - FULL_LEVEL_FRAMES) / (GUESS_FRAMES - FULL_LEVEL_FRAMES)));
export const DISTRUSTED_GAINS = Float32Array.from({ length: GUESS_FRAMES }, (_, frame) => fall((frame + 1) / DISTRUSTED_FRAMES));

/** @param {number} share of the fade, 0 to 1 @returns {number} from 1 to 0 */
function fall(share) {
  return 1 - raisedCosine(Math.PI * Math.max(0, Math.min(1, share)));
}
