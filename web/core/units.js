/**
 * Rates, and the only conversions between frames and time.
 */

/** Frames per second of the stream: fixed by the product, checked in `hello`. */
export const STREAM_RATE_HZ = 44_100;

/** @param {number} ms @returns {number} whole frames of the stream */
export function framesOf(ms) {
  return Math.round((ms * STREAM_RATE_HZ) / 1000);
}

/** @param {number} frames of the stream @returns {number} */
export function msOf(frames) {
  return (frames * 1000) / STREAM_RATE_HZ;
}
