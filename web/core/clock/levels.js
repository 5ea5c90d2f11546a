/**
 * Parallel lines through points that belong to levels.
 *
 * In: points. Out: one slope for all levels, and how wrong it may be. How far apart the levels lie is not known: so a step from
 * one to the next is never taken for a slope. Elsewhere: where the levels begin (level_step.js, envelope_line.js). Pure.
 */

import { ALIKE_MAX, LOWER_HALF_FITS, LOWER_HALF_POINTS_MIN } from './constants.js';
import { median } from './median.js';

/** @typedef {{at: number, late: number, level: number}} Point */
/** @typedef {{at: number, late: number, count: number}} Mean of a level's points */

/**
 * @typedef {object} FittedLine
 * @property {Map<number, Mean>} levels for each level: its line goes through this
 * @property {number} slope of all levels; 0 if the points of each level have the same time
 * @property {number} spread sum of squares of the times' distances from their level's mean
 * @property {number} product sum of the products of both distances from the means
 */

/** @param {readonly Point[]} points at least one @returns {FittedLine} */
export function lineThrough(points) {
  /** @type {Map<number, Mean>} */
  const levels = new Map();
  let spread = 0;
  let product = 0;
  for (const [level, own] of byLevel(points)) {
    const count = own.length;
    const meanAt = own.reduce((sum, { at }) => sum + at, 0) / count;
    const meanLate = own.reduce((sum, { late }) => sum + late, 0) / count;
    levels.set(level, { at: meanAt, late: meanLate, count });
    for (const { at, late } of own) {
      spread += (at - meanAt) ** 2;
      product += (at - meanAt) * (late - meanLate);
    }
  }
  return { levels, slope: spread > 0 ? product / spread : 0, spread, product };
}

/** @param {FittedLine} line @param {Point} point of one of its levels @returns {number} how far the point lies above the line */
export function heightAbove({ levels, slope }, { at, late, level }) {
  const mean = /** @type {Mean} */ (levels.get(level));
  return late - mean.late - slope * (at - mean.at);
}

/**
 * A line that few points cannot bend, however far off they are: the median of the slopes between points half the series apart
 * (Theil's incomplete method), through the median of each level.
 *
 * @param {readonly Point[]} points at least one, in the order of their times @returns {FittedLine}
 */
export function sturdyLineThrough(points) {
  const groups = byLevel(points);
  const slopes = [];
  for (const own of groups.values()) {
    const lag = own.length >> 1;
    for (let first = 0; lag > 0 && first + lag < own.length; first += 1) {
      const [from, to] = [/** @type {Point} */ (own[first]), /** @type {Point} */ (own[first + lag])];
      slopes.push((to.late - from.late) / (to.at - from.at));
    }
  }
  const slope = median(slopes) ?? 0;
  /** @type {Map<number, Mean>} */
  const levels = new Map();
  for (const [level, own] of groups) {
    const late = /** @type {number} */ (median(own.map((point) => point.late - slope * point.at)));
    levels.set(level, { at: 0, late, count: own.length });
  }
  return { levels, slope, spread: 0, product: 0 };
}

/**
 * Fits a line to the points that delay has hardly raised: those of each level at or below its median. Of a level of few points
 * all count.
 *
 * @template {Point} P
 * @param {readonly P[]} points at least one, in the order of their times
 * @param {(points: readonly P[]) => FittedLine} fit makes the line
 * @returns {{line: FittedLine, kept: readonly P[]}} the line, and the points that it goes through
 */
export function fitLowerHalf(points, fit) {
  if (points.length < LOWER_HALF_POINTS_MIN) return { line: fit(points), kept: points };
  const groups = byLevel(points);
  let kept = points;
  let line = sturdyLineThrough(points);
  for (let fits = 0; fits < LOWER_HALF_FITS; fits += 1) {
    /** @type {Map<number, number>} */
    const most = new Map();
    for (const [level, own] of groups) {
      const heights = own.map((point) => heightAbove(line, point));
      most.set(level, own.length < LOWER_HALF_POINTS_MIN ? Infinity : median(heights) ?? Infinity);
    }
    kept = points.filter((point) => heightAbove(line, point) <= /** @type {number} */ (most.get(point.level)));
    line = fit(kept);
  }
  return { line, kept };
}

/** @template {Point} P @param {readonly P[]} points @returns {Map<number, P[]>} */
export function byLevel(points) {
  /** @type {Map<number, P[]>} */
  const groups = new Map();
  for (const point of points) {
    const own = groups.get(point.level);
    if (own) own.push(point);
    else groups.set(point.level, [point]);
  }
  return groups;
}

/**
 * How wrong the slope may be. Several consecutive points with similar errors contain less information than as many independent
 * ones.
 *
 * @param {readonly Point[]} kept that the line goes through, in the order of their times @param {FittedLine} line
 * @param {number} noiseMs scatter of one point
 * @returns {number} ms per ms, one sigma
 */
export function slopeSigma(kept, line, noiseMs) {
  if (line.spread === 0) return Infinity;
  const off = kept.map((point) => heightAbove(line, point));
  const square = off.reduce((sum, value) => sum + value ** 2, 0);
  const next = off.reduce((sum, value, index) => sum + value * (off[index + 1] ?? 0), 0);
  const alike = square > 0 ? Math.min(ALIKE_MAX, Math.max(0, next / square)) : 0;
  return noiseMs * Math.sqrt((1 + alike) / (1 - alike) / line.spread);
}
