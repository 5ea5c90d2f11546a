/**
 * Everything that the delay panel shows, computed from one snapshot: so its curve, mark, slider and sentences cannot disagree.
 *
 * In: a curve with the delay of the same moment, the mode, a delay chosen by hand, the point under the finger. Out: one object of
 * places and sentences, which the elements and the canvas only copy. Pure.
 */

import { milliseconds } from './figures.js';
import { fixedWords, lowestWords, modeName } from './modes.js';
import { curveOf, curveWords, delayAt, heightAt, indexOf, positionOf, valueWords } from './what_if_curve.js';

/** @typedef {import('./modes.js').Mode} Mode */
/** @typedef {import('./what_if_curve.js').Curve} Curve */

/**
 * @typedef {object} Measured what one snapshot says
 * @property {Curve | null} curve null as long as there is too little data
 * @property {number | null} heldMs the lead that is held now
 * @property {number | null} delayMs the present delay in the words of the status line; null while it is unknown
 *
 * @typedef {object} Choice
 * @property {Mode} mode
 * @property {number | null} fixedMs the lead chosen by hand
 * @property {number | null} modeMs the lead that the mode held before
 * @property {number | null} previewed index of the point under the finger, not yet chosen
 *
 * @typedef {object} Mark
 * @property {number} position 0 to 1
 * @property {number} height 0 to 1
 * @property {string} words
 *
 * @typedef {object} CurveView
 * @property {Curve} curve
 * @property {Mark | null} held
 * @property {Mark | null} before where the mode was; null if it is in use
 * @property {{last: number, index: number, words: string}} slider
 *
 * @typedef {object} DelayView
 * @property {Mode | 'fixed'} state
 * @property {string} fixedWords '' unless a delay was chosen by hand
 * @property {string | null} lowestWords what Lowest says instead of its promise
 * @property {string} returnWords
 * @property {string} curveWords '' without a curve
 * @property {CurveView | null} picture
 */

/** @type {Measured} */
export const NOTHING_MEASURED = Object.freeze({ curve: null, heldMs: null, delayMs: null });

/**
 * @param {Pick<import('./words.js').Snapshot, 'what_if' | 'what_if_observed_s' | 'level_ms'>} snapshot
 * @param {number | null} delayMs as the status line shows it
 * @returns {Measured}
 */
export function measured({ what_if: whatIf, what_if_observed_s: observedS, level_ms: levelMs }, delayMs) {
  const curve = curveOf(whatIf, observedS);
  return { curve, heldMs: levelMs, delayMs: curve?.truth === 'delay' ? delayMs : null };
}

/** @param {Measured} measurement @param {Choice} choice @returns {DelayView} */
export function delayView(measurement, choice) {
  const { curve } = measurement;
  const { fixedMs, mode } = choice;
  return {
    state: fixedMs === null ? mode : 'fixed',
    fixedWords: fixedMs === null ? '' : fixedWords(curve?.truth === 'delay' ? delayAt(curve, fixedMs) : null, fixedMs),
    lowestWords: fixedMs === null && mode === 'lowest' ? lowestWords(measurement.heldMs) : null,
    returnWords: `Return to ${modeName(mode)}`,
    curveWords: curve ? curveWords(curve) : '',
    picture: curve && curveView(curve, measurement, choice),
  };
}

/** @param {Curve} curve @param {Measured} measurement @param {Choice} choice @returns {CurveView} */
function curveView(curve, { heldMs, delayMs }, { mode, fixedMs, modeMs, previewed }) {
  const previewedMs = previewed === null ? null : curve.points[previewed]?.targetMs ?? null;
  const chosenMs = previewedMs ?? fixedMs;
  const shownMs = chosenMs ?? heldMs;
  // The delay that is held has one number on the whole page: that of the status line.
  const delayWords = shownMs === null ? '' : milliseconds(chosenMs === null && delayMs !== null ? delayMs : delayAt(curve, shownMs));
  const last = curve.points.length - 1;
  return {
    curve,
    held: shownMs === null ? null : markOf(curve, shownMs, `${chosenMs === null ? modeName(mode) : 'You'} ${delayWords}`),
    before: chosenMs === null || modeMs === null ? null : markOf(curve, modeMs, `${modeName(mode)} ${milliseconds(delayAt(curve, modeMs))}`),
    slider: shownMs === null
      ? { last, index: 0, words: '' }
      : { last, index: indexOf(curve, shownMs), words: valueWords(curve, shownMs, delayWords) },
  };
}

/** @param {Curve} curve @param {number} targetMs @param {string} words @returns {Mark} */
function markOf(curve, targetMs, words) {
  return { position: positionOf(curve, targetMs), height: heightAt(curve, targetMs), words };
}
