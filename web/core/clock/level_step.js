/**
 * Small steps within points that were taken for one level.
 *
 * In: points. Out: the same points, where those before and after a step belong to different levels. Pure.
 *
 * A step of half a millisecond in a minute looks like a drift of 12 ppm, in ten seconds like 75. What tells them apart is that a
 * step leaves two straight pieces. A device's buffer that ran dry because the audio thread woke late leaves such a step.
 */

import { FIRST_NOISE_MS, JUMP_RATIO, NOISE_MS_MIN, STEP_MS_MIN, STEP_POINTS_MIN, STEP_SIGMAS } from './constants.js';
import { byLevel } from './levels.js';
import { median } from './median.js';

/** @typedef {import('./levels.js').Point} Point */

/** @param {readonly Point[]} points in the order of their times @returns {Point[]} each with its level */
export function withSteps(points) {
  const pieces = [...byLevel(points).values()].flatMap(straightPieces);
  return pieces.flatMap((piece, level) => piece.map(({ at, late }) => ({ at, late, level })));
}

/** @param {readonly Point[]} points of one level @returns {(readonly Point[])[]} */
function straightPieces(points) {
  const split = points.length < STEP_POINTS_MIN ? null : jumpIn(points) ?? stepIn(points);
  return split === null ? [points] : [...straightPieces(points.slice(0, split)), ...straightPieces(points.slice(split))];
}

/** @param {readonly Point[]} points @returns {number | null} how many of them lie before the most certain step */
function stepIn(points) {
  const sums = runningSums(points);
  let best = { split: 0, square: Infinity, ms: 0, variance: 0 };
  for (let split = 1; split < points.length; split += 1) {
    const here = twoPieces(sums, split, points.length);
    if (here.square < best.square) best = { split, ...here };
  }
  const noiseMs = Math.max(NOISE_MS_MIN, Math.sqrt((Math.max(0, best.square) + 4 * FIRST_NOISE_MS ** 2) / (points.length + 1)));
  return Math.abs(best.ms) > Math.max(STEP_MS_MIN, STEP_SIGMAS * noiseMs * Math.sqrt(best.variance)) ? best.split : null;
}

/**
 * Of two steps either hides the other in what a line leaves over. So a jump between neighbours counts by itself.
 *
 * @param {readonly Point[]} points @returns {number | null} how many points lie before the largest jump
 */
function jumpIn(points) {
  const differences = points.slice(1).map(({ late }, index) => late - /** @type {Point} */ (points[index]).late);
  const usual = median(differences) ?? 0;
  const sizes = differences.map((difference) => Math.abs(difference - usual));
  const largest = Math.max(...sizes);
  return largest > Math.max(STEP_MS_MIN, JUMP_RATIO * (median(sizes) ?? 0)) ? sizes.indexOf(largest) + 1 : null;
}

/**
 * Two parallel lines.
 *
 * @param {readonly Float64Array[]} sums @param {number} split @param {number} count
 * @returns {{square: number, ms: number, variance: number}} sum of squares of the points' distances from them, how far apart they
 *   are, and the variance of that for points of variance 1
 */
function twoPieces(sums, split, count) {
  const [before, after] = [pieceOf(sums, 0, split), pieceOf(sums, split, count)];
  const spread = before.spread + after.spread;
  const product = before.product + after.product;
  const slope = spread > 0 ? product / spread : 0;
  const apart = after.at - before.at;
  return {
    square: before.square + after.square - slope * product,
    ms: after.late - before.late - slope * apart,
    variance: 1 / split + 1 / (count - split) + apart ** 2 / spread,
  };
}

/** @param {readonly Point[]} points @returns {Float64Array[]} of at, late, and their three products, before each point */
function runningSums(points) {
  const sums = Array.from({ length: 5 }, () => new Float64Array(points.length + 1));
  const first = /** @type {Point} */ (points[0]);
  points.forEach((point, index) => {
    const [at, late] = [point.at - first.at, point.late - first.late];
    [at, late, at * at, at * late, late * late].forEach((value, which) => {
      const own = /** @type {Float64Array} */ (sums[which]);
      own[index + 1] = /** @type {number} */ (own[index]) + value;
    });
  });
  return sums;
}

/**
 * @param {readonly Float64Array[]} sums @param {number} from @param {number} to
 * @returns {{at: number, late: number, spread: number, product: number, square: number}} means, and sums of products about them
 */
function pieceOf(sums, from, to) {
  const [at = 0, late = 0, atAt = 0, atLate = 0, lateLate = 0] = sums.map(
    (own) => /** @type {number} */ (own[to]) - /** @type {number} */ (own[from]));
  const count = to - from;
  return {
    at: at / count, late: late / count,
    spread: atAt - at ** 2 / count, product: atLate - (at * late) / count, square: lateLate - late ** 2 / count,
  };
}
