/**
 * The service's known sound (`--source exact:…`), computed only from its description in src/source/tone.rs.
 * In: pattern, frame index, channel from 0. Out: the 16-bit sample.
 */

export const RATE_HZ = 44_100;

const HALF_WAVE_FRAMES = [50, 42, 37, 33, 29, 26, 23, 21];
const SINE_PEAK = 6000;
const CLICK_PEAK = 24_000;
const CLICK_FRAMES = 8;

/** @typedef {'music' | 'noise'} Pattern */
/** @typedef {(frame: number, channel: number) => number} SampleOf */

/** @type {Record<Pattern, SampleOf>} */
export const EXACT = {
  noise: (frame, channel) => asInt16(hash(frame, channel) >>> 16),
  music: (frame, channel) => asInt16(sine(frame, channel) + click(frame) + (hash(frame, channel) >>> 24) - 128),
};

/** @param {number} frame @param {number} channel @returns {number} lowbias32 by Chris Wellons, unsigned */
function hash(frame, channel) {
  let x = frame + Math.imul(channel, 0x9E3779B9);
  x = Math.imul(x ^ (x >>> 16), 0x7FEB352D);
  x = Math.imul(x ^ (x >>> 15), 0x846CA68B);
  return (x ^ (x >>> 16)) >>> 0;
}

/** @param {number} frame @param {number} channel */
function sine(frame, channel) {
  const half = /** @type {number} */ (HALF_WAVE_FRAMES[channel & 7]);
  const inWave = (frame >>> 0) % (2 * half);
  const inHalf = inWave % half;
  const product = inHalf * (half - inHalf);
  const value = Math.trunc((16 * product * SINE_PEAK) / (5 * half * half - 4 * product));
  return inWave < half ? value : -value;
}

/** @param {number} frame */
function click(frame) {
  const since = (frame >>> 0) % RATE_HZ;
  if (since >= CLICK_FRAMES) return 0;
  return since % 2 === 0 ? CLICK_PEAK >> since : -(CLICK_PEAK >> since);
}

/** @param {number} value */
function asInt16(value) {
  return (value << 16) >> 16;
}
