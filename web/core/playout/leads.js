/** A table of candidate leads in rising order, in frames. Functions only: the audio thread calls them. */

/**
 * @param {Int32Array} leads in rising order, frames @param {number} required whole frames
 * @param {number} before the result of the last time: usually the next one is near
 * @returns {number} the number of leads that are shorter; they come first
 */
export function shorterThan(leads, required, before) {
  let at = before;
  while (at > 0 && /** @type {number} */ (leads[at - 1]) >= required) at -= 1;
  while (at < leads.length && /** @type {number} */ (leads[at]) < required) at += 1;
  return at;
}
