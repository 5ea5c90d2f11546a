/**
 * Smooth edges: how sound begins, ends and changes over.
 *
 * In: how long, and how alike two sounds are. Out: tables of gains, made once. What fades is the caller's business.
 */

import { framesOf } from '../units.js';

/** Fade-in, and the overlap of a splice: 10 ms. Shorter splices of low notes are heard as a tick. */
export const FADE_FRAMES = framesOf(10);

/** From just above 0 to just below 1; backwards it is its mirror. @param {number} frames @returns {Float32Array} */
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
