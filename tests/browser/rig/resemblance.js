/**
 * Finds the known sound where it may have been resampled: which source frame is heard at which time, how fast the source is
 * played, and what remains when the two are subtracted. alignment.js finds sound that must be exact.
 *
 * The comparison uses sound below 8 kHz, where good resamplers are accurate. Source and recording pass the same filter, and the
 * source is evaluated between its frames, so the product's own interpolation plays no part in the judgement. The level does not
 * matter. But full-scale noise exceeds full scale between its frames, so it must be played more softly.
 */

import { mostAlike } from './correlation.js';
import { RATE_HZ } from './exact.js';

/** Filter length: frames to each side of the centre. The cutoff follows the rate; the four-term Blackman-Harris window gives 92 dB. */
export const REACH_FRAMES = 64;
const CUTOFF = 8000 / RATE_HZ;
const WINDOW = [0.35875, 0.48829, 0.14128, 0.01168];
/** Frames compared at once: long enough for a fault to matter, short enough for a slowly changing speed. */
const PIECE_FRAMES = 1024;
/** Gauss-Newton iterations. */
const ROUNDS = 6;
/** Two overlapping sounds are found in turns, each in the remainder of the other. */
const ROUNDS_OF_TWO = 6;
/** Upper limit for the remainder: the rig's own filters leave -71 dB of noise. */
export const RESIDUAL_DB = -60;
/** Minimum correlation that is worth a closer look. */
const LIKENESS_MIN = 0.5;
/** Between pieces time passes evenly, within 1000 ppm and one frame of uncertainty. */
const SPEED_PPM_MAX = 1000;

/**
 * @typedef {object} Piece
 * @property {number} first recorded frame @property {number} index the source frame heard at `first`, with its fraction
 * @property {number} ratePpm how much faster than at its own rate the source is played @property {number} residualDb the
 *   remainder,
 *   relative to the sound
 *
 * @typedef {import('./recording.js').Sound} Sound
 * @typedef {import('./exact.js').SampleOf} SampleOf
 */

/**
 * @param {Sound} sound @param {SampleOf} sampleOf
 * @param {{first: number, frames: number, from: number, to: number}} where the source frame heard at recorded frame `first` lies
 *   in from..to
 * @returns {Piece[]} one after the other; none where the sound is not found
 */
export function pieces(sound, sampleOf, { first, frames, from, to }) {
  const start = findStart(sound, sampleOf, first, { from, to });
  if (start === null) return [];
  /** @type {Piece[]} */
  const found = [];
  let index = start;
  for (let at = first; at + PIECE_FRAMES + REACH_FRAMES <= first + frames; at += PIECE_FRAMES) {
    const { time, speed, residualDb } = fit(heardAt(sound, at), sampleOf, index);
    const piece = { first: at, index: time, ratePpm: (speed - 1) * 1e6, residualDb };
    found.push(piece);
    index = (piece.residualDb < RESIDUAL_DB / 3 ? piece.index : index) + PIECE_FRAMES;
  }
  return found;
}

/**
 * @param {Sound} sound
 * @param {SampleOf} sampleOf
 * @param {Parameters<typeof pieces>[2]} where
 * @returns {boolean} all of it is the known sound, in one piece, at an inaudible speed difference
 */
export function resembles(sound, sampleOf, where) {
  const found = pieces(sound, sampleOf, where);
  return found.length > 0 && found.every(({ residualDb }) => residualDb < RESIDUAL_DB) && found.slice(1).every((piece, at) => {
    const before = /** @type {Piece} */ (found[at]);
    return Math.abs(piece.index - before.index - PIECE_FRAMES) < 0.1 + (PIECE_FRAMES * SPEED_PPM_MAX) / 1e6;
  });
}

/**
 * Separates two copies of the sound that are heard at once, each at its own time and speed.
 *
 * @param {Sound} sound @param {SampleOf} sampleOf @param {number} first @param {[number, number]} indices the source's frames heard there, roughly
 * @returns {number} the remainder when both are subtracted, dB
 */
export function residualOfTwo(sound, sampleOf, first, indices) {
  const heard = heardAt(sound, first);
  const parts = indices.map((index) => ({ index, values: new Float64Array(PIECE_FRAMES) }));
  let residualDb = 0;
  for (let round = 0; round < ROUNDS_OF_TWO; round += 1) {
    for (const part of parts) {
      const rest = heard.slice();
      for (const other of parts) if (other !== part) other.values.forEach((value, at) => { rest[at] = /** @type {number} */ (rest[at]) - value; });
      const found = fit(rest, sampleOf, part.index);
      [part.index, part.values] = [found.time, found.values];
      residualDb = decibels(found.residual, product(heard, heard));
    }
  }
  return residualDb;
}

/** @param {Sound} sound @param {SampleOf} sampleOf @param {number} first @param {{from: number, to: number}} where @returns {number | null} */
function findStart(sound, sampleOf, first, { from, to }) {
  // mostAlike() looks through one second.
  for (let end = to; end > from; end -= RATE_HZ) {
    const [find] = mostAlike(sound, first, sampleOf, { to: end });
    if (find && find.likeness > LIKENESS_MIN) return find.index;
  }
  return null;
}

