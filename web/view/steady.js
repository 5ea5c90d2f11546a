/**
 * A shown number that stands still while the measured one trembles.
 *
 * A reading that alternates between 40.4 and 40.6 would flip between 40 and 41 twice a second. Pure.
 */

/** How far the measured value must leave the shown one, in the unit of the last shown digit. */
const STICKINESS = 0.8;

/**
 * @param {number | null} shown what stands on the page now
 * @param {number | null} measured
 * @returns {number | null} what should stand there: a whole number, or null when unknown
 */
export function steady(shown, measured) {
  if (measured === null || !Number.isFinite(measured)) return null;
  return shown !== null && Math.abs(measured - shown) < STICKINESS ? shown : Math.round(measured);
}
