/**
 * When a frame was captured: frame_index to the service's clock.
 *
 * In: the capture stamp of every record. Out: the capture time of any frame near them. A stamp jitters with the device's
 * wake-ups (up to milliseconds); the frames themselves do not, so the map is their common line, lightly filtered.
 */

import { STREAM_RATE_HZ } from './units.js';

const NS_PER_FRAME = 1e9 / STREAM_RATE_HZ;
/** Time constant of the filter, frames (200 ms): a drift of 300 ppm then leaves an error of 0.06 ms. */
const FILTER_FRAMES = STREAM_RATE_HZ / 5;
/** A stamp this far off is no jitter: the timeline has moved, and the map follows at once. */
const STEP_NS = 20e6;

export class CaptureMap {
  /** The last frame observed, and when it was captured; null before the first. @type {{frame_index: number, capture_ns: number} | null} */
  #anchor = null;

  /** The timeline begins anew. */
  reset() {
    this.#anchor = null;
  }

  /** @param {number} frameIndex @param {number} captureNs @param {number} frames that the record holds */
  observe(frameIndex, captureNs, frames) {
    const anchor = this.#anchor;
    if (!anchor) {
      this.#anchor = { frame_index: frameIndex, capture_ns: captureNs };
      return;
    }
    const expected = anchor.capture_ns + (frameIndex - anchor.frame_index) * NS_PER_FRAME;
    const error = captureNs - expected;
    anchor.frame_index = frameIndex;
    anchor.capture_ns = Math.abs(error) > STEP_NS ? captureNs : expected + error * Math.min(1, frames / FILTER_FRAMES);
  }

  /** @returns {{frame_index: number, capture_ns: number} | null} a copy */
  get anchor() {
    return this.#anchor && { ...this.#anchor };
  }
}

/**
 * The capture time of a position of the ring, which knows only the low 32 bits of a frame's index.
 *
 * @param {{frame_index: number, capture_ns: number}} anchor @param {number} position may have a fraction
 * @returns {number} service clock, ns
 */
export function captureNsAt(anchor, position) {
  const whole = Math.floor(position);
  const frames = ((whole - anchor.frame_index) | 0) + (position - whole);
  return anchor.capture_ns + frames * NS_PER_FRAME;
}
