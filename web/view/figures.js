/**
 * Numbers as users read them: rounded, with their unit.
 *
 * Pure: no globals, no locale (a number looks the same on every device and in every test).
 */

/** Shown for an unknown number. */
export const UNKNOWN = '–';

/** @param {number | null} ms @returns {string} whole milliseconds, seconds from 1 s on: "41 ms", "2.4 s" */
export function milliseconds(ms) {
  if (!isKnown(ms)) return UNKNOWN;
  const whole = Math.round(ms);
  return Math.abs(whole) < 1000 ? `${whole || 0} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number | null | undefined} ms @returns {string} with one decimal, for the details: "40.6 ms" */
export function fineMilliseconds(ms) {
  if (!isKnown(ms)) return UNKNOWN;
  return Math.abs(ms) < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** @param {number} db dBFS of a meter, from its floor up @param {number} floorDb @returns {string} */
export function decibels(db, floorDb) {
  return db <= floorDb ? 'silent' : `${Math.round(db) || 0} dB`;
}

/** @param {number} count @returns {string} "44,100" */
export function thousands(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** @param {number | null | undefined} value @returns {value is number} */
export function isKnown(value) {
  return typeof value === 'number' && Number.isFinite(value);
}
