/**
 * Straight lines through points: nearest to them all, or to those that lie low.
 */

import { LOWER_HALF_FITS, LOWER_HALF_POINTS_MIN } from './constants.js';
import { median } from './median.js';

/**
 * @typedef {object} FittedLine
 * @property {number} at mean of the points' times
 * @property {number} late and of their values: the line goes through both
 * @property {number} slope 0 where the points have one time
 * @property {number} spread sum of squares of the times' distances from their mean
 * @property {number} product sum of the distances of times and values, multiplied
 */

/** @param {readonly {at: number, late: number}[]} points at least one @returns {FittedLine} */
export function lineThrough(points) {
  const at = points.reduce((sum, point) => sum + point.at, 0) / points.length;
  const late = points.reduce((sum, point) => sum + point.late, 0) / points.length;
  let spread = 0;
  let product = 0;
  for (const point of points) {
    spread += (point.at - at) ** 2;
    product += (point.at - at) * (point.late - late);
  }
  return { at, late, slope: spread > 0 ? product / spread : 0, spread, product };
}

/**
 * A line through those points that delay has hardly raised: through all, then again through those at or below the median.
 *
 * @template {{at: number, late: number}} Point
 * @param {readonly Point[]} points at least one
 * @param {(points: readonly Point[]) => void} fit makes the line
 * @param {(point: Point) => number} above how far a point lies above the line that was made last
 * @returns {readonly Point[]} those the line goes through
 */
export function fitLowerHalf(points, fit, above) {
  let kept = points;
  fit(kept);
  for (let fits = 1; fits < LOWER_HALF_FITS && points.length >= LOWER_HALF_POINTS_MIN; fits += 1) {
    const heights = points.map(above);
    const middle = median(heights) ?? 0;
    kept = points.filter((_, index) => /** @type {number} */ (heights[index]) <= middle);
    fit(kept);
  }
  return kept;
}
