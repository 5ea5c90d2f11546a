/**
 * The latencyHint for the audio context: the smallest at which this browser's output does not run empty.
 *
 * In: underruns of the browser's output, as they are counted. Out: a hint, and when to use the next safer one. No clock is read
 * here. docs/design/latency-budget.md has the figures behind the order.
 */

import { HINTS, SAFE_HINT, UNDERRUNS_MAX, UNDERRUNS_WITHIN_MS, WARM_UP_MS } from './constants.js';

/** @typedef {'interactive' | 'balanced' | 'playback'} AudioContextLatencyCategory */

export class OutputChoice {
  #at;
  #beganMs = 0;
  /** When underruns happened, the last UNDERRUNS_MAX. @type {number[]} */
  #underrunsMs = [];
  #count = 0;

  /** @param {number} remembered the step that this device needed before, 0 if none */
  constructor(remembered) {
    this.#at = Math.min(HINTS.length - 1, Math.max(0, Math.floor(remembered) || 0));
  }

  /** @returns {number} the step to store for this device */
  get step() {
    return this.#at;
  }

  /** @param {string} mode @returns {number | AudioContextLatencyCategory} */
  hint(mode) {
    return /** @type {number | AudioContextLatencyCategory} */ (HINTS[mode === 'safest' ? Math.max(SAFE_HINT, this.#at) : this.#at]);
  }

  /** Call this when a context starts. @param {number} nowMs */
  begin(nowMs) {
    this.#beganMs = nowMs;
    this.#underrunsMs = [];
    this.#count = 0;
  }

  /**
   * @param {number} count underruns of this context so far @param {number} nowMs
   * @returns {boolean} whether to make a context with the next hint
   */
  observe(count, nowMs) {
    const fresh = Math.min(UNDERRUNS_MAX, count - this.#count);
    this.#count = count;
    if (nowMs - this.#beganMs < WARM_UP_MS) return false;
    for (let underrun = 0; underrun < fresh; underrun += 1) this.#underrunsMs.push(nowMs);
    this.#underrunsMs = this.#underrunsMs.filter((atMs) => nowMs - atMs < UNDERRUNS_WITHIN_MS);
    if (this.#underrunsMs.length < UNDERRUNS_MAX || this.#at === HINTS.length - 1) return false;
    this.#at += 1;
    return true;
  }
}
