/**
 * Computes the wait before the next attempt to connect. Pure: time and chance are arguments.
 */

import { RETRY_CHANCE, RETRY_MS_FIRST, RETRY_MS_MAX } from './constants.js';

/**
 * The wait doubles from 0.25 s to 5 s. Its last quarter is random, so that the listeners of a restarted service do not all return
 * at once.
 *
 * @param {number} attempts that have failed since the last success, from 1 @param {number} chance 0 to 1
 * @returns {number} ms
 */
export function backoffMs(attempts, chance) {
  const longest = Math.min(RETRY_MS_FIRST * 2 ** (attempts - 1), RETRY_MS_MAX);
  return longest * (1 - RETRY_CHANCE + RETRY_CHANCE * chance);
}
