/**
 * The only conversions between frames and time.
 */

import { STREAM_RATE_HZ } from './constants.js';

/** @param {number} ms @param {number} [rateHz] of the stream @returns {number} whole frames of the stream */
export function framesOf(ms, rateHz = STREAM_RATE_HZ) {
  return Math.round((ms * rateHz) / 1000);
}

/** @param {number} frames of the stream @param {number} [rateHz] of the stream @returns {number} */
export function msOf(frames, rateHz = STREAM_RATE_HZ) {
  return (frames * 1000) / rateHz;
}
