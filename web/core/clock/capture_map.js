/**
 * Capture times of frames: converts frame_index to the service's clock.
 *
 * In: the capture stamp of every record. Out: the capture time of any frame near them. Stamps jitter by up to milliseconds with the device's
 * wake-ups, frames do not, so the map is a lightly filtered line through the stamps.
 */

import { STREAM_RATE_HZ } from '../constants.js';
import { CAPTURE_FILTER_S, CAPTURE_STEP_NS } from './constants.js';

export class CaptureMap {
  /** The last frame observed, and when it was captured; null before the first. @type {{frame_index: number, capture_ns: number} | null} */
  #anchor = null;
  #rateHz;

  /** @param {number} [streamRateHz] */
  constructor(streamRateHz = STREAM_RATE_HZ) {
    this.#rateHz = streamRateHz;
  }

  /** Call this when a new timeline begins. */
  reset() {
    this.#anchor = null;
  }

  /** @param {number} frameIndex @param {number} captureNs @param {number} frames in the record */
  observe(frameIndex, captureNs, frames) {
    const anchor = this.#anchor;
    if (!anchor) {
      this.#anchor = { frame_index: frameIndex, capture_ns: captureNs };
      return;
    }
    const expected = anchor.capture_ns + ((frameIndex - anchor.frame_index) * 1e9) / this.#rateHz;
    const error = captureNs - expected;
    anchor.frame_index = frameIndex;
    anchor.capture_ns = Math.abs(error) > CAPTURE_STEP_NS ? captureNs : expected + error * Math.min(1, frames / (CAPTURE_FILTER_S * this.#rateHz));
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
 * @param {number} [streamRateHz]
 * @returns {number} service clock, ns
 */
export function captureNsAt(anchor, position, streamRateHz = STREAM_RATE_HZ) {
  const whole = Math.floor(position);
  const frames = ((whole - anchor.frame_index) | 0) + (position - whole);
  return anchor.capture_ns + (frames * 1e9) / streamRateHz;
}
