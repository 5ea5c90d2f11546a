/**
 * The median: the lower of the two in the middle.
 */

/** @param {number[]} values @returns {number | null} null for an empty list */
export function median(values) {
  return values.slice().sort((a, b) => a - b)[(values.length - 1) >> 1] ?? null;
}
