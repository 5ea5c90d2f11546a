/** Sends a sine through a resampler, and measures how much of the output is not that sine. */

import { STREAM_RATE_HZ } from '../../../web/core/constants.js';

/** Relative to full scale: the level for which the figures are promised. */
const PEAK = 0.9;
/** Number of frames in which, at +50 ppm, the fraction takes every value exactly once. */
const OUTPUT_FRAMES = 20_000;

/** @typedef {(left: Float32Array, right: Float32Array, times: Float64Array, outLeft: Float32Array, outRight: Float32Array) => void} Run */
/** @typedef {{snrDb: number, gainDb: number}} Heard */

/**
 * @param {Run} run @param {number} hz @param {number} step frames of the stream per output frame
 * @param {number} margin frames of the sine before the first and after the last output frame
 * @returns {Heard}
 */
export function throughSine(run, hz, step, margin) {
  const radians = (2 * Math.PI * hz) / STREAM_RATE_HZ;
  const sound = new Float32Array(Math.ceil(OUTPUT_FRAMES * step) + 2 * margin);
  for (let frame = 0; frame < sound.length; frame += 1) sound[frame] = PEAK * Math.sin(radians * frame + 0.3);
  const heard = new Float32Array(OUTPUT_FRAMES);
  run(sound, sound, Float64Array.of(margin, step, 0), heard, new Float32Array(OUTPUT_FRAMES));
  return compared(heard, (frame) => radians * (margin + frame * step));
}

/**
 * Fits the sine of the known frequency; the rest is everything else in the output, including images.
 *
 * @param {Float32Array} heard @param {(frame: number) => number} angleAt @returns {Heard}
 */
function compared(heard, angleAt) {
  let [ss, sc, cc, sy, cy] = [0, 0, 0, 0, 0];
  heard.forEach((sample, frame) => {
    const [sine, cosine] = [Math.sin(angleAt(frame)), Math.cos(angleAt(frame))];
    ss += sine * sine;
    sc += sine * cosine;
    cc += cosine * cosine;
    sy += sine * sample;
    cy += cosine * sample;
  });
  const determinant = ss * cc - sc * sc;
  const [a, b] = [(sy * cc - cy * sc) / determinant, (cy * ss - sy * sc) / determinant];
  let [signal, rest] = [0, 0];
  heard.forEach((sample, frame) => {
    const fitted = a * Math.sin(angleAt(frame)) + b * Math.cos(angleAt(frame));
    signal += fitted * fitted;
    rest += (sample - fitted) ** 2;
  });
  return { snrDb: 10 * Math.log10(signal / rest), gainDb: 20 * Math.log10(Math.hypot(a, b) / PEAK) };
}
