/**
 * The glitch ledger in words: when, why, how long.
 *
 * In: the report's ledger. Out: rows of strings, newest first. Pure: the time zone is a parameter, no clock is read here.
 */

import { milliseconds } from './figures.js';
import { causeWords, isIntended } from './glitches.js';

/** Maximum number of rows that the page shows; the saved report has all. */
export const ROWS_MAX = 20;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const WEEKDAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed']; // day 0 of the epoch was a Thursday

/**
 * @typedef {object} Entry
 * @property {number} at_ms since 1970, UTC
 * @property {string} cause as in the report's glitches
 * @property {number | null} length_ms null if unknown
 *
 * @typedef {object} Row
 * @property {string} time local: "14:03:27", with the weekday when it was not today
 * @property {string} iso for machines
 * @property {string} words
 * @property {string} length
 * @property {boolean} intended whether it was intended, and so is no glitch
 */

/**
 * @param {readonly Entry[]} ledger oldest first
 * @param {number} nowMs since 1970, UTC
 * @param {(atMs: number) => number} zoneMinutes minutes that local time is ahead of UTC at that moment
 * @returns {Row[]} newest first, ROWS_MAX at most
 */
export function ledgerRows(ledger, nowMs, zoneMinutes) {
  const today = localDay(nowMs, zoneMinutes(nowMs));
  return ledger.slice(-ROWS_MAX).reverse().map(({ at_ms: atMs, cause, length_ms: lengthMs }) => ({
    time: timeWords(atMs, zoneMinutes(atMs), today),
    iso: new Date(atMs).toISOString(),
    words: causeWords(cause),
    length: lengthWords(lengthMs),
    intended: isIntended(cause),
  }));
}

/**
 * @param {number} sinceMs since 1970, UTC @param {number} nowMs the same
 * @param {(atMs: number) => number} zoneMinutes minutes that local time is ahead of UTC at that moment
 * @returns {string} what the counts and the curve cover
 */
export function sinceWords(sinceMs, nowMs, zoneMinutes) {
  const time = timeWords(sinceMs, zoneMinutes(sinceMs), localDay(nowMs, zoneMinutes(nowMs)));
  return `Glitches and curve count since ${time}.`;
}

/** @param {number} total entries in the ledger @returns {string} the line under the list, '' if the list shows everything */
export function restWords(total) {
  return total > ROWS_MAX ? `The newest ${ROWS_MAX} of ${total}. Save report has them all.` : '';
}

/** @param {number | null} ms @returns {string} */
export function lengthWords(ms) {
  return typeof ms === 'number' && ms > 0 && ms < 0.5 ? 'under 1 ms' : milliseconds(ms);
}

/** @param {number} atMs @param {number} zoneMinutes @param {number} today local day @returns {string} */
function timeWords(atMs, zoneMinutes, today) {
  const clock = new Date(atMs + zoneMinutes * MINUTE_MS).toISOString().slice(11, 19);
  const day = localDay(atMs, zoneMinutes);
  return day === today ? clock : `${WEEKDAYS[((day % 7) + 7) % 7]} ${clock}`;
}

/** @param {number} atMs @param {number} zoneMinutes @returns {number} days since 1970 */
function localDay(atMs, zoneMinutes) {
  return Math.floor((atMs + zoneMinutes * MINUTE_MS) / DAY_MS);
}
