/**
 * The policy of a connection, whatever carries it: when it is dead, and how long to wait before the next attempt.
 *
 * In: what happened, when, and chance. Out: decisions. Nothing is sent and no clock is read here.
 */

import { COME_AGAIN_AFTER_MS, DEAF_MS, SLEPT_MS } from './constants.js';
import { backoffMs } from './backoff.js';

/** How a connection ended: the service said no, asked to be called again at once, or is not there. @typedef {'refused' | 'come_again' | 'gone'} Ending */

export class Connection {
  /** The service's hello has come. */
  isGreeted = false;

  #isUnderWay = false;
  /** Attempts in a row without a hello. */
  #failures = 0;
  #heardMs = 0;
  #greetedMs = 0;
  #lookedMs = 0;

  /** An attempt begins. @param {number} nowMs */
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

  /** Ask this several times a second. @param {number} nowMs @returns {boolean} the service is gone */
  isDead(nowMs) {
    if (nowMs - this.#lookedMs > SLEPT_MS) this.#heardMs = nowMs;
    this.#lookedMs = nowMs;
    return this.#isUnderWay && nowMs - this.#heardMs > DEAF_MS;
  }

  /** @param {Ending} ending @param {number} nowMs @returns {boolean} reconnect without a pause: this is no fault */
  isToBeRenewed(ending, nowMs) {
    return ending === 'come_again' && this.isGreeted && nowMs - this.#greetedMs >= COME_AGAIN_AFTER_MS;
  }

  /** The attempt failed, or the connection ended. @param {number} chance 0 to 1 @returns {number} ms to wait before the next attempt */
  failed(chance) {
    this.#isUnderWay = false;
    this.isGreeted = false;
    this.#failures += 1;
    return backoffMs(this.#failures, chance);
  }
}
