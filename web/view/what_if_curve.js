/**
 * The what-if curve: the cost of each delay on this network, in dropouts per hour.
 *
 * In: the report's what_if, as the worklet counted it on the played blocks. Out: the curve, its scales (0 to 1, for a picture or
 * a slider), and its sentences. Pure: no elements, no clock.
 */

import { milliseconds } from './figures.js';

/** A curve from less data would show chance, not the network. */
export const EVIDENCE_S = 10;

/** The height at which 0 is drawn. It has a lane of its own, because 0 has no logarithm. */
const LOWEST_PER_HOUR = 0.1;
const LOWEST_HEIGHT = 0.14;

/** Number of dropouts an hour beyond which the exact number does not matter. */
const HIGHEST_PER_HOUR = 7200;

/** Delays that the axis may label. */
const ROUND_MS = [2, 5, 10, 20, 30, 40, 50, 70, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000];

/** Lines of the picture: each is sixty times the one below, so they are at equal distances. */
export const RATE_MARKS = Object.freeze([
  { perHour: 0, words: 'none so far' },
  { perHour: 1, words: 'one an hour' },
  { perHour: 60, words: 'one a minute' },
  { perHour: 3600, words: 'a dropout a second' },
]);

/**
 * The keys of the report that this module reads. Keys are only ever added.
 *
 * @typedef {object} WhatIf
 * @property {number} target_ms the lead
 * @property {number | null} delay_ms the delay from capture to ear with this lead
 * @property {number} events counted dropouts
 * @property {number} events_per_hour
 *
 * @typedef {object} Point
 * @property {number} targetMs
 * @property {number} delayMs capture to ear; the lead itself if `truth` is 'buffer'
 * @property {number} events never fewer than at a larger delay
 * @property {number} perHour never less than at a larger delay
 *
 * @typedef {object} Curve
 * @property {Point[]} points at least two, ascending
 * @property {number} observedS
 * @property {'delay' | 'buffer'} truth the kind of its delays: while clocks or output are unknown, only the lead is known
 */

/**
 * @param {readonly WhatIf[] | null | undefined} whatIf ascending by target
 * @param {number | null | undefined} observedS
 * @returns {Curve | null} null as long as there is too little data
 */
export function curveOf(whatIf, observedS) {
  if (!whatIf || whatIf.length < 2 || !observedS || !(observedS >= EVIDENCE_S)) return null;
  const truth = whatIf.every(({ delay_ms: delayMs }) => typeof delayMs === 'number') ? 'delay' : 'buffer';
  const points = whatIf.map(({ target_ms: targetMs, delay_ms: delayMs, events, events_per_hour: perHour }) => (
    { targetMs, delayMs: truth === 'delay' ? /** @type {number} */ (delayMs) : targetMs, events, perHour }));
  // If nearly everything is late, events merge and their count falls; but a smaller delay is never better because of that.
  for (let at = points.length - 2; at >= 0; at--) {
    const [point, larger] = [/** @type {Point} */ (points[at]), /** @type {Point} */ (points[at + 1])];
    point.events = Math.max(point.events, larger.events);
    point.perHour = Math.max(point.perHour, larger.perHour);
  }
  return { points, observedS, truth };
}

/**
 * The position of a target between the first point and the last. Points are at equal distances, whatever lies between them in ms:
 * this gives room to small delays, where each millisecond counts.
 *
 * @param {Curve} curve @param {number} targetMs @returns {number} 0 to 1
 */
export function positionOf(curve, targetMs) {
  return place(curve, targetMs, ({ targetMs: ms }) => ms) / (curve.points.length - 1);
}

/** @param {Curve} curve @param {number} position 0 to 1 @returns {number} index of the nearest point */
export function indexAt({ points }, position) {
  return Math.round(Math.min(1, Math.max(0, position)) * (points.length - 1));
}

/** @param {Curve} curve @param {number} targetMs @returns {number} index of the nearest point */
export function indexOf(curve, targetMs) {
  return indexAt(curve, positionOf(curve, targetMs));
}

/** @param {Curve} curve @param {number} targetMs @returns {number} ms, interpolated between points */
export function delayAt({ points }, targetMs) {
  const above = Math.max(1, points.findIndex((point) => point.targetMs >= targetMs));
  const end = /** @type {Point} */ (points.at(-1));
  if (targetMs > end.targetMs) return end.delayMs + targetMs - end.targetMs;
  const [low, high] = [/** @type {Point} */ (points[above - 1]), /** @type {Point} */ (points[above])];
  if (targetMs < low.targetMs) return low.delayMs + targetMs - low.targetMs;
  return low.delayMs + (high.delayMs - low.delayMs) * share(low.targetMs, high.targetMs, targetMs);
}

