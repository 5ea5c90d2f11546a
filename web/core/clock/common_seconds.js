/**
 * The drift between two clocks, from the seconds in which both were seen.
 *
 * In: the least late observations of two envelope lines (envelope_line.js). Out: how much faster the first line's units arrive,
 * and its standard deviation. Elsewhere: the use of the result (live_edge.js). Pure.
 *
 * One clock measures both lines, the Worker's, whose rate wanders by tens of ppm within seconds. Each line keeps different
 * seconds, so each sees another part of that wander. The difference, second by second, is free of it. So steps too small for
 * either line are looked for here: a wander would look like steps.
 */

import { COMMON_SECONDS_MIN, FIRST_NOISE_MS, HONEST_SIGMAS, LINE_SHIFT_MS, LINE_SHIFT_SIGMAS, LOWER_HALF_SPREAD, NOISE_MS_MIN, STEP_MS_MIN } from './constants.js';
import { fitLowerHalf, heightAbove, lineThrough, slopeSigma, sturdyLineThrough } from './levels.js';
import { withSteps } from './level_step.js';
import { median } from './median.js';

/** @typedef {import('./envelope_line.js').Bucket} Bucket */
/** @typedef {import('./levels.js').Point} Point */

/**
 * @param {readonly Readonly<Bucket>[]} first @param {readonly Readonly<Bucket>[]} second each in the order of their times
 * @returns {{ppm: number, sigma_ppm: number} | null} null if too little was observed
 */
export function driftOfCommonSeconds(first, second) {
  const seconds = likely(differences(first, second), LINE_SHIFT_MS);
  if (seconds.length < COMMON_SECONDS_MIN) return null;
  const points = likely(withSteps(seconds), STEP_MS_MIN / 2);
  // Networks only delay, so of two values that of the less late second is nearer to the truth.
  const { line, kept } = fitLowerHalf(points, lineThrough);
  return { ppm: -line.slope * 1e6, sigma_ppm: 1e6 * HONEST_SIGMAS * slopeSigma(kept, line, noiseMs(kept, line)) };
}

/**
 * Of two lines either may be late for a whole second, so a difference may be far off to both sides.
 *
 * @param {readonly Point[]} points @param {number} leastMs @returns {readonly Point[]} those near the rest
 */
function likely(points, leastMs) {
  if (points.length === 0) return points;
  const line = sturdyLineThrough(points);
  const off = points.map((point) => Math.abs(heightAbove(line, point)));
  const most = Math.max(leastMs, LINE_SHIFT_SIGMAS * /** @type {number} */ (median(off)));
  return points.filter((_, index) => /** @type {number} */ (off[index]) <= most);
}

/** @param {readonly Readonly<Bucket>[]} first @param {readonly Readonly<Bucket>[]} second @returns {Point[]} */
function differences(first, second) {
  const points = [];
  const levels = new Map();
  for (let at = 0, other = 0; at < first.length && other < second.length;) {
    const [a, b] = [/** @type {Bucket} */ (first[at]), /** @type {Bucket} */ (second[other])];
    if (a.slot === b.slot) {
      // A step of either line is one of their difference.
      const pair = `${a.level} ${b.level}`;
      if (!levels.has(pair)) levels.set(pair, levels.size);
      points.push({ at: a.at, late: a.late - b.late, level: levels.get(pair) });
    }
    if (a.slot <= b.slot) at += 1;
    if (b.slot <= a.slot) other += 1;
  }
  return points;
}

/** @param {readonly Point[]} kept the lower half @param {import('./levels.js').FittedLine} line @returns {number} */
function noiseMs(kept, line) {
  const square = kept.reduce((sum, point) => sum + heightAbove(line, point) ** 2, 0);
  const free = Math.max(0, kept.length - 1 - line.levels.size);
  return Math.max(NOISE_MS_MIN, Math.sqrt((square + 2 * FIRST_NOISE_MS ** 2) / (free + 2)) / LOWER_HALF_SPREAD);
}