/** @param {Sound} sound @param {number} first @returns {Float64Array} a piece of the left channel, below the cutoff */
function heardAt(sound, first) {
  return Float64Array.from({ length: PIECE_FRAMES }, (_, at) => filtered((frame) => sound.samples[2 * frame] ?? 0, first + at));
}

/**
 * @param {Float64Array} heard @param {SampleOf} sampleOf @param {number} guess the source frame at its first sample, to a frame
 *   or two
 * @returns {{time: number, speed: number, values: Float64Array, residual: number, residualDb: number}} the source's part of it
 */
function fit(heard, sampleOf, guess) {
  const base = Math.round(guess) - 2 * REACH_FRAMES;
  const known = Float64Array.from({ length: PIECE_FRAMES + 4 * REACH_FRAMES }, (_, at) => sampleOf(base + at, 0) / 32768);
  const middle = (PIECE_FRAMES - 1) / 2;
  let [time, speed] = [guess + middle, 1];
  const source = (/** @type {number} */ moment) => filtered((frame) => known[frame - base] ?? 0, moment, speed);
  let values = new Float64Array(PIECE_FRAMES);
  let residual = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const bare = Float64Array.from({ length: PIECE_FRAMES }, (_, at) => source(time + (at - middle) * speed));
    const gain = product(heard, bare) / (product(bare, bare) || 1);
    values = bare.map((value) => gain * value);
    let [gradient0, gradient1, curve00, curve01, curve11] = [0, 0, 0, 0, 0];
    residual = 0;
    for (let at = 0; at < PIECE_FRAMES; at += 1) {
      const since = at - middle;
      const moment = time + since * speed;
      const slope = (gain * (source(moment + 0.05) - source(moment - 0.05))) / 0.1;
      const error = /** @type {number} */ (heard[at]) - /** @type {number} */ (values[at]);
      residual += error * error;
      gradient0 += error * slope;
      gradient1 += error * slope * since;
      curve00 += slope * slope;
      curve01 += slope * slope * since;
      curve11 += slope * slope * since * since;
    }
    if (round === ROUNDS - 1) break;
    const determinant = curve00 * curve11 - curve01 * curve01 || 1;
    time += clamp((gradient0 * curve11 - gradient1 * curve01) / determinant, 0.5);
    speed = 1 + clamp(speed - 1 + (gradient1 * curve00 - gradient0 * curve01) / determinant, (2 * SPEED_PPM_MAX) / 1e6);
  }
  return { time: time - middle * speed, speed, values, residual, residualDb: decibels(residual, product(heard, heard)) };
}

/** @param {number} residual @param {number} power @returns {number} the ratio in dB; 0 for silence */
function decibels(residual, power) {
  return power > 0 ? 10 * Math.log10(residual / power) : 0;
}

/** @param {Float64Array} one @param {Float64Array} other */
function product(one, other) {
  return one.reduce((sum, value, at) => sum + value * /** @type {number} */ (other[at]), 0);
}

/**
 * @param {(frame: number) => number} sampleAt @param {number} time
 * @param {number} [stretch] factor on the filter's length: a recording is filtered at its own frames, which are this far apart in
 *   the source
 * @returns {number} the sound below the cutoff at that time
 */
function filtered(sampleAt, time, stretch = 1) {
  const whole = Math.floor(time);
  let sum = 0;
  for (let frame = whole - REACH_FRAMES + 1; frame <= whole + REACH_FRAMES; frame += 1) sum += sampleAt(frame) * kernel((time - frame) / stretch);
  return sum;
}

const KERNEL_STEPS = 1024;
/** @type {Float64Array} */
const KERNEL = Float64Array.from({ length: REACH_FRAMES * KERNEL_STEPS + 2 }, (_, at) => {
  const time = at / KERNEL_STEPS;
  if (time >= REACH_FRAMES) return 0;
  const phase = (Math.PI * (time + REACH_FRAMES)) / REACH_FRAMES;
  const window = WINDOW.reduce((sum, share, harmonic) => sum + (harmonic % 2 ? -share : share) * Math.cos(harmonic * phase), 0);
  return window * (at === 0 ? 2 * CUTOFF : Math.sin(2 * Math.PI * CUTOFF * time) / (Math.PI * time));
});

/** @param {number} time @returns {number} by linear interpolation in a table, accurate to 110 dB */
function kernel(time) {
  const place = Math.abs(time) * KERNEL_STEPS;
  const at = Math.floor(place);
  const before = /** @type {number} */ (KERNEL[at] ?? 0);
  return before + (place - at) * (/** @type {number} */ (KERNEL[at + 1] ?? 0) - before);
}

/** @param {number} value @param {number} most */
function clamp(value, most) {
  return Math.min(most, Math.max(-most, value));
}
