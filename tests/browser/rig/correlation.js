/**
 * Finds the known sound in a recording by correlation. This serves for mixed sounds, and for sounds that an audio engine may have
 * changed. alignment.js finds sound that must be exact.
 */

import { RATE_HZ } from './exact.js';

const WINDOW_FRAMES = 2048;
/** Distance below which two matches count as one. */
const APART_FRAMES = 8;

/** @typedef {{index: number, likeness: number}} Find the source's frame, and the correlation there: 1 is identical, 0 is chance */

/**
 * @param {import('./recording.js').Sound} sound @param {number} frame where to search in it
 * @param {import('./exact.js').SampleOf} sampleOf
 * @param {{to: number, finds?: number, channel?: number}} where the source frame lies in the last second before `to`
 * @returns {Find[]} the best matches, best first
 */
export function mostAlike(sound, frame, sampleOf, { to, finds = 1, channel = 0 }) {
  const from = Math.max(0, to - RATE_HZ);
  const heard = Float32Array.from({ length: WINDOW_FRAMES }, (_, at) => sound.samples[2 * (frame + at) + channel] ?? 0);
  const known = Float32Array.from({ length: to - from + WINDOW_FRAMES }, (_, at) => sampleOf(from + at, channel));
  const heardPower = power(heard, 0);
  /** @type {Find[]} */
  const best = [];
  for (let lag = 0; lag < to - from; lag += 1) {
    let sum = 0;
    for (let at = 0; at < WINDOW_FRAMES; at += 1) sum += /** @type {number} */ (heard[at]) * /** @type {number} */ (known[lag + at]);
    keep(best, { index: from + lag, likeness: sum }, finds);
  }
  return best.map(({ index, likeness }) => ({ index, likeness: likeness / (Math.sqrt(heardPower * power(known, index - from)) || 1) }));
}

/** @param {Find[]} best at most `finds`, best first @param {Find} find @param {number} finds */
function keep(best, find, finds) {
  const near = best.findIndex(({ index }) => Math.abs(index - find.index) < APART_FRAMES);
  if (near >= 0 && /** @type {Find} */ (best[near]).likeness >= find.likeness) return;
  if (near >= 0) best.splice(near, 1);
  best.push(find);
  best.sort((a, b) => b.likeness - a.likeness);
  best.length = Math.min(best.length, finds);
}

/** @param {Float32Array} samples @param {number} first */
function power(samples, first) {
  let sum = 0;
  for (let at = first; at < first + WINDOW_FRAMES; at += 1) sum += /** @type {number} */ (samples[at]) ** 2;
  return sum;
}
