/**
 * The policy of a connection over any transport: when it is dead, and how long to wait before the next attempt.
 *
 * In: events with their times, and random numbers. Out: decisions. This module sends nothing and reads no clock.
 */

import { ABRUPT_MS, COME_AGAIN_AFTER_MS, DEAF_MS, SLEPT_MS } from './constants.js';
import { backoffMs } from './backoff.js';

/**
 * The end of a connection: the service refused the page, asked it to connect again at once, said that it stops, or is gone.
 *
 * @typedef {'refused' | 'come_again' | 'stopping' | 'gone'} Ending
 */

export class Connection {
  /** True once the service's hello has arrived. */
  isGreeted = false;

  #isUnderWay = false;
  /** Number of attempts in a row without a hello. */
  #failures = 0;
  #heardMs = 0;
  #greetedMs = 0;
  #lookedMs = 0;

  /** Records the start of an attempt. @param {number} nowMs */
  begin(nowMs) {
    this.#isUnderWay = true;
    this.isGreeted = false;
    this.#heardMs = nowMs;
  }

  /** @param {number} nowMs */
  heard(nowMs) {
    this.#heardMs = nowMs;
  }

  /** @param {number} nowMs */
  greeted(nowMs) {
    this.isGreeted = true;
    this.#failures = 0;
    this.#greetedMs = nowMs;
  }

  /** Call this several times a second. @param {number} nowMs @returns {boolean} whether the service is gone */
  isDead(nowMs) {
    if (nowMs - this.#lookedMs > SLEPT_MS) this.#heardMs = nowMs;
    this.#lookedMs = nowMs;
    return this.#isUnderWay && nowMs - this.#heardMs > DEAF_MS;
  }

  /**
   * @param {Ending} ending @param {number} nowMs
   * @returns {boolean} whether the other end closed the connection while it was in use: a network that fails falls silent first
   */
  isAbrupt(ending, nowMs) {
    return ending === 'gone' && this.isGreeted && nowMs - this.#heardMs < ABRUPT_MS;
  }

  /** @param {Ending} ending @param {number} nowMs @returns {boolean} whether to reconnect without a pause, because this is no fault */
  isToBeRenewed(ending, nowMs) {
    return ending === 'come_again' && this.isGreeted && nowMs - this.#greetedMs >= COME_AGAIN_AFTER_MS;
  }

  /**
   * Records that the attempt failed or the connection ended.
   *
   * @param {number} chance 0 to 1 @returns {number} ms to wait before the next attempt
   */
  failed(chance) {
    this.#isUnderWay = false;
    this.isGreeted = false;
    this.#failures += 1;
    return backoffMs(this.#failures, chance);
  }
}