/** @param {Curve} curve @param {number} targetMs @returns {number} 0 to 1: on the line, but 0 if the nearest point has no dropouts, like the words */
export function heightAt(curve, targetMs) {
  const nearest = /** @type {Point} */ (curve.points[indexOf(curve, targetMs)]);
  if (nearest.perHour === 0) return 0;
  const at = positionOf(curve, targetMs) * (curve.points.length - 1);
  const low = heightOf(/** @type {Point} */ (curve.points[Math.floor(at)]).perHour);
  const high = heightOf(/** @type {Point} */ (curve.points[Math.ceil(at)]).perHour);
  return low + (high - low) * (at - Math.floor(at));
}

/** @param {number} perHour @returns {number} 0 for none, 1 for the most that is shown */
export function heightOf(perHour) {
  if (!(perHour > 0)) return 0;
  const within = Math.min(HIGHEST_PER_HOUR, Math.max(LOWEST_PER_HOUR, perHour));
  const decades = Math.log(within / LOWEST_PER_HOUR) / Math.log(HIGHEST_PER_HOUR / LOWEST_PER_HOUR);
  return LOWEST_HEIGHT + (1 - LOWEST_HEIGHT) * decades;
}

/** @param {Curve} curve @param {number} apart least distance of two marks, 0 to 1 @returns {{position: number, words: string}[]} round delays for the axis */
export function delayMarks(curve, apart) {
  const { points } = curve;
  const [first, last] = [/** @type {Point} */ (points[0]).delayMs, /** @type {Point} */ (points.at(-1)).delayMs];
  /** @type {{position: number, words: string}[]} */
  const marks = [];
  for (const ms of ROUND_MS) {
    if (ms < first || ms > last) continue;
    const position = place(curve, ms, ({ delayMs }) => delayMs) / (points.length - 1);
    if (position - (marks.at(-1)?.position ?? -Infinity) >= apart) marks.push({ position, words: milliseconds(ms) });
  }
  return marks;
}

/**
 * @param {Curve} curve @param {number} targetMs
 * @param {string} [delayWords] its delay, if it is shown elsewhere, too
 * @returns {string} "24 ms: about 3 dropouts an hour here"
 */
export function valueWords(curve, targetMs, delayWords = milliseconds(delayAt(curve, targetMs))) {
  const { perHour } = /** @type {Point} */ (curve.points[indexOf(curve, targetMs)]);
  return `${delayWords}${curve.truth === 'buffer' ? ' of buffer' : ''}: ${perHour > 0 ? `${rateWords(perHour)} here` : 'no dropouts here so far'}`;
}

/** @param {Curve} curve @returns {string} the curve in one sentence, for users who see it and for those who do not */
export function curveWords({ points, observedS, truth }) {
  const time = `In the past ${durationWords(observedS).replace(/^1 /, '')}`;
  // The rate decides, as in the picture: a lead that is late all the time has few events, because they merge.
  const free = points.findIndex(({ perHour }) => perHour === 0);
  if (free < 0) return `${time}, every delay shown had dropouts.`;
  if (free === 0) return `${time}, no delay shown had dropouts.`;
  const least = milliseconds(/** @type {Point} */ (points[free]).delayMs);
  return `${time}, ${least}${truth === 'buffer' ? ' of buffer' : ''} or more had no dropouts.`;
}

/** @param {number} perHour above 0 @returns {string} "about 3 dropouts an hour", in a unit that makes the number easy to imagine */
export function rateWords(perHour) {
  const [times, unit] = perHour < 60 ? [perHour, 'an hour'] : perHour < 3600 ? [perHour / 60, 'a minute'] : [perHour / 3600, 'a second'];
  if (times < 0.95) return `less than 1 dropout ${unit}`;
  const rounded = times < 9.5 ? Math.round(times) : Math.round(times / 5) * 5;
  return `about ${rounded} ${rounded === 1 ? 'dropout' : 'dropouts'} ${unit}`;
}

/** @param {number} seconds @returns {string} "40 seconds", "3 minutes", "2 hours" */
export function durationWords(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} seconds`;
  const [times, unit] = seconds < 7200 ? [Math.floor(seconds / 60), 'minute'] : [Math.floor(seconds / 3600), 'hour'];
  return `${times} ${unit}${times === 1 ? '' : 's'}`;
}

/** @param {Curve} curve @param {number} ms @param {(point: Point) => number} key ascending @returns {number} 0 to the last index, fractions between points */
function place({ points }, ms, key) {
  const above = points.findIndex((point) => key(point) >= ms);
  if (above === 0) return 0;
  if (above < 0) return points.length - 1;
  return above - 1 + share(key(/** @type {Point} */ (points[above - 1])), key(/** @type {Point} */ (points[above])), ms);
}

/** @param {number} low @param {number} high @param {number} value @returns {number} 0 to 1 */
function share(low, high, value) {
  return high > low ? (value - low) / (high - low) : 1;
}
