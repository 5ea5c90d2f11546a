/**
 * How long to wait before the next attempt to connect. No clock, no chance of its own: both come in.
 */

const FIRST_MS = 250;
const LONGEST_MS = 5000;

/**
 * Doubles from 0.25 s to 5 s. The last quarter is left to chance, so that all listeners of a service that was restarted
 * do not come back in one instant.
 *
 * @param {number} attempts that have failed since the last success, from 1 @param {number} chance 0 to 1
 * @returns {number} ms
 */
export function backoffMs(attempts, chance) {
  const longest = Math.min(FIRST_MS * 2 ** (attempts - 1), LONGEST_MS);
  return longest * (0.75 + 0.25 * chance);
}
