/**
 * The Worker's clock, as the page knows it. Each realm's performance.now() counts from a different moment, and timeOrigin may be wrong
 * about that moment by hours. So the page asks, again and again.
 *
 * In: the Worker's answers, and the stamps of its messages. Out: how far its clock is ahead, and from which moment on its figures about the
 * service's clock can be used. What belongs elsewhere: the arithmetic (core/clock/peer_clock.js). The time comes in as an argument.
 */

import { nextQuestionMs, PeerClock } from './core/clock/peer_clock.js';

export class WorkerClock {
  #ask;
  #clock = new PeerClock();
  #asked = 0;
  #timer = 0;
  /** Worker time; readings of its clock before this are not believed. */
  #trustedFromMs = -Infinity;

  /** @param {() => void} ask sends a question */
  constructor(ask) {
    this.#ask = ask;
  }

  /** Asks, at first often, then once a second. */
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

  /** Another message came. If it contradicts what is known, asks anew. @param {number} sentMs by the Worker's time @param {number} nowMs */
  heard(sentMs, nowMs) {
    if (this.#clock.agrees(nowMs, sentMs)) return;
    this.#trustedFromMs = sentMs;
    this.begin();
  }

  /** @param {number} nowMs @returns {number | null} ms by which the Worker's clock is ahead of ours; null while unknown */
  aheadMs(nowMs) {
    return this.#clock.reading(nowMs)?.offset_ms ?? null;
  }

  /**
   * The service's clock by way of the Worker's.
   *
   * @param {import('./core/net/messages.js').WorkerStatus | null} status @param {number} nowMs
   * @returns {number | null} ms by which it is ahead of ours; null while unknown, or if seen before a clock was set
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
