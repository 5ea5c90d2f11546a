/**
 * The three modes of the listener's clock, and a fourth state: a delay chosen by hand.
 *
 * In: a mode or a chosen delay. Out: names, and the sentences that contain a number (index.html has the fixed texts of the
 * three modes). Pure.
 */

import { milliseconds } from './figures.js';

/** @typedef {'lowest' | 'auto' | 'safest'} Mode */

export const DEFAULT_MODE = 'auto';

/** ms of lead beyond which playing along is hardly possible. */
const LOWEST_LONG_MS = 80;

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

/**
 * What Lowest says while it is not low: with less delay, more than 1 % of the sound would be missing.
 *
 * @param {number | null} heldMs the lead that it holds @returns {string | null} null: its promise stands
 */
export function lowestWords(heldMs) {
  if (heldMs === null || heldMs <= LOWEST_LONG_MS) return null;
  return `This network needs ${milliseconds(heldMs)} of buffer: with less, more than 1 % of the sound would be missing.`;
}
