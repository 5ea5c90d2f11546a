/**
 * A displayed number that stays still while the measured one trembles.
 *
 * A reading that alternates between 40.4 and 40.6 would flip between 40 and 41 twice a second. Pure.
 */

/** Distance that the measured value must move from the displayed one, in units of the last digit. */
const STICKINESS = 0.8;

/**
 * @param {number | null} shown the present number on the page
 * @param {number | null} measured
 * @returns {number | null} the number to display: whole, or null if unknown
 */
export function steady(shown, measured) {
  if (measured === null || !Number.isFinite(measured)) return null;
  return shown !== null && Math.abs(measured - shown) < STICKINESS ? shown : Math.round(measured);
}
