/**
 * The drift between two clocks, from the seconds in which both were seen.
 *
 * In: the least late observations of two envelope lines (envelope_line.js). Out: how much faster the first line's units arrive,
 * and its standard deviation. Elsewhere: the use of the result (live_edge.js). Pure.
 *
 * One clock measures both lines, the Worker's, whose rate wanders by tens of ppm within seconds. Each line keeps different
 * seconds, so each sees another part of that wander. The difference, second by second, is free of it.
 */

import { ALIKE_MAX, COMMON_SECONDS_MIN, LOWER_HALF_SPREAD, NOISE_MS_MIN } from './constants.js';
import { fitLowerHalf, lineThrough } from './least_squares.js';

/** @typedef {import('./envelope_line.js').Bucket} Bucket */

/**
 * @param {readonly Readonly<Bucket>[]} first @param {readonly Readonly<Bucket>[]} second each in the order of their times
 * @returns {{ppm: number, sigma_ppm: number} | null} null if too little was observed
 */
export function driftOfCommonSeconds(first, second) {
  const points = differences(first, second);
  if (points.length < COMMON_SECONDS_MIN) return null;
  let line = lineThrough(points);
  // Networks only delay, so of two values that of the less late second is nearer to the truth.
  const kept = fitLowerHalf(points, (some) => { line = lineThrough(some); }, ({ at, late }) => late - line.late - line.slope * (at - line.at));
  return { ppm: -line.slope * 1e6, sigma_ppm: sigmaPpm(kept, line) };
}

/** @param {readonly Readonly<Bucket>[]} first @param {readonly Readonly<Bucket>[]} second @returns {{at: number, late: number}[]} */
function differences(first, second) {
  const points = [];
  for (let at = 0, other = 0; at < first.length && other < second.length;) {
    const [a, b] = [/** @type {Bucket} */ (first[at]), /** @type {Bucket} */ (second[other])];
    if (a.slot === b.slot) points.push({ at: a.at, late: a.late - b.late });
    if (a.slot <= b.slot) at += 1;
    if (b.slot <= a.slot) other += 1;
  }
  return points;
}

/**
 * Several consecutive seconds with similar errors contain less information than as many independent ones.
 *
 * @param {readonly {at: number, late: number}[]} points @param {import('./least_squares.js').FittedLine} line @returns {number}
 */
function sigmaPpm(points, line) {
  const off = points.map(({ at, late }) => late - line.late - line.slope * (at - line.at));
  const square = off.reduce((sum, value) => sum + value ** 2, 0);
  const next = off.reduce((sum, value, index) => sum + value * (off[index + 1] ?? 0), 0);
  const alike = square > 0 ? Math.min(ALIKE_MAX, Math.max(0, next / square)) : 0;
  const noiseMs = Math.max(NOISE_MS_MIN, Math.sqrt(square / (points.length - 2)) / LOWER_HALF_SPREAD);
  return line.spread > 0 ? (1e6 * noiseMs * Math.sqrt((1 + alike) / (1 - alike))) / Math.sqrt(line.spread) : Infinity;
}
