/**
 * Rates, and the only conversions between frames and time.
 */

/** The rates a stream may have, frames per second; `hello` says which. */
export const STREAM_RATES_HZ = Object.freeze([44_100, 48_000, 88_200, 96_000]);
/** The instrument's own. What follows the wave rather than the clock (concealment, splices) is as many frames long at every rate. */
export const STREAM_RATE_HZ = 44_100;

/** @param {number} ms @param {number} [rateHz] of the stream @returns {number} whole frames of the stream */
export function framesOf(ms, rateHz = STREAM_RATE_HZ) {
  return Math.round((ms * rateHz) / 1000);
}

/** @param {number} frames of the stream @param {number} [rateHz] of the stream @returns {number} */
export function msOf(frames, rateHz = STREAM_RATE_HZ) {
  return (frames * 1000) / rateHz;
}
