/**
 * The output clock: the moment of the context that reaches the listener's ear now.
 *
 * In: the AudioContext's own figures, about ten times a second. Out: the context time that is heard at a page time.
 * There are two ways, and the better one the engine offers is used:
 *
 * - `stamp`: getOutputTimestamp() names a context time and the page time at which it left the device. Jitters by some
 *   milliseconds from call to call (Chromium reads the sound server's estimate), so the median of two seconds counts.
 * - `latency`: currentTime runs ahead of the ear by the output latency. It moves in steps of the callback's buffer;
 *   just before a step it shows the moment that is about to be rendered, so its lower envelope counts.
 *
 * A stamp that claims no time between rendering and the ear is rejected (docs/design/clocks.md). No clock is read.
 */

import { LAG_MS_MAX, LAG_MS_MIN, LOW_READING, OUTPUT_STEP_MS, READINGS, READINGS_MIN, STAMP_AGE_MS_MAX, STAMP_AHEAD_MS_MAX } from './constants.js';
import { median } from './median.js';

/**
 * @typedef {object} OutputReading
 * @property {number} now_ms page time
 * @property {number} context_ms currentTime
 * @property {{context_ms: number, at_ms: number} | null} stamp getOutputTimestamp, in page time
 * @property {number | null} latency_ms from rendering to the ear, as the engine says; null when it does not
 */

export class OutputClock {
  /** Heard context time minus page time, by stamp. @type {number[]} */
  #heard = [];
  /** Rendered context time minus page time. @type {number[]} */
  #rendered = [];
  /** How far stamps lie behind rendering. @type {number[]} */
  #lags = [];
  /** @type {number | null} */
  #latencyMs = null;

  /** Call this when the context was suspended or is new, because its relation to page time has then changed. */
  reset() {
    this.#heard = [];
    this.#rendered = [];
    this.#lags = [];
  }

  /** @param {OutputReading} reading */
  observe({ now_ms: nowMs, context_ms: contextMs, stamp, latency_ms: latencyMs }) {
    this.#latencyMs = latencyMs;
    const rendered = contextMs - nowMs;
    const middle = median(this.#rendered);
    if (middle !== null && Math.abs(rendered - middle) > OUTPUT_STEP_MS) this.reset();
    keep(this.#rendered, rendered);
    const heard = stamp ? stamp.context_ms - stamp.at_ms : 0;
    const lag = rendered - heard;
    if (stamp && isHonest(nowMs - stamp.at_ms) && lag <= LAG_MS_MAX) {
      keep(this.#heard, heard);
      keep(this.#lags, lag);
    } else {
      // Earlier stamps no longer count unless they are confirmed.
      this.#heard.shift();
      this.#lags.shift();
    }
  }

  /** @returns {'stamp' | 'latency' | null} */
  get method() {
    const lag = median(this.#lags);
    if (this.#heard.length >= READINGS_MIN && lag !== null && lag > LAG_MS_MIN) return 'stamp';
    return this.#rendered.length >= READINGS_MIN && this.#latencyMs !== null ? 'latency' : null;
  }

  /** @param {number} nowMs page time @returns {number | null} context time at the ear, ms; null while unknown */
  heardContextMs(nowMs) {
    const heard = this.#heardMinusPageMs();
    return heard === null ? null : heard + nowMs;
  }

  /** @param {number} contextMs @returns {number | null} the page time at which that moment is heard */
  pageMsWhenHeard(contextMs) {
    const heard = this.#heardMinusPageMs();
    return heard === null ? null : contextMs - heard;
  }

  /** @returns {number | null} */
  #heardMinusPageMs() {
    const method = this.method;
    if (method === 'stamp') return median(this.#heard);
    if (method === null || this.#latencyMs === null) return null;
    const sorted = this.#rendered.slice().sort((a, b) => a - b);
    // The very lowest reading would not do: one reading taken while the machine was frozen would count for two seconds.
    const low = sorted[Math.min(LOW_READING, sorted.length - 1)];
    return low === undefined ? null : low - this.#latencyMs;
  }
}

/** @param {number} ageMs @returns {boolean} */
function isHonest(ageMs) {
  return ageMs >= -STAMP_AHEAD_MS_MAX && ageMs <= STAMP_AGE_MS_MAX;
}

/** @param {number[]} readings @param {number} value */
function keep(readings, value) {
  readings.push(value);
  if (readings.length > READINGS) readings.shift();
}
