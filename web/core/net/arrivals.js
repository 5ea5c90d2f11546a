/**
 * Travel time of frames from the capture thread to this listener.
 *
 * In: time of arrival and the record's ready_ns. Out: minimum, mean and maximum over the last full second. They compare two
 * clocks whose offset is not known here: the caller adds it (peer_clock.js).
 */

import { NS_PER_MS } from '../constants.js';
import { TRAVEL_WINDOW_MS } from './constants.js';

/**
 * @typedef {object} Travel arrival minus ready, ms, page clock minus service clock
 * @property {number} least_ms
 * @property {number} mean_ms
 * @property {number} most_ms
 */

export class Arrivals {
  #beganMs = -Infinity;
  #count = 0;
  #sumMs = 0;
  #leastMs = Infinity;
  #mostMs = -Infinity;
  /** @type {Travel | null} */
  #settled = null;

  /** @param {number} nowMs page clock @param {number} readyNs service clock */
  observe(nowMs, readyNs) {
    const travelMs = nowMs - readyNs / NS_PER_MS;
    if (nowMs - this.#beganMs >= TRAVEL_WINDOW_MS) this.#begin(nowMs);
    this.#count += 1;
    this.#sumMs += travelMs;
    this.#leastMs = Math.min(this.#leastMs, travelMs);
    this.#mostMs = Math.max(this.#mostMs, travelMs);
  }

  /** @returns {Travel | null} of the last full second */
  get travel() {
    return this.#settled;
  }

  /** @param {number} nowMs */
  #begin(nowMs) {
    if (this.#count > 0) {
      this.#settled = { least_ms: this.#leastMs, mean_ms: this.#sumMs / this.#count, most_ms: this.#mostMs };
    }
    this.#beganMs = nowMs;
    this.#count = 0;
    this.#sumMs = 0;
    this.#leastMs = Infinity;
    this.#mostMs = -Infinity;
  }
}
