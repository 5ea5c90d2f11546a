/**
 * The straight line through points that is nearest to them all.
 */

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
