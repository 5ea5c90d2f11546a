/**
 * The page's knowledge of the Worker's clock. Each realm's performance.now() counts from a different moment, and timeOrigin may
 * be wrong about that moment by hours. So the page asks repeatedly.
 *
 * In: the Worker's answers, and the timestamps of its messages. Out: how far its clock is ahead, and from when on its figures
 * about the service's clock can be used. Elsewhere: the arithmetic (core/clock/peer_clock.js). The time is passed in as an
 * argument.
 */

import { nextQuestionMs, PeerClock } from './core/clock/peer_clock.js';

export class WorkerClock {
  #ask;
  #clock = new PeerClock();
  #asked = 0;
  #timer = 0;
  /** Worker time; earlier readings of its clock are not believed. */
  #trustedFromMs = -Infinity;

  /** @param {() => void} ask sends a question */
  constructor(ask) {
    this.#ask = ask;
  }

  /** Asks, often at first, then once a second. */
  begin() {
    clearTimeout(this.#timer);
    this.#asked = 0;
    this.#askOn();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {import('./core/net/messages.js').Compared} answer @param {number} nowMs */
  answered({ asked_ms: askedMs, received_ms: receivedMs, sent_ms: sentMs }, nowMs) {
    this.#clock.observe(askedMs, nowMs, receivedMs, sentMs);
  }

  /**
   * Checks another message; if it contradicts what is known, asks again.
   *
   * @param {number} sentMs by the Worker's time @param {number} nowMs
   */
  heard(sentMs, nowMs) {
    if (this.#clock.agrees(nowMs, sentMs)) return;
    this.#trustedFromMs = sentMs;
    this.begin();
  }

  /** @param {number} nowMs @returns {number | null} how many ms the Worker's clock is ahead of ours; null while unknown */
  aheadMs(nowMs) {
    return this.#clock.reading(nowMs)?.offset_ms ?? null;
  }

  /**
   * The service's clock, through the Worker's clock.
   *
   * @param {import('./core/net/messages.js').WorkerStatus | null} status @param {number} nowMs
   * @returns {number | null} how many ms it is ahead of ours; null while unknown, or if it was measured before a clock was set
   */
  serviceAheadMs(status, nowMs) {
    const aheadMs = this.aheadMs(nowMs);
    if (!status?.clock || aheadMs === null) return null;
    const { at_ms: seenMs, offset_ms: offsetMs } = status.clock;
    return seenMs >= this.#trustedFromMs && seenMs <= status.at_ms ? offsetMs + aheadMs : null;
  }

  #askOn() {
    this.#asked += 1;
    this.#timer = setTimeout(() => this.#askOn(), nextQuestionMs(this.#asked));
    this.#ask();
  }
}
