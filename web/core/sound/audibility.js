/**
 * How audible missing frames are: the measure that the law of the lead pays for (docs/design/audibility.md).
 *
 * In: how many frames in a row were missing, and the share of the sound's energy that a guess gets wrong. Out: interruptions; 1 is
 * 20 ms of sound that is wholly wrong. Elsewhere: how loud and how predictable the sound is (hearing.js), the guess itself
 * (concealment.js).
 *
 * While frames are missing, more and more of the sound is wrong: first the error of the guess, and after 20 ms, when the guess has
 * faded out, everything. Short errors are masked by the sound around them, so an error of twice the length costs almost three times
 * as much. Whole numbers and tables: the audio thread asks for many leads in every block, and must not make an object.
 */

import { AUDIBLE_FRAMES, AUDIBLE_POWER, GUESS_FRAMES, LONG_FRAMES, SHARE_ONE } from './constants.js';
import { GAINS } from './fades.js';

/** Frames that are wrong up to a frame of a row: whatever the guess, and in addition with a guess that is wholly wrong. */
const FADED = sums(faded);
const GUESSED = sums(guessed);
const INTERRUPTIONS = interruptions();

/** @param {number} gain of the guess @returns {number} share of the energy that the fade takes away */
function faded(gain) {
  return (1 - gain) ** 2;
}

/** @param {number} gain of the guess @returns {number} share of the guess's own errors that is heard */
function guessed(gain) {
  return gain ** 2;
}

/** @param {(gain: number) => number} share @returns {Float64Array} one more than frames of a guess */
function sums(share) {
  const table = new Float64Array(GUESS_FRAMES + 1);
  GAINS.forEach((gain, frame) => (table[frame + 1] = /** @type {number} */ (table[frame]) + share(gain)));
  return table;
}

/** @returns {Float64Array} by wrong frames */
function interruptions() {
  return Float64Array.from({ length: AUDIBLE_FRAMES + 1 }, (_, wrong) => (wrong / AUDIBLE_FRAMES) ** AUDIBLE_POWER);
}

/**
 * @param {number} row frames missing in a row, whole @param {number} share of the energy that a guess gets wrong, in SHARE_ONEs, whole
 * @returns {number} whole frames of sound that is wholly wrong
 */
export function wrongFrames(row, share) {
  const within = Math.min(row, GUESS_FRAMES);
  const wrong = /** @type {number} */ (FADED[within]) + (share / SHARE_ONE) * /** @type {number} */ (GUESSED[within]);
  return (Math.round(wrong) + row - within) | 0;
}

/**
 * Adds what more wrong frames cost: up to 20 ms by how audible they are, beyond that one interruption for every half a second.
 *
 * @param {Float64Array} sums of interruptions @param {number} at which of them
 * @param {number} before wrong frames of this row so far @param {number} after with those to add
 */
export function addInterruptions(sums, at, before, after) {
  const from = Math.min(before, AUDIBLE_FRAMES);
  const to = Math.min(after, AUDIBLE_FRAMES);
  const beyond = (after - to - (before - from)) / LONG_FRAMES;
  sums[at] = /** @type {number} */ (sums[at]) + /** @type {number} */ (INTERRUPTIONS[to]) - /** @type {number} */ (INTERRUPTIONS[from]) + beyond;
}
