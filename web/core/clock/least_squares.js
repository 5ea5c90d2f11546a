/**
 * Straight lines through points: the best fit to all of them, or to those that lie low.
 */

import { LOWER_HALF_FITS, LOWER_HALF_POINTS_MIN } from './constants.js';
import { median } from './median.js';

/**
 * @typedef {object} FittedLine
 * @property {number} at mean of the points' times
 * @property {number} late mean of their values: the line goes through both means
 * @property {number} slope 0 if all points have the same time
 * @property {number} spread sum of squares of the times' distances from their mean
 * @property {number} product sum of the products of both distances from the means
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
 * Fits a line to the points that delay has hardly raised: first through all, then again through those at or below the median.
 *
 * @template {{at: number, late: number}} Point
 * @param {readonly Point[]} points at least one
 * @param {(points: readonly Point[]) => void} fit makes the line
 * @param {(point: Point) => number} above how far a point lies above the last line
 * @returns {readonly Point[]} the points that the line goes through
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
