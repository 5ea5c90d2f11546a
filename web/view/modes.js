/**
 * The three modes of the listener's clock, and a fourth state: a delay chosen by hand.
 *
 * In: a mode or a chosen delay. Out: names, and sentences for the state that contains a number (index.html has the promises of
 * the three modes). Pure.
 */

import { milliseconds } from './figures.js';

/** @typedef {'lowest' | 'auto' | 'safest'} Mode */

export const DEFAULT_MODE = 'auto';

/** @type {Readonly<Record<Mode, string>>} */
const NAMES = { lowest: 'Lowest', auto: 'Auto', safest: 'Safest' };

/** @param {string | null} stored @returns {Mode} what was stored if it is a mode, else the default */
export function modeFrom(stored) {
  return stored !== null && Object.hasOwn(NAMES, stored) ? /** @type {Mode} */ (stored) : DEFAULT_MODE;
}

/** @param {Mode} mode @returns {string} */
export function modeName(mode) {
  return NAMES[mode];
}

/** @param {number | null} delayMs the delay that follows from the target, null while that is unknown @param {number} targetMs @returns {string} */
export function fixedWords(delayMs, targetMs) {
  const chosen = delayMs === null ? `You chose a buffer of ${milliseconds(targetMs)}.` : `You chose ${milliseconds(delayMs)}.`;
  return `${chosen} It stays, whatever the network does.`;
}
